"""The leader is frozen (SIGSTOP) until another leads, then woken: how long it goes on leading beside that one."""

import signal

from measure.bed import CLIENTGO, PYTHON
from measure.figure import OURS, Figure
from measure.kill import pairs


def measure(bed):
    subjects = bed.has(OURS, CLIENTGO, PYTHON)
    values = {s: [] for s in subjects}
    frozen = [(*pair, pair[2].signal(signal.SIGSTOP)) for pair in pairs(bed, "frozen", subjects, bed.sizes.waits)]
    woken = []
    for subject, _, leader, standby, since in frozen:
        standby.wait("started_leading", since)
        woken.append((subject, leader, leader.signal(signal.SIGCONT)))
    for subject, leader, since in woken:
        values[subject].append((leader.wait("stopped_leading", since)["time"] - since) * 1000)
    for _, _, leader, standby, _ in frozen:
        leader.end()
        standby.end()
    yield Figure("frozen", "a frozen leader, woken after another leads: until it says it has stopped", "ms", values, [],
                 "at once")
