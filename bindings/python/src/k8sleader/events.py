# SPDX-License-Identifier: Apache-2.0
"""What happened, as plain values."""

from __future__ import annotations

import datetime
import enum
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import _k8sleader as _lib
from .errors import K8sLeaderError, make_error

if TYPE_CHECKING:
    from ._k8sleader import EventTuple


class EventType(str, enum.Enum):
    """Types of event, by the names that the program ``k8sleader elect --output json`` prints. Since 1.0."""

    STARTED_LEADING = "started_leading"
    """A term began."""
    STOPPED_LEADING = "stopped_leading"
    """A term is to end (STOP: the lock is still held), or has ended."""
    NEW_LEADER = "new_leader"
    """Somebody leads now, perhaps we."""
    ERROR = "error"
    """Something went wrong; the election goes on."""
    CLOSED = "closed"
    """The election's last event."""
    LOST_DURING_DRAIN = "lost_during_drain"
    """After STOPPED_LEADING with STOP: the lock was lost before the work had ended."""


class Reason(str, enum.Enum):
    """Why leading stopped. Since 1.0."""

    STOP = "stop"
    """Somebody asked for it: the lock is held until the work has ended."""
    LOST_DEADLINE = "lost_deadline"
    """Not renewed within the renew deadline."""
    LOST_HOLDER = "lost_holder"
    """The lock names another holder, or none, that we did not write."""
    LOST_LOCK = "lost_lock"
    """The lock was deleted, and another was first to create it."""
    LOST_DUPLICATE = "lost_duplicate"
    """Another process uses our identity."""
    LOST_COORDINATED = "lost_coordinated"
    """The Lease was turned into a coordinated one."""
    DRAIN_TIMEOUT = "drain_timeout"
    """The drain took longer than its bound: renewals stopped."""
    LOST_POD = "lost_pod"
    """leader-for-life: our own Pod is gone, or said to have ended."""
    UNKNOWN = "unknown"
    """One that a later version of the library has added."""

    @classmethod
    def _missing_(cls, value: object) -> Reason:
        return cls.UNKNOWN


@dataclass(frozen=True)
class Event:
    """Something happened in an election. Since 1.0."""

    type: EventType
    """What."""
    lock: str
    """``"namespace/name"``"""
    time: datetime.datetime
    """When, with time zone (UTC)."""
    token: int = 0
    """STARTED_LEADING, STOPPED_LEADING, LOST_DURING_DRAIN: the fencing token of the term; 0 when it has none."""
    reason: Reason | None = None
    """STOPPED_LEADING, LOST_DURING_DRAIN: why."""
    leader: str = ""
    """NEW_LEADER: who leads."""
    skipped: bool = False
    """STARTED_LEADING: there was no election, since this runs outside a cluster (leader-for-life)."""
    error: K8sLeaderError | None = None
    """ERROR: what; the election goes on."""
    key: int = field(default=0, repr=False)
    """The ``key`` of the :class:`Election` it is about: a client may have several for one lock."""


LOGGER = logging.getLogger("k8sleader")

_LEVELS = {
    _lib.K8SLEADER_LOG_ERROR: logging.ERROR,
    _lib.K8SLEADER_LOG_WARNING: logging.WARNING,
    _lib.K8SLEADER_LOG_INFO: logging.INFO,
    _lib.K8SLEADER_LOG_DEBUG: logging.DEBUG,
}

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def c_log_level(level: int) -> int:
    """The library's level for one of :mod:`logging`: what would not be logged anyway is not made."""
    wanted = [ours for ours, theirs in _LEVELS.items() if theirs >= level]
    return max(wanted, default=_lib.K8SLEADER_LOG_ERROR)


def is_log_line(raw: EventTuple) -> bool:
    return _lib.k8sleader_event_type_name(raw[0]) == "log"


def log_line(raw: EventTuple, lock: str) -> None:
    """Logs an event that is a line of the log."""
    LOGGER.log(_LEVELS.get(raw[8], logging.INFO), "%s%s%s", lock, ": " if lock else "", raw[7])


def read_event(raw: EventTuple, lock: str) -> Event | None:
    """The event that the low level has taken; None for a type of a later version."""
    kind, key, time_us, token, reason, skipped, leader, _, _, error = raw
    try:
        kind_of = EventType(_lib.k8sleader_event_type_name(kind))
    except ValueError:
        return None
    return Event(
        type=kind_of,
        lock=lock,
        time=_EPOCH + datetime.timedelta(microseconds=time_us),
        token=token,
        reason=Reason(_lib.k8sleader_reason_name(reason)) if reason else None,
        leader=leader,
        skipped=bool(skipped),
        error=make_error(error[0], error[1], error[2], bool(error[3])) if error else None,
        key=key,
    )
