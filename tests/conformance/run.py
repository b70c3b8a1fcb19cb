#!/usr/bin/env python3
"""What the library relies on in a Kubernetes API server, asked of one.

    run.py --kubeconfig FILE --server-name "kube-apiserver 1.36.3" [TEST...]   any server, as its administrator
    run.py --embedded                                                          $K8SLEADER_PROGRAM dev-server
    run.py --cluster                                                           $K8SLEADER_TEST_KUBECONFIG, else code 77
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import bed  # noqa: E402
from case import Case  # noqa: E402

SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def run(kubeconfig, server_name, tests):
    Case.bed = bed.Bed(kubeconfig)
    server_name = server_name or f"kube-apiserver {Case.bed.admin.get('/version').body['gitVersion'].lstrip('v')}"
    try:
        loader = unittest.TestLoader()
        suite = loader.loadTestsFromNames(tests) if tests else loader.discover(HERE, "test_*.py")
        result = unittest.TextTestRunner(verbosity=1).run(suite)
    finally:
        Case.bed.close()
    for test, why in result.skipped:
        print(f"skipped {test.id() if hasattr(test, 'id') else test}: {why}")
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun} tests ran on {server_name}: {bad} failed, {len(result.skipped)} skipped")
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: when the time limit ends this, the server ends as well


def run_embedded(server_name, tests):
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = os.path.join(folder, "kubeconfig")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("K8SLEADER_")}
        server = subprocess.Popen([os.environ["K8SLEADER_PROGRAM"], "dev-server", "--kubeconfig-out", kubeconfig],
                                  stdout=subprocess.PIPE, text=True, env=environment, preexec_fn=die_with_parent)
        try:
            if not any(line.startswith("export KUBECONFIG=") for line in server.stdout):
                print("the embedded server did not start", file=sys.stderr)
                return 1
            return run(kubeconfig, server_name or "the embedded server", tests)
        finally:
            server.send_signal(signal.SIGTERM)
            if server.wait() != 0:
                print(f"the embedded server ended with {server.returncode}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--kubeconfig")
    which.add_argument("--embedded", action="store_true")
    which.add_argument("--cluster", action="store_true")
    parser.add_argument("--server-name")
    parser.add_argument("tests", nargs="*", help="for instance test_writes.Versions; default: all")
    options = parser.parse_args()
    if options.embedded:
        return run_embedded(options.server_name, options.tests)
    kubeconfig = options.kubeconfig
    if options.cluster:
        kubeconfig = os.environ.get("K8SLEADER_TEST_KUBECONFIG")
        if not kubeconfig:
            print("skipped: K8SLEADER_TEST_KUBECONFIG names no cluster's kubeconfig (scripts/cluster up makes one)")
            return SKIPPED
    return run(kubeconfig, options.server_name, options.tests)


if __name__ == "__main__":
    sys.exit(main())
