# SPDX-License-Identifier: Apache-2.0
"""Leading by lock objects that have only get, create and update, by the official client's rules.

A record is compared as a whole: it has expired when it did not change for its lease duration on this clock, as a user of
``kubernetes.leaderelection`` expects. Such a lock has no resourceVersion to write against, so what it promises is what its
own update() does.
"""

from __future__ import annotations

import datetime
import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .leaderelection import ElectionConfig

logger = logging.getLogger("leaderelection")

_NOT_FOUND = 404


class Record:
    """What a lock keeps; as text, but for None."""

    def __init__(
        self,
        holder_identity: str | None,
        lease_duration: str | None,
        acquire_time: str | None,
        renew_time: str | None,
    ) -> None:
        self.holder_identity = holder_identity
        self.lease_duration = lease_duration
        self.acquire_time = acquire_time
        self.renew_time = renew_time


_FIELDS = ("holder_identity", "lease_duration", "acquire_time", "renew_time")


def _values(record: Any) -> tuple[Any, ...]:
    return tuple(getattr(record, name, None) for name in _FIELDS)


def _is_absent(answer: Any) -> bool:
    """A clean 404: what else may answer, a proxy's page for one, says nothing about the lock."""
    try:
        return bool(json.loads(answer.body)["code"] == _NOT_FOUND)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


class RecordElection:
    """The attempts of one candidate. Threads: one."""

    def __init__(self, config: ElectionConfig) -> None:
        self._config = config
        self._seen: Any = None
        self._seen_at = 0.0

    def acquire(self) -> None:
        """Tries every retry period until it has the lock."""
        logger.info("%s is a follower", self._config.lock.identity)
        while not self.attempt():
            time.sleep(self._config.retry_period)
        logger.info("%s successfully acquired lease", self._config.lock.identity)

    def renew(self, ended: threading.Event | None) -> None:
        """Renews every retry period; returns when that failed for the renew deadline, or ended is set."""
        config = self._config
        while ended is None or not ended.is_set():
            deadline = time.monotonic() + config.renew_deadline
            while not self.attempt():
                time.sleep(config.retry_period)
                if time.monotonic() >= deadline:
                    return
            if ended is None:
                time.sleep(config.retry_period)
            else:
                ended.wait(config.retry_period)

    def attempt(self) -> bool:
        """Creates, takes or renews the lock, if it may. Returns whether it is ours."""
        lock = self._config.lock
        now = str(datetime.datetime.now())
        ours = Record(lock.identity, str(self._config.lease_duration), now, now)
        found, record = lock.get(lock.name, lock.namespace)
        if not found:
            if not _is_absent(record):
                logger.info("Error retrieving resource lock %s: %s", lock.name, getattr(record, "reason", record))
                return False
            return self._written(lock.create(name=lock.name, namespace=lock.namespace, election_record=ours), ours)
        if record is None or None in _values(record):
            return self._update(ours)  # nobody's
        if self._seen is None or _values(self._seen) != _values(record):
            self._seen, self._seen_at = record, time.monotonic()
        if record.holder_identity == lock.identity:
            ours.acquire_time = record.acquire_time
        elif time.monotonic() < self._seen_at + self._config.lease_duration:
            logger.info("lease held by %s has not expired", record.holder_identity)
            return False
        return self._update(ours)

    def _update(self, ours: Record) -> bool:
        lock = self._config.lock
        return self._written(lock.update(lock.name, lock.namespace, ours), ours)

    def _written(self, done: object, ours: Record) -> bool:
        if done is False:
            logger.info("%s failed to write the lock", ours.holder_identity)
            return False
        self._seen, self._seen_at = ours, time.monotonic()
        return True
