"""N standbys on one lease: what they ask while nothing happens, how a release is taken up, and who else suffers.

Meanwhile an unrelated lease is written every PACE_MS, as another leader's would be: its worst write says what a crowd that
wakes at once does to others.
"""

import time

from measure.bed import CLIENTGO, Helper
from measure.candidate import Candidate, first_to_lead
from measure.figure import OURS, Figure

PACE_MS = 50
MOST_PEERS = 100  # each weighs twenty times ours


def crowd(bed, subject, size):
    """Handovers in ms, conflicts per handover, requests per s while quiet, CPU of the server per s, writes by others."""
    lock = bed.name("standbys")
    leader = Candidate(bed, subject, lock, "c0")
    leader.wait("started_leading")
    standbys = [Candidate(bed, subject, lock, f"c{i + 1}") for i in range(size)]
    for standby in standbys:
        standby.wait("new_leader")
    time.sleep(3.0)  # a start is not what is measured
    quiet_s, before, cpu, since = bed.sizes.quiet_s, bed.requests(), bed.apiserver_cpu(), time.monotonic()
    time.sleep(quiet_s)
    after, quiet_s = bed.requests(), time.monotonic() - since
    cpu = (bed.apiserver_cpu() - cpu) / quiet_s if cpu is not None else None
    gets = (after.get("GET", 0) - before.get("GET", 0)) / quiet_s
    puts = (after.get("PUT", 0) - before.get("PUT", 0)) / quiet_s
    took, conflicts, others = [], [], Helper(bed, "pace", PACE_MS)
    for round_ in range(-1, bed.sizes.crowd_rounds):
        before, since = bed.requests(), leader.terminate()
        winner, at = first_to_lead(standbys, since)
        leader.process.wait()
        leader.end()
        standbys.remove(winner)
        standbys.append(Candidate(bed, subject, lock, f"r{round_ + 1}").stands_by())
        leader = winner
        if round_ >= 0:
            took.append((at - since) * 1000)
            conflicts.append(bed.requests().get("409", 0) - before.get("409", 0))
    written = others.end()
    for candidate in (leader, *standbys):
        candidate.end()
    return {"handover": took, "conflicts": conflicts, "gets": [gets], "puts": [puts],
            "cpu": [cpu * 1000] if cpu is not None else [], "others": written}


def measure(bed):
    for size in bed.sizes.standbys:
        measured = {OURS: crowd(bed, OURS, size)}
        if bed.has(CLIENTGO) and size <= MOST_PEERS:
            measured[CLIENTGO] = crowd(bed, CLIENTGO, size)

        def figure(key, what, unit, limit=(), goal="", size=size, measured=measured):
            return Figure("standbys", f"{size} standbys on one lease: {what}", unit,
                          {who: figures[key] for who, figures in measured.items()}, list(limit), goal,
                          series=what, at=size)

        yield figure("handover", "handover by SIGTERM", "ms", bed.handover_ms(), "<= 15 ms")
        yield figure("conflicts", "writes refused (409) per handover", "1")
        yield figure("gets", "GETs while quiet, the server's own included", "1/s", [], "0")
        yield figure("puts", "PUTs while quiet, the server's own included", "1/s", [], "0.5")
        yield figure("cpu", "API server's CPU while quiet", "ms/s")
        yield figure("others", "writes of an unrelated lease during the handovers", "ms", bed.limit_ms("write"))
