# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, as a small tree of exceptions.

Every exception of the library is a :class:`K8sLeaderError` with ``code`` (the number of the C interface), ``name`` (the same
as text, ``"FORBIDDEN"``), ``http_status`` (0 when no answer was behind it) and ``retriable`` (the same call may succeed later
without a change by anybody). The message is one line for a person: what went wrong, and what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from . import _k8sleader as _lib

if TYPE_CHECKING:
    from ._k8sleader import Pointer
    from .events import Reason


class K8sLeaderError(Exception):
    """The base of all. Since 1.0."""

    code: int
    """The number of the C interface; 0 for none."""
    name: str
    """The same as text: ``"FORBIDDEN"``."""
    http_status: int
    """Of the answer behind it; 0 when there was none."""
    retriable: bool
    """The same call may succeed later without a change by anybody."""

    def __init__(self, message: str, code: int = 0, http_status: int = 0, retriable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.name = _lib.k8sleader_error_name(code)
        self.http_status = http_status
        self.retriable = retriable

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self), self.code, self.http_status, self.retriable))


class ClosedError(K8sLeaderError):
    """The client or the election has ended; make a new one. Since 1.0."""


class ForkedError(K8sLeaderError):
    """The client was made by the parent process: the child makes its own. Since 1.0."""


class WaitTimeout(K8sLeaderError, TimeoutError):
    """The time that the caller gave has passed. Since 1.0."""


class ConfigError(K8sLeaderError):
    """Where the cluster is, or how to log in, can't be read. Since 1.0."""


class OptionError(K8sLeaderError, ValueError):
    """An option, a name or a duration that can't be: nothing was started. Since 1.0."""


class RequestError(K8sLeaderError):
    """The API server could not be asked, or refused. Since 1.0."""


class ElectionError(K8sLeaderError):
    """The election itself: a foreign lock, a duplicate identity, no Pod. Since 1.0."""


class LeadershipLost(ElectionError):
    """The lock was lost while the block ran; raised only where that was asked for.

    Since 1.0.
    """

    reason: Reason | None
    """Why, where it is known."""

    def __init__(self, message: str, reason: Reason | None = None) -> None:
        super().__init__(message, _lib.K8SLEADER_ERR_NOT_LEADER)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (str(self), self.reason))


_OF_CODE: dict[int, type[K8sLeaderError]] = {
    _lib.K8SLEADER_ERR_CLOSED: ClosedError,
    _lib.K8SLEADER_ERR_FORKED: ForkedError,
    _lib.K8SLEADER_ERR_TIMEOUT: WaitTimeout,
}

# The bands of the codes, as the header groups them.
_OF_BAND: list[tuple[int, type[K8sLeaderError]]] = [
    (-90, ElectionError),
    (-60, RequestError),
    (-40, OptionError),
    (-20, ConfigError),
]


def make_error(code: int, message: str, http_status: int = 0, retriable: bool = False) -> K8sLeaderError:
    """The exception for a code of the C interface. Codes of later versions fall into their band."""
    kind = _OF_CODE.get(code)
    if kind is None:
        kind = next((kind for highest, kind in _OF_BAND if code <= highest), K8sLeaderError)
    return kind(message, code, http_status, retriable)


def take_error(code: int, error: Pointer | None) -> K8sLeaderError:
    """The exception for what a C function returned; frees the error."""
    if error is None:
        return make_error(code, _lib.k8sleader_error_name(code).lower().replace("_", " "))
    try:
        return make_error(
            code,
            _lib.k8sleader_error_message(error),
            _lib.k8sleader_error_http_status(error),
            bool(_lib.k8sleader_error_retriable(error)),
        )
    finally:
        _lib.k8sleader_error_free(error)


def check(code: int, error: Pointer | None = None) -> None:
    """Raises what a C function returned, unless that is success."""
    if code < 0:
        raise take_error(code, error)


def no_memory() -> NoReturn:
    raise MemoryError("k8sleader: no memory")
