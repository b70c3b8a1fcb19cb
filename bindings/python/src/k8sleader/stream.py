# SPDX-License-Identifier: Apache-2.0
"""Iterating events."""

from __future__ import annotations

import collections
import weakref
from typing import TYPE_CHECKING

from .errors import ClosedError
from .events import Event, EventType
from .options import Duration, seconds_of

if TYPE_CHECKING:
    from .election import Election
    from .pump import Pump

MOST = 1000
"""How many events that nobody fetches are kept, when nothing else is said."""


class EventStream:
    """Events from the moment it was made, in their order. An iterator, and a context manager that ends it.

    It ends with the CLOSED of its election, or with the client. Of events that nobody fetches the latest are kept, so many
    as its maker said; ``dropped`` counts the others. Threads: any, each event is given once. Since 1.0.
    """

    def __init__(self, pump: Pump, election: Election | None, most: int) -> None:
        if most < 1:
            raise ValueError(f"most: {most!r} leaves no room for an event")
        self._most = most
        self._pump = pump
        self._election = election
        self._waiting: collections.deque[Event] = collections.deque()
        self._ended = False
        self.dropped = 0
        """How many were left out, since nobody fetched them."""
        # Not held by the pump: a stream that is forgotten ends.
        stream = weakref.ref(self, lambda ref: pump.unlisten(ref))

        def note(event: Event | None) -> None:
            found = stream()
            if found is not None:
                found._note(event)

        self._key = stream
        pump.listen(stream, note)

    def _note(self, event: Event | None) -> None:
        if event is None or (self._election is not None and event.key != self._election.key):
            return
        self._waiting.append(event)
        if len(self._waiting) > self._most:
            self._waiting.popleft()
            self.dropped += 1

    def next(self, timeout: Duration | None = None) -> Event | None:
        """The next event, or None when the time has passed (seconds, or a timedelta; None: for ever).

        Ctrl-C interrupts it. Raises: StopIteration at the end, ForkedError.
        """
        if self._ended and not self._waiting:
            raise StopIteration
        try:
            self._pump.wait(lambda: bool(self._waiting) or self._ended, seconds_of(timeout, "timeout"))
            event = self._waiting.popleft()
        except IndexError:
            if self._ended:
                raise StopIteration from None
            return None  # the time has passed, or another thread was faster
        except ClosedError:
            self.close()
            raise StopIteration from None
        if self._election is not None and event.type is EventType.CLOSED:
            self.close()
        return event

    def close(self) -> None:
        """No more events are kept, and who waits for one is woken. Threads: any; again is fine."""
        self._pump.unlisten(self._key)
        if not self._ended:
            self._ended = True
            if not self._pump.forked:
                self._pump.wake()

    def __iter__(self) -> EventStream:
        return self

    def __next__(self) -> Event:
        while True:
            event = self.next()
            if event is not None:
                return event

    def __enter__(self) -> EventStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
