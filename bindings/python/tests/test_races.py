# SPDX-License-Identifier: Apache-2.0
"""What happens at the worst moment: that moment is made here, and not waited for."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest
from support import PATIENCE, SHORT, await_true, holder, run_script, steal
from test_processes import PRELUDE, in_child

import k8sleader
from k8sleader import _k8sleader as lib


def test_the_end_of_an_asyncio_block_beside_a_thread_that_delivers(server, client, lock, monkeypatch):
    """The term goes between two looks at it: the thread that delivers must not fail of that."""

    async def main():
        block = client.alead(lock, **SHORT)
        async with block as term:
            looks = iter([term, None])
            monkeypatch.setattr(type(block), "_term", property(lambda self: next(looks, None), lambda *_: None), raising=False)
            block._look(None)
            monkeypatch.undo()
            block._term = term

    asyncio.run(main())


def test_closing_twice_at_once(server):
    async def main():
        client = server.client()
        await asyncio.wait_for(asyncio.gather(client.aclose(), client.aclose(), client.aclose()), PATIENCE)
        assert client._pump.pointer is None

    asyncio.run(main())


def test_a_close_that_is_cancelled_beside_another(server):
    async def main():
        client = server.client()
        first, second = (asyncio.ensure_future(client.aclose()) for _ in range(2))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait_for(first, PATIENCE)
        assert client._pump.pointer is None

    asyncio.run(main())


def test_closing_a_stream_wakes_who_waits_in_it(client):
    stream = client.events()
    got = []
    thread = threading.Thread(target=lambda: got.extend(stream))
    thread.start()
    await_true(lambda: client._pump._pumping_thread == thread.ident)
    stream.close()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert got == []


def test_the_last_events_are_delivered_before_the_end_is_told(server, lock):
    """One thread takes the last events, and is slow to hand them out; another one must not think that there are none."""
    client = server.client()
    election = client.stand(lock, **SHORT)
    assert election.wait(PATIENCE)
    client.deliver()
    stream = election.events()
    taken, go_on = threading.Event(), threading.Event()

    def slow(event):
        if event is not None:
            taken.set()
            go_on.wait(PATIENCE)

    client._pump._listeners = {"slow": slow, **client._pump._listeners}
    election.give_up()
    with client._pump.using() as pointer:
        lib.k8sleader_client_close(pointer)

        def taken_all():
            # Without Python's delivery: until the library has said that it was the last.
            return lib.k8sleader_election_wait(election._handle.pointer, 0) == lib.K8SLEADER_ERR_CLOSED

        await_true(taken_all)
    deliverer = threading.Thread(target=client.deliver)
    deliverer.start()
    assert taken.wait(PATIENCE)
    threading.Timer(0.3, go_on.set).start()
    types = [event.type for event in stream]
    assert types[-1] is k8sleader.EventType.CLOSED
    deliverer.join(PATIENCE)
    client.close()


def test_a_logging_filter_that_raises_does_so_once(server, lock):
    """The line is gone, and the next delivery goes on behind it."""
    with server.client(log_level=logging.INFO) as client:
        calls = []

        def fail(record):
            if "started leading" in record.getMessage():
                calls.append(record)
                raise ZeroDivisionError
            return True

        logger = logging.getLogger("k8sleader")
        logger.addFilter(fail)
        before = logger.level
        logger.setLevel(logging.INFO)
        try:
            election = client.stand(lock, **SHORT)
            with pytest.raises(ZeroDivisionError):
                await_true(client.deliver)
            assert election.wait(PATIENCE)
        finally:
            logger.removeFilter(fail)
            logger.setLevel(before)
        assert len(calls) == 1
        assert election.finish(PATIENCE)


def test_handing_back_at_the_moment_of_a_stop(server, client, lock, monkeypatch):
    """It was still leading when it was asked, and not any more when the library was told."""
    election = client.stand(lock, **SHORT)
    term = election.wait(PATIENCE)
    real = lib.k8sleader_election_drained

    def stop_first(*arguments):
        lib.k8sleader_election_stop(election._handle.pointer)
        return real(*arguments)

    monkeypatch.setattr(lib, "k8sleader_election_drained", stop_first)
    election.hand_back(term)
    monkeypatch.undo()
    # Either it was handed back, and is known to be; or it was not, and still leads or waits for it.
    assert (election._led is None) == (not term.is_leader and holder(server, lock) == "")
    election.stop()
    election.hand_back(term)
    assert election.wait_closed(PATIENCE)
    assert holder(server, lock) == ""


def test_a_hand_back_is_no_loss_also_while_it_is_on_its_way(server, client, lock, monkeypatch):
    """The library has released, and the thread that handed back goes on only then: another one waits for a loss."""
    election = client.stand(lock, **SHORT)
    term = election.wait(PATIENCE)
    real, seen = lib.k8sleader_election_drained, []

    def slow(*arguments):
        code = real(*arguments)
        await_true(lambda: holder(server, lock) == "")
        seen.append((term.lost.is_set(), term.is_leader, term.may_finish))
        return code

    monkeypatch.setattr(lib, "k8sleader_election_drained", slow)
    election.stop()
    election.hand_back(term)
    monkeypatch.undo()
    assert seen == [(False, False, False)]
    assert not term.lost.wait(PATIENCE)
    assert election.wait_closed(PATIENCE)


def test_a_hand_back_between_two_looks_at_a_term_is_no_loss(server, client, lock, monkeypatch):
    election = client.stand(lock, **SHORT)
    term = election.wait(PATIENCE)
    election.stop()
    real = lib.k8sleader_election_may_finish

    def hand_back_first(*arguments):
        monkeypatch.undo()
        election.hand_back(term)
        assert election.wait_closed(PATIENCE)
        return real(*arguments)

    monkeypatch.setattr(lib, "k8sleader_election_may_finish", hand_back_first)
    assert not term.lost.is_set()
    assert holder(server, lock) == ""


def test_a_hand_back_that_was_refused_was_none(client, lock, monkeypatch):
    election = client.stand(lock, **SHORT)
    term = election.wait(PATIENCE)
    election.stop()
    monkeypatch.setattr(lib, "k8sleader_election_drained", lambda *_: lib.K8SLEADER_ERR_ARGUMENT)
    with pytest.raises(k8sleader.K8sLeaderError):
        election.hand_back(term)
    monkeypatch.undo()
    assert term.may_finish
    assert not term.lost.is_set()
    election.hand_back(term)
    assert election.wait_closed(PATIENCE)
    assert not term.may_finish


def test_handing_back_in_a_child_of_fork(client, lock):
    """A lock that another thread of the parent held in that moment nobody releases in the child."""
    election = client.stand(lock, **SHORT)
    term = election.wait(PATIENCE)
    held, done = threading.Event(), threading.Event()

    def hold():
        with election._lock:
            held.set()
            done.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(PATIENCE)
    try:
        assert in_child(lambda: election.hand_back(term), PATIENCE).startswith("ForkedError")
    finally:
        done.set()
        thread.join(PATIENCE)
    assert election.finish(PATIENCE)


def test_exit_while_a_daemon_begins(server, lock):
    """A daemon thread gets its term in the very moment in which the end of the interpreter gives up what nobody has."""
    script = """
import k8sleader.election
election = client.stand(lock, identity="daemon")
ready, asked, got = threading.Event(), threading.Event(), threading.Event()
def work():
    ready.set()
    asked.wait()
    assert election.wait(60).is_leader
    got.set()
    while True:
        time.sleep(0.01)
while not election.is_leader:
    time.sleep(0.01)
threading.Thread(target=work, daemon=True, name="busy").start()
ready.wait()
give_up = type(election).give_up
def slow(self, *arguments, **more):
    asked.set()
    assert got.wait(60)
    return give_up(self, *arguments, **more)
type(election).give_up = slow
"""
    result = run_script(server, PRELUDE + script, lock)
    assert "Traceback" not in result.stderr
    assert result.returncode == 0, result.stderr
    assert holder(server, lock) == "daemon"  # its work went on until the process was gone


def test_ctrl_c_while_an_election_is_started(server, client, lock, monkeypatch):
    """It comes as soon as the library has returned: a candidate that nobody knows would lead without work."""
    real = lib.start_election

    def interrupted(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(lib, "start_election", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.stand(lock, **SHORT)
    monkeypatch.undo()
    with client.lead(lock, timeout=PATIENCE, **SHORT) as term:
        assert term.is_leader


def test_run_waits_for_work_that_outlasts_its_drain(server, lock):
    """The lease runs out, and the client ends; the work does not: it is still told of, once it has."""
    client = server.client()
    started, may_end = threading.Event(), threading.Event()
    said, raised = [], []

    def work(term):
        started.set()
        may_end.wait(PATIENCE)
        said.append("work ended")

    def lead():
        try:
            client.run(
                lock,
                on_started_leading=work,
                on_stopped_leading=lambda term, reason: said.append(reason),
                drain_timeout=0.3,
                **SHORT,
            )
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=lead)
    thread.start()
    assert started.wait(PATIENCE)
    client.close()
    assert said == []
    may_end.set()
    thread.join(PATIENCE)
    assert said == ["work ended", k8sleader.Reason.DRAIN_TIMEOUT]
    assert raised == []


@pytest.mark.parametrize("moment", ["before the thread", "after the thread"])
def test_ctrl_c_while_the_work_is_started(server, client, lock, monkeypatch, moment):
    """Whether the work runs or not: it has ended when the lease is released."""
    real = threading.Thread.start
    seen = []

    def interrupted(self):
        if self.name.startswith("k8sleader "):
            monkeypatch.undo()
            if moment == "after the thread":
                real(self)
                await_true(lambda: seen)
            raise KeyboardInterrupt
        real(self)

    def work(term):
        seen.append("begins")
        term.stopped.wait(PATIENCE)
        seen.append(holder(server, lock))

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.run(lock, identity="me", on_started_leading=work, **SHORT)
    assert seen == ([] if moment == "before the thread" else ["begins", "me"])
    assert holder(server, lock) == ""


def test_leaving_a_block_after_the_client_was_closed_in_time(server, lock):
    """close(timeout) has freed the client; the block ends after that, without an exception."""
    client = server.client()
    with client.lead(lock, **SHORT) as term:
        thread = threading.Thread(target=client.close, args=(0.2,))
        thread.start()
        thread.join(PATIENCE)
        assert client._pump.pointer is None
        assert term.stopped.is_set()
        assert not term.is_leader


def test_a_loss_between_two_awaits_ends_the_block_once(server, lock):
    """Cancelled by the loss and by the caller at once: the caller's cancellation is not swallowed."""
    import sys

    if sys.version_info < (3, 11):
        pytest.skip("tasks do not count their cancellations before Python 3.11")

    async def main():
        async with server.client() as client:
            entered = asyncio.Event()

            async def lead():
                async with client.alead(lock, **SHORT) as term:
                    entered.set()
                    try:
                        await asyncio.sleep(PATIENCE)
                    finally:
                        assert term.lost.is_set()
                        asyncio.current_task().cancel()

            task = asyncio.create_task(lead())
            await entered.wait()
            steal(server, lock)
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
