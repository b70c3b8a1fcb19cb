"""What a leader and a standby ask of the server, and what they weigh."""

import time

from measure.bed import CLIENTGO, PYTHON, plain_memory
from measure.candidate import Candidate
from measure.figure import OURS, Figure

VERBS = ("GET", "PUT")


def rates(bed):
    before, since = bed.requests(), time.monotonic()
    time.sleep(bed.sizes.cost_s)
    after, took = bed.requests(), time.monotonic() - since
    return {verb: (after.get(verb, 0) - before.get(verb, 0)) / took for verb in VERBS}


def measure(bed):
    base = rates(bed)  # the server has leases of its own
    asked, weight = {}, {}
    for subject in bed.has(OURS, CLIENTGO, PYTHON):
        lock = bed.name("cost")
        leader = Candidate(bed, subject, lock, "leader")
        leader.wait("started_leading")
        time.sleep(2.5)
        alone = rates(bed)
        standby = Candidate(bed, subject, lock, "standby").stands_by()
        time.sleep(2.5)
        both = rates(bed)
        weight[subject] = leader.memory(), standby.memory()
        leader.end()
        standby.end()
        asked[subject] = {"leader": {v: max(0.0, alone[v] - base[v]) for v in VERBS},
                          "standby": {v: max(0.0, both[v] - alone[v]) for v in VERBS}}
    for who in "leader", "standby":
        for verb in VERBS:
            goal = "0.5" if (who, verb) == ("leader", "PUT") else "0"
            yield Figure("cost", f"{verb}s of a {who}, less the server's own", "1/s",
                         {subject: [asked[subject][who][verb]] for subject in asked}, [], goal)
    plain = plain_memory(bed)
    for i, who in enumerate(("leader", "standby")):
        for j, (part, goal) in enumerate((("RSS", "<= 13 MiB"), ("private memory", "<= 3 MiB"))):
            yield Figure("cost", f"{part} of a {who}", "MiB", {s: [weight[s][i][j]] for s in weight}, [plain[j]], goal)
