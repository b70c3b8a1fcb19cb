# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

import k8sleader
from k8sleader.testing import DevServer


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set where the tests run must not change what they do."""
    for name in list(os.environ):
        if name.startswith(("POD_", "KUBE")):
            monkeypatch.delenv(name)


@pytest.fixture
def server(k8sleader_server: DevServer) -> DevServer:
    return k8sleader_server


@pytest.fixture
def client(server: DevServer) -> Iterator[k8sleader.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def lock(request: pytest.FixtureRequest) -> str:
    """A lock of the test's own."""
    return re.sub("[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60].strip("-")
