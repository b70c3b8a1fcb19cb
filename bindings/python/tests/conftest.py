# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import os
import re
import signal
import urllib.error
import uuid
from collections.abc import Callable, Iterator

import pytest
from real import RealServer

import k8sleader
from k8sleader.testing import DevServer

# The tests of one run, on a server that others use as well, and that keeps what earlier runs have left.
PODS = "/api/v1/namespaces/default/pods"
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


class Pod:
    """A Pod of the test's own: an object, whose process this one plays."""

    def __init__(self, server: DevServer, name: str) -> None:
        self.server, self.name = server, name
        spec = {"nodeName": name, "containers": [{"name": "c", "image": "i"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
        self.uid = server.request("POST", PODS, body)["metadata"]["uid"]

    def is_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As the downward API would tell it."""
        for name, value in {"NAME": self.name, "UID": self.uid, "NAMESPACE": "default"}.items():
            monkeypatch.setenv(f"POD_{name}", value)

    def vanish(self) -> None:
        """As the kubelet tells it once the containers have ended."""
        self.server.request("DELETE", f"{PODS}/{self.name}", {"gracePeriodSeconds": 0})


@pytest.fixture
def pod(server: DevServer, lock: str) -> Iterator[Callable[[str], Pod]]:
    """Makes Pods; on a real server each on a Node of its own, since a Pod of none is soon collected."""
    made: list[Pod] = []

    def make(name: str) -> Pod:
        name = f"{lock}-{name}"
        if isinstance(server, RealServer):
            server.request("POST", "/api/v1/nodes", {"metadata": {"name": name}})
        made.append(Pod(server, name))
        return made[-1]

    yield make
    for pod in made:
        with contextlib.suppress(urllib.error.HTTPError):
            pod.vanish()
        if isinstance(server, RealServer):
            server.request("DELETE", f"/api/v1/nodes/{pod.name}")


@pytest.fixture
def lock(request: pytest.FixtureRequest) -> str:
    """A lock of the test's own."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:44].strip("-")
    return f"{name}-{_RUN}"
