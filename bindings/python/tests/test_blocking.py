# SPDX-License-Identifier: Apache-2.0
"""Every call that blocks: Ctrl-C ends it, other threads go on meanwhile, and no foreign thread comes to Python."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading

import pytest
from support import PATIENCE, SHORT, await_true, holder

import k8sleader


class Blocked:
    """A client whose lock is led elsewhere, and one that leads and has not handed back."""

    def __init__(self, server, lock):
        self.other = server.client()
        self.elsewhere = self.other.stand(lock, identity="elsewhere", **SHORT)
        assert self.elsewhere.wait(PATIENCE)
        self.client = server.client()
        self.lock = lock
        self.candidate = self.client.stand(lock, **SHORT)
        self.leader = self.client.stand(f"{lock}-2", **SHORT)
        self.term = self.leader.wait(PATIENCE)
        assert self.term

    def end(self):
        self.term.stop()
        self.term.hand_back()
        self.client.close(PATIENCE)
        self.elsewhere.finish(PATIENCE)
        self.other.close(PATIENCE)


@pytest.fixture
def blocked(server, lock):
    blocked = Blocked(server, lock)
    yield blocked
    blocked.end()


def lead(blocked):
    with blocked.client.lead(blocked.lock, **SHORT):
        pytest.fail("two lead")


def run(blocked):
    blocked.client.run(blocked.lock, on_started_leading=lambda term: None, **SHORT)


def wait_closed(blocked):
    blocked.candidate.wait_closed()


def finish(blocked):
    blocked.leader.stop()
    blocked.leader.wait_closed()


def all_events(blocked):
    for event in blocked.candidate.events():  # the first may be of its start
        assert event.type is not k8sleader.EventType.STARTED_LEADING


CALLS = {
    "lead": lead,
    "run": run,
    "wait": lambda blocked: blocked.candidate.wait(),
    "wait with a timeout": lambda blocked: blocked.candidate.wait(PATIENCE),
    "wait_closed": wait_closed,
    "wait_closed of a leader that drains": finish,
    "events": all_events,
    "lost": lambda blocked: blocked.term.lost.wait(),
    "stopped": lambda blocked: blocked.term.stopped.wait(),
    "elected": lambda blocked: k8sleader.elected(blocked.lock, blocked.client, **SHORT)(lambda term: None)(),
    "close": lambda blocked: blocked.client.close(),
}


def once_it_waits(client, action):
    """Does it when the main thread sleeps in the library."""
    main = threading.main_thread().ident

    def watch():
        await_true(lambda: client._pump._pumping_thread == main)
        action()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c(server, blocked, name):
    blocked.client.deliver()
    thread = once_it_waits(blocked.client, ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        CALLS[name](blocked)
    thread.join(PATIENCE)
    assert holder(server, blocked.lock) == "elsewhere"
    if name not in ("close", "wait_closed of a leader that drains"):
        assert blocked.term.is_leader  # what else this client does goes on


@pytest.mark.parametrize("name", ["lead", "wait", "events", "lost", "close"])
def test_ctrl_c_while_another_thread_is_the_pump(blocked, name):
    pumping = threading.Thread(target=lambda: blocked.term.lost.wait())
    pumping.start()
    await_true(lambda: blocked.client._pump._pumping_thread == pumping.ident)
    sleeping = blocked.client._pump._changed._waiters

    def interrupt():
        await_true(lambda: len(sleeping) > 0)
        ctrl_c()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        CALLS[name](blocked)
    thread.join(PATIENCE)
    blocked.term.stop()
    blocked.term.hand_back()
    pumping.join(PATIENCE)
    assert not pumping.is_alive()


def test_ctrl_c_in_become(server, lock, pod, monkeypatch):
    first, second = pod("a"), pod("b")
    first.is_ours(monkeypatch)
    with server.client() as one:
        held = one.stand(lock, for_life=True)
        assert held.wait(PATIENCE)
        second.is_ours(monkeypatch)
        with server.client() as client:
            thread = once_it_waits(client, ctrl_c)
            with pytest.raises(KeyboardInterrupt):
                client.become(lock)
            thread.join(PATIENCE)
        held.finish(PATIENCE)


@pytest.mark.parametrize("name", ["wait", "lost", "events", "close"])
def test_other_threads_go_on_meanwhile(blocked, name):
    """The call ends only by what another thread of Python does while it blocks."""
    done = []

    def work():
        for number in range(100_000):
            done.append(number)
        blocked.term.stop()
        blocked.term.hand_back()
        blocked.elsewhere.finish(PATIENCE)

    thread = once_it_waits(blocked.client, work)
    if name == "lost":
        assert not blocked.term.lost.wait(PATIENCE)  # handed back: it will never be
    elif name == "events":
        assert k8sleader.EventType.STOPPED_LEADING in (event.type for event in blocked.leader.events())
    elif name == "wait":
        assert blocked.candidate.wait(PATIENCE)
        assert blocked.candidate.finish(PATIENCE)
    else:
        blocked.client.close(PATIENCE)
    thread.join(PATIENCE)
    assert len(done) == 100_000


def test_other_threads_go_on_while_the_server_is_asked(embedded, client):
    embedded.fault(verb="list", resource="leases", action="delay", delay_ms=1000)
    asked = threading.Event()
    ticks = []

    def tick():
        while not asked.is_set():
            ticks.append(1)
            asked.wait(0.01)

    thread = threading.Thread(target=tick)
    thread.start()
    client.locks()
    asked.set()
    thread.join(PATIENCE)
    assert len(ticks) > 10


def test_no_thread_of_the_library_comes_to_python(server, lock):
    seen, frames = set(), []

    def note(*_):
        seen.add(threading.get_ident())
        frames.append(set(sys._current_frames()))

    handler = logging.Handler()
    handler.emit = note
    logger = logging.getLogger("k8sleader")
    logger.addHandler(handler)
    try:
        with server.client(log_level=logging.DEBUG) as client:
            client._pump.listen("test", note)
            native = len(os.listdir("/proc/self/task"))
            assert native > threading.active_count()  # it has one of its own
            for number in range(5):
                with client.lead(f"{lock}-{number}", **SHORT) as term:
                    assert term.is_leader
            client._pump.unlisten("test")
    finally:
        logger.removeHandler(handler)
    assert seen == {threading.get_ident()}
    known = {thread.ident for thread in threading.enumerate()}
    assert set.union(*frames) <= known
    assert not any(isinstance(thread, threading._DummyThread) for thread in threading.enumerate())
