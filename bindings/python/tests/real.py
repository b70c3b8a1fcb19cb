# SPDX-License-Identifier: Apache-2.0
"""A real control plane in place of the embedded server, for the same tests."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from k8sleader.testing import DevServer


class RealServer(DevServer):
    """The cluster of a kubeconfig of scripts/cluster. It is neither started nor ended here."""

    context = "test"

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        with open(kubeconfig, encoding="utf-8") as file:
            text = file.read()
        values = dict(re.findall(r"(server|token|certificate-authority-data): \"?([^\"\s]+)", text))
        self.url, self.token = values["server"], values["token"]
        self.ca_pem = base64.b64decode(values["certificate-authority-data"]).decode()

    def fault(self, **fault: Any) -> int:
        pytest.skip("only the embedded server has faults on demand")

    def clear_faults(self) -> None:
        pass

    def stop(self) -> None:
        pass
