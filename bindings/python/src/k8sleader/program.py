# SPDX-License-Identifier: Apache-2.0
"""Where the program ``k8sleader`` is: for the embedded API server, and for ``python -m k8sleader``."""

from __future__ import annotations

import os
import shutil


def find_program() -> str:
    """K8SLEADER_PROGRAM, the one in this package, or the first in the PATH. Raises: FileNotFoundError."""
    named = os.environ.get("K8SLEADER_PROGRAM")
    if named:
        return named
    ours = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "k8sleader")
    found = ours if os.access(ours, os.X_OK) else shutil.which("k8sleader")
    if found is None:
        raise FileNotFoundError(
            "the program k8sleader is not there: this package was built without it, since there was no libmicrohttpd. "
            "Install the wheel, or libmicrohttpd-dev and the package again; or put k8sleader into the PATH, or set "
            "K8SLEADER_PROGRAM"
        )
    return found
