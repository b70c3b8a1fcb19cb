# SPDX-License-Identifier: Apache-2.0
"""One candidate for one lock, and the term that it leads."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from . import _k8sleader as _lib
from .errors import ClosedError, K8sLeaderError, LeadershipLost, check, take_error
from .events import Event, EventType, Reason
from .options import Duration, make_options, seconds_of
from .stream import MOST, EventStream

if TYPE_CHECKING:
    from ._k8sleader import Pointer
    from .pump import Pump

_NEVER_MS = 2**63 - 1


class _Handle:
    """Frees the C election when nobody can ask it any more. It may be freed while it leads: then nothing is released."""

    __slots__ = ("key", "owned", "pointer", "pump")
    _free = staticmethod(_lib.k8sleader_election_free)  # still there when the interpreter takes its modules down
    _key_of = staticmethod(_lib.election_key)

    pointer: Pointer
    key: int

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        # The library puts it in here: at no moment, and Ctrl-C may come at any, is it nobody's. Then it is freed, too: a
        # candidate that nobody knows would lead without work.
        self.owned: list[Pointer] = []

    def start(self, client: Pointer, options: Pointer) -> None:
        check(*_lib.start_election(client, options, self.owned))
        self.pointer = self.owned[0]
        self.key = self._key_of(self.pointer)

    def free(self) -> None:
        while self.owned:
            pointer = self.owned.pop()
            self.pump.remove(self._key_of(pointer))
            self._free(pointer)

    __del__ = free


class Signal:
    """Something to wait for, with the methods of :class:`threading.Event` that only look: ``is_set`` and ``wait``.

    ``is_set`` answers by the clock, also when no thread takes events. Threads: any. Since 1.0.
    """

    def __init__(self, term: Term, what: str) -> None:
        self._term = term
        self._what = what

    def is_set(self) -> bool:
        """Is it so by now?"""
        return self._term._is_lost() if self._what == "lost" else not self._term.is_leader

    def wait(self, timeout: Duration | None = None) -> bool:
        """Waits until it is set, or the time has passed (seconds, or a timedelta; None: for ever).

        Returns whether it is set; false as well when it will never be: ``lost``, of a term that was handed back before.
        Ctrl-C interrupts it. Raises: ForkedError, ClosedError.
        """
        term = self._term

        def known() -> bool:
            return self.is_set() or term._ended_lost is not None

        term._election._pump.wait(known, seconds_of(timeout, "timeout"))
        return self.is_set()

    def __repr__(self) -> str:
        return f"<{self._what}: {'set' if self.is_set() else 'not set'}>"


class Term:
    """One term of leadership: it is over once and for ever. Threads: any. Since 1.0."""

    def __init__(self, election: Election, token: int, numbered: bool) -> None:
        self._election = election
        self._token = token
        self._numbered = numbered
        self._reason: Reason | None = None
        self._ended_lost: bool | None = None  # decided when the block was left

    # Made when asked for: a term that held them would free the election's handle only with the next garbage collection.

    @property
    def lost(self) -> Signal:
        """Set when the lock was lost. Not set by a stop: then the lock is held until the work has ended."""
        return Signal(self, "lost")

    @property
    def stopped(self) -> Signal:
        """Set when the work is to end: the lock was lost, or somebody asked for a stop."""
        return Signal(self, "stopped")

    @property
    def lock(self) -> str:
        """``"namespace/name"``"""
        return self._election.lock

    @property
    def identity(self) -> str:
        """Who we are in this election."""
        return self._election.identity

    @property
    def is_leader(self) -> bool:
        """May new work be started? By the clock: false from the renew deadline on, and from a stop on. Lock-free."""
        if self._ended_lost is not None:
            return False
        pointer = self._election._handle.pointer
        if not self._numbered:
            return bool(_lib.k8sleader_election_is_leader(pointer))
        return bool(_lib.k8sleader_election_holds(pointer, self._token))

    @property
    def may_finish(self) -> bool:
        """May work that was begun be finished? While the lock is held, also after a stop. Lock-free."""
        if self._ended_lost is not None:
            return False
        pointer = self._election._handle.pointer
        if not self._numbered:
            return _lib.k8sleader_election_time_left_ms(pointer) > 0
        return bool(_lib.k8sleader_election_may_finish(pointer, self._token))

    @property
    def fencing_token(self) -> int:
        """Grows with every acquisition of the lock: hand it to whatever you write to, and let that refuse smaller ones.

        Raises: ElectionError when the server's resource versions are no numbers.
        """
        if not self._numbered:
            raise take_error(_lib.K8SLEADER_ERR_FENCING_TOKEN, None)
        return self._token

    @property
    def time_left(self) -> float:
        """Seconds until the renew deadline, while the lock is held, also after a stop; else 0. In leader-for-life: infinity."""
        return self._seconds(_lib.k8sleader_election_time_left_ms) if self.may_finish else 0.0

    @property
    def grace_left(self) -> float:
        """Seconds until guarded work must be dead; it counts on after a loss. In leader-for-life: infinity, 0 after a loss."""
        return self._seconds(_lib.k8sleader_election_grace_left_ms) if self._ended_lost is not False else 0.0

    @property
    def reason(self) -> Reason | None:
        """Why the term ended or is to end; None while it goes on."""
        if self._reason is None and not self.is_leader:
            self._election._pump.deliver()
        return self._reason

    def stop(self) -> None:
        """Asks the work to end: ``stopped`` is set, the lock is held until the block is left. Returns at once."""
        self._election.stop()

    def hand_back(self) -> None:
        """The work of this term has ended: for terms without a block. See :meth:`Election.hand_back`."""
        self._election.hand_back(self)

    def check(self) -> None:
        """Raises LeadershipLost unless new work may be started."""
        if not self.is_leader:
            raise self._loss()

    def _loss(self) -> LeadershipLost:
        reason = self.reason
        return LeadershipLost(f"{self.lock} is not led any more{f' ({reason.value})' if reason else ''}", reason)

    def _seconds(self, ask: Callable[[Pointer], int]) -> float:
        ms = ask(self._election._handle.pointer)
        return math.inf if ms == _NEVER_MS else max(ms, 0) / 1000

    def _is_lost(self) -> bool:
        may_finish = self.may_finish
        # Looked at behind it: what was handed back meanwhile is not held any more either, and that is noted before.
        return not may_finish if self._ended_lost is None else self._ended_lost

    def __repr__(self) -> str:
        state = "leads" if self.is_leader else "lost" if self._is_lost() else "is to end"
        return f"<Term {self._token} of {self.lock}: {state}>"


class Election:
    """A candidate: stands until it is stopped. Made by :meth:`Client.stand`. Threads: any. Since 1.0."""

    def __init__(self, pump: Pump, mode: int, name: str, options: Mapping[str, object], rejoin: bool = True) -> None:
        pump.check()
        self._pump = pump
        self._lock = threading.Lock()
        # The term that was given out, by its token. The object is not held: it holds this one, and the handle is to be
        # freed without a garbage collection.
        self._led: tuple[int, bool] | None = None
        self._last: weakref.ref[Term] | None = None
        made = make_options(mode, name, options)
        self._handle = _Handle(pump)
        try:
            _lib.k8sleader_options_set_rejoin(made, rejoin)
            with pump.quiet, pump.using() as client:  # no event of it is delivered before it is known
                self._handle.start(client, made)
                self.key = self._handle.key
                self.lock = _lib.k8sleader_election_lock(self._handle.pointer)
                """``"namespace/name"``"""
                self.identity = _lib.k8sleader_election_identity(self._handle.pointer)
                """Who we are."""
                pump.add(self)
        except BaseException:
            self._handle.free()  # now: who keeps the exception keeps this object with it
            raise
        finally:
            _lib.k8sleader_options_free(made)

    # ---- what may be asked ----

    @property
    def leader(self) -> str:
        """The identity of the last known leader, perhaps our own; "" for none."""
        return _lib.election_leader(self._handle.pointer) or ""

    @property
    def is_leader(self) -> bool:
        """May new work be started? By the clock, lock-free."""
        return bool(_lib.k8sleader_election_is_leader(self._handle.pointer))

    @property
    def closed(self) -> bool:
        """The candidacy has ended, and with it any release; or the client has."""
        if self._pump.pointer is None:
            return True
        return _lib.k8sleader_election_wait(self._handle.pointer, 0) == _lib.K8SLEADER_ERR_CLOSED

    # ---- a term ----

    def wait(self, timeout: Duration | None = None) -> Term | None:
        """Waits until it leads: the term, or None when the time has passed (seconds, or a timedelta; None: for ever).

        From then on the term is the caller's, to be ended by :meth:`hand_back`. A term that was lost before anybody has got
        it is handed back by itself. Ctrl-C interrupts it. Raises: ClosedError, ForkedError.
        """
        return self._pump.wait(self._begin, seconds_of(timeout, "timeout"))

    def hand_back(self, term: Term) -> None:
        """The work of that term has ended: after a stop the lock is released, after a loss it stands again.

        Before any stop it does nothing. Idempotent. Returns at once.
        """
        self._pump.check_process()  # a child must not touch the lock: another thread of the parent may have held it
        with self._lock:
            # Asked before: the release may be quicker than the next line. And asked once: what the library takes for the
            # end of the term must be what is noted here.
            if term.is_leader:
                return
            lost = term._is_lost()
            given = self._led is not None and self._led[0] == term._token
            if given:
                # Noted before the library is told: from then on the lock is held no more, which would pass for a loss.
                term._ended_lost = lost
            try:
                check(_lib.k8sleader_election_drained(self._handle.pointer, term._token))
            except K8sLeaderError:  # not what comes between two lines, as Ctrl-C does: the library may know of it then
                if given:
                    term._ended_lost = None
                raise
            if given:
                self._led = None
        self._pump.wake()

    def stop(self) -> None:
        """Ends the candidacy. A leader goes on to hold the lock until the term is handed back. Returns at once."""
        check(_lib.k8sleader_election_stop(self._handle.pointer))
        self._pump.wake()

    def wait_closed(self, timeout: Duration | None = None) -> bool:
        """Waits until the candidacy has ended, and with it the release. Returns whether it has. Ctrl-C interrupts it."""
        return self._pump.wait(lambda: self.closed, seconds_of(timeout, "timeout"))

    def give_up(self, working: bool = False) -> None:
        """Stop, and hand back what is led: for whoever knows that no work is left. Returns at once.

        working: a term that was given out stays what it is, since its work may go on.
        """
        self.stop()
        with self._lock:
            # From the stop on no term is given out any more.
            if working and self._led is not None:
                return
            # Led, but given to nobody: its work has ended, since it has never begun.
            led = self._led or self._ask_token()
            term = self._current(*led) if led else None
        if term is not None:
            self.hand_back(term)

    def finish(self, timeout: float | None) -> bool:
        """give_up(), and wait. Returns whether all has ended."""
        self.give_up()
        return self.wait_closed(timeout)

    def _begin(self) -> Term | None:
        """The term that began, if one has. Asked again before it was handed back: the same."""
        with self._lock:
            if self._led is not None:
                return self._current(*self._led)
        state = _lib.k8sleader_election_wait(self._handle.pointer, 0)
        if state == _lib.K8SLEADER_ERR_CLOSED:
            raise ClosedError(f"{self.lock}: the candidacy was ended", _lib.K8SLEADER_ERR_CLOSED)
        check(state)
        if state != 1:
            return None
        with self._lock:
            led = self._led or self._ask_token()
            if led is None:
                return None  # lost since
            term = self._current(*led)
            if self._led is None and not term.is_leader:
                return None  # the pump may have handed it back already
            self._led = led
            return term

    def _current(self, token: int, numbered: bool) -> Term:
        """The term of that token, as it was given before, if anybody has it still."""
        term = self._last() if self._last else None
        if term is None or term._token != token or term._ended_lost is not None:
            term = Term(self, token, numbered)
            self._last = weakref.ref(term)
        return term

    def _ask_token(self) -> tuple[int, bool] | None:
        """The token of the term, and whether it has one; None when nothing is held."""
        code, token, error = _lib.k8sleader_election_fencing_token(self._handle.pointer)
        if error is not None:
            _lib.k8sleader_error_free(error)
        if code == _lib.K8SLEADER_ERR_FENCING_TOKEN:
            return 0, False
        return (token, True) if code == 0 else None

    def note(self, event: Event) -> None:
        """[the pump] What happened."""
        if event.type not in (EventType.STOPPED_LEADING, EventType.LOST_DURING_DRAIN):
            return
        with self._lock:
            last = self._last() if self._last else None
            if last is not None and last._token == event.token:
                last._reason = event.reason
            given = self._led is not None and self._led[0] == event.token
            if event.type is EventType.STOPPED_LEADING and not given:
                _lib.k8sleader_election_drained(self._handle.pointer, event.token)

    # ---- events ----

    def events(self, *, most: int = MOST) -> EventStream:
        """What happens in this election from now on, until it is closed. See :meth:`Client.events`."""
        return EventStream(self._pump, self, most)

    def __repr__(self) -> str:
        return f"<Election {self.lock} as {self.identity}>"
