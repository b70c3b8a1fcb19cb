# SPDX-License-Identifier: Apache-2.0
"""pytest finds this by its entry point; apart from :mod:`k8sleader.testing`, which needs no pytest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .testing import DevServer


@pytest.fixture(scope="session")
def _k8sleader_server_process() -> Iterator[DevServer]:
    with DevServer() as server:
        yield server


@pytest.fixture
def k8sleader_server(_k8sleader_server_process: DevServer) -> DevServer:
    """The embedded API server, one for the whole run, without faults at each test's start."""
    _k8sleader_server_process.clear_faults()
    return _k8sleader_server_process
