# SPDX-License-Identifier: Apache-2.0
"""What the tests share. Waits are for what is to happen, with a patience far beyond what anything takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

from k8sleader.testing import DevServer

REAL = bool(os.environ.get("K8SLEADER_TEST_KUBECONFIG"))
PATIENCE = 120.0 if REAL else 60.0
# The shortest that a busy machine keeps: on a real server each renewal is a write to a disk.
SHORT = (
    {"lease_duration": 6.0, "renew_deadline": 4.5, "retry_period": 0.5}
    if REAL
    else {"lease_duration": 2.0, "renew_deadline": 1.4, "retry_period": 0.3}
)


def await_true(what: Callable[[], object], patience: float = PATIENCE) -> None:
    limit = time.monotonic() + patience
    while not what():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.01)


def steal(server: DevServer, name: str) -> None:
    """A foreign hand gives the lease to somebody else."""
    while True:
        lease = server.lease(name)
        lease["spec"]["holderIdentity"] = "thief"
        lease["spec"]["leaseDurationSeconds"] = 1
        try:
            server.request("PUT", f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{name}", lease)
            return
        except OSError as error:  # a renewal was faster
            assert getattr(error, "code", None) == 409, error


def holder(server: DevServer, name: str) -> str:
    return str(server.lease(name)["spec"].get("holderIdentity", ""))


def interrupt_soon(seconds: float = 0.3) -> threading.Timer:
    """Ctrl-C in a moment."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def run_script(
    server: DevServer, script: str, *arguments: str, timeout: float = 3 * PATIENCE
) -> subprocess.CompletedProcess[str]:
    """A program of its own, with the server's kubeconfig as its first argument."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), server.kubeconfig, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
