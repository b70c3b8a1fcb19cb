# SPDX-License-Identifier: Apache-2.0
"""Leading by callbacks, and as a decorator."""

from __future__ import annotations

import collections
import contextlib
import functools
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from . import _k8sleader as _lib
from .election import Election, Term
from .errors import ClosedError
from .events import Event, EventType, Reason
from .leading import RELEASE_SECONDS
from .options import Duration, Options

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec, Unpack

    from .client import Client
    from .pump import Pump

    P = ParamSpec("P")

R = TypeVar("R")


class _Work:
    """on_started_leading, on a thread of its own: it may last as long as the term."""

    def __init__(self, pump: Pump, term: Term, function: Callable[[Term], object]) -> None:
        self.term = term
        self.ended = True  # and has not begun
        self.error: BaseException | None = None
        self._pump = pump
        self._function = function
        self._lock = threading.Lock()
        self.begun = False
        # No daemon: the interpreter's end waits for it, and only then is anything released.
        self._thread = threading.Thread(target=self._run, name=f"k8sleader {term.lock}")

    def start(self) -> None:
        """Whatever comes meanwhile, Ctrl-C or no thread to be had: it works, or it has ended."""
        try:
            self.ended = False
            self._thread.start()
        except BaseException:
            with self._lock:
                self.ended = not self.begun
            raise

    def join(self) -> None:
        if self.begun:
            self._thread.join()

    def _run(self) -> None:
        with self._lock:
            if self.ended:
                return
            self.begun = True
        try:
            self._function(self.term)
        except BaseException as error:  # raised again where run() was called
            self.error = error
        finally:
            self.ended = True
            self._pump.wake()


class _Run:
    def __init__(
        self,
        pump: Pump,
        election: Election,
        on_started_leading: Callable[[Term], object],
        on_stopped_leading: Callable[[Term, Reason | None], object] | None,
        on_new_leader: Callable[[str], object] | None,
    ) -> None:
        self._pump = pump
        self._election = election
        self._on_started = on_started_leading
        self._on_stopped = on_stopped_leading
        self._on_new_leader = on_new_leader
        self._leaders: collections.deque[str] = collections.deque(maxlen=100)
        self._work: _Work | None = None
        self._begun: Term | None = None
        self._over = False

    def note(self, event: Event | None) -> None:
        """[whichever thread delivers]"""
        if event is not None and event.type is EventType.NEW_LEADER and event.key == self._election.key:
            self._leaders.append(event.leader)

    def loop(self) -> None:
        while not self._over:
            try:
                step = self._pump.wait(self._step_due)
            except ClosedError:
                # The client has ended: the drain took too long, or the close did. The work goes on none the less.
                step = self._outlast
            if step is not None:
                step()

    def _outlast(self) -> None:
        self._over = True
        if self._work is not None:
            self._work.join()
            self._end_work()

    # What is to be done next is found while waiting, and done after it: a callback may take its time, and call anything.

    def _close(self) -> None:
        self._over = True

    def _step_due(self) -> Callable[[], None] | None:
        if self._leaders and self._on_new_leader:
            return self._tell_leader
        work = self._work
        if work is not None:
            if work.error is not None and work.term.is_leader:
                return self._election.stop
            return self._end_work if self._stopped(work) else None
        if self._begun is None:
            try:
                self._begun = self._election._begin()
            except ClosedError:
                return self._close
        return self._begin_work if self._begun is not None else None

    def _stopped(self, work: _Work) -> bool:
        """The work has ended, and why it had to is known: the event follows the clock."""
        return work.ended and work.term.stopped.is_set() and (work.term._reason is not None or self._election.closed)

    def _tell_leader(self) -> None:
        leader = self._leaders.popleft()
        if self._on_new_leader:
            self._on_new_leader(leader)

    def _begin_work(self) -> None:
        if self._begun is not None:
            self._work = _Work(self._pump, self._begun, self._on_started)
            self._begun = None
            self._work.start()

    def _end_work(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        reason = work.term.reason
        try:
            if self._on_stopped and work.begun:
                self._on_stopped(work.term, reason)
        except BaseException as error:
            if work.error is not None:
                raise error from work.error
            raise
        finally:
            # Also when that raised: it has ended all the same.
            self._election.hand_back(work.term)
        if work.error is not None:
            raise work.error

    def end(self) -> None:
        """After an exception: the work ends, the lease is released."""
        self._election.stop()
        work = self._work
        if work is not None:
            try:
                self._pump.wait(lambda: self._stopped(work))  # a second Ctrl-C leaves here
            except ClosedError:
                work.join()
        try:
            if work is not None:
                self._end_work()
            elif self._begun is not None:
                self._election.hand_back(self._begun)
        finally:
            self._election.wait_closed(RELEASE_SECONDS)


def run(
    pump: Pump,
    name: str,
    options: Mapping[str, object],
    on_started_leading: Callable[[Term], object],
    on_stopped_leading: Callable[[Term, Reason | None], object] | None,
    on_new_leader: Callable[[str], object] | None,
    rejoin: bool,
) -> None:
    """Stands, and calls back, until the client is closed, the term is stopped, or a callback raises.

    on_started_leading(term) runs on a thread of its own and should end when ``term.stopped`` is set; when it returns earlier
    it still leads, as in client-go. on_stopped_leading(term, reason) is called once that has ended, on the calling thread,
    while the lease is still held if it was a stop; when it returns the lease is released. on_new_leader(identity) is called
    on the calling thread.

    rejoin: after a loss it stands again; otherwise run() returns. An exception in a callback ends the election: the work of
    the term ends, the lease is released, and run() raises it. So does Ctrl-C; a second one does not wait for the work, and
    the lease is not released but runs out.
    """
    election = Election(pump, _lib.K8SLEADER_LEASE, name, options, rejoin)
    running = _Run(pump, election, on_started_leading, on_stopped_leading, on_new_leader)
    pump.listen(running, running.note)
    try:
        running.loop()
    except BaseException:
        if not pump.forked:
            running.end()
        raise
    finally:
        pump.unlisten(running)


@contextlib.contextmanager
def _stopping(terms: list[Term], signals: tuple[int, ...]) -> Iterator[None]:
    """A signal stops the term; before there is one it ends the program."""

    def handle(number: int, _: object) -> None:
        if not terms:
            raise SystemExit(128 + number)
        terms[0].stop()

    if not signals or threading.current_thread() is not threading.main_thread():
        yield  # Python lets only the main thread set handlers
        return
    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: a handler that was not set from Python, and can't be
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def elected(
    name: str,
    client: Client | None = None,
    *,
    timeout: Duration | None = None,
    raise_on_loss: bool = False,
    signals: tuple[int, ...] = (signal.SIGTERM,),
    **options: Unpack[Options],
) -> Callable[[Callable[Concatenate[Term, P], R]], Callable[P, R]]:
    """A decorator: the function is run while leading, with the term as its first argument.

    client: None makes one with defaults for each call. signals: while it runs in the main thread, these set
    ``term.stopped``, so that the function can return and the lease be released; while it still waits for the leadership they
    end the program. The rest as for :meth:`Client.lead`. Since 1.0.
    """

    def decorate(function: Callable[Concatenate[Term, P], R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
            from .client import Client

            with contextlib.ExitStack() as stack:
                terms: list[Term] = []
                stack.enter_context(_stopping(terms, signals))
                used = client if client is not None else stack.enter_context(Client())
                block = used.lead(name, timeout=timeout, raise_on_loss=raise_on_loss, **options)
                term = stack.enter_context(block)
                terms.append(term)
                return function(term, *args, **kwargs)

        return wrapper

    return decorate
