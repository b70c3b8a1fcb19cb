# SPDX-License-Identifier: Apache-2.0
"""A user's program: leads on a server of its own. Arguments: the version it has to be, and a file to put the CA into, which
then has to be trusted as the system's own."""

from __future__ import annotations

import sys

import k8sleader
from k8sleader.testing import DevServer


def lead(server: DevServer, client: k8sleader.Client) -> int:
    with client.lead("packaged", timeout=60) as term:
        assert term.is_leader
        assert server.lease("packaged")["spec"]["holderIdentity"]
        token: int = term.fencing_token
    assert server.lease("packaged")["spec"]["holderIdentity"] == ""
    return token


def trust_system(server: DevServer, store: str) -> None:
    """No CA is given: the system's are taken."""
    with open(server.kubeconfig, encoding="utf-8") as file:
        lines = [line for line in file if "certificate-authority" not in line]
    with open(server.kubeconfig, "w", encoding="utf-8") as file:
        file.writelines(lines)
    with server.client() as client:
        try:
            client.locks()
            raise AssertionError("a server whose CA nobody knows was trusted")
        except k8sleader.K8sLeaderError as error:
            assert "certificate-authority" in str(error), error
    with open(store, "w", encoding="ascii") as file:
        file.write(server.ca_pem or "")
    with server.client() as client:
        lead(server, client)


def main(version: str, store: str | None = None) -> None:
    assert k8sleader.__version__ == version, k8sleader.__version__
    with DevServer() as server:
        with server.client() as client:
            token = lead(server, client)
        if store is not None:
            trust_system(server, store)
    print(f"k8sleader {version} on Python {sys.version.split()[0]}: led with token {token}")


if __name__ == "__main__":
    main(*sys.argv[1:])
