"""Stands in an election by the official Python client, and prints what `k8sleader elect --output json` prints."""

import argparse
import json
import os
import signal
import sys
import threading
import time

from kubernetes import config
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

LOCKS = {"leases": LeaseLock, "configmaps": ConfigMapLock}
PRINTING = threading.Lock()


def arguments():
    parser = argparse.ArgumentParser()
    for name in "name", "namespace", "identity", "kubeconfig":
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--lock-resource", choices=LOCKS, default="leases")
    for name, default in ("lease-duration", 15), ("renew-deadline", 10), ("retry-period", 2):
        parser.add_argument("--" + name, type=lambda text: int(text.removesuffix("s")), default=default)
    return parser.parse_args()


class Observer:
    """The client has no callback for a new leader; what its lock reads tells."""

    def __init__(self, lock, say):
        self.get, self.say, self.leader = lock.get, say, None
        lock.get = self

    def __call__(self, name, namespace):
        found, record = self.get(name, namespace)
        leader = record.holder_identity if found and record else None
        if leader and leader != self.leader:
            self.say("new_leader", leader=leader)
        self.leader = leader
        return found, record


def main():
    options = arguments()

    def say(event, **fields):
        with PRINTING:
            line = {"time": round(time.time(), 6), "event": event, "lock": f"{options.namespace}/{options.name}",
                    "identity": options.identity, **fields}
            print(json.dumps(line), flush=True)

    # It has neither a stop nor a release: ending the process is all there is.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    config.load_kube_config(options.kubeconfig)
    lock = LOCKS[options.lock_resource](options.name, options.namespace, options.identity)
    Observer(lock, say)
    leaderelection.LeaderElection(electionconfig.Config(
        lock, options.lease_duration, options.renew_deadline, options.retry_period,
        onstarted_leading=lambda: say("started_leading"),
        onstopped_leading=lambda: say("stopped_leading", reason="lost"))).run()


if __name__ == "__main__":
    sys.exit(main())
