"""What all tests of a run have done and seen together, for its summary."""

import collections
import threading

injected = collections.Counter()  # by kind
idle = collections.Counter()  # those of them that met nothing: no packet came by, no line to cut
worst = {}  # what: (seconds, in which test)
judged = collections.Counter()
found = collections.Counter()  # what must never be

_lock = threading.Lock()


def inject(kind):
    with _lock:
        injected[kind] += 1


def met_nothing(kind):
    with _lock:
        idle[kind] += 1


def took(what, seconds, title):
    with _lock:
        if seconds > worst.get(what, (0.0, ""))[0]:
            worst[what] = (seconds, title)


def judge(verdict, disorder, candidates):
    kinds = collections.Counter(interval.kind for interval in verdict.intervals)
    with _lock:
        judged.update({"leads": kinds["lead"], "guarded works": kinds["work"],
                       "locks": len({i.lock for i in verdict.intervals}), "candidates": candidates})
        found.update({"at the same time": len(verdict.overlaps), "tokens that went back": len(verdict.regressions),
                      "terms that came back": len(verdict.revivals), "starts or stops out of turn": disorder})


def summary():
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(injected.items()))
    lines = [f"faults: {sum(injected.values())} injected: {kinds}"]
    if idle:
        lines.append("faults: of these met nothing: " + ", ".join(f"{k} {n}" for k, n in sorted(idle.items())))
    for what, counts in ("judged", judged), ("found", found):
        lines.append(f"faults: {what}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    lines += [f"faults: worst {what}: {seconds:.2f} s ({title})" for what, (seconds, title) in sorted(worst.items())]
    return "\n".join(lines)
