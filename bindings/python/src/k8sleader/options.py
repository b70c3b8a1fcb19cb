# SPDX-License-Identifier: Apache-2.0
"""What to stand for."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, Union

from . import _k8sleader as _lib
from .errors import OptionError, check, no_memory

if TYPE_CHECKING:
    from ._k8sleader import Pointer

Duration = Union[datetime.timedelta, float]
"""A time span: a :class:`datetime.timedelta`, or a number of seconds. Since 1.0."""


class Options(TypedDict, total=False):
    """The options of an election, as keyword arguments of :meth:`Client.lead` and its relatives. Since 1.0.

    The defaults are client-go's: 15 s, 10 s and 2 s.
    """

    namespace: str | None
    """The lock's namespace. Default: the client's, then POD_NAMESPACE, then the service account's, then (only with a
    context that was named) the kubeconfig context's."""
    identity: str | None
    """Who we are, unique among the candidates. Default: the host's name and a random UUID."""
    lock_resource: str | None
    """``"leases"`` (default), or ``"configmaps"`` for the older record in an annotation."""
    lease_duration: Duration
    """How long a lock that is not renewed stays taken."""
    renew_deadline: Duration
    """How long a leader goes on without a renewal; less than the lease duration."""
    retry_period: Duration
    """How often a leader renews."""
    drain_timeout: Duration
    """How long a drain may take (30 s); then the lock is not released, but runs out."""
    resume: bool
    """Take a lock found under our own identity at once: only when the earlier process is known to be dead."""
    labels: Mapping[str, str]
    """Labels for the lock object, written when it is acquired."""
    delete_leader_pod: bool
    """leader-for-life: delete a leader's Pod that has ended, together with its lock."""
    take_from_lost_node: bool
    """leader-for-life: take over from a Pod on a node that is not Ready. It may let two lead."""


def milliseconds(value: Duration, what: str) -> int:
    """Whole milliseconds, rounded up so that what is more than nothing stays so."""
    if isinstance(value, datetime.timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise OptionError(f"{what}: {value!r} is neither a timedelta nor a number of seconds", _lib.K8SLEADER_ERR_OPTION)
    if not 0 <= seconds <= 1e9:  # NaN, too, is not
        raise OptionError(f"{what}: {value!r} is out of range", _lib.K8SLEADER_ERR_DURATION)
    return math.ceil(round(seconds * 1000, 6))


def seconds_of(value: Duration | None, what: str) -> float | None:
    """A wait's bound in seconds; None: for ever."""
    return None if value is None else milliseconds(value, what) / 1000


_DURATIONS = {
    "lease_duration": _lib.k8sleader_options_set_lease_duration_ms,
    "renew_deadline": _lib.k8sleader_options_set_renew_deadline_ms,
    "retry_period": _lib.k8sleader_options_set_retry_period_ms,
    "drain_timeout": _lib.k8sleader_options_set_drain_timeout_ms,
}
_TEXTS = {
    "namespace": _lib.k8sleader_options_set_namespace,
    "identity": _lib.k8sleader_options_set_identity,
    "lock_resource": _lib.k8sleader_options_set_lock_resource,
}
_SWITCHES = {
    "resume": _lib.k8sleader_options_set_resume,
    "delete_leader_pod": _lib.k8sleader_options_set_delete_leader_pod,
    "take_from_lost_node": _lib.k8sleader_options_set_take_from_lost_node,
}
_ALL = sorted([*_DURATIONS, *_TEXTS, *_SWITCHES, "labels"])


def text(value: object, what: str) -> str:
    # What stands behind a NUL would be cut off without a word.
    if not isinstance(value, str) or "\0" in value:
        raise OptionError(f"{what}: {value!r} is no text", _lib.K8SLEADER_ERR_OPTION)
    return value


def optional_text(value: object, what: str) -> str | None:
    return None if value is None else text(value, what)


def _set(pointer: Pointer, name: str, value: object) -> None:
    if name in _DURATIONS:
        code = _DURATIONS[name](pointer, milliseconds(value, name))  # type: ignore[arg-type]
    elif name in _TEXTS:
        code = 0 if value is None else _TEXTS[name](pointer, text(value, name))
    elif name in _SWITCHES:
        code = _SWITCHES[name](pointer, bool(value))
    elif name == "labels":
        if not isinstance(value, Mapping):
            raise OptionError(f"labels: {value!r} is no mapping", _lib.K8SLEADER_ERR_OPTION)
        for key, label in value.items():
            check(*_lib.k8sleader_options_set(pointer, "label", f"{text(key, 'labels')}={text(label, 'labels')}"))
        code = 0
    else:
        raise TypeError(f"{name!r} is no option of an election; there are {', '.join(_ALL)}")
    if code < 0:
        raise OptionError(f"{name}: {value!r} is not possible", code)


def make_options(mode: int, name: str, given: Mapping[str, object]) -> Pointer:
    """Options for the C library, to be freed by the caller."""
    pointer = _lib.k8sleader_options_new(mode, text(name, "name"))
    if pointer is None:
        no_memory()
    try:
        for option, value in given.items():
            _set(pointer, option, value)
    except BaseException:
        _lib.k8sleader_options_free(pointer)
        raise
    return pointer
