# SPDX-License-Identifier: Apache-2.0
"""``python -m k8sleader dev-server``: becomes the program k8sleader."""

from __future__ import annotations

import os
import sys

from .program import find_program

if __name__ == "__main__":
    try:
        program = find_program()
        os.execv(program, [program, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"python -m k8sleader: {error}")
