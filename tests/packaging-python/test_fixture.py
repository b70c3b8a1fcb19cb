# SPDX-License-Identifier: Apache-2.0
"""The fixture comes with the package: no conftest.py."""

from __future__ import annotations

from k8sleader.testing import DevServer


def test_leads(k8sleader_server: DevServer) -> None:
    with k8sleader_server.client() as client, client.lead("fixture") as term:
        assert term.is_leader
