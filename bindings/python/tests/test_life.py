# SPDX-License-Identifier: Apache-2.0
"""Leader for life, with Pods that are there: who they are is the environment's."""

from __future__ import annotations

import threading

import pytest
from support import PATIENCE, await_true

import k8sleader


def lock_object(server, lock):
    return server.request("GET", f"/api/v1/namespaces/default/configmaps/{lock}")


def test_the_lock_goes_with_the_pod(server, lock, pod, monkeypatch):
    first, second = pod("a"), pod("b")
    first.is_ours(monkeypatch)
    with server.client() as one, server.client() as two:
        term = one.become(lock, timeout=PATIENCE)
        assert (term.identity, term.is_leader, term.time_left) == (first.name, True, float("inf"))
        owner = lock_object(server, lock)["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("Pod", first.name, first.uid)

        second.is_ours(monkeypatch)
        waiting = two.stand(lock, for_life=True)
        with pytest.raises(k8sleader.WaitTimeout, match=first.name):
            two.become(lock, timeout=0.5)
        # A stop gives nothing back: it is the Pod's.
        term.stop()
        term.hand_back()
        assert not term.is_leader
        assert waiting.wait(0.5) is None
        assert lock_object(server, lock)["metadata"]["ownerReferences"][0]["uid"] == first.uid

        first.vanish()  # the garbage collector does the rest
        later = waiting.wait(PATIENCE)
        assert later and later.is_leader
        assert later.identity == second.name
        assert later.fencing_token > term.fencing_token
        assert waiting.finish(PATIENCE)


def test_a_term_is_lost_when_the_lock_becomes_anothers(server, lock, pod, monkeypatch):
    ours, other = pod("a"), pod("b")
    ours.is_ours(monkeypatch)
    with server.client() as client:
        term = client.become(lock, timeout=PATIENCE)
        found = lock_object(server, lock)
        found["metadata"]["ownerReferences"][0].update(name=other.name, uid=other.uid)
        server.request("PUT", f"/api/v1/namespaces/default/configmaps/{lock}", found)
        assert term.lost.wait(PATIENCE)
        await_true(lambda: term.reason is k8sleader.Reason.LOST_HOLDER)
        with pytest.raises(k8sleader.LeadershipLost):
            term.check()
        term.hand_back()


def test_a_restarted_process_leads_on(server, lock, pod, monkeypatch):
    """The container was restarted: the Pod is the same, and so is the lock."""
    pod("a").is_ours(monkeypatch)
    tokens = []
    for _ in range(2):
        with server.client() as client:
            term = client.become(lock, timeout=PATIENCE)
            tokens.append(term.fencing_token)
            term.stop()
            term.hand_back()
    assert tokens[0] == tokens[1]


def test_waiting_ends_by_close(server, lock, pod, monkeypatch):
    first, second = pod("a"), pod("b")
    first.is_ours(monkeypatch)
    with server.client() as one:
        held = one.become(lock, timeout=PATIENCE)
        second.is_ours(monkeypatch)
        two = server.client()
        ended = []

        def wait():
            with pytest.raises(k8sleader.ClosedError):
                two.become(lock)
            ended.append(True)

        thread = threading.Thread(target=wait)
        thread.start()
        await_true(lambda: two._pump._pumping_thread == thread.ident)
        two.close()
        thread.join(PATIENCE)
        assert ended
        held.stop()
        held.hand_back()
