"""Deletion: preconditions, Pods that take their time, and what goes with its owner."""

from case import Case, number, uid, version

OTHER_UID = "00000000-0000-0000-0000-000000000001"


def wrong_uid(thing):
    return (f"the UID in the precondition ({OTHER_UID}) does not match the UID in record ({uid(thing)}). "
            "The object might have been deleted and then recreated")


class Preconditions(Case):
    def options(self, **preconditions):
        return {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": preconditions}

    def delete(self, lease, **preconditions):
        return self.api.delete(self.leases(lease["metadata"]["name"]), self.options(**preconditions))

    def test_a_wrong_uid_is_a_conflict(self):
        lease = self.make_lease()
        self.stale_deletion(self.delete(lease, uid=OTHER_UID), lease, wrong_uid(lease))
        self.assertEqual(lease, self.ok(self.api.get(self.leases(lease["metadata"]["name"]))))

    def test_a_stale_version_is_a_conflict(self):
        lease = self.make_lease()
        renewed = self.renew(lease, holderIdentity="b")
        self.stale_deletion(self.delete(lease, uid=uid(lease), resourceVersion=version(lease)), lease,
                            f"the ResourceVersion in the precondition ({version(lease)}) does not match the "
                            f"ResourceVersion in record ({version(renewed)}). The object might have been modified")
        self.assertEqual(renewed, self.ok(self.api.get(self.leases(lease["metadata"]["name"]))))

    def test_the_right_ones_delete(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        body = self.ok(self.delete(lease, uid=uid(lease), resourceVersion=version(lease)))
        self.assertEqual(("Status", "Success"), (body["kind"], body["status"]))
        self.assertEqual({"name": name, "group": "coordination.k8s.io", "kind": "leases", "uid": uid(lease)}, body["details"])
        self.refused(self.api.get(self.leases(name)), 404, "NotFound")

    def test_a_missing_object_is_not_found(self):
        name = self.name()
        for answer in (self.api.delete(self.leases(name)),
                       self.api.delete(self.leases(name), self.options(uid=OTHER_UID))):
            self.refused(answer, 404, "NotFound", f'leases.coordination.k8s.io "{name}" not found', name=name, kind="leases")


class Finalizers(Case):
    def test_keep_a_deleted_lease_which_can_still_be_written(self):
        lease = self.make_lease(metadata={"finalizers": ["example.com/wait"]})
        name = lease["metadata"]["name"]
        # Else its namespace would never go.
        self.addCleanup(self.api.request, "PATCH", self.leases(name), {"metadata": {"finalizers": None}},
                        "application/merge-patch+json")
        self.ok(self.api.delete(self.leases(name)))
        waiting = self.ok(self.api.get(self.leases(name)))
        self.assertIn("deletionTimestamp", waiting["metadata"])
        self.refused(self.api.post(self.leases(), self.lease(name)), 409, "AlreadyExists")
        waiting = self.renew(waiting, holderIdentity="b")
        watch = self.watch_lease(name, resourceVersion=version(waiting))
        self.ok(self.put_lease({**waiting, "metadata": {**waiting["metadata"], "finalizers": None}}))
        self.event(watch, "DELETED")
        self.refused(self.api.get(self.leases(name)), 404, "NotFound")


class Pods(Case):
    def path(self, pod):
        return self.pods(pod["metadata"]["name"])

    def watch_pod(self, pod):
        return self.watch(self.pods(), fieldSelector=f"metadata.name={pod['metadata']['name']}", resourceVersion=version(pod))

    def gone(self, watch, pod):
        # Also a Pod that goes at once is marked first: who watches sees that it has no time left, and then the end.
        marked = self.event(watch, "MODIFIED")["object"]
        self.assertEqual(0, marked["metadata"]["deletionGracePeriodSeconds"])
        deleted = self.event(watch, "DELETED")["object"]
        self.assertEqual(uid(pod), uid(deleted))
        self.assertGreater(number(deleted), number(marked))
        self.refused(self.api.get(self.path(pod)), 404, "NotFound")

    def test_without_a_node_goes_at_once_whatever_the_grace(self):
        pod = self.make_pod()
        watch = self.watch_pod(pod)
        self.ok(self.api.delete(self.path(pod), {"gracePeriodSeconds": 30}))
        self.gone(watch, pod)

    def test_with_a_node_is_terminating_until_it_is_deleted_without_grace(self):
        pod = self.make_pod(nodeName=f"node-{self.server.run}")
        watch = self.watch_pod(pod)
        self.ok(self.api.delete(self.path(pod)))
        terminating = self.event(watch, "MODIFIED")["object"]
        self.assertRegex(terminating["metadata"]["deletionTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(30, terminating["metadata"]["deletionGracePeriodSeconds"])
        self.assertEqual(terminating, self.ok(self.api.get(self.path(pod))))
        self.ok(self.api.delete(self.path(pod), {"gracePeriodSeconds": 0}))
        self.gone(watch, pod)

    def test_a_shorter_grace_is_taken(self):
        pod = self.make_pod(nodeName=f"node-{self.server.run}")
        self.ok(self.api.delete(self.path(pod)))
        self.ok(self.api.delete(self.path(pod), {"gracePeriodSeconds": 5}))
        self.assertEqual(5, self.ok(self.api.get(self.path(pod)))["metadata"]["deletionGracePeriodSeconds"])

    def test_a_uid_precondition(self):
        pod = self.make_pod()
        self.stale_deletion(self.api.delete(self.path(pod), {"preconditions": {"uid": OTHER_UID}}), pod, wrong_uid(pod))


class GarbageCollection(Case):
    def owned(self, owner, name=None, **more):
        return self.make_configmap(name, metadata={"ownerReferences": [self.owner(owner, **more)]})

    def watch_all(self, since):
        return self.watch(self.configmaps(), resourceVersion=version(since))

    def gone(self, watch, thing):
        """Waits for the deletion of this object, and gives the version it has."""
        while True:
            event = self.event(watch)
            if event["type"] == "DELETED" and uid(event["object"]) == uid(thing):
                return number(event["object"])

    def wait_for_the_collector(self):
        """Until it has done something after now: one whose owner never was is collected."""
        owner = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.name("never"), "uid": OTHER_UID}}
        orphan = self.owned(owner)
        self.gone(self.watch_all(orphan), orphan)

    def exists(self, configmap):
        return self.api.get(self.configmaps(configmap["metadata"]["name"])).status == 200

    def test_what_a_pod_owns_goes_after_it_and_not_before(self):
        pod = self.make_pod(nodeName=f"node-{self.server.run}")
        owned = self.owned(pod)
        watch, pods = self.watch_all(owned), self.watch(self.pods(), resourceVersion=version(owned))
        self.wait_for_the_collector()
        self.assertTrue(self.exists(owned))
        # A Pod that is terminating is still there.
        self.ok(self.api.delete(self.pods(pod["metadata"]["name"])))
        self.wait_for_the_collector()
        self.assertTrue(self.exists(owned))
        self.ok(self.api.delete(self.pods(pod["metadata"]["name"]), {"gracePeriodSeconds": 0}))
        collected = self.gone(watch, owned)
        self.assertGreater(collected, self.gone(pods, pod))

    def test_a_new_pod_of_the_same_name_owns_nothing(self):
        pod = self.make_pod()
        self.ok(self.api.delete(self.pods(pod["metadata"]["name"])))
        self.make_pod(pod["metadata"]["name"])
        owned = self.owned(pod)
        self.gone(self.watch_all(owned), owned)

    def test_of_two_owners_one_is_enough(self):
        first, second = self.make_pod(), self.make_pod()
        owned = self.make_configmap(metadata={"ownerReferences": [self.owner(first), self.owner(second)]})
        watch = self.watch(self.configmaps(), fieldSelector=f"metadata.name={owned['metadata']['name']}",
                           resourceVersion=version(owned))
        self.ok(self.api.delete(self.pods(first["metadata"]["name"])))
        kept = self.event(watch, "MODIFIED")["object"]
        self.assertEqual([uid(second)], [one["uid"] for one in kept["metadata"]["ownerReferences"]])
        self.ok(self.api.delete(self.pods(second["metadata"]["name"])))
        self.event(watch, "DELETED")

    def test_in_the_foreground_what_is_owned_goes_first(self):
        owner = self.make_configmap()
        owned = self.owned(owner, blockOwnerDeletion=True)
        watch = self.watch_all(owned)
        self.ok(self.api.delete(self.configmaps(owner["metadata"]["name"]), {"propagationPolicy": "Foreground"}))
        waiting = self.event(watch, "MODIFIED")["object"]
        self.assertEqual(uid(owner), uid(waiting))
        self.assertEqual(["foregroundDeletion"], waiting["metadata"]["finalizers"])
        self.assertIn("deletionTimestamp", waiting["metadata"])
        self.gone(watch, owned)
        # Not changed once more before it goes.
        self.assertEqual(uid(owner), uid(self.event(watch, "DELETED")["object"]))

    def test_orphans_stay_without_their_owner(self):
        owner = self.make_configmap()
        owned = self.owned(owner)
        watch = self.watch_all(owned)
        self.ok(self.api.delete(self.configmaps(owner["metadata"]["name"]), {"propagationPolicy": "Orphan"}))
        self.gone(watch, owner)
        self.wait_for_the_collector()
        kept = self.ok(self.api.get(self.configmaps(owned["metadata"]["name"])))
        self.assertEqual(uid(owned), uid(kept))
        self.assertNotIn("ownerReferences", kept["metadata"])

    def test_an_unknown_propagation_policy(self):
        owner = self.make_configmap()
        self.refused(self.api.delete(self.configmaps(owner["metadata"]["name"]), {"propagationPolicy": "Sideways"}),
                     422, "Invalid")
