# SPDX-License-Identifier: Apache-2.0
"""client.run() and the decorator."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from support import PATIENCE, SHORT, await_true, holder, interrupt_soon, run_script, steal

import k8sleader


def test_callbacks(server, client, lock):
    said = []

    def started(term):
        said.append(("started", term.is_leader))
        term.stop()
        term.stopped.wait(PATIENCE)
        said.append(("work ended", holder(server, lock)))

    def stopped(term, reason):
        said.append(("stopped", reason, holder(server, lock)))

    leaders = []
    client.run(
        lock,
        identity="me",
        on_started_leading=started,
        on_stopped_leading=stopped,
        on_new_leader=leaders.append,
        **SHORT,
    )
    assert said == [("started", True), ("work ended", "me"), ("stopped", k8sleader.Reason.STOP, "me")]
    assert leaders[0] == "me"
    assert holder(server, lock) == ""


def test_leads_on_when_started_returns(server, client, lock):
    started = threading.Event()
    thread = threading.Thread(
        target=client.run, args=(lock,), kwargs={"on_started_leading": lambda term: started.set(), **SHORT}
    )
    thread.start()
    assert started.wait(PATIENCE)
    time.sleep(0.5)
    assert thread.is_alive()
    assert holder(server, lock) != ""
    client.close()
    thread.join(PATIENCE)
    assert holder(server, lock) == ""


@pytest.mark.parametrize("where", ["started", "stopped", "new_leader"])
def test_an_exception_ends_it_and_is_raised(server, client, lock, where):
    def fail(name, *_):
        if name == where:
            raise ZeroDivisionError(name)

    def started(term):
        fail("started")
        if where == "stopped":
            term.stop()
        term.stopped.wait(PATIENCE)

    held = []

    def stopped(term, reason):
        held.append((holder(server, lock), term.may_finish, reason))
        fail("stopped")

    with pytest.raises(ZeroDivisionError, match=where):
        client.run(
            lock,
            identity="me",
            on_started_leading=started,
            on_stopped_leading=stopped,
            on_new_leader=lambda *_: fail("new_leader"),
            **SHORT,
        )
    # Drained first, with the lease still held; then released. on_new_leader may have come before there was a term.
    assert held == [("me", True, k8sleader.Reason.STOP)] or (where == "new_leader" and held == [])
    assert holder(server, lock) == ""


def test_an_exception_in_both_callbacks(server, client, lock):
    """The work's is not lost behind the other."""

    def started(term):
        raise ZeroDivisionError

    def stopped(term, reason):
        raise KeyError

    with pytest.raises(KeyError) as caught:
        client.run(lock, on_started_leading=started, on_stopped_leading=stopped, **SHORT)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert holder(server, lock) == ""


def test_stands_again_after_a_loss(server, client, lock):
    terms = []

    def started(term):
        terms.append(term.fencing_token)
        if len(terms) == 1:
            steal(server, lock)
        else:
            term.stop()
        term.stopped.wait(PATIENCE)

    reasons = []
    client.run(lock, on_started_leading=started, on_stopped_leading=lambda _, why: reasons.append(why), **SHORT)
    assert terms[0] < terms[1]
    assert reasons == [k8sleader.Reason.LOST_HOLDER, k8sleader.Reason.STOP]


def test_returns_after_a_loss_without_rejoin(server, client, lock):
    def started(term):
        steal(server, lock)
        term.stopped.wait(PATIENCE)

    client.run(lock, on_started_leading=started, rejoin=False, **SHORT)


def test_ctrl_c_waits_for_the_work(server, client, lock):
    ended = []

    def started(term):
        interrupt_soon(0.1)
        term.stopped.wait(PATIENCE)
        time.sleep(0.3)
        ended.append(holder(server, lock))

    with pytest.raises(KeyboardInterrupt):
        client.run(lock, identity="me", on_started_leading=started, **SHORT)
    assert ended == ["me"]
    assert holder(server, lock) == ""


def test_decorator(server, client, lock):
    @k8sleader.elected(lock, client, **SHORT)
    def main(term, factor, *, more):
        """Documented."""
        assert term.is_leader
        return factor * more

    assert main(6, more=7) == 42
    assert main.__doc__ == "Documented."
    assert holder(server, lock) == ""


def test_decorator_sigterm_lets_the_work_end(server, client, lock):
    before = signal.getsignal(signal.SIGTERM)

    @k8sleader.elected(lock, client, **SHORT)
    def main(term):
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        term.stopped.wait(PATIENCE)
        return holder(server, lock)

    assert main() != ""
    assert holder(server, lock) == ""
    assert signal.getsignal(signal.SIGTERM) == before


def test_decorator_sigterm_ends_the_wait(server, client, lock):
    with client.lead(lock, **SHORT):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(SystemExit) as caught:
            k8sleader.elected(lock, client, **SHORT)(lambda term: None)()
    assert caught.value.code == 143


def test_become_outside_a_cluster_leads_at_once(server):
    # In a process of its own: it is about the environment.
    script = """
        import k8sleader
        with k8sleader.Client() as client:
            term = client.become("life-lock", timeout=20)
            assert term.is_leader and term.time_left == float("inf"), term
            print("leads")
            term.stop()
            term._election.finish(5)
    """
    result = run_script(server, script)
    assert result.returncode == 0, result.stderr
    assert "leads" in result.stdout


def test_become_in_a_pod(server, monkeypatch, lock):
    pod = server.request(
        "POST",
        "/api/v1/namespaces/default/pods",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": lock},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
    )
    monkeypatch.setenv("POD_NAME", lock)
    monkeypatch.setenv("POD_UID", pod["metadata"]["uid"])
    monkeypatch.setenv("POD_NAMESPACE", "default")
    with server.client() as client:
        term = client.become(lock, timeout=PATIENCE)
        assert term.is_leader
        assert term.fencing_token > 0
        server.request("DELETE", f"/api/v1/namespaces/default/configmaps/{lock}")

        def is_ours_again():
            try:
                found = server.request("GET", f"/api/v1/namespaces/default/configmaps/{lock}")
            except OSError as error:
                assert getattr(error, "code", None) == 404, error
                return False
            return found["metadata"]["ownerReferences"][0]["name"] == lock

        await_true(is_ours_again)
        election = term._election
        term.stop()
        election.hand_back(term)
        assert election.wait_closed(PATIENCE)


def test_become_says_what_waiting_does_not_mend(server, monkeypatch, lock):
    for name, value in {"POD_NAME": "nobody", "POD_UID": "1", "POD_NAMESPACE": "default"}.items():
        monkeypatch.setenv(name, value)
    with server.client() as client, pytest.raises(k8sleader.K8sLeaderError) as caught:
        client.become(lock, timeout=PATIENCE)
    assert caught.value.name == "NO_POD"
