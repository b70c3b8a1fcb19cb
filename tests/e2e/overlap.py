#!/usr/bin/env python3
"""Lays the accounts of witnesses side by side: did two candidates of one lock ever act at once?

usage: overlap.py FILE...    FILE.open beside each is read, too (what a killed process had not yet closed)

Prints counts and the worst of what it found. Exit code 1 when something was found.
"""

import collections
import heapq
import json
import os
import struct
import sys

SLOT = struct.Struct("=Qqqq")  # token, start, end, reserved: witness.c's struct slot
KINDS = ("lead", "work")

Interval = collections.namedtuple("Interval", "kind candidate lock token start end")  # times in ns of CLOCK_BOOTTIME
Overlap = collections.namedtuple("Overlap", "first second ns")
Verdict = collections.namedtuple("Verdict", "intervals overlaps regressions revivals late")


def read(path):
    """The intervals of one witness. A candidate is a process, not an identity: two may share one."""
    who, found = {}, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                break  # killed while it wrote
            entry = json.loads(line)
            number = entry["candidate"]
            if entry["kind"] == "candidate":
                who[number] = (f"{entry['identity']}/{entry['pid']}", entry["lock"])
            else:
                found.append(Interval(entry["kind"], *who[number], entry["token"], entry["start"], entry["end"]))
    if os.path.exists(path + ".open"):
        with open(path + ".open", "rb") as file:
            slots = file.read()
        for index, (token, start, end, _) in enumerate(SLOT.iter_unpack(slots)):
            number, kind = divmod(index, len(KINDS))
            if token != 0 and number in who:
                found.append(Interval(KINDS[kind], *who[number], token, start, end))
    return found


def by_lock(intervals):
    locks = collections.defaultdict(list)
    for interval in intervals:
        locks[interval.lock].append(interval)
    return locks.values()


def find_overlaps(intervals):
    """Pairs of intervals of different candidates on one lock that share time, however little."""
    found = []
    for lock in by_lock(intervals):
        active = []  # a heap by end
        for serial, later in enumerate(sorted(lock, key=lambda i: (i.start, i.end))):
            while active and active[0][0] < later.start:
                heapq.heappop(active)
            for _, _, earlier in active:
                shared = min(earlier.end, later.end) - later.start
                # One instant shared by an end and a start is an overlap only if one of them lies inside the other.
                if earlier.candidate != later.candidate and (shared > 0 or earlier.start < later.start < earlier.end):
                    found.append(Overlap(earlier, later, shared))
            heapq.heappush(active, (later.end, serial, later))
    return found


def find_regressions(intervals):
    """An interval that starts later has a smaller token than one before it, or another candidate's very token."""
    found = []
    for lock in by_lock(intervals):
        most = None
        for interval in sorted(lock, key=lambda i: (i.start, i.end)):
            if most and (interval.token < most.token or
                         (interval.token == most.token and interval.candidate != most.candidate)):
                found.append((most, interval))
            if not most or interval.token > most.token:
                most = interval
    return found


def find_revivals(intervals):
    """One term of one candidate that ended and came back."""
    counts = collections.Counter((i.candidate, i.lock, i.token) for i in intervals if i.kind == "lead")
    return [term for term, count in counts.items() if count > 1]


def find_disorder(events):
    """Of one candidate's events for one lock: a start without a stop before it, or a stop without its start."""
    found, term = [], None
    for event in events:
        if event["event"] == "started_leading":
            if term is not None:
                found.append((term, event))
            term = event["token"]
        elif event["event"] == "stopped_leading":
            if event["token"] != term:
                found.append((term, event))
            term = None
    return found


def find_late(late, intervals):
    """Acts done long after they were asked for, when another had begun: no library can prevent them, a token can."""
    found = []
    for act in late:
        found += [(act, other) for other in intervals
                  if other.lock == act.lock and other.candidate != act.candidate and
                  act.start <= other.start <= act.end]
    return found


def judge(paths):
    everything = [interval for path in paths for interval in read(path)]
    intervals = [i for i in everything if i.kind in KINDS]
    late = [i for i in everything if i.kind == "late"]
    return Verdict(intervals, find_overlaps(intervals), find_regressions(intervals), find_revivals(intervals),
                   find_late(late, intervals))


def handovers(intervals):
    """From the end of one candidate's lead to the start of the next one's, in ns, per change of candidate."""
    found = []
    for lock in by_lock(i for i in intervals if i.kind == "lead"):
        row = sorted(lock, key=lambda i: i.start)
        found += [(before, after, after.start - before.end) for before, after in zip(row, row[1:])
                  if before.candidate != after.candidate]
    return found


def worst_ms(verdict):
    return max((overlap.ns for overlap in verdict.overlaps), default=0) / 1e6


def describe(verdict):
    lines = [f"{len(verdict.intervals)} intervals, {len(verdict.overlaps)} overlaps (worst {worst_ms(verdict):.3f} ms), "
             f"{len(verdict.regressions)} token regressions, {len(verdict.revivals)} revived terms, "
             f"{len(verdict.late)} late acts in another's term"]
    for overlap in sorted(verdict.overlaps, key=lambda o: -o.ns)[:5]:
        lines.append(f"  overlap of {overlap.ns / 1e6:.3f} ms: {overlap.first} and {overlap.second}")
    lines += [f"  token went back: {earlier} then {later}" for earlier, later in verdict.regressions[:5]]
    lines += [f"  term came back: {term}" for term in verdict.revivals[:5]]
    return "\n".join(lines)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    verdict = judge(sys.argv[1:])
    print(describe(verdict))
    sys.exit(1 if verdict.overlaps or verdict.regressions or verdict.revivals else 0)


if __name__ == "__main__":
    main()
