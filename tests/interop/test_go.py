"""The fleet of test_fleet.py with the Go binding in it: its own candidates, client-go's, and those of the C library's program.

K8SLEADER_TEST_GO_CANDIDATE is the binding's candidate, bindings/go-cgo/internal/candidate, built by scripts/test-go."""

import os
import sys

import fleet
import test_fleet
from fleet import LONG

PROGRAM = os.environ.get("K8SLEADER_TEST_GO_CANDIDATE")
if not PROGRAM:
    print("skipped: K8SLEADER_TEST_GO_CANDIDATE names no program")
    sys.exit(77)


class GoFleet(test_fleet.Fleet):
    """The same restarts and crashes."""

    kinds = "go", "client-go", "ours", "go"

    def start(self, kind, times=None):
        if kind != "go":
            return super().start(kind, times)
        candidate = self._stand("go", f"go-{len(self.all)}", [PROGRAM, *(times or LONG)], (), None, None)
        self.all.append(candidate)
        self.running.append(candidate)
        return candidate


if __name__ == "__main__":
    fleet.main()
