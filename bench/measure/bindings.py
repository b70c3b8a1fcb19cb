"""The same library from other languages: what each adds to a handover, to a process, and to many elections in one."""

from measure import many, release
from measure.bed import BINDINGS, FOR_MANY
from measure.candidate import Candidate
from measure.figure import OURS, Figure


def weights(bed, subject):
    """RSS and private memory of a leader; its standby runs beside it, and shares what can be shared."""
    lock = bed.name("weight")
    leader = Candidate(bed, subject, lock, "leader")
    leader.wait("started_leading")
    standby = Candidate(bed, subject, lock, "standby").stands_by()
    weight = leader.memory()
    leader.end()
    standby.end()
    return weight


def measure(bed):
    subjects = bed.has(OURS, *BINDINGS)
    yield Figure("bindings", "handover by SIGTERM, by language", "ms",
                 {who: release.handovers(bed, who, bed.sizes.crowd_rounds, lambda: 0) for who in subjects}, bed.handover_ms())
    weight = {who: weights(bed, who) for who in subjects}
    for i, part in enumerate(("RSS", "private memory")):
        yield Figure("bindings", f"{part} of a leader, by language", "MiB", {who: [weight[who][i]] for who in subjects})
    count = 100 if bed.quick else 1000
    measured = {}
    for who in bed.has(OURS, *FOR_MANY):
        bed.clear()
        measured[who] = many.process_pair(bed, who, count)
    for key, what, unit in (("handover", "handover of all by SIGTERM, each", "ms"), ("rss_leader", "RSS, leader", "MiB"),
                            ("cpu_leader", "CPU, leader", "ms/s"), ("cpu_standby", "CPU, standby", "ms/s"),
                            ("lost", "terms lost while quiet", "1")):
        yield Figure("bindings", f"{count} elections in a process, by language: {what}", unit,
                     {who: figures[key] for who, figures in measured.items()})
