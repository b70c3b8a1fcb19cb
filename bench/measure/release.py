"""The leader gets SIGTERM and releases; until the next leader says that it leads."""

import concurrent.futures
import random
import time

from measure.bed import CLIENTGO, RETRY_S
from measure.candidate import Candidate
from measure.figure import OURS, Figure

SIDE_BY_SIDE = 4


def handovers(bed, subject, rounds, linger):
    """One lease, one leader and one standby, in ms; linger(): how long the standby has stood by, in s."""
    lock, took = bed.name("release"), []
    leader = Candidate(bed, subject, lock, "c0")
    leader.wait("started_leading")
    for round_ in range(-1, rounds):  # the first is to warm up
        standby = Candidate(bed, subject, lock, f"c{round_ + 2}").stands_by()
        time.sleep(linger())
        since = leader.terminate()
        started = standby.wait("started_leading", since)["time"]
        if round_ >= 0:
            took.append((started - since) * 1000)
        leader.process.wait()
        leader.end()
        leader = standby
    leader.end()
    return took


def measure(bed):
    values = {OURS: handovers(bed, OURS, bed.rounds, lambda: 0)}
    if bed.has(CLIENTGO):
        # It asks every RETRY_S or so: when the signal comes must be random to that. Some side by side, for it waits.
        rounds = max(2, bed.rounds // SIDE_BY_SIDE // 3)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pairs = [pool.submit(handovers, bed, CLIENTGO, rounds, lambda: random.uniform(0, 1.6 * RETRY_S))
                     for _ in range(SIDE_BY_SIDE)]
            values[CLIENTGO] = [ms for pair in pairs for ms in pair.result()]
    yield Figure("release", "handover by SIGTERM, signal to next leader", "ms", values, bed.handover_ms(),
                 "<= 1.5 x limit", "the Python client has no release: as after a kill")
