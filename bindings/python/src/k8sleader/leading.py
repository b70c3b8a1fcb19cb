# SPDX-License-Identifier: Apache-2.0
"""``with client.lead(name) as term:``"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from . import _k8sleader as _lib
from .election import Election, Term
from .errors import WaitTimeout
from .events import LOGGER

if TYPE_CHECKING:
    from .pump import Pump

RELEASE_SECONDS = 5.0
"""How long leaving a block waits for the answer to the release. It is written at once; this only bounds a dead network."""


class Block:
    """What the blocks of threads and of asyncio share: an election for one term."""

    def __init__(
        self, pump: Pump, name: str, options: Mapping[str, object], timeout: float | None, raise_on_loss: bool
    ) -> None:
        self._pump = pump
        self._name = name
        self._options = options
        self._timeout = timeout
        self._raise_on_loss = raise_on_loss
        self._election: Election | None = None
        self._term: Term | None = None

    def _stand(self) -> Election:
        if self._election is not None:
            raise RuntimeError("this block is in use: call lead() for each")
        self._election = Election(self._pump, _lib.K8SLEADER_LEASE, self._name, self._options)
        return self._election

    def _timed_out(self, election: Election) -> WaitTimeout:
        leader = election.leader
        led = f"led by {leader}" if leader else "not to be had"
        return WaitTimeout(f"{election.lock} is {led}: not leader within {self._timeout:g} s", _lib.K8SLEADER_ERR_TIMEOUT)

    def _work_ended(self) -> tuple[Election, Term]:
        """The block was left: no more work, so the lock is given back."""
        election, term = self._election, self._term
        assert election is not None and term is not None
        self._election = self._term = None
        election.stop()
        election.hand_back(term)
        return election, term


class Leading(Block):
    """The block of :meth:`Client.lead`."""

    def __enter__(self) -> Term:
        election = self._stand()
        try:
            term = election.wait(self._timeout)
            if term is None:
                raise self._timed_out(election)
            self._term = term
            return term
        except BaseException:
            self._election = None
            # Nothing was begun, so what may have been won meanwhile is given back.
            if not self._pump.forked:
                election.finish(RELEASE_SECONDS)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pump.forked:
            return  # a child left the parent's block: the lock is the parent's, and its work goes on
        election, term = self._work_ended()
        if not election.wait_closed(RELEASE_SECONDS):
            LOGGER.warning("%s: no answer to the release in time; it may have to run out", election.lock)
        if self._raise_on_loss and error is None and term.lost.is_set():
            raise term._loss()
