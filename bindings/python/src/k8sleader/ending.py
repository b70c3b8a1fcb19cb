# SPDX-License-Identifier: Apache-2.0
"""The end of the interpreter, and forks.

At exit Python first joins the threads that are no daemons, then calls this. What leads then was not handed back: a term got
from become(), or from Election.wait(). If no other thread is left, its work has ended, and the lease is released. If daemon
threads still run, nobody can tell whether they do the leader's work: then nothing is released, and the lease runs out.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

from .errors import K8sLeaderError
from .events import LOGGER

if TYPE_CHECKING:
    from .pump import Pump

_SECONDS = 2.0

_pumps: weakref.WeakSet[Pump] = weakref.WeakSet()


def watch(pump: Pump) -> None:
    _pumps.add(pump)


def forget(pump: Pump) -> None:
    _pumps.discard(pump)


def _end() -> None:
    others = [t.name for t in threading.enumerate() if t is not threading.current_thread()]
    deadline = time.monotonic() + _SECONDS
    for pump in list(_pumps):
        if pump.forked or pump.pointer is None:
            continue
        for election in pump.elections():
            try:
                if election.closed:
                    continue
                # One step: a daemon thread may get its term between a look and a release.
                election.give_up(working=bool(others))
                if election._led is not None:
                    LOGGER.warning(
                        "%s: led at the interpreter's end, while threads still run (%s): not released, it runs out",
                        election.lock,
                        ", ".join(others),
                    )
                    continue
                if not election.wait_closed(max(deadline - time.monotonic(), 0.0)):
                    LOGGER.warning("%s: no answer to the release at the interpreter's end", election.lock)
            except K8sLeaderError as error:
                LOGGER.warning("%s: %s", election.lock, error)


def _in_child() -> None:
    """The child of a fork has none of them."""
    global _pumps
    _pumps = weakref.WeakSet()


atexit.register(_end)
os.register_at_fork(after_in_child=_in_child)
