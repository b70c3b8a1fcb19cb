#!/usr/bin/env python3
"""Lease mode end to end on a real control plane: runs the scenarios beside this file and prints what they showed.

  run.py --witness PROGRAM                       on the cluster of K8SLEADER_TEST_CLUSTER_DIR; exit code 77 when unset
  run.py --witness PROGRAM --cluster-dir FOLDER  on that cluster of scripts/cluster, which is disturbed
  run.py --witness PROGRAM --own-cluster         on one that is started and ended for it
  run.py --witness PROGRAM --coordinated         on one with coordinated election, in FOLDER-coordinated
  run.py --witness PROGRAM --kubeconfig FILE     on any cluster, without the tests that would disturb it

--seed N repeats what chance decided; TEST... are names such as test_faults or test_handover.Handover.test_killed.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import unittest

SKIPPED = 77
HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(os.path.dirname(os.path.dirname(HERE)), "scripts", "cluster")
# Those that any cluster does for.
MODULES = ["test_handover", "test_hands", "test_rights", "test_many", "test_faults"]


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--witness", required=True)
    parser.add_argument("--cluster-dir", default=os.environ.get("K8SLEADER_TEST_CLUSTER_DIR"))
    parser.add_argument("--own-cluster", action="store_true")
    parser.add_argument("--coordinated", action="store_true")
    parser.add_argument("--kubeconfig")
    parser.add_argument("--seed", default=str(random.randrange(1000000)))
    parser.add_argument("tests", nargs="*")
    return parser.parse_args()


def run(arguments):
    os.environ["K8SLEADER_TEST_WITNESS"] = os.path.abspath(arguments.witness)
    os.environ["K8SLEADER_TEST_SEED"] = arguments.seed
    sys.path.insert(0, HERE)
    import support

    since = time.monotonic()
    tests = unittest.defaultTestLoader.loadTestsFromNames(arguments.tests or MODULES)
    result = unittest.TextTestRunner(verbosity=2, failfast=False).run(tests)
    print(f"\nseed {arguments.seed}")
    for scenario, text in support.figures:
        print(f"{scenario}: {text}")
    print(f"{result.testsRun} tests ran in {time.monotonic() - since:.0f} s, {len(result.skipped)} skipped, "
          f"{len(result.failures) + len(result.errors)} failed")
    return 0 if result.wasSuccessful() else 1


def run_with_own(arguments, folder, *options):
    environment = {**os.environ, "K8SLEADER_CLUSTER_DIR": folder}
    os.environ["K8SLEADER_TEST_CLUSTER_DIR"] = folder
    try:
        subprocess.run([SCRIPT, "up", *options], check=True, env=environment, stdout=subprocess.DEVNULL)
        return run(arguments)
    finally:
        subprocess.run([SCRIPT, "down"], check=True, env=environment)


def main():
    arguments = read_arguments()
    if arguments.kubeconfig:
        os.environ.pop("K8SLEADER_TEST_CLUSTER_DIR", None)
        os.environ["K8SLEADER_TEST_KUBECONFIG"] = os.path.abspath(arguments.kubeconfig)
        return run(arguments)
    os.environ.pop("K8SLEADER_TEST_KUBECONFIG", None)  # of another cluster, perhaps
    if arguments.own_cluster:
        with tempfile.TemporaryDirectory(prefix="k8sleader-e2e-cluster-") as folder:
            return run_with_own(arguments, folder)
    if not arguments.cluster_dir:
        print("skipped: K8SLEADER_TEST_CLUSTER_DIR is not set (the folder of a cluster of scripts/cluster to disturb)")
        return SKIPPED
    if arguments.coordinated:
        folder = os.path.abspath(arguments.cluster_dir) + "-coordinated"
        return run_with_own(arguments, folder, "--unsafe-no-fsync", "--coordinated")
    os.environ["K8SLEADER_TEST_CLUSTER_DIR"] = os.path.abspath(arguments.cluster_dir)
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
