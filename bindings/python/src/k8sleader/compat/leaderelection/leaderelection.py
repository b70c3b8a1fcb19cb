# SPDX-License-Identifier: Apache-2.0
"""``LeaderElection(config).run()``, as in ``kubernetes.leaderelection.leaderelection``.

What is the same: run() returns when leading has ended; onstarted_leading() runs in a daemon thread, without arguments;
onstopped_leading() is called on the calling thread; an exception in onstarted_leading() is logged, and ends leading.

What is better, with a LeaseLock or a ConfigMapLock: standbys watch instead of polling, and take a released lock at once;
after an exception in onstarted_leading(), whose work has then ended, the lock is released; and Ctrl-C ends run() at once,
where the lock is released if onstarted_leading() has returned, and runs out if it still runs.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from ...client import Client
from ...leading import RELEASE_SECONDS
from .records import RecordElection

logger = logging.getLogger("leaderelection")

# The official classes, by name: they need not be imported, nor be installed.
_RESOURCES = {"LeaseLock": "leases", "ConfigMapLock": "configmaps"}


class ElectionConfig(Protocol):
    """What is read of the official client's ``electionconfig.Config``. Durations are seconds."""

    lock: Any
    lease_duration: float
    renew_deadline: float
    retry_period: float
    onstarted_leading: Callable[[], object]
    onstopped_leading: Callable[[], object]


def _resource(lock: object) -> str | None:
    """The plural of what the lock is kept in, when it is one of the official client's."""
    for kind in type(lock).__mro__:
        if kind.__module__.startswith("kubernetes.") and kind.__name__ in _RESOURCES:
            return _RESOURCES[kind.__name__]
    return None


class LeaderElection:
    """Stands once: until leading has ended. Threads: one. Since 1.0."""

    def __init__(self, election_config: ElectionConfig) -> None:
        if election_config is None:
            sys.exit("argument config not passed")
        self.election_config = election_config
        """As it was given."""
        self._records = RecordElection(election_config)
        self._wake: Callable[[], None] = lambda: None
        self._work_ended = False

    def run(self) -> None:
        """Waits until leader, leads, and returns when that has ended."""
        resource = _resource(self.election_config.lock)
        if resource is None:
            self._run_on_records()
        else:
            self._run_on_the_library(resource)

    # ---- an official lock: the C library's election ----

    def _run_on_the_library(self, resource: str) -> None:
        config = self.election_config
        lock = config.lock
        failed = threading.Event()
        # Not closed at the end: that would wait for work that a daemon thread still does.
        client = Client(configuration=lock.api_instance.api_client.configuration)
        election = client.stand(
            lock.name,
            namespace=lock.namespace,
            identity=lock.identity,
            lock_resource=resource,
            lease_duration=config.lease_duration,
            renew_deadline=config.renew_deadline,
            retry_period=config.retry_period,
        )
        logger.info("%s is a follower", lock.identity)
        try:
            term = election.wait()
        except BaseException:
            election.finish(RELEASE_SECONDS)  # no work has begun
            raise
        if term is None:
            return
        logger.info("%s successfully acquired lease", lock.identity)
        self._wake = client._pump.wake
        try:
            self._start(failed)
            client._pump.wait(lambda: failed.is_set() or term.stopped.is_set())
            lost = term.lost.is_set()
            if not lost:
                election.stop()
            config.onstopped_leading()
        finally:
            election.stop()
            if self._work_ended or failed.is_set():
                election.hand_back(term)
                election.wait_closed(RELEASE_SECONDS)
            # Else it still runs: the lock is not released. The election goes with this function, and runs out.

    # ---- the work ----

    def _start(self, failed: threading.Event) -> None:
        self._work_ended = False
        threading.Thread(target=self.run_onstarted_leading, args=(failed,), daemon=True).start()

    def run_onstarted_leading(self, leading_failed: threading.Event) -> None:
        """[the thread of the work]"""
        try:
            self.election_config.onstarted_leading()
        except Exception:
            logger.exception("onstarted_leading raised an exception, stopping leading")
            leading_failed.set()
        finally:
            self._work_ended = True
            self._wake()

    # ---- any other lock: get, create and update ----

    def _run_on_records(self) -> None:
        failed = threading.Event()
        self.acquire()
        self._start(failed)
        self.renew_loop(failed)
        self.election_config.onstopped_leading()

    def acquire(self) -> bool:
        """Tries until it has the lock; only for locks that are no LeaseLock and no ConfigMapLock."""
        self._records.acquire()
        return True

    def renew_loop(self, leading_failed: threading.Event | None = None) -> None:
        """Renews until that fails for the renew deadline, or the event is set."""
        self._records.renew(leading_failed)

    def try_acquire_or_renew(self) -> bool:
        """One attempt."""
        return self._records.attempt()
