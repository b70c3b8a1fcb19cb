#!/usr/bin/env python3
"""Lease mode under faults, on a real control plane in a network of its own: runs the tests beside this file.

  run.py --witness PROGRAM --clock SHIM                on a cluster in the folder of K8SLEADER_TEST_CLUSTER_DIR with
                                                       -faults behind it, which is started and ended; exit code 77 when
                                                       that is not set
  run.py --witness PROGRAM --clock SHIM --own-cluster  on one in a folder of its own

--duration SECONDS is for how long chance has its way (test_random.py), with --groups N; --seed N repeats what it
decided. TEST... are names such as test_network or test_process.Frozen.test_beyond_the_lease. Without the right to make
network namespaces, or a memory cgroup, what needs them is skipped and says so.
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
MODULES = ["test_network", "test_connections", "test_process", "test_server", "test_random"]
# As root, and as anybody where users may have namespaces.
ENTER = (["unshare", "--net", "--mount"], ["unshare", "--user", "--map-root-user", "--net", "--mount"])


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--witness", required=True, type=os.path.abspath)
    parser.add_argument("--clock", required=True, type=os.path.abspath)
    parser.add_argument("--own-cluster", action="store_true")
    parser.add_argument("--seed", default=str(random.randrange(1000000)))
    parser.add_argument("--duration", type=float)
    parser.add_argument("--groups", type=int)
    parser.add_argument("--entered", action="store_true", help=argparse.SUPPRESS)  # the network is ours
    parser.add_argument("tests", nargs="*")
    return parser.parse_args()


def enter_network():
    """Goes on in a network of our own, or returns why there can be none."""
    try_it = [sys.executable, "-B", "-c", "import network; network.prepare()"]
    for command in ENTER:
        tried = subprocess.run([*command, *try_it], cwd=HERE, stderr=subprocess.PIPE, text=True, check=False)
        if tried.returncode == 0:
            here = [sys.executable, "-B", os.path.abspath(__file__), "--entered"]
            os.execvp(command[0], [*command, *here, *sys.argv[1:]])
    return "no network namespaces here: " + (tried.stderr.strip().splitlines() or ["unknown"])[-1]


def run_tests(arguments):
    import support
    import tally

    since = time.monotonic()
    tests = unittest.defaultTestLoader.loadTestsFromNames(arguments.tests or MODULES)
    result = unittest.TextTestRunner(verbosity=2).run(tests)
    print()
    for scenario, text in support.figures:
        print(f"{scenario}: {text}")
    print(tally.summary())
    print(f"faults: {result.testsRun} tests ran in {time.monotonic() - since:.0f} s, {len(result.skipped)} skipped, "
          f"{len(result.failures) + len(result.errors)} failed; seed {arguments.seed}", flush=True)
    return 0 if result.wasSuccessful() else 1


def run(arguments, folder, no_network):
    sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]
    import memory
    import network

    # Read by those who are imported from here on.
    os.environ.update({"K8SLEADER_TEST_WITNESS": arguments.witness, "K8SLEADER_FAULTS_SHIM": arguments.clock,
                       "K8SLEADER_TEST_SEED": arguments.seed, "K8SLEADER_TEST_CLUSTER_DIR": folder,
                       "K8SLEADER_CLUSTER_DIR": folder, "K8SLEADER_FAULTS_NO_NETWORK": no_network,
                       "K8SLEADER_FAULTS_NO_MEMORY_LIMIT": memory.why_not() or ""})
    os.environ.pop("K8SLEADER_TEST_KUBECONFIG", None)  # of another cluster, perhaps
    for option in "duration", "groups":
        if getattr(arguments, option) is not None:
            os.environ["K8SLEADER_FAULTS_" + option.upper()] = str(getattr(arguments, option))
    if not no_network:
        network.prepare()
        os.environ["K8SLEADER_CLUSTER_ADDRESS"] = network.SERVER
    # One that was left over is in a network that is gone.
    subprocess.run([SCRIPT, "down"], check=True)
    try:
        subprocess.run([SCRIPT, "up", "--unsafe-no-fsync"], check=True, stdout=subprocess.DEVNULL)
        return run_tests(arguments)
    finally:
        subprocess.run([SCRIPT, "down"], check=True)


def main():
    arguments = read_arguments()
    folder = os.environ.get("K8SLEADER_TEST_CLUSTER_DIR")
    if not folder and not arguments.own_cluster:
        print("skipped: K8SLEADER_TEST_CLUSTER_DIR is not set (beside that folder a cluster is started, to disturb it)")
        return SKIPPED
    no_network = "" if arguments.entered else enter_network()
    if arguments.own_cluster:
        with tempfile.TemporaryDirectory(prefix="k8sleader-faults-cluster-") as own:
            return run(arguments, own, no_network)
    return run(arguments, os.path.abspath(folder) + "-faults", no_network)


if __name__ == "__main__":
    sys.exit(main())
