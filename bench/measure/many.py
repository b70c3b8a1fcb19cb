"""Many elections in one process: a leader of all and a standby of all, what they weigh, and the handover of all."""

import time

from measure.bed import CLIENTGO, CROWDED, CROWDED_RETRY_S, RETRY_S, wall_time
from measure.candidate import Candidate, await_that
from measure.figure import OURS, Figure


def locks(candidate, kind, since=0.0):
    """The first such event of each lock, by lock."""
    first = {}
    for event in list(candidate.events):
        if event["event"] == kind and event["time"] >= since:
            first.setdefault(event["lock"], event["time"])
    return first


class Counter:
    """Counts events of one kind from a time on without going over all of them at each line."""

    def __init__(self, candidate, kind, since=0.0):
        self.candidate, self.kind, self.since, self.seen, self.locks = candidate, kind, since, 0, set()

    def reached(self, count):
        events = self.candidate.events
        while self.seen < len(events):
            event = events[self.seen]
            self.seen += 1
            if event["event"] == self.kind and event["time"] >= self.since:
                self.locks.add(event["lock"])
        return len(self.locks) >= count


def process_pair(bed, subject, count):
    lock = bed.name("many")
    one = Candidate(bed, subject, lock, "one", count=count)
    led = Counter(one, "started_leading")
    await_that(lambda: led.reached(count), f"{subject} leads {count}")
    all_led = max(locks(one, "started_leading").values()) - one.born
    two = Candidate(bed, subject, lock, "two", count=count)
    knows = Counter(two, "new_leader")
    await_that(lambda: knows.reached(count), f"{subject} stands by for {count}")
    time.sleep(3.0)  # a start is not what is measured
    before, server, requests, since = (one.cpu(), two.cpu()), bed.apiserver_cpu(), bed.requests(), time.monotonic()
    time.sleep(bed.sizes.quiet_s)
    after, seconds = (one.cpu(), two.cpu()), time.monotonic() - since
    server = [(bed.apiserver_cpu() - server) / seconds * 1000] if server is not None else []
    gets = (bed.requests().get("GET", 0) - requests.get("GET", 0)) / seconds
    mine = [lease for lease in bed.leases() if lease["metadata"]["name"].startswith(lock + "-")]
    asked = time.time()
    ages = [asked - wall_time(lease["spec"]["renewTime"]) for lease in mine]
    lost = len(locks(one, "stopped_leading"))
    memory = one.memory(), two.memory()
    told = one.terminate()
    taken = Counter(two, "started_leading", told)
    await_that(lambda: taken.reached(count), f"{subject} takes {count} over")
    handovers = [(at - told) * 1000 for at in locks(two, "started_leading", told).values()]
    one.end()
    two.end()
    return {"all_led": [all_led], "rss_leader": [memory[0][0]], "rss_standby": [memory[1][0]],
            "cpu_leader": [(after[0] - before[0]) / seconds * 1000],
            "cpu_standby": [(after[1] - before[1]) / seconds * 1000], "server": server, "gets": [gets],
            "ages": ages, "lost": [lost], "handover": handovers}


def measure(bed):
    for count in bed.sizes.elections:
        bed.clear()
        flood = bed.limit("flood", count, min(count, 100))[0]
        retry_s = CROWDED_RETRY_S if count >= CROWDED else RETRY_S
        written = bed.limit("flood", count, min(count, 10))[0]["write_cpu_ms"] / retry_s
        bed.clear()  # else there are more leases of others than a candidate shares a watch with
        measured = {OURS: process_pair(bed, OURS, count)}
        bed.clear()
        note = ""
        if bed.has(CLIENTGO):
            try:
                measured[CLIENTGO] = process_pair(bed, CLIENTGO, count)
            except RuntimeError as error:  # it exits when it loses a lease
                note = str(error)
                bed.end()  # what is left of it would burden whoever is measured next

        def figure(key, what, unit, limit=(), goal="", count=count, measured=measured, note=note):
            return Figure("many", f"{count} elections in a process: {what}", unit,
                          {who: figures[key] for who, figures in measured.items()}, list(limit), goal, note,
                          series=what, at=count)

        large = count == 1000  # what the goals are about
        yield figure("all_led", "from its start until it leads all", "s", [flood["create_ms"] / 1000],
                     "<= 1.3 x limit" if large else "")
        yield figure("handover", "handover of all by SIGTERM, each", "ms", [2 * flood["write_ms"]],
                     "p99 <= 1.5 x limit" if large else "")
        yield figure("rss_leader", "RSS, leader", "MiB", [], "<= 20 MiB" if large else "")
        yield figure("rss_standby", "RSS, standby", "MiB", [], "<= 20 MiB" if large else "")
        yield figure("cpu_leader", "CPU, leader (limit: a plain libcurl program that writes as often)", "ms/s", [written],
                     "<= 40 ms/s" if large else "")
        yield figure("cpu_standby", "CPU, standby", "ms/s", [], "<= 25 ms/s" if large else "")
        yield figure("gets", "GETs, the server's own included", "1/s", [], "0")
        yield figure("server", "API server's CPU", "ms/s")
        yield figure("ages", "age of the last renewal when asked", "s", [retry_s], "worst <= limit: none missed")
        yield figure("lost", "terms lost while quiet", "1", [], "0")
