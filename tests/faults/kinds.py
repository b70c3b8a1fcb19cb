"""The faults that chance draws from: how each begins and ends, how long it lasts, and whether it met anything."""

import collections

import place as places
from bed import DAY, ROUND_TRIP

# begin(place) returns what end(place, that) needs; end() tells whether the fault met anything. lasts: seconds, least
# and most; about the renew deadline (3 s) and the lease (4 s) of those who are to suffer it.
Kind = collections.namedtuple("Kind", "name weight lasts begin end")

HALF = 12000  # bytes of a line: less than an event of the padded locks has
PADDING = "x" * 30000


def dropping(requests=None, answers=None):
    def begin(place):
        place.cable.drop(requests=requests, answers=answers)

    def end(place, _):
        return sum(place.cable.heal()) > 0

    return begin, end


def half_open(place):
    place.cable.drop_connections(place.witness.process.pid)


def unplug(place):
    place.cable.unplug()


def plug_in(place, _):
    place.cable.plug_in()
    return True


def slow(place):
    place.proxy.latency = ROUND_TRIP / 2
    return place.proxy.carried


def speed_up(place, carried):
    place.proxy.latency = 0.0
    return place.proxy.carried > carried


def reset(place):
    return place.proxy.reset_all()


def was_reset(_, count):
    return count > 0


def cut(place):
    before = place.proxy.cuts
    place.proxy.cut_after(HALF)
    return before


def was_cut(place, before):
    place.proxy.cut_after(None)
    return place.proxy.cuts > before


def freeze(place):
    place.witness.freeze()


def thaw(place, _):
    place.witness.thaw()
    return True


def setting_clock(seconds):
    def begin(place):
        place.set_clock(seconds)

    def end(place, _):
        place.set_clock(0)  # as far a jump, the other way
        return True

    return begin, end


def kill(place):
    place.witness.kill()


def exhaust(place):
    place.exhaust_memory()


def start_again(place, _):
    place.start()
    return True


LOSSY = "numgen random mod 100 < 30"
NETWORK = [
    Kind("partition", 3, (0.3, 5.5), *dropping("", "")),
    Kind("requests dropped", 3, (0.3, 5.5), *dropping("", None)),
    Kind("answers dropped", 3, (0.3, 5.5), *dropping(None, "")),
    Kind("loss", 2, (1.0, 4.0), *dropping(LOSSY, LOSSY)),
    Kind("half-open", 3, (1.0, 5.5), half_open, dropping()[1]),
    Kind("unplugged", 1, (0.3, 5.5), unplug, plug_in),
]
ANYWHERE = [
    Kind("latency", 2, (1.0, 3.0), slow, speed_up),
    Kind("reset", 2, (0.1, 0.5), reset, was_reset),
    Kind("reset in a line", 3, (0.8, 1.2), cut, was_cut),
    Kind("frozen", 3, (0.3, 5.5), freeze, thaw),
    Kind("clock set forward", 1, (0.5, 2.0), *setting_clock(DAY)),
    Kind("clock set back", 1, (0.5, 2.0), *setting_clock(-DAY)),
    Kind("killed", 1, (0.1, 1.0), kill, start_again),
]
LIMITED = [Kind("out of memory", 1, (0.1, 1.0), exhaust, start_again)]


def possible():
    """Those that this machine permits."""
    return ANYWHERE + ([] if places.NO_NETWORK else NETWORK) + ([] if places.NO_MEMORY_LIMIT else LIMITED)
