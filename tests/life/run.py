#!/usr/bin/env python3
"""Leader-for-life, every case of it, through the program: one and the same tests on the embedded server and on a real
control plane.

    run.py --embedded [TEST...]                 $K8SLEADER_PROGRAM dev-server
    run.py --cluster [TEST...]                  the cluster of scripts/cluster in $K8SLEADER_TEST_CLUSTER_DIR, which is
                                                disturbed; code 77 when unset
    run.py --cluster --folder FOLDER [TEST...]  that one

$K8SLEADER_PROGRAM is the program under test.
"""

import argparse
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE] + [os.path.join(HERE, "..", other) for other in ("conformance", "cli", "e2e")]
sys.dont_write_bytecode = True

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
MODULES = ["test_life", "test_deletion", "test_hands", "test_ended", "test_rights", "test_storms", "test_setup"]


def run(bed, server_name, tests):
    import case

    case.Case.bed = bed
    try:
        with tempfile.TemporaryDirectory(prefix="k8sleader-life-") as folder:
            case.Case.folder = folder
            suite = unittest.defaultTestLoader.loadTestsFromNames(tests or MODULES)
            result = unittest.TextTestRunner(verbosity=2).run(suite)
    finally:
        bed.close()
    for name, text in case.figures:
        print(f"{name}: {text}")
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun} tests ran on {server_name}: {bad} failed, {len(result.skipped)} skipped")
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--embedded", action="store_true")
    which.add_argument("--cluster", action="store_true")
    parser.add_argument("--folder", default=os.environ.get("K8SLEADER_TEST_CLUSTER_DIR"))
    parser.add_argument("tests", nargs="*", help="for instance test_hands.Hands.test_orphan; default: all")
    options = parser.parse_args()

    from bed import Bed  # of this folder, which comes first in the path
    import support

    if options.embedded:
        server = support.Server()
        try:
            return run(Bed(server.kubeconfig), "the embedded server", options.tests)
        finally:
            server.end()
    if not options.folder:
        print("skipped: K8SLEADER_TEST_CLUSTER_DIR is not set (the folder of a cluster of scripts/cluster to disturb)")
        return SKIPPED
    folder = os.path.abspath(options.folder)
    bed = Bed(os.path.join(folder, "kubeconfig"), folder)
    bed.cluster("up")
    version = bed.admin.get("/version").body["gitVersion"].lstrip("v")
    return run(bed, f"kube-apiserver {version}", options.tests)


if __name__ == "__main__":
    sys.exit(main())
