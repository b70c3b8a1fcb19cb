"""What the server and libcurl need by themselves: all else is held against this."""

from measure.bed import plain_memory
from measure.figure import Figure

WRITES = 1000


def measure(bed):
    for mode, words in (("write", "a write on the version it was read of (compare-and-swap)"),
                        ("event", "from a write to its event on a watch"),
                        ("read", "a read"), ("handover", "a write, its event, a second write")):
        yield Figure("raw", words, "ms", {}, bed.limit_ms(mode))
    yield Figure("raw", "... with a pause before each, as between the handovers measured below", "ms", {},
                 bed.handover_ms())
    for in_flight in 1, 10, 100:
        took = bed.limit("flood", WRITES, in_flight)[0]
        yield Figure("raw", f"{WRITES} compare-and-swap writes, {in_flight} in flight", "ms", {}, [took["write_ms"]])
    rss, private = plain_memory(bed)
    yield Figure("raw", "a libcurl process with a TLS connection: RSS", "MiB", {}, [rss])
    yield Figure("raw", "a libcurl process with a TLS connection: private memory", "MiB", {}, [private])
