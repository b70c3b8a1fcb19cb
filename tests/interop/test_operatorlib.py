"""leader-for-life beside operator-lib: each takes over from the other when the leader's Pod goes."""

import copy
import time
import unittest

import fleet
import peers
from fleet import CONFIGMAPS

# The namespace where a Pod has it, seen by this process alone.
WITH_NAMESPACE = ('mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && '
                  'printf %s "$1" >/run/secrets/kubernetes.io/serviceaccount/namespace && shift && exec "$@"')
# The command of become says what the other candidates say.
LEADS = ("""printf '{"time":%s,"event":"started_leading","lock":"%s"}\\n' "$(date +%s.%6N)" "$K8SLEADER_LOCK"; """
         "exec sleep 1000")


class Life(fleet.TestCase):
    needs = (peers.operatorlib,)

    def setUp(self):
        super().setUp()
        self.node = f"node-{self.cluster.namespace}"
        self.request("POST", "/api/v1/nodes", {"metadata": {"name": self.node}})
        self.addCleanup(self.request, "DELETE", f"/api/v1/nodes/{self.node}")
        self.pods = {}

    def request(self, method, path, body=None, **more):
        return self.cluster.request(method, path, body, **more)

    def pod_path(self, name):
        return f"/api/v1/namespaces/{self.cluster.namespace}/pods/{name}"

    def pod(self, stem):
        """A Pod that runs on a node: terminating until the kubelet, this test, says that it has ended."""
        name = f"{self.lock}-{stem}"
        self.pods[name] = self.request("POST", self.pod_path("").rstrip("/"), {
            "metadata": {"name": name},
            "spec": {"nodeName": self.node, "containers": [{"name": "main", "image": "none"}]}})
        return name

    def environment(self, pod):
        return {"POD_NAME": pod, "POD_UID": self.uid(pod), "POD_NAMESPACE": self.cluster.namespace}

    def uid(self, pod):
        return self.pods[pod]["metadata"]["uid"]

    def ours(self, pod, *options):  # pylint: disable=arguments-differ
        return self._keep(fleet.Candidate("ours", pod, [
            fleet.support.PROGRAM, "elect", "--mode", "life", "--output", "json", "--name", self.lock,
            "--kubeconfig", self.cluster.kubeconfig, *options], self.environment(pod)))

    def become(self, pod):
        return self._keep(fleet.Candidate("ours", pod, [
            fleet.support.PROGRAM, "become", self.lock, "--kubeconfig", self.cluster.kubeconfig, "--", "sh", "-c", LEADS],
            self.environment(pod)))

    def theirs(self, pod):
        return self._keep(fleet.Candidate("operator-lib", pod, [
            "unshare", *peers.PRIVATE_MOUNTS, "sh", "-c", WITH_NAMESPACE, "sh", self.cluster.namespace,
            peers.operatorlib(), self.lock], {**self.environment(pod), "KUBECONFIG": self.cluster.kubeconfig}))

    def await_lock_of(self, pod):
        return self.await_version(lambda v: [o["uid"] for o in v.metadata.get("ownerReferences", [])] == [self.uid(pod)] and
                                  not v.deleted, kind=CONFIGMAPS)[0]

    def waits(self, theirs):
        theirs.err.wait(lambda line: "Not the leader. Waiting." in line, limit=fleet.LIMIT)

    def pod_ends(self, candidate):
        """Its process, and with it its Pod; when the collector had removed the lock."""
        lock = self.versions(kind=CONFIGMAPS)[-1]
        candidate.kill()
        self.request("DELETE", self.pod_path(candidate.identity), {"gracePeriodSeconds": 0})
        return self.await_removed(lock)

    def await_removed(self, lock):
        gone, _ = self.await_version(
            lambda v: v.deleted and v.metadata["uid"] == lock.metadata["uid"], kind=CONFIGMAPS)
        return gone.received

    def test_each_takes_over_from_the_other(self):
        ours_after, theirs_after = [], []
        leader = self.theirs(self.pod("0"))
        leader.leads()
        for number in range(1, 5):
            pod = self.pod(str(number))
            if leader.kind == "ours":
                standby, taken = self.theirs(pod), theirs_after
                self.waits(standby)
            else:
                standby, taken = self.ours(pod), ours_after
                standby.follows(leader.identity)
            self.await_lock_of(leader.identity)
            time.sleep(0.5)  # for the figure: a standby whose watches are open, which it does not tell
            gone = self.pod_ends(leader)
            taken.append(standby.leads() - gone)
            self.await_lock_of(pod)
            leader = standby
        self.figure("ours, from the lock's removal to the next leader", ours_after)
        self.figure("operator-lib's", theirs_after)

    def test_the_same_object(self):
        """What each leaves is the same, but for what the server writes."""
        locks = []
        for kind in self.theirs, self.ours:
            leader = kind(self.pod(str(len(locks))))
            leader.leads()
            metadata = copy.deepcopy(self.await_lock_of(leader.identity).metadata)
            for key in "uid", "resourceVersion", "creationTimestamp", "managedFields":
                metadata.pop(key)
            owner = metadata["ownerReferences"][0]
            self.assertEqual((owner.pop("name"), owner.pop("uid")), (leader.identity, self.uid(leader.identity)))
            body = self.versions(kind=CONFIGMAPS)[-1].body
            locks.append((metadata, sorted(set(body) - {"apiVersion", "kind"})))
            self.pod_ends(leader)
        self.assertEqual(locks[0], locks[1])

    def test_becomes_lock_is_kept_from_theirs(self):
        pod = self.pod("0")
        ours = self.become(pod)
        ours.leads()
        theirs = self.theirs(self.pod("1"))
        self.waits(theirs)
        self.assertEqual(theirs.out.lines, [])
        gone = self.pod_ends(ours)
        self.figure("operator-lib after become, from the lock's removal", [theirs.leads() - gone])

    def test_becomes_takes_over_from_theirs(self):
        theirs = self.theirs(self.pod("0"))
        theirs.leads()
        ours = self.become(self.pod("1"))
        ours.err.wait(lambda line: "new leader" in line, limit=fleet.LIMIT)
        self.assertEqual(ours.out.lines, [])
        gone = self.pod_ends(theirs)
        self.figure("become after operator-lib, from the lock's removal", [ours.leads() - gone])

    def test_restarted_each_knows_its_own(self):
        for kind in self.ours, self.theirs:
            leader = kind(self.pod(kind.__name__))
            leader.leads()
            lock = self.await_lock_of(leader.identity)
            leader.kill_now()
            # A Pod's containers may change from one to the other, too: an upgrade in place.
            for again in self.theirs, self.ours:
                restarted = again(leader.identity)
                restarted.leads()
                restarted.kill_now()
            self.assertEqual(self.versions(kind=CONFIGMAPS)[-1].metadata["resourceVersion"],
                             lock.metadata["resourceVersion"])
            self.pod_ends(leader)

    def test_their_evicted_leader(self):
        """operator-lib deletes the Pod, ours the lock: whoever is first, the other follows."""
        for first, then in (self.theirs, self.ours), (self.ours, self.theirs):
            leader = first(self.pod("from-" + first.__name__))
            leader.leads()
            standby = then(self.pod("to-" + then.__name__ + "-" + first.__name__))
            if standby.kind == "ours":
                standby.follows(leader.identity)
            else:
                self.waits(standby)
            leader.kill_now()
            self.request("PATCH", self.pod_path(leader.identity) + "/status",
                         {"status": {"phase": "Failed", "reason": "Evicted"}}, content="application/merge-patch+json")
            # What has ended goes at once when it is deleted, which operator-lib does: its lock goes with it.
            standby.leads()
            self.await_lock_of(standby.identity)
            self.pod_ends(standby)


if __name__ == "__main__":
    fleet.main()
