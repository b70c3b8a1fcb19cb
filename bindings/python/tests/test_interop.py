# SPDX-License-Identifier: Apache-2.0
"""Beside the official client's own election on one Lease: never two at once, by the clock of this machine."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import PATIENCE, holder

pytest.importorskip("kubernetes.leaderelection.resourcelock.leaselock")

CANDIDATE = Path(__file__).parents[3] / "tests" / "interop" / "python" / "candidate.py"
# Theirs waits for its own duration, not the recorded one: all alike.
LEASE, DEADLINE, RETRY = 6, 4, 1
OURS = {"lease_duration": LEASE, "renew_deadline": DEADLINE, "retry_period": RETRY}


class Theirs:
    """A process of the official client. It has no stop and no release: it ends by being killed."""

    def __init__(self, server, lock, identity):
        options = {"name": lock, "namespace": "default", "identity": identity, "kubeconfig": server.kubeconfig}
        options.update({"lease-duration": f"{LEASE}s", "renew-deadline": f"{DEADLINE}s", "retry-period": f"{RETRY}s"})
        command = [sys.executable, CANDIDATE, *(f"--{name}={value}" for name, value in options.items())]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def await_event(self, name):
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"it ended without {name}")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        return time.time()


@pytest.fixture
def theirs(server, lock):
    made = []

    def start(identity):
        made.append(Theirs(server, lock, identity))
        return made[-1]

    yield start
    for candidate in made:
        if candidate.process.poll() is None:
            candidate.kill()


def test_ours_takes_over_when_theirs_has_run_out(server, client, lock, theirs):
    peer = theirs("theirs")
    peer.await_event("started_leading")
    election = client.stand(lock, identity="ours", **OURS)
    assert election.wait(RETRY * 2) is None
    assert election.leader == "theirs"
    peer.kill()
    renewed = server.lease(lock)["spec"]["renewTime"]
    term = election.wait(PATIENCE)
    assert term.is_leader
    acquired = server.lease(lock)["spec"]
    assert acquired["holderIdentity"] == "ours"
    assert seconds(acquired["acquireTime"]) - seconds(renewed) >= LEASE
    assert election.finish(PATIENCE)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_theirs_takes_over_when_ours_has_released(server, client, lock, theirs):
    with client.lead(lock, identity="ours", **OURS) as term:
        peer = theirs("theirs")
        assert peer.await_event("new_leader")["leader"] == "ours"
        assert not term.lost.wait(LEASE + RETRY)  # it is renewed: nobody takes it
        assert holder(server, lock) == "ours"
        ended = time.time()
    started = peer.await_event("started_leading")["time"]
    assert started >= ended
    assert holder(server, lock) == "theirs"


def test_alternating_terms_do_not_overlap(server, client, lock, theirs):
    terms = []
    for number in range(2):
        with client.lead(lock, identity="ours", timeout=PATIENCE, **OURS):
            begun = time.time()
            peer = theirs(f"theirs-{number}")
            assert peer.await_event("new_leader")["leader"] == "ours"
            terms.append((begun, time.time()))
        begun = peer.await_event("started_leading")["time"]
        terms.append((begun, peer.kill()))
    assert terms == sorted(terms)
    for (_, end), (begin, _) in zip(terms, terms[1:]):
        assert end <= begin, terms
