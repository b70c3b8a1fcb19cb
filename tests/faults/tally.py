"""What all tests of a run have done and seen together, for its summary."""

import collections
import threading

injected = collections.Counter()  # by kind
idle = collections.Counter()  # those of them that met nothing: no packet came by, no line to cut
worst = {}  # what: (seconds, in which test)
judged = collections.Counter()

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


def judge(intervals, candidates):
    leads = [i for i in intervals if i.kind == "lead"]
    with _lock:
        judged["leads"] += len(leads)
        judged["guarded works"] += len(intervals) - len(leads)
        judged["locks"] += len({i.lock for i in intervals})
        judged["candidates"] += candidates


def summary():
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(injected.items()))
    lines = [f"faults: {sum(injected.values())} injected: {kinds}"]
    if idle:
        lines.append("faults: of these met nothing: " + ", ".join(f"{k} {n}" for k, n in sorted(idle.items())))
    lines.append("faults: judged " + ", ".join(f"{count} {what}" for what, count in judged.items()) +
                 ": never two at once")
    lines += [f"faults: worst {what}: {seconds:.2f} s ({title})" for what, (seconds, title) in sorted(worst.items())]
    return "\n".join(lines)
