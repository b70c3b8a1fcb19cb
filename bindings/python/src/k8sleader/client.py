# SPDX-License-Identifier: Apache-2.0
"""One cluster, and any number of elections."""

from __future__ import annotations

import contextlib
import datetime
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from . import _k8sleader as _lib
from . import aio, ending
from .aio import AsyncLeading
from .configuration import make_config
from .election import Election, Term
from .errors import ClosedError, WaitTimeout, check, no_memory, take_error
from .events import LOGGER, Event, Reason, c_log_level
from .leading import Leading
from .options import Duration, Options, milliseconds, optional_text, seconds_of
from .pump import Pump
from .run import run
from .stream import MOST, EventStream

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._k8sleader import Pointer

_NOT_RECORDED = -(2**63)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


@dataclass(frozen=True)
class Lock:
    """Who holds a lock, as the server said it once. Since 1.0."""

    name: str
    """Of the lock."""
    namespace: str
    """Where it is."""
    holder: str
    """The recorded holder, "" for none. It may be dead: see renew_time."""
    acquire_time: datetime.datetime | None
    """By the holder's clock."""
    renew_time: datetime.datetime | None
    """By the holder's clock."""
    lease_duration: datetime.timedelta
    """How long it stays taken without a renewal."""
    transitions: int
    """How often it changed hands."""


class Client:
    """One cluster, one connection pool, any number of elections. Threads: any. Since 1.0.

    Inside a Pod it finds the service account, elsewhere the kubeconfig (``KUBECONFIG``, ``~/.kube/config``). Making one does
    not wait for the server.

    config_file, context: as for ``kubernetes.config.load_kube_config``.
    configuration: a ``kubernetes.client.Configuration`` instead. Its token is taken once, unless it is the service account's.
    namespace: the default of all elections of this client.
    log_level: of :mod:`logging`; what is below is not made. Default: the level of the logger ``k8sleader`` now. Lines are
        logged by whichever thread waits in a call of this client.

    Raises: ConfigError.
    """

    def __init__(
        self,
        config_file: str | os.PathLike[str] | None = None,
        context: str | None = None,
        *,
        configuration: Any = None,
        namespace: str | None = None,
        log_level: int | None = None,
    ) -> None:
        level = LOGGER.getEffectiveLevel() if log_level is None else log_level
        config = make_config(config_file, context, configuration, c_log_level(level))
        code, pointer, error = _lib.k8sleader_client_new(config)
        if pointer is None:
            _lib.k8sleader_config_free(config)  # consumed on success only
            raise take_error(code, error)
        self._pump = Pump(pointer)
        self._namespace = namespace
        ending.watch(self._pump)

    # ---- leader-with-lease ----

    def lead(
        self,
        name: str,
        *,
        timeout: Duration | None = None,
        raise_on_loss: bool = False,
        **options: Unpack[Options],
    ) -> Leading:
        """``with client.lead("web") as term:`` waits until leader, and runs the block as the leader.

        Leaving the block, by its end or by an exception, says that the work has ended: the lease is released, and the next
        leader starts. While it runs, ask ``term.is_leader`` before each piece of work, or wait for ``term.stopped``.

        timeout: how long to wait for the leadership (seconds, or a timedelta). raise_on_loss: leaving the block raises
        LeadershipLost when the lease was lost meanwhile. Ctrl-C interrupts the wait.
        Raises: WaitTimeout, OptionError, ClosedError, ForkedError.
        """
        return Leading(self._pump, name, self._with_namespace(options), seconds_of(timeout, "timeout"), raise_on_loss)

    def alead(
        self,
        name: str,
        *,
        timeout: Duration | None = None,
        raise_on_loss: bool = False,
        **options: Unpack[Options],
    ) -> AsyncLeading:
        """``async with client.alead("web") as term:``, the same for asyncio, without threads.

        When the lease is lost, or a stop is asked for, the task in the block is cancelled; the cancellation ends with the
        block, as that of ``asyncio.timeout`` does.
        """
        return AsyncLeading(self._pump, name, self._with_namespace(options), seconds_of(timeout, "timeout"), raise_on_loss)

    def run(
        self,
        name: str,
        *,
        on_started_leading: Callable[[Term], object],
        on_stopped_leading: Callable[[Term, Reason | None], object] | None = None,
        on_new_leader: Callable[[str], object] | None = None,
        rejoin: bool = True,
        **options: Unpack[Options],
    ) -> None:
        """Stands, and calls back, until stopped; see :func:`k8sleader.run.run`."""
        run(
            self._pump,
            name,
            self._with_namespace(options),
            on_started_leading,
            on_stopped_leading,
            on_new_leader,
            rejoin,
        )

    def stand(self, name: str, *, for_life: bool = False, **options: Unpack[Options]) -> Election:
        """Stands as a candidate, and returns at once: for many elections, or an own loop.

        for_life: leader-for-life, see :meth:`become`. Unlike that it goes on after every error, as with a lease.

        Wait for a term with :meth:`Election.wait`, give it back with :meth:`Election.hand_back`. An election that is
        forgotten while it leads is not released: its lease runs out. Raises: OptionError, ClosedError, ForkedError.
        """
        mode = _lib.K8SLEADER_FOR_LIFE if for_life else _lib.K8SLEADER_LEASE
        return Election(self._pump, mode, name, self._with_namespace(options))

    # ---- leader-for-life ----

    def become(self, lock: str, *, timeout: Duration | None = None, **options: Unpack[Options]) -> Term:
        """Waits until this Pod is the leader for life, as operator-lib's ``leader.Become`` does.

        Who we are comes from POD_NAME, POD_UID and POD_NAMESPACE; outside a cluster it leads at once. The lock is given up
        only by the Pod's end; should it be taken away by hand, ``term.lost`` tells. Ctrl-C interrupts the wait.
        Raises: WaitTimeout; ElectionError, RequestError and ConfigError for what waiting does not mend.
        """
        election = Election(self._pump, _lib.K8SLEADER_FOR_LIFE, lock, self._with_namespace(options), rejoin=False)
        errors: list[Exception] = []

        def note(event: Event | None) -> None:
            if event is not None and event.key == election.key and event.error and not event.error.retriable:
                errors.append(event.error)

        def begun() -> Term | BaseException | None:
            return election._begin() or (errors[0] if errors else None)

        self._pump.listen(note, note)
        try:
            result = self._pump.wait(begun, seconds_of(timeout, "timeout"))
            if isinstance(result, BaseException):
                raise result
            if result is None:
                raise WaitTimeout(
                    f"{election.lock} is led by {election.leader or 'nobody'}: not leader in time",
                    _lib.K8SLEADER_ERR_TIMEOUT,
                )
            return result
        except BaseException:
            if not self._pump.forked:
                election.stop()
            raise
        finally:
            self._pump.unlisten(note)

    # ---- what happens, and who leads ----

    def events(self, *, most: int = MOST) -> EventStream:
        """``for event in client.events():`` what happens in all elections from now on, until the client is closed.

        most: how many events that nobody fetches are kept, the latest; with thousands of elections some for each. Raises:
        ValueError, ForkedError.

        Of an election that is forgotten, or whose block was left, what was not delivered yet is left out.
        """
        self._pump.check()
        return EventStream(self._pump, None, most)

    def locks(
        self,
        name: str | None = None,
        *,
        namespace: str | None = None,
        lock_resource: str | None = None,
        timeout: Duration = 10.0,
    ) -> list[Lock]:
        """Asks the server once who holds the locks of a namespace. name: only that one.

        Blocks for timeout at most. Ctrl-C interrupts it. Raises: RequestError, WaitTimeout, OptionError, ClosedError,
        ForkedError.
        """
        bound = milliseconds(timeout, "timeout")
        resource = optional_text(lock_resource, "lock_resource")
        where = optional_text(namespace or self._namespace, "namespace")
        which = optional_text(name, "name")
        self._pump.check()
        answer: list[list[Lock] | BaseException] = []

        def ask() -> None:
            try:
                with self._pump.using() as pointer:
                    code, found, error = _lib.k8sleader_client_list_locks(pointer, resource, where, which, bound)
                answer.append(_take_locks(code, found, error))
            except BaseException as raised:  # raised again below
                answer.append(raised)

        # The C call can't be interrupted: beside it, this thread can.
        thread = threading.Thread(target=ask, name="k8sleader locks")
        thread.start()
        thread.join()
        result = answer[0]
        if isinstance(result, BaseException):
            raise result
        return result

    # ---- the end ----

    def close(self, timeout: Duration | None = None) -> None:
        """Stops all elections, waits until their work was handed back and the leases are released, and ends the client.

        Not inside a block of this client in the same thread: it would wait for its own end. Each drain is bounded by its
        drain timeout; timeout bounds the whole (seconds, or a timedelta). What is not handed back then is not released, but
        runs out. Again is fine. Ctrl-C interrupts it. Threads: any.
        """
        if self._pump.forked or self._pump.pointer is None:
            return
        bound = seconds_of(timeout, "timeout")
        if aio.runs_here(self._pump):
            raise RuntimeError("asyncio tasks of this thread use the client: await client.aclose() instead")
        with contextlib.suppress(ClosedError), self._pump.using() as pointer:  # another thread may be faster
            _lib.k8sleader_client_close(pointer)
        deadline = None if bound is None else time.monotonic() + bound
        while not self._pump.over and (deadline is None or time.monotonic() < deadline):
            left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
            self._pump.wait(lambda: self._pump.over, left)
        self._pump.free()
        ending.forget(self._pump)

    async def aclose(self) -> None:
        """The same for asyncio: the blocks of the other tasks are cancelled, and end first."""
        if not self._pump.forked and self._pump.pointer is not None:
            await aio.close(self._pump)
            ending.forget(self._pump)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def fileno(self) -> int:
        """A descriptor that is readable while events wait, for an own loop; then call :meth:`deliver`."""
        return self._pump.fileno()

    def deliver(self) -> None:
        """Takes the events that wait, and returns at once: log lines are logged, who waits is woken. Threads: any."""
        self._pump.check()
        self._pump.deliver()

    def _with_namespace(self, options: Options) -> Mapping[str, object]:
        given = cast("dict[str, object]", dict(options))
        if self._namespace is not None and given.get("namespace") is None:
            given["namespace"] = self._namespace
        return given

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Client belongs to its process: make another where you want to use it")


def _time(microseconds: int) -> datetime.datetime | None:
    if microseconds == _NOT_RECORDED:
        return None
    return _EPOCH + datetime.timedelta(microseconds=microseconds)


def _take_locks(code: int, found: Pointer | None, error: Pointer | None) -> list[Lock]:
    check(code, error)
    if found is None:
        no_memory()
    try:
        return [_lock(found, i) for i in range(_lib.k8sleader_lock_list_count(found))]
    finally:
        _lib.k8sleader_lock_list_free(found)


def _lock(found: Pointer, i: int) -> Lock:
    return Lock(
        name=_lib.k8sleader_lock_list_name(found, i),
        namespace=_lib.k8sleader_lock_list_namespace(found, i),
        holder=_lib.k8sleader_lock_list_holder(found, i),
        acquire_time=_time(_lib.k8sleader_lock_list_acquire_time_us(found, i)),
        renew_time=_time(_lib.k8sleader_lock_list_renew_time_us(found, i)),
        lease_duration=datetime.timedelta(milliseconds=_lib.k8sleader_lock_list_lease_duration_ms(found, i)),
        transitions=_lib.k8sleader_lock_list_transitions(found, i),
    )
