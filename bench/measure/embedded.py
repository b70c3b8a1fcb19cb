"""Many elections in a process with everybody's defaults, on the embedded API server.

A real one takes less writes than 10,000 elections need by the defaults: 5,000 a second. So this shows what the library does
where the server is no limit.
"""

import os
import subprocess
import time

import kube
from measure.bed import LEASES, RETRY_S, wall_time
from measure.candidate import Candidate, await_that, cpu_seconds
from measure.figure import OURS, Figure
from measure.many import Counter, locks


class Server:
    def __init__(self, bed):
        self.kubeconfig = os.path.join(bed.folder, "embedded.kubeconfig")
        self.process = subprocess.Popen([bed.programs[OURS], "dev-server", "--kubeconfig-out", self.kubeconfig],
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # it serves, and the file is there
        self.client = kube.Client(kube.Kubeconfig(self.kubeconfig))

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def ages(self):
        asked = time.time()
        items = self.client.get(LEASES.format("default")).body["items"]
        return [asked - wall_time(lease["spec"]["renewTime"]) for lease in items]

    def end(self):
        self.process.terminate()
        self.process.wait()


def measure(bed):
    count = bed.sizes.embedded
    server = Server(bed)
    try:
        one = Candidate(bed, OURS, "embedded", "one", command=[
            bed.programs[OURS], "elect", "--kubeconfig", server.kubeconfig, "--namespace", "default", "--name", "embedded",
            "--identity", "one", "--count", str(count), "--output", "json"])
        led = Counter(one, "started_leading")
        await_that(lambda: led.reached(count), f"all {count} led")
        all_led = max(locks(one, "started_leading").values()) - one.born
        time.sleep(2 * RETRY_S)  # a start is not what is measured
        before, since = (one.cpu(), server.cpu()), time.monotonic()
        time.sleep(bed.sizes.quiet_s)
        after, seconds = (one.cpu(), server.cpu()), time.monotonic() - since
        ages, lost, rss = server.ages(), len(locks(one, "stopped_leading")), one.memory()[0]
        one.end()
    finally:
        server.end()

    def figure(what, unit, values, limit=(), goal=""):
        return Figure("embedded", f"{count} elections in a process, embedded server: {what}", unit, {OURS: values}, list(limit),
                      goal)

    yield figure("from its start until it leads all", "s", [all_led])
    yield figure("RSS", "MiB", [rss])
    yield figure("CPU", "ms/s", [(after[0] - before[0]) / seconds * 1000])
    yield figure("the server's CPU", "ms/s", [(after[1] - before[1]) / seconds * 1000])
    yield figure("age of the last renewal when asked", "s", ages, [RETRY_S], "worst <= 1.1 x limit: none missed")
    yield figure("terms lost while quiet", "1", [lost], [], "0")
