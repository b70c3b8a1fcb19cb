"""leader-for-life: the leader's process is killed and its Pod deleted; until the next leader.

The limit is the garbage collector's: the Pod is gone, the lock it owns is deleted, and one write makes another.
"""

import concurrent.futures
import os
import statistics
import threading
import time

from measure.bed import OPERATORLIB
from measure.candidate import PATIENCE_S, Candidate
from measure.figure import OURS, Figure

AS_IN_A_POD = """
set -e
mount -t tmpfs none /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
printf %s "$1" >/run/secrets/kubernetes.io/serviceaccount/namespace
shift
exec "$@"
"""  # operator-lib finds its namespace there and nowhere else


class Deletions:
    """When a watch told that objects were deleted, by name."""

    def __init__(self, bed, resource):
        self.times, self.changed = {}, threading.Condition()
        self.watch = bed.client.watch(f"/api/v1/namespaces/{bed.namespace}/{resource}", timeoutSeconds=86400)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            while (event := self.watch.next()) is not None:
                if event["type"] == "DELETED":
                    with self.changed:
                        self.times[event["object"]["metadata"]["name"]] = time.time()
                        self.changed.notify_all()
        except (OSError, ValueError, AssertionError, AttributeError):
            pass  # closed

    def of(self, name, since):
        with self.changed:
            if not self.changed.wait_for(lambda: self.times.get(name, 0) >= since, PATIENCE_S):
                raise RuntimeError(f"{name} was not deleted")
            return self.times[name]


class Life:
    def __init__(self, bed):
        self.bed = bed
        self.gone, self.collected = Deletions(bed, "pods"), Deletions(bed, "configmaps")
        self.asking = threading.Lock()  # the client has one connection

    def stand(self, subject, lock):
        bed = self.bed
        with self.asking:
            pod = bed.name(lock)
            answer = bed.client.post(f"/api/v1/namespaces/{bed.namespace}/pods", {
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod},
                "spec": {"containers": [{"name": "c", "image": "i"}], "automountServiceAccountToken": False}})
        if answer.status != 201:
            raise RuntimeError(f"no Pod {pod}: {answer}")
        program = bed.programs[subject]
        command = {OURS: [program, "elect", "--mode", "life", "--name", lock, "--output", "json"],
                   OPERATORLIB: ["unshare", "--mount", "sh", "-c", AS_IN_A_POD, "sh", bed.namespace, program, lock]}
        environment = {**os.environ, "POD_NAME": pod, "POD_UID": answer.body["metadata"]["uid"],
                       "POD_NAMESPACE": bed.namespace, "KUBECONFIG": bed.kubeconfig}
        return Candidate(bed, subject, lock, pod, command=command[subject], environment=environment)

    def remove(self, candidate):
        """The process first, as a kubelet does. Returns when the request was sent."""
        candidate.kill()
        candidate.end()
        with self.asking:
            since = time.time()
            self.bed.client.delete(f"/api/v1/namespaces/{self.bed.namespace}/pods/{candidate.identity}",
                                   {"gracePeriodSeconds": 0})
        return since

    def rounds(self, subject, waits):
        """Per round: Pod deleted to next leader, the same to the lock's deletion, and from there on, in s."""
        lock, took = self.bed.name("life"), []
        leader = self.stand(subject, lock)
        leader.wait("started_leading")
        for waited in waits:
            standby = self.stand(subject, lock)
            time.sleep(1.0 + waited)  # how long a standby has waited matters to those that poll
            since = self.remove(leader)
            self.gone.of(leader.identity, since)
            collected = self.collected.of(lock, since)
            started = standby.wait("started_leading", since)["time"]
            took.append((started - since, collected - since, started - collected))
            leader = standby
        self.remove(leader)
        return took


def measure(bed):
    life = Life(bed)
    measured = {OURS: life.rounds(OURS, [0.0] * (1 + bed.sizes.life_rounds))[1:]}
    if bed.has(OPERATORLIB):
        waits = [0.0, 5.0] if bed.quick else [0.0, 5.0, 15.0]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            running = [pool.submit(life.rounds, OPERATORLIB, [wait] * (2 if bed.quick else 4)) for wait in waits]
            measured[OPERATORLIB] = [one for rounds in running for one in rounds.result()]
    write_s = statistics.median(bed.limit_ms("write")) / 1000
    yield Figure("life", "leader-for-life: Pod deleted to next leader", "s",
                 {who: [total for total, _, _ in took] for who, took in measured.items()},
                 [collected + write_s for took in measured.values() for _, collected, _ in took], "<= limit + 50 ms")
    yield Figure("life", "... from the lock's deletion on", "ms",
                 {who: [after * 1000 for _, _, after in took] for who, took in measured.items()},
                 bed.limit_ms("write"), "<= 50 ms")
