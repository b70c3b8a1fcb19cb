#!/usr/bin/env python3
"""An operator that keeps a Deployment for each Memcached object of its namespace. Of several replicas one works: the
leader, elected for life or with a lease.

This file elects; controller.py is the work.
"""

import os
import signal
import sys
import threading

import k8sleader
from cluster import Cluster, NoCluster
from controller import Controller
from k8sleader import EventType
from log import log_line, pass_on_the_library
from settings import Settings

# What no waiting mends: better a Pod that is seen to fail.
HOPELESS = ("NO_POD", "FOREIGN_LOCK")


class Program:
    def __init__(self, settings, cluster):
        self.namespace, self.cluster = settings.namespace, cluster
        self.work = None  # of the term that goes on
        self.ending = self.failed = False
        self.client = k8sleader.Client(os.environ["KUBECONFIG"] if cluster.outside else None)
        self.election = self.client.stand(settings.lock, for_life=settings.mode == "life", namespace=settings.namespace,
                                          **settings.options)
        log_line(f"standing for {self.election.lock}, mode {settings.mode}, as {self.election.identity}")
        for number in signal.SIGTERM, signal.SIGINT:
            signal.signal(number, self.on_signal)
        threading.Thread(target=self.tell, args=(self.election.events(),), daemon=True).start()

    def on_signal(self, number, _):
        """[the main thread, between two of its steps] A term is to end; without one there is nothing to wait for."""
        if not self.ending:
            log_line(f"{signal.Signals(number).name}: draining")
        self.ending = True
        if self.work is None:
            raise SystemExit(self.failed)
        self.work.stop()

    def tell(self, events):
        """[a thread] What happens in the election."""
        for event in events:
            if event.type is EventType.NEW_LEADER:
                log_line(f"{event.lock} is led by {event.leader}")
            elif event.type is EventType.STOPPED_LEADING:
                log_line(f"the term is to end: {event.reason.value}")
            elif event.type is EventType.LOST_DURING_DRAIN:
                log_line(f"the lock was lost before the work had ended: {event.reason.value}")
            elif event.type is EventType.ERROR and event.error.name in HOPELESS:
                self.failed = True
                os.kill(os.getpid(), signal.SIGTERM)

    def run(self):
        while not self.ending:  # after a loss it stands again
            term = self.election.wait()
            self.work = Controller(self.cluster, self.namespace, term)
            log_line(f"leading {term.lock}, fencing token {term.fencing_token}")
            self.work.run()
            self.work = None
            log_line("the term has ended, nothing of it is under way")
            # A lease that is still held is released now; leader-for-life gives nothing back.
            term.hand_back()


def main():
    settings = Settings(sys.argv[1:])
    pass_on_the_library()
    try:
        program = Program(settings, Cluster())
        with program.client:
            program.run()
    except (NoCluster, k8sleader.K8sLeaderError) as error:
        log_line(str(error))
        return 2 if isinstance(error, k8sleader.OptionError) else 1
    log_line("ends")
    return program.failed


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as end:
        code = end.code
    # All has ended but the watches' threads, which read until the server says something. Should that be while the interpreter
    # ends, CPython up to 3.13 ends such a thread in the middle of it, and may abort.
    sys.stdout.flush()
    os._exit(int(code or 0))
