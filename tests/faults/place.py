"""Where a candidate runs: at the end of a cable, behind a proxy, under a memory limit, with a wall clock of its own, as
far as a test asks for them. The place outlives its candidates: who is killed is followed by another one there.
"""

import concurrent.futures
import itertools
import os
import struct

import memory
import network
import proxy
import support

SHIM = os.environ.get("K8SLEADER_FAULTS_SHIM", "")
NO_NETWORK = os.environ.get("K8SLEADER_FAULTS_NO_NETWORK", "")  # why there can be none; empty: there is one
NO_MEMORY_LIMIT = os.environ.get("K8SLEADER_FAULTS_NO_MEMORY_LIMIT", "")

_numbers = itertools.count(1)
_loops = []
# A candidate ends with the thread that has started it (PR_SET_PDEATHSIG): with this one, and not with that of a group.
_starter = concurrent.futures.ThreadPoolExecutor(1)


def proxy_loop():
    if not _loops:
        _loops.append(proxy.Loop())
    return _loops[0]


class Place:
    def __init__(self, test, identity, with_proxy=False, with_limit=False, **options):
        self.test = test
        self.identity = identity
        self.options = options
        self.number = next(_numbers)
        self.serial = 0
        self.witness = None
        self.cable = self.proxy = self.group = None
        self.clock = os.path.join(test.folder, f"clock-{self.number}")
        self.set_clock(0)
        if not NO_NETWORK:
            # Numbers of cables that were removed are free again; more than 254 at once nobody needs.
            self.cable = network.Cable(f"k8s{self.number}", (self.number - 1) % 254 + 1)
            test.addCleanup(self.cable.remove)
        if with_proxy:
            host, port = support.cluster().api.host.rsplit(":", 1)
            self.proxy = proxy.Proxy(proxy_loop(), (host, int(port)))
            test.addCleanup(self.proxy.end)
            self.options["kubeconfig"] = proxy.kubeconfig_through(self.proxy, support.cluster().kubeconfig, test.folder)
        if with_limit:
            self.group = memory.Group(str(self.number))
            test.addCleanup(self.group.remove)
        test.addCleanup(self.clear)

    def start(self):
        """A candidate; the next one when that has ended."""
        identity = f"{self.identity}.{self.serial}" if self.serial else self.identity
        self.serial += 1
        command = self.group.enter() if self.group else []
        command += self.cable.enter() if self.cable else []
        command += ["env", "LD_PRELOAD=" + SHIM, "K8SLEADER_FAULTS_CLOCK=" + self.clock]
        self.witness = _starter.submit(self.test.stand, identity, prefix=command, **self.options).result()
        return self.witness

    def set_clock(self, seconds):
        """By how much the wall clock is off here, from now on."""
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb", buffering=0) as file:
            file.write(struct.pack("=q", seconds * 1000000000))

    def exhaust_memory(self):
        """When the kernel has killed the candidate for it."""
        before = self.group.killed()
        self.group.exhaust()
        self.witness.process.wait(support.PATIENCE)
        at = support.now()
        code = self.witness.process.returncode
        if code != -9 or self.group.killed() == before:
            raise AssertionError(f"the OOM killer took another one; the candidate ended with {code}")
        return at

    def leads(self):
        """As far as it has been told."""
        told = [e for e in list(self.witness.events) if e["event"] in ("started_leading", "stopped_leading")]
        return bool(told) and told[-1]["event"] == "started_leading"

    def clear(self):
        if self.witness:
            self.witness.clear_away()  # before its namespace and its group go
