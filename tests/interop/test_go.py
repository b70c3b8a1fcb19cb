"""The fleet of test_fleet.py with the bindings in it: candidates in Go by ours and by client-go, in C, and in Python by ours."""

import os
import sys

import fleet
import test_fleet
from fleet import HERE, LONG

BUILD = os.path.join(HERE, "../../build")
PROGRAM = os.path.join(BUILD, "go/bin/candidate")
PYTHON = os.path.join(BUILD, "python/bin/python")
COMMANDS = {"go": [PROGRAM], "python-binding": [PYTHON, "-B", os.path.join(HERE, "../../bindings/python/tests/candidate.py")]}
if not os.path.exists(PROGRAM):
    print("skipped: the Go binding's candidate is not built (scripts/test-go --build)")
    sys.exit(77)


class GoFleet(test_fleet.Fleet):
    """The same restarts and crashes."""

    kinds = "go", "client-go", "ours", "python-binding"

    def setUp(self):
        if not os.path.exists(PYTHON):
            self.skipTest("the Python binding is not built (scripts/test-python --build)")
        super().setUp()

    def start(self, kind, times=None):
        if kind not in COMMANDS:
            return super().start(kind, times)
        candidate = self._stand(kind, f"{kind}-{len(self.all)}", [*COMMANDS[kind], *(times or LONG)], (), None, None)
        self.all.append(candidate)
        self.running.append(candidate)
        return candidate


if __name__ == "__main__":
    fleet.main()
