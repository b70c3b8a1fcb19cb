# SPDX-License-Identifier: Apache-2.0
"""Iterating events, and the log."""

from __future__ import annotations

import datetime
import logging

import pytest
from support import PATIENCE, SHORT, await_true, interrupt_soon

from k8sleader import EventType, Reason


def test_events_of_an_election(client, lock):
    with client.events() as stream:
        election = client.stand(lock, identity="me", **SHORT)
        events = []
        while not any(e.type is EventType.STARTED_LEADING for e in events):
            events.append(stream.next(PATIENCE))
        election.finish(PATIENCE)
        while events[-1].type is not EventType.CLOSED:
            events.append(stream.next(PATIENCE))
    terms = [e for e in events if e.type in (EventType.STARTED_LEADING, EventType.STOPPED_LEADING)]
    assert [e.type.value for e in terms] == ["started_leading", "stopped_leading"]
    assert terms[0].token == terms[1].token > 0
    assert terms[1].reason is Reason.STOP
    assert any(e.type is EventType.NEW_LEADER and e.leader == "me" for e in events)
    assert all(e.lock == f"default/{lock}" and e.key == election.key for e in events)
    age = datetime.datetime.now(datetime.timezone.utc) - events[0].time
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5)


def test_a_stream_ends_with_its_election(client, lock):
    election = client.stand(lock, **SHORT)
    stream = election.events()
    assert election.wait(PATIENCE)
    election.finish(PATIENCE)
    assert [e.type for e in stream][-1] is EventType.CLOSED
    with pytest.raises(StopIteration):
        stream.next(0)


def test_a_stream_ends_with_its_client(server):
    with server.client() as client:
        stream = client.events()
    assert list(stream) == []


def test_next_with_a_timeout(client):
    with client.events() as stream:
        assert stream.next(0.05) is None


def test_ctrl_c(client):
    with client.events() as stream:
        timer = interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            next(stream)
        timer.join()


def test_what_nobody_fetches_is_bounded(client, lock):
    with client.events(most=2) as stream:
        election = client.stand(lock, **SHORT)  # kept: with it would go what is not delivered
        assert election.wait(PATIENCE)
        election.finish(PATIENCE)
        await_true(lambda: client.deliver() or stream.dropped > 0)
        assert stream.next(0) is not None
        assert stream.next(0) is not None
    with pytest.raises(ValueError, match="most: 0 leaves no room"):
        client.events(most=0)


def test_logging(server, lock, caplog):
    with caplog.at_level(logging.INFO, logger="k8sleader"), server.client() as client:
        with client.lead(lock, **SHORT):
            pass
    lines = [r for r in caplog.records if r.name == "k8sleader"]
    assert any("started leading" in r.getMessage() and lock in r.getMessage() for r in lines)
    assert all(r.levelno >= logging.INFO for r in lines)
