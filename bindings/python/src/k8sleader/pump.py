# SPDX-License-Identifier: Apache-2.0
"""Takes a client's events, on the threads that wait for them.

The library has no thread that enters Python. Whoever waits takes the events of all: one waiting thread (the pump) polls the
client's descriptor and delivers, the others sleep on a condition and look again after each delivery; when the pump has what
it waited for, another one becomes it. An asyncio loop delivers when it sees the descriptor readable.

What a wait is for is asked of the library (does it lead? is it closed?), never concluded from an event: events only say when
to look again. So an event that nobody takes delays a line of the log, and nothing else.

Polling is ``select.poll``: it holds no lock of Python's, and Ctrl-C interrupts it.
"""

from __future__ import annotations

import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from . import _k8sleader as _lib
from .errors import ClosedError, ForkedError
from .events import Event, is_log_line, log_line, read_event

if TYPE_CHECKING:
    from ._k8sleader import EventTuple, Pointer
    from .election import Election

T = TypeVar("T")


class Pump:
    """One client's events. Threads: any.

    Locks, in the order of their taking: quiet, then _changed, then an election's. None is held while a thread waits.
    """

    _free_client = staticmethod(_lib.k8sleader_client_free)  # still there when the interpreter takes its modules down
    _close_fd = staticmethod(os.close)

    def __init__(self, pointer: Pointer) -> None:
        self.pointer: Pointer | None = pointer
        self.over = False
        """The client has ended, and all that came is delivered."""
        self._ending = False  # the last has been taken
        self._fd = _lib.k8sleader_client_get_fd(pointer)
        self._pid = os.getpid()
        # The pump's own: what is written to the client's descriptor, a loop beside it may have read before it looks.
        self._wake_out, self._wake_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._changed = threading.Condition()
        self._pumping_thread: int | None = None
        self._users = 0
        self._readers: dict[object, int] = {}  # by asyncio's loops: how many use the registration
        self.closers: dict[object, int] = {}  # by asyncio's loops, on whose thread alone: how many of those await the end
        self._taken: list[EventTuple] = []
        # Held while events are delivered; entered again by a logging handler that uses the client.
        self.quiet = threading.RLock()
        self._in_delivery = False
        self._elections: dict[int, weakref.ref[Election]] = {}
        self._listeners: dict[object, Callable[[Event | None], None]] = {}

    # ---- who is told ----

    def add(self, election: Election) -> None:
        self._elections[election.key] = weakref.ref(election)

    def remove(self, key: int) -> None:
        self._elections.pop(key, None)

    def elections(self) -> list[Election]:
        return [e for e in (ref() for ref in list(self._elections.values())) if e is not None]

    def listen(self, key: object, listener: Callable[[Event | None], None]) -> None:
        """Calls it with each event, and with None when it is time to look again. It must not wait."""
        self._listeners[key] = listener

    def unlisten(self, key: object) -> None:
        self._listeners.pop(key, None)

    def _tell(self, event: Event | None) -> None:
        for listener in list(self._listeners.values()):
            listener(event)

    # ---- using the client ----

    @property
    def forked(self) -> bool:
        """This is a child of the process that made the client."""
        return os.getpid() != self._pid

    def check_process(self) -> None:
        # Said here, before a lock is touched that another thread of the parent may hold for ever.
        if self.forked:
            raise ForkedError(
                "this client was made by the parent process: make another in the child", _lib.K8SLEADER_ERR_FORKED
            )

    def check(self) -> Pointer:
        """Raises: ForkedError, ClosedError."""
        self.check_process()
        if self.pointer is None:
            raise ClosedError("the client is closed: make a new one", _lib.K8SLEADER_ERR_CLOSED)
        return self.pointer

    @contextmanager
    def using(self) -> Iterator[Pointer]:
        """The client's handle, not freed meanwhile. Raises: ForkedError, ClosedError."""
        self.check()
        counted = False
        try:
            with self._changed:
                pointer = self.check()
                self._users += 1
                counted = True  # Ctrl-C may come as soon as the lock is given back
            yield pointer
        finally:
            if counted:
                with self._changed:
                    self._users -= 1
                    self._changed.notify_all()

    def fileno(self) -> int:
        self.check()
        return self._fd

    # ---- asyncio ----

    def add_reader(self, loop: object) -> int:
        """A loop polls the descriptor: it is not closed meanwhile. Returns how often this loop does."""
        with self._changed:
            self.check()
            self._readers[loop] = self._readers.get(loop, 0) + 1
            return self._readers[loop]

    def remove_reader(self, loop: object) -> None:
        """To be called for the last one when the loop polls no more."""
        with self._changed:
            left = self.readers(loop) - 1
            if left > 0:
                self._readers[loop] = left
            else:
                self._readers.pop(loop, None)
            self._changed.notify_all()
        self._tell(None)

    def readers(self, loop: object) -> int:
        return self._readers.get(loop, 0)

    # ---- waiting ----

    def wait(self, done: Callable[[], T], timeout: float | None = None) -> T:
        """Waits until done() is true, or the time has passed: what it returned last. timeout: seconds; None: for ever.

        done() may be asked several times, also under a lock: it answers the same until it was acted on, and does not wait.
        Raises: ForkedError; ClosedError when the client ends before.
        """
        self.check_process()
        deadline = None if timeout is None else time.monotonic() + timeout
        looked = False
        while True:
            result = done()
            if result:
                return result
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                if looked:
                    return result
                looked = True
                self.deliver()  # what is there, also when nobody wants to wait
                continue
            if self.over or self.pointer is None:
                raise ClosedError("the client was closed meanwhile", _lib.K8SLEADER_ERR_CLOSED)
            self._wait_once(done, left)

    def _wait_once(self, done: Callable[[], T], left: float | None) -> None:
        """As the pump, until something came; beside it, until it has delivered or has left."""
        me = threading.get_ident()
        try:
            with self._changed:
                if self.over or self.pointer is None:
                    return
                if self._pumping_thread is not None:
                    # Asked again under the lock: what was delivered before, nobody will notify of.
                    if not done():
                        self._changed.wait(left)
                    return
                self._pumping_thread = me
                if done():
                    return
            # Who delivers from here on wakes this.
            poll = select.poll()
            poll.register(self._fd, select.POLLIN)
            poll.register(self._wake_out, select.POLLIN)
            # Rounded up: a wait that is a little short would turn round and round. Bounded: it counts in an int.
            poll.poll(None if left is None else int(min(left, 86400) * 1000) + 1)
            with suppress(BlockingIOError):
                os.read(self._wake_out, 4096)
            self.deliver()
        finally:
            # Also when a signal's handler raised anywhere above.
            if self._pumping_thread == me:
                with self._changed:
                    self._pumping_thread = None
                    self._changed.notify_all()

    def wake(self) -> None:
        """Makes all who wait look again. Threads: any, also a signal's handler."""
        with self._changed:
            if self.pointer is not None and self._pumping_thread is not None:
                with suppress(BlockingIOError):  # full: it is awake
                    os.write(self._wake_in, b"w")
            self._changed.notify_all()
        self._tell(None)

    # ---- delivering ----

    def deliver(self) -> None:
        """Takes what there is and gives it to those concerned. Does not wait for events. Threads: any."""
        if self.forked:
            return
        with self.quiet:
            if self.pointer is None:
                return
            code = _lib.take_events(self.pointer, self._taken)
            if code in (_lib.K8SLEADER_ERR_CLOSED, _lib.K8SLEADER_ERR_FORKED):
                self._ending = True
            if self._in_delivery:
                return  # by a listener or a logging handler, which was called below
            any_news = bool(self._taken) or self._ending
            self._in_delivery = True
            failure: Exception | None = None
            try:
                while self._taken:
                    # Left in the list until delivered: when a signal's handler raises in between, who delivers next
                    # goes on. But not a line of the log: a filter that raises would do so for ever, and what comes
                    # behind it is waited for.
                    raw = self._taken[0]
                    if is_log_line(raw):
                        del self._taken[0]
                        try:
                            self._log(raw)
                        except Exception as error:
                            failure = failure or error
                    else:
                        self._deliver_one(raw)
                        del self._taken[0]
                # Not before: who sees it concludes that nothing more will come.
                self.over = self._ending
            finally:
                self._in_delivery = False
        if any_news and self._pumping_thread != threading.get_ident():
            self.wake()
        else:
            with self._changed:
                self._changed.notify_all()
            self._tell(None)
        if failure is not None:
            raise failure

    def _election_of(self, raw: EventTuple) -> Election | None:
        ref = self._elections.get(raw[1])
        return ref() if ref else None

    def _log(self, raw: EventTuple) -> None:
        election = self._election_of(raw)
        log_line(raw, election.lock if election else "")

    def _deliver_one(self, raw: EventTuple) -> None:
        election = self._election_of(raw)
        event = read_event(raw, election.lock) if election else None
        if event is None or election is None:
            return
        election.note(event)
        self._tell(event)

    # ---- the end ----

    def free(self) -> None:
        """Ends the client; waits for those who use its descriptor. Threads: any; again is fine."""
        if self.forked:
            return
        with self._changed:
            self.over = self._ending = True
        self.wake()
        with self._changed:
            me = threading.get_ident()
            while self._users or self._readers or self._pumping_thread not in (None, me):
                self._changed.wait()
            pointer, self.pointer = self.pointer, None
            self._changed.notify_all()
        if pointer is not None:
            with self.quiet:
                self._release(pointer)

    def _release(self, pointer: Pointer) -> None:
        self._free_client(pointer)
        self._close_fd(self._wake_in)
        self._close_fd(self._wake_out)

    def __del__(self) -> None:
        # Nobody waits in it any more, and no election is left: they hold it.
        pointer = getattr(self, "pointer", None)
        if pointer is not None and hasattr(self, "_wake_in"):
            self.pointer = None
            self._release(pointer)
