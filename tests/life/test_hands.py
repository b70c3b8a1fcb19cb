"""Locks that are not as a candidate leaves them: nobody takes over what is nobody's to take."""

import unittest

import case


class Hands(case.Case):
    def test_reowned_by_hand(self):
        a, b = self.leader_and_standby()
        self.unpromised = "a hand gives the lock away"
        self.patch_lock(ownerReferences=[case.ref(self.web_1)])
        self.assertEqual("lost_holder", a.await_event("stopped_leading")["reason"])
        a.follows(self.web_1)
        self.assertEqual(case.version(self.get_lock()), b.leads()["token"])
        self.assert_nobody_starts(a, seconds=0.5)
        # And back again: it stood again after its loss.
        self.patch_lock(ownerReferences=[case.ref(self.web_0)])
        b.await_event("stopped_leading", reason="lost_holder")
        self.assertEqual(case.version(self.get_lock()), a.leads(2)["token"])

    def test_reowned_to_nobody_of_ours(self):
        a, b = self.leader_and_standby()
        other = self.pod("other")
        self.patch_lock(ownerReferences=[case.ref(other)])
        a.await_event("stopped_leading", reason="lost_holder")
        for each in a, b:
            each.follows(other)
        self.assert_nobody_starts(a, b)
        other.gone()
        self.eventually(lambda: len(a.events("started_leading")) + len(b.events("started_leading")) == 2, "one leads")

    def test_without_rejoin_a_loss_ends_it(self):
        a = self.elect(self.pod("web-0"), "--no-rejoin")
        a.leads()
        self.patch_lock(ownerReferences=[case.ref(self.pod("other"))])
        self.assertEqual(3, a.await_end())

    def barred(self, says, code, *, lock=None, **metadata):
        """A lock as described is not taken; it is said once, and once it is deleted somebody leads."""
        if lock is None:
            lock = self.make_lock(**{"owners": [], **metadata})
        a = self.elect(self.pod("web-0"))
        told = a.await_event("error", code=code)
        self.assertIn(says, told["message"])
        self.assert_nobody_starts(a)
        self.assertEqual(1, len(a.events("error")), a.events())
        self.assertEqual([], a.relay.asked("create") + a.relay.asked("delete"))
        self.assertEqual(case.uid(lock), case.uid(self.get_lock()))
        self.assert_silent(a, seconds=0.5)
        self.delete_lock()
        a.leads()
        return told

    def test_no_owner(self):
        told = self.barred("has no owner", "LOCK_OWNER")
        self.assertIn(f"kubectl delete configmap --namespace {self.namespace} {self.lock}", told["message"])

    def test_two_owners(self):
        self.barred("has several owners", "LOCK_OWNER", owners=[case.ref(self.pod("x")), case.ref(self.pod("y"))])

    def test_an_owner_that_is_no_pod(self):
        owner = self.ok(self.api.post(self.path("configmaps"), {"metadata": {"name": "owner"}}), 201)
        self.barred("is owned by something else than a Pod", "LOCK_OWNER", owners=[
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": case.uid(owner)}])

    def test_a_lock_of_leader_with_lease(self):
        self.barred("is a leader-with-lease lock", "FOREIGN_LOCK", annotations={
            "control-plane.alpha.kubernetes.io/leader": '{"holderIdentity":"someone","leaseDurationSeconds":15}'})

    def test_a_lock_of_leader_with_lease_that_a_pod_owns(self):
        self.barred("is a leader-with-lease lock", "FOREIGN_LOCK", owners=[case.ref(self.pod("x"))], annotations={
            "control-plane.alpha.kubernetes.io/leader": '{"holderIdentity":"someone","leaseDurationSeconds":15}'})

    def test_become_says_what_bars_it_and_goes_on_waiting(self):
        self.make_lock([])
        a = self.start(self.pod("web-0"), "become", "--", "echo", "started")
        a.await_event("error", code="LOCK_OWNER")
        self.assert_nobody_starts(a)
        self.delete_lock()
        self.assertEqual(0, a.await_end(), (a.err.lines, "\n".join(map(str,a.relay.requests))))
        self.assertEqual(["started"], a.out.lines)

    def test_become_ends_at_what_waiting_does_not_mend(self):
        self.make_lock([], annotations={"control-plane.alpha.kubernetes.io/leader": "{}"})
        a = self.start(self.pod("web-0"), "become", "--", "echo", "started")
        self.assertEqual(1, a.await_end())
        a.await_event("error", code="FOREIGN_LOCK")
        self.assertEqual([], a.out.lines)

    def test_owners_taken_away_under_a_leader(self):
        """Nobody can take it: who leads, leads on."""
        a, b = self.leader_and_standby()
        self.patch_lock(ownerReferences=None)
        for each in a, b:
            each.await_event("error", code="LOCK_OWNER")
        self.assert_nobody_starts(b)
        self.assertEqual([], a.events("stopped_leading"))

    def test_labels_of_others_change_nothing(self):
        a, b = self.leader_and_standby()
        for number in range(20):
            self.patch_lock(labels={"n": str(number)})
        self.locks.wait(self.lock, lambda kind, it: it["metadata"].get("labels") == {"n": "19"})
        self.assert_silent(a, b)
        self.assertEqual(1, len(a.events("started_leading")))
        self.assertEqual([], a.events("stopped_leading") + b.events("started_leading"))
        # The next handover deletes nothing that was edited since: the collector does it.
        a.crash()
        self.web_0.gone()
        b.leads()

    def test_a_lock_with_a_finalizer(self):
        """It is being deleted and still there: nobody leads until it is gone."""
        a, b = self.leader_and_standby()
        self.patch_lock(finalizers=["example.com/wait"])
        self.addCleanup(self.api.request, "PATCH", self.path("configmaps", self.lock), {"metadata": {"finalizers": None}},
                        case.MERGE)
        lock = self.get_lock()
        a.crash()
        self.web_0.gone()
        self.locks.wait(self.lock, lambda _, it: "deletionTimestamp" in it["metadata"])
        self.assert_nobody_starts(b)
        self.patch_lock(finalizers=None)
        self.locks.await_gone(lock)
        b.leads()


if __name__ == "__main__":
    unittest.main()
