# SPDX-License-Identifier: Apache-2.0
"""The embedded API server for tests: the pytest fixture ``k8sleader_server``, and a class for other frameworks.

    def test_leads(k8sleader_server):
        with k8sleader_server.client() as client, client.lead("web") as term:
            assert term.is_leader

It is the program ``k8sleader dev-server``: named by the environment variable K8SLEADER_PROGRAM, else the one in this
package, else found in the PATH.
Kubernetes' Leases, ConfigMaps and Pods in memory, over TLS; see its own help. Since 1.0.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import urllib.request
from typing import Any

from .client import Client
from .program import find_program

_SECONDS = 20.0


class DevServer:
    """One server, until :meth:`stop`; also a context manager. arguments: further ones of ``k8sleader dev-server``.

    Since 1.0.
    """

    kubeconfig: str
    """The path of a kubeconfig for it."""
    url: str
    """Where it listens."""
    token: str
    """The bearer token of one who may do anything."""
    ca_pem: str | None
    """The CA to trust; None without TLS."""

    def __init__(self, *arguments: str) -> None:
        program = find_program()
        self._folder = tempfile.mkdtemp(prefix="k8sleader-")
        self.kubeconfig = os.path.join(self._folder, "kubeconfig")
        self._process = subprocess.Popen(
            [program, "dev-server", "--kubeconfig-out", self.kubeconfig, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self._read_address()
        except BaseException:
            self.stop()
            raise

    def _read_address(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("export KUBECONFIG="):
                break
        else:
            raise RuntimeError(f"k8sleader dev-server ended with code {self._process.wait()}")
        with open(self.kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.url = _found(r"server: (\S+)", text)
        self.token = _found(r'token: "([^"]+)"', text)
        authority = re.search(r"certificate-authority-data: (\S+)", text)
        self.ca_pem = base64.b64decode(authority[1]).decode() if authority else None

    def client(self, namespace: str | None = "default", **more: Any) -> Client:
        """A client of it."""
        return Client(self.kubeconfig, namespace=namespace, **more)

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Asks it by HTTP: the answer's JSON. Raises: urllib.error.HTTPError."""
        request = urllib.request.Request(
            self.url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        context = ssl.create_default_context(cadata=self.ca_pem) if self.ca_pem else None
        with urllib.request.urlopen(request, timeout=_SECONDS, context=context) as answer:
            return json.loads(answer.read() or "null")

    def lease(self, name: str, namespace: str = "default") -> Any:
        """The Lease of that name, as JSON."""
        return self.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}")

    def fault(self, **fault: Any) -> int:
        """Scripts a fault, as in ``k8sleader-devserver.h``: ``fault(verb="update", action="drop_before")``. Its number."""
        return int(self.request("POST", "/_devserver/faults", fault)["number"])

    def clear_faults(self) -> None:
        """Removes all that were scripted."""
        self.request("DELETE", "/_devserver/faults")

    def stop(self) -> None:
        """Ends it. Again is fine."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> DevServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"the dev-server's kubeconfig has no {pattern}")
    return match[1]
