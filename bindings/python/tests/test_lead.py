# SPDX-License-Identifier: Apache-2.0
"""with client.lead()"""

from __future__ import annotations

import datetime
import threading
import time

import pytest
from support import PATIENCE, SHORT, await_true, holder, interrupt_soon, steal

import k8sleader


def test_leads_and_releases(server, client, lock):
    with client.lead(lock, identity="me", **SHORT) as term:
        assert term.is_leader
        assert term.may_finish
        assert not term.lost.is_set()
        assert not term.stopped.is_set()
        assert 0 < term.time_left <= SHORT["renew_deadline"]
        assert term.time_left < term.grace_left <= 0.9 * SHORT["lease_duration"]
        assert term.lock == f"default/{lock}"
        assert term.identity == "me"
        assert term.reason is None
        assert holder(server, lock) == "me"
    assert holder(server, lock) == ""
    assert not term.is_leader
    assert not term.may_finish
    assert term.stopped.is_set()
    assert not term.lost.is_set()
    assert term.time_left == 0


def test_fencing_token_grows(client, lock):
    tokens = []
    for _ in range(3):
        with client.lead(lock, **SHORT) as term:
            tokens.append(term.fencing_token)
    assert 0 < tokens[0] < tokens[1] < tokens[2]


def test_handover_needs_no_expiry(server, lock):
    with server.client() as one, server.client() as two:
        led = threading.Event()

        def stand():
            with two.lead(lock, identity="two", lease_duration=3600, renew_deadline=1800):
                led.set()

        with one.lead(lock, identity="one", lease_duration=3600, renew_deadline=1800):
            thread = threading.Thread(target=stand)
            thread.start()
            assert not led.wait(0.3)
        assert led.wait(PATIENCE)
        thread.join()


def test_timeout(client, lock):
    with client.lead(lock, identity="first", **SHORT):
        # It says who leads, when the server has told it in that time.
        patience = datetime.timedelta(milliseconds=200)
        while True:
            with pytest.raises(k8sleader.WaitTimeout) as caught:
                with client.lead(lock, timeout=patience, **SHORT):
                    pytest.fail("two lead")
            if "first" in str(caught.value):
                break
            patience *= 2
            assert patience.total_seconds() < PATIENCE, str(caught.value)
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.name == "TIMEOUT"


def test_an_exception_releases_and_is_not_swallowed(server, client, lock):
    with pytest.raises(RuntimeError, match="the work failed"):
        with client.lead(lock, **SHORT):
            raise RuntimeError("the work failed")
    assert holder(server, lock) == ""


def test_loss_wakes_who_waits(server, client, lock):
    with client.lead(lock, **SHORT) as term:
        steal(server, lock)
        assert term.lost.wait(PATIENCE)
        assert term.stopped.is_set()
        assert not term.is_leader
        assert not term.may_finish
        await_true(lambda: term.reason is k8sleader.Reason.LOST_HOLDER)
        with pytest.raises(k8sleader.LeadershipLost):
            term.check()
    assert term.lost.is_set()
    assert holder(server, lock) == "thief"


def test_loss_raises_where_asked_for(server, client, lock):
    with pytest.raises(k8sleader.LeadershipLost) as caught:
        with client.lead(lock, raise_on_loss=True, **SHORT) as term:
            steal(server, lock)
            term.lost.wait(PATIENCE)
    assert caught.value.reason is k8sleader.Reason.LOST_HOLDER


def test_loss_does_not_hide_an_exception(server, client, lock):
    with pytest.raises(ZeroDivisionError):
        with client.lead(lock, raise_on_loss=True, **SHORT) as term:
            steal(server, lock)
            term.lost.wait(PATIENCE)
            raise ZeroDivisionError


def test_a_partitioned_leader_knows_by_the_clock(server, client, lock):
    with client.lead(lock, **SHORT) as term:
        server.fault(verb="update", resource="leases", name=lock, action="drop_before")
        time.sleep(0.01)
        await_true(lambda: not term.is_leader)  # nobody takes events
        assert term.lost.is_set()
        server.clear_faults()


def test_stop_by_another_thread_is_no_loss(server, client, lock):
    with client.lead(lock, identity="me", **SHORT) as term:
        threading.Timer(0.2, term.stop).start()
        assert term.stopped.wait(PATIENCE)
        assert not term.is_leader
        assert term.may_finish
        assert not term.lost.is_set()
        assert holder(server, lock) == "me"  # until the work has ended
        await_true(lambda: term.reason is k8sleader.Reason.STOP)
    assert holder(server, lock) == ""


def test_many_threads_share_a_client(client, lock):
    led = []

    def stand(number):
        with client.lead(f"{lock}-{number % 5}", **SHORT) as term:
            led.append((number % 5, term.fencing_token))

    threads = [threading.Thread(target=stand, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    assert len(led) == len(set(led)) == 20


def test_ctrl_c_while_waiting_for_the_leadership(server, client, lock):
    with client.lead(lock, identity="first", **SHORT):
        timer = interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            with client.lead(lock, **SHORT):
                pytest.fail("two lead")
        timer.join()
        assert holder(server, lock) == "first"


def test_ctrl_c_while_another_thread_takes_the_events(client, lock):
    with client.lead(lock, **SHORT) as term:
        other = threading.Thread(target=term.stopped.wait)
        other.start()
        time.sleep(0.1)
        timer = interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            term.lost.wait()
        timer.join()
        term.stop()
        other.join(PATIENCE)
        assert not other.is_alive()


def test_ctrl_c_in_the_block_releases(server, client, lock):
    with pytest.raises(KeyboardInterrupt):
        with client.lead(lock, **SHORT) as term:
            interrupt_soon(0.1)
            term.stopped.wait()
    assert holder(server, lock) == ""


def test_closing_the_client_stops_and_waits_for_the_work(server, lock):
    client = server.client()
    drained = []

    def work():
        with client.lead(lock, **SHORT) as term:
            started.set()
            term.stopped.wait()
            assert holder(server, lock) == term.identity
            drained.append(term.reason)

    started = threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(PATIENCE)
    client.close()
    assert drained
    assert holder(server, lock) == ""
    thread.join(PATIENCE)
    client.close()
    with pytest.raises(k8sleader.ClosedError):
        client.lead(lock).__enter__()


def test_stand_many_and_hand_back(server, client, lock):
    elections = [client.stand(f"{lock}-{n}", **SHORT) for n in range(20)]
    terms = [e.wait(PATIENCE) for e in elections]
    assert all(term and term.is_leader for term in terms)
    await_true(lambda: all(e.leader == e.identity for e in elections))
    for election, term in zip(elections, terms):
        election.stop()
        assert not term.is_leader
        election.hand_back(term)
    assert all(e.wait_closed(PATIENCE) for e in elections)
    assert all(lock_.holder == "" for lock_ in client.locks() if lock_.name.startswith(lock))


def test_rejoins_after_a_loss_was_handed_back(server, client, lock):
    election = client.stand(lock, **SHORT)
    first = election.wait(PATIENCE)
    steal(server, lock)
    assert first.lost.wait(PATIENCE)
    election.hand_back(first)
    second = election.wait(PATIENCE)
    assert second.fencing_token > first.fencing_token
    assert not first.is_leader
    assert second.is_leader
    assert election.finish(PATIENCE)


def test_a_forgotten_leader_is_not_released(server, client, lock):
    election = client.stand(lock, identity="me", **SHORT)
    assert election.wait(PATIENCE)
    del election
    assert holder(server, lock) == "me"


def test_locks(client, lock):
    with client.lead(lock, identity="me", **SHORT):
        (found,) = client.locks(lock)
    assert (found.name, found.namespace, found.holder) == (lock, "default", "me")
    assert found.lease_duration == datetime.timedelta(seconds=SHORT["lease_duration"])
    assert found.renew_time is not None
    assert found.renew_time.tzinfo is not None


def test_the_same_block_twice(client, lock):
    block = client.lead(lock, **SHORT)
    with block:
        with pytest.raises(RuntimeError):
            block.__enter__()
    with block as term:
        assert term.is_leader


def test_ctrl_c_while_the_server_is_asked(server, client):
    server.fault(verb="list", resource="leases", action="delay", delay_ms=3000)
    timer = interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        client.locks()
    assert any(thread.name == "k8sleader locks" for thread in threading.enumerate())  # it still asks
    timer.join()


@pytest.mark.parametrize("duration", [8, 8.0, 7.2, datetime.timedelta(seconds=8), datetime.timedelta(milliseconds=7001)])
def test_durations(server, client, lock, duration):
    """Seconds, or a timedelta; the record has whole ones, rounded up."""
    with client.lead(lock, lease_duration=duration, renew_deadline=datetime.timedelta(seconds=5), retry_period=1) as term:
        assert server.lease(lock)["spec"]["leaseDurationSeconds"] == 8
        assert 1 < term.time_left <= 5
        assert not term.stopped.wait(datetime.timedelta(milliseconds=10))
        assert not term.stopped.wait(0.01)


def test_the_work_is_told_by_the_clock_that_its_lease_runs_out(embedded, lock):
    """No answer comes any more: it is over at the renew deadline, before anybody else may lead."""
    with embedded.client() as one, embedded.client() as two:
        with one.lead(lock, identity="one", **SHORT) as term:
            embedded.fault(verb="update", resource="leases", name=lock, holder="one", action="drop_before")
            other = two.stand(lock, identity="two", **SHORT)
            while True:
                theirs = other.is_leader
                if not term.is_leader:
                    break
                assert not theirs, "two lead"
            assert term.lost.wait(PATIENCE)
            assert term.reason in (k8sleader.Reason.LOST_DEADLINE, None)
        embedded.clear_faults()
        assert other.wait(PATIENCE)
        assert other.finish(PATIENCE)
