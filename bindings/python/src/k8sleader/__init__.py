# SPDX-License-Identifier: Apache-2.0
"""Leader election for Kubernetes programs.

    import k8sleader

    client = k8sleader.Client()
    with client.lead("web") as term:
        while not term.stopped.wait(1):
            work(term.fencing_token)

Leaving the block is the drain: then the lease is released, and the next leader starts within milliseconds.
"""

from __future__ import annotations

from . import _k8sleader as _lib

# What the extension was compiled for, and the C library in use: it may be newer, but not older, nor of another major version.
__version__: str = _lib.K8SLEADER_VERSION
"""What this package was compiled for. Since 1.0."""


def _check_version(compiled: str, found: str) -> None:
    def numbers(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split("-")[0].split(".")[:3])

    if numbers(found) < numbers(compiled) or numbers(found)[0] != numbers(compiled)[0]:
        raise ImportError(
            f"k8sleader was compiled for version {compiled} of libk8sleader, and found {found}: install one that fits"
        )


_check_version(__version__, _lib.k8sleader_version())

from .client import Client, Lock  # noqa: E402
from .election import Election, Signal, Term  # noqa: E402
from .errors import (  # noqa: E402
    ClosedError,
    ConfigError,
    ElectionError,
    ForkedError,
    K8sLeaderError,
    LeadershipLost,
    OptionError,
    RequestError,
    WaitTimeout,
)
from .events import Event, EventType, Reason  # noqa: E402
from .options import Duration, Options  # noqa: E402
from .run import elected  # noqa: E402
from .stream import EventStream  # noqa: E402

__all__ = [
    "Client",
    "ClosedError",
    "ConfigError",
    "Duration",
    "Election",
    "ElectionError",
    "Event",
    "EventStream",
    "EventType",
    "ForkedError",
    "K8sLeaderError",
    "LeadershipLost",
    "Lock",
    "OptionError",
    "Options",
    "Reason",
    "RequestError",
    "Signal",
    "Term",
    "WaitTimeout",
    "__version__",
    "elected",
]
