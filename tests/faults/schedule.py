"""What chance decides, and nothing else: which faults a group of candidates suffers, when, and for how long.

All of it is drawn from the seed, without a look at what the faults have done. So a seed repeats a schedule, and a
longer run begins as a shorter one did.
"""

import collections
import random

CANDIDATES = 3
TO_THE_LEADER = 0.6  # of the faults: that is where something can break

# Seconds since the round began; first: the place, or LEADER; then: the places to take when that has a fault already.
Deed = collections.namedtuple("Deed", "begins ends kind first then")
LEADER = "leader"


def rounds(seed, group, kinds):
    """For ever: lists of deeds that may overlap, each at a place of its own."""
    chance = random.Random(f"{seed}/{group}")
    while True:
        yield [deed(chance, kinds) for _ in range(chance.choice((1, 2, 2, 3)))]


def deed(chance, kinds):
    kind = chance.choices(kinds, [k.weight for k in kinds])[0]
    begins = chance.uniform(0.0, 1.0)
    then = list(range(CANDIDATES))
    chance.shuffle(then)
    first = LEADER if chance.random() < TO_THE_LEADER else then[0]
    return Deed(begins, begins + chance.uniform(*kind.lasts), kind, first, then)
