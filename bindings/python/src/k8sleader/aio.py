# SPDX-License-Identifier: Apache-2.0
"""``async with client.alead(name) as term:``, on the loop's own readiness of the client's descriptor: no thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from . import _k8sleader as _lib
from .election import Election, Term
from .errors import ClosedError
from .events import LOGGER, Event
from .leading import RELEASE_SECONDS, Block

if TYPE_CHECKING:
    from .pump import Pump

T = TypeVar("T")


def _soon(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """From any thread. A loop that was closed has nobody to tell."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


class Reader:
    """The running loop delivers a client's events as long as one of these is open. All of a loop share its registration."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._loop = asyncio.get_running_loop()
        if pump.add_reader(self._loop) == 1:
            try:
                self._loop.add_reader(pump.fileno(), self._readable)
            except BaseException:  # a loop without add_reader
                pump.remove_reader(self._loop)
                raise

    def _readable(self) -> None:
        self._pump.deliver()
        if self._pump.over:
            # From now on it is always readable.
            self._loop.remove_reader(self._pump.fileno())

    def close(self) -> None:
        if self._pump.forked:
            return
        if self._pump.readers(self._loop) == 1:
            self._loop.remove_reader(self._pump.fileno())
        self._pump.remove_reader(self._loop)


async def until(pump: Pump, done: Callable[[], T], timeout: float | None = None, past_the_end: bool = False) -> T:
    """Pump.wait for a task; a Reader of this loop must be open. Cancelling it leaves nothing behind."""
    loop = asyncio.get_running_loop()
    changed = asyncio.Event()
    late = False

    def look(event: Event | None) -> None:  # on whichever thread delivers
        if event is None:
            _soon(loop, changed.set)

    def end() -> None:
        nonlocal late
        late = True
        changed.set()

    timer = None if timeout is None else loop.call_later(timeout, end)
    pump.listen(look, look)
    try:
        while True:
            changed.clear()
            result = done()
            if result or late:
                return result
            if pump.over and not past_the_end:
                raise ClosedError("the client was closed meanwhile", _lib.K8SLEADER_ERR_CLOSED)
            # Not wait_for(): before Python 3.12 it may lose a cancellation that comes together with the result.
            await changed.wait()
    finally:
        pump.unlisten(look)
        if timer is not None:
            timer.cancel()


class AsyncLeading(Block):
    """The block of :meth:`Client.alead`."""

    _task: asyncio.Task[object]

    async def __aenter__(self) -> Term:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("async with client.alead() belongs into a task")
        self._pump.check()
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._cancelled = False
        self._reader = Reader(self._pump)
        try:
            self._term = await self._acquire()
        except BaseException:
            self._election = None
            self._reader.close()
            raise
        self._cancelling = task.cancelling() if hasattr(task, "cancelling") else 0
        self._pump.listen(self, self._look)
        self._look(None)  # it may have ended since
        return self._term

    async def _acquire(self) -> Term:
        election = self._stand()
        try:
            term = await until(self._pump, election._begin, self._timeout)
            if term is None:
                raise self._timed_out(election)
            return term
        except BaseException:
            # Nothing was begun, so what may have been won meanwhile is given back.
            if not self._pump.forked:
                election.give_up()
                await self._closed(election)
            raise

    async def _closed(self, election: Election) -> None:
        if not await until(self._pump, lambda: election.closed, RELEASE_SECONDS):
            LOGGER.warning("%s: no answer to the release in time; it may have to run out", election.lock)

    # ---- the guard ----

    def _look(self, event: Event | None) -> None:
        """[whichever thread delivers]"""
        term = self._term  # once: the loop's thread may be leaving the block
        if event is None and term is not None and term.stopped.is_set():
            _soon(self._loop, self._cancel)

    def _cancel(self) -> None:
        """[the loop] Its task waits somewhere in the block, and is told there."""
        # Asked again: the block may have been left since, and be in use for another term.
        if self._term is not None and not self._cancelled and self._term.stopped.is_set():
            self._cancelled = True
            self._task.cancel()

    def _was_for_us(self, kind: type[BaseException] | None) -> bool:
        """The cancellation that ends the block is ours alone."""
        if not self._cancelled:
            return False
        others = 0
        if hasattr(self._task, "uncancel"):
            others = self._task.uncancel() - self._cancelling
        return others <= 0 and kind is not None and issubclass(kind, asyncio.CancelledError)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._pump.forked:
            return False
        self._pump.unlisten(self)
        ours = self._was_for_us(kind)
        election, term = self._work_ended()
        try:
            await self._closed(election)
        finally:
            self._reader.close()
        if self._raise_on_loss and (error is None or ours) and term.lost.is_set():
            raise term._loss() from None
        return ours


def runs_here(pump: Pump) -> bool:
    """A loop that runs on this thread delivers the client's events."""
    try:
        return pump.readers(asyncio.get_running_loop()) > 0
    except RuntimeError:
        return False


async def close(pump: Pump) -> None:
    """Client.close() for a task."""
    loop = asyncio.get_running_loop()
    reader = Reader(pump)
    pump.closers[loop] = pump.closers.get(loop, 0) + 1
    try:
        with pump.using() as pointer:
            _lib.k8sleader_client_close(pointer)
        await until(pump, lambda: pump.over and pump.readers(loop) == pump.closers[loop], past_the_end=True)
    finally:
        reader.close()
        pump.closers[loop] -= 1
        # The last of several: before, it would wait for the others, and they run on this thread.
        if pump.over and pump.readers(loop) == 0:
            pump.closers.pop(loop)
            pump.free()
