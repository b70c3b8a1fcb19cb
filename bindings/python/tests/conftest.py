# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import signal
import uuid
from collections.abc import Iterator

import pytest
from real import RealServer

import k8sleader
from k8sleader.testing import DevServer

# The tests of one run, on a server that others use as well, and that keeps what earlier runs have left.
_RUN = uuid.uuid4().hex[:6]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is set where the tests run must not change what they do."""
    for name in list(os.environ):
        if name.startswith(("POD_", "KUBE")):
            monkeypatch.delenv(name)
    # A shell starts what runs in the background with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def real_server() -> RealServer | None:
    """The control plane that K8SLEADER_TEST_KUBECONFIG names, as tests/e2e has it; None: the embedded server."""
    kubeconfig = os.environ.get("K8SLEADER_TEST_KUBECONFIG")
    return RealServer(kubeconfig) if kubeconfig else None


@pytest.fixture
def server(request: pytest.FixtureRequest, real_server: RealServer | None) -> DevServer:
    if real_server is not None:
        return real_server
    embedded = request.getfixturevalue("k8sleader_server")
    assert isinstance(embedded, DevServer)
    return embedded


@pytest.fixture
def embedded(server: DevServer) -> DevServer:
    """For what only the embedded server does: faults on demand, thousands of requests a second."""
    if isinstance(server, RealServer):
        pytest.skip("only the embedded server does this")
    return server


@pytest.fixture
def cluster(server: DevServer) -> RealServer:
    """For what only a real control plane does: a garbage collector, CRDs."""
    if not isinstance(server, RealServer):
        pytest.skip("needs a real control plane: K8SLEADER_TEST_KUBECONFIG")
    return server


@pytest.fixture
def client(server: DevServer) -> Iterator[k8sleader.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def lock(request: pytest.FixtureRequest) -> str:
    """A lock of the test's own."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:44].strip("-")
    return f"{name}-{_RUN}"
