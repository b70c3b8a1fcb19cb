"""The leader is killed; nobody can lead before its lease has run out. What a takeover takes beyond that is the subject's.

All pairs wait side by side, each on a lease of its own, for waiting costs nothing.
"""

import random
import time

from measure.bed import CLIENTGO, LEASE_S, PYTHON, RETRY_S, wall_time
from measure.candidate import Candidate
from measure.figure import OURS, Figure


def pairs(bed, row, subjects, count):
    """Leader and standby, count times each subject."""
    made = []
    for subject in subjects:
        for _ in range(count):
            lock = bed.name(row)
            leader = Candidate(bed, subject, lock, "leader")
            leader.wait("started_leading")
            made.append((subject, lock, leader, Candidate(bed, subject, lock, "standby")))
    for _, _, _, standby in made:
        standby.stands_by()
    random.shuffle(made)  # so that no subject's turn is another's burden
    return made


def measure(bed):
    subjects = bed.has(OURS, CLIENTGO, PYTHON)
    count = bed.sizes.waits
    total, beyond, killed = {s: [] for s in subjects}, {s: [] for s in subjects}, []
    for pair in pairs(bed, "kill", subjects, count):
        _, lock, leader, _ = pair
        time.sleep(2 * RETRY_S / (count * len(subjects)))  # the age of the last renewal must be random
        at = leader.kill()
        killed.append((*pair, at, wall_time(bed.lease(lock)["spec"]["renewTime"]) + LEASE_S))
    for subject, _, leader, standby, at, expiry in killed:
        started = standby.wait("started_leading", at)["time"]
        total[subject].append(started - at)
        beyond[subject].append((started - expiry) * 1000)
    limit = [expiry - at for _, _, _, _, at, expiry in killed]
    for _, _, leader, standby, _, _ in killed:
        leader.end()
        standby.end()
    yield Figure("kill", "kill -9 of the leader to next leader", "s", total, limit)
    yield Figure("kill", "... beyond the end of the dead leader's lease", "ms", beyond, [], "<= 50 ms")
