"""What is on the lease besides the record outlives the writes of all; and what kubectl shows."""

import json
import shutil
import unittest

import fleet
import peers
from fleet import LEASES, LONG, LONG_POLLING, STEADY

BY_HAND = {
    "labels": {"team": "a", "example.com/long": "x" * 63},
    "annotations": {"note": "line\nline \"quoted\" \\ \t \u00e4\u20ac\U0001f642 </script>", "empty": "",
                    "example.com/json": json.dumps({"a": [1, {"b": None}]}), "big": "y" * 20000},
    "finalizers": ["example.com/stay"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "kube-system", "uid": None,
                         "controller": False, "blockOwnerDeletion": False}],
}


class Metadata(fleet.TestCase):
    needs = (peers.clientgo,)

    def test_kept_by_all(self):
        """Put on by hand while one leads; then renewals of both, releases and takeovers in both directions."""
        leader = self.clientgo("c-1", times=STEADY)
        leader.leads()
        space = self.cluster.request("GET", "/api/v1/namespaces/kube-system")
        BY_HAND["ownerReferences"][0]["uid"] = space["metadata"]["uid"]
        put = self.cluster.patch(LEASES, self.lock, {"metadata": BY_HAND})
        # Else the namespace could not go.
        self.addCleanup(self.cluster.patch, LEASES, self.lock, {"metadata": {"finalizers": None}})
        self.await_renewals(3, "c-1")
        for identity, stand in ("o-1", self.ours), ("c-2", self.clientgo), ("o-2", self.ours):
            standby = stand(identity, times=STEADY)
            standby.follows(leader.identity)
            self.hand_over(leader, standby)
            self.await_renewals(2, identity)
            leader = standby
        leader.end()
        self.await_version(lambda v: v.holder == "" and v.transitions == 3)
        seen = [v for v in self.versions() if int(v.metadata["resourceVersion"]) >= int(put["metadata"]["resourceVersion"])]
        self.assertGreaterEqual(len(seen), 13)
        for version in seen:
            for key, value in BY_HAND.items():
                self.assertEqual(version.metadata[key], value)
            for key in "uid", "creationTimestamp":
                self.assertEqual(version.metadata[key], put["metadata"][key])
        # A manager all of whose fields were written by another since is dropped by the server.
        managers = {entry["manager"] for version in seen for entry in version.metadata["managedFields"]}
        self.assertTrue({"k8sleader", "clientgo-candidate"} <= managers, managers)

    def test_labels_of_both(self):
        """Each sets its own labels, and leaves the other's."""
        own = self.ours("o", "--label", "from=ours,ours=1", times=STEADY)
        own.leads()
        peer = self.clientgo("c", "--labels", "from=theirs,theirs=2", times=STEADY)
        peer.follows("o")
        own.end()
        peer.leads()
        self.await_version(lambda v: v.metadata["labels"] == {"from": "theirs", "ours": "1", "theirs": "2"})
        own = self.ours("o", "--label", "from=ours,ours=1", times=STEADY)
        own.follows("c")
        peer.end()
        own.leads()
        self.await_renewals(1, "o")
        self.assertEqual(self.versions()[-1].metadata["labels"], {"from": "ours", "ours": "1", "theirs": "2"})


@unittest.skipUnless(shutil.which("kubectl"), "there is no kubectl")
class Kubectl(fleet.TestCase):
    def test_get(self):
        own = self.ours("example-holder", times=LONG)
        own.leads()
        for options in (), ("-o", "wide"):
            head, row = self.cluster.kubectl("get", "lease", self.lock, *options).splitlines()
            self.assertEqual(head.split(), ["NAME", "HOLDER", "AGE"])
            self.assertEqual(row.split()[:2], [self.lock, "example-holder"])
        text = self.cluster.kubectl("get", "lease", self.lock, "-o", "yaml")
        spec = text.split("\nspec:\n")[1]
        moment = r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"'
        self.assertRegex(spec, rf"\A  acquireTime: {moment}\n  holderIdentity: example-holder\n"
                         rf"  leaseDurationSeconds: {fleet.LONG_LEASE}\n  leaseTransitions: 0\n  renewTime: {moment}\n\Z")
        self.assertEqual(self.cluster.kubectl("get", "lease", self.lock, "-o", "jsonpath={.spec.holderIdentity}"),
                         "example-holder")
        described = self.cluster.kubectl("describe", "lease", self.lock)
        self.assertRegex(described, r"Holder Identity:\s+example-holder")
        own.end()
        _, row = self.cluster.kubectl("get", "lease", self.lock).splitlines()
        self.assertNotIn("example-holder", row)

    def test_label_annotate_edit(self):
        """A hand's commands between renewals: none of them costs the leader its lease, nor is undone."""
        own = self.ours("o", times=STEADY)
        own.leads()
        self.cluster.kubectl("label", "lease", self.lock, "by=hand")
        self.cluster.kubectl("annotate", "lease", self.lock, "note=this")
        self.await_renewals(2, "o")
        self.cluster.kubectl("label", "lease", self.lock, "by=another", "--overwrite")
        self.cluster.kubectl("annotate", "lease", self.lock, "note-")
        self.await_renewals(2, "o")
        metadata = self.versions()[-1].metadata
        self.assertEqual((metadata["labels"], metadata.get("annotations", {})), ({"by": "another"}, {}))
        self.assertEqual(own.said("stopped_leading"), [])

    def test_server_side_apply(self):
        """Another owner of fields, by kubectl apply --server-side, whose fields ours neither takes nor loses."""
        own = self.ours("o", times=STEADY)
        own.leads()
        manifest = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": self.lock, "labels": {"applied": "yes"}}}
        for _ in range(2):
            self.cluster.request("PATCH", self.cluster.path(LEASES, self.lock) + "?fieldManager=hand",
                                 manifest, "application/apply-patch+yaml")
            self.await_renewals(2, "o")
        version = self.versions()[-1]
        self.assertEqual(version.metadata["labels"], {"applied": "yes"})
        owner = next(e for e in version.metadata["managedFields"] if e["manager"] == "hand")
        self.assertIn("f:applied", json.dumps(owner))
        self.assertEqual(own.said("stopped_leading"), [])


class Status(fleet.TestCase):
    needs = (peers.clientgo,)

    def test_theirs_and_free(self):
        """k8sleader status on a lease that client-go leads, and has released."""
        peer = self.clientgo("c", times=LONG_POLLING)
        peer.leads()

        def status():
            program = fleet.support.Program("status", "--kubeconfig", self.cluster.kubeconfig, "--namespace",
                                            self.cluster.namespace, "--output", "json", self.lock)
            self.assertIn(program.finish(), (0, 1))
            return "\n".join(program.out.lines)

        self.assertIn('"c"', status())
        peer.end()
        if not peer.lost_release:
            self.assertNotIn('"c"', status())


if __name__ == "__main__":
    fleet.main()
