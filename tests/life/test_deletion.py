"""The leader's Pod is deleted, in each of kubectl's ways; the lock is; the Pod of a candidate is."""

import unittest

import case


class LeadersPod(case.Case):
    def test_in_the_background(self):
        a, b = self.leader_and_standby(direct=True)
        lock = self.get_lock()
        self.web_0.delete()
        a.follows(self.web_0)
        self.assert_nobody_starts(b)  # terminating: its containers run on, and it leads
        self.assertEqual([], a.events("stopped_leading"))
        self.assertEqual(lock, self.get_lock())
        a.crash()
        self.web_0.gone()
        collected = self.locks.await_gone(lock)
        self.assertGreater(b.leads()["token"], case.version(collected))
        self.assertEqual([case.ref(self.web_1)], self.get_lock()["metadata"]["ownerReferences"])

    def test_in_the_foreground_the_lock_goes_first(self):
        a, b = self.leader_and_standby()
        self.delete_in_the_foreground(a)
        self.assert_nobody_starts(b)
        # Who is being deleted leads on, and does not put its lock back.
        self.assertEqual([], a.events("stopped_leading"))
        self.assertEqual(1, len(a.relay.asked("create")))
        self.assertEqual([], b.relay.asked("create"))
        a.crash()
        self.web_0.gone()
        b.leads()

    def test_in_the_foreground_a_new_candidate_knows_of_no_owner(self):
        """It never saw the lock, so the ConfigMap's absence is all there is: said in the documentation."""
        a, b = self.leader_and_standby()
        self.delete_in_the_foreground(a)
        self.unpromised = "who never saw the lock can't know whose it was"
        c = self.elect(self.pod("web-2"))
        c.leads()
        b.follows(c.pod)
        a.await_event("stopped_leading")

    def test_orphaning_leaves_a_lock_of_nobody(self):
        a, b = self.leader_and_standby()
        self.web_0.delete("Orphan")
        self.locks.wait(self.lock, lambda kind, it: kind == "MODIFIED" and not self.owners(it))
        self.assert_nobody_starts(b)
        a.crash()
        self.web_0.gone()
        told = b.await_event("error", code="LOCK_OWNER")
        self.assertIn("has no owner", told["message"])
        self.assertIn(f"kubectl delete configmap --namespace {self.namespace} {self.lock}", told["message"])
        self.assert_nobody_starts(b)
        self.assertEqual(1, len(b.events("error")))
        self.assertEqual([], b.relay.asked("create") + b.relay.asked("delete"))
        self.delete_lock()  # what the message says
        b.leads()

    def test_a_new_pod_of_the_same_name_is_not_the_owner(self):
        """A StatefulSet's replacement comes before the garbage collector does."""
        a, b = self.leader_and_standby()
        old = self.get_lock()
        self.bed.stop_collector()
        self.addCleanup(self.bed.start_collector)
        a.crash()
        self.web_0.gone()
        again = self.elect(self.pod("web-0"))
        again.await_event("new_leader")
        self.assert_nobody_starts(b, again)
        self.assertEqual(case.uid(old), case.uid(self.get_lock()))
        self.bed.start_collector()
        collected = self.locks.await_gone(old)
        self.eventually(lambda: b.events("started_leading") or again.events("started_leading"), "one of them leads")
        winner, other = (b, again) if b.events("started_leading") else (again, b)
        self.assertGreater(winner.leads()["token"], case.version(collected))
        other.follows(winner.pod, 2 if other is again and winner.pod.name == "web-0" else 1)
        self.assert_nobody_starts(other, seconds=0.3)

    def test_the_replacement_alone(self):
        a = self.elect(self.pod("web-0"))
        token = a.leads()["token"]
        self.bed.stop_collector()
        self.addCleanup(self.bed.start_collector)
        a.crash()
        a.pod.gone()
        again = self.elect(self.pod("web-0"))
        again.await_event("new_leader")
        self.assert_nobody_starts(again)
        self.bed.start_collector()
        self.assertGreater(again.leads()["token"], token)
        self.assertEqual([again.pod.uid], self.owners(self.get_lock()))


class TheLock(case.Case):
    def test_deleted_by_hand_it_is_put_back(self):
        a, b = self.leader_and_standby()
        token = a.leads()["token"]
        for count in 1, 2, 3:
            before = self.get_lock()
            self.delete_lock()
            self.locks.await_gone(before)
            self.locks.wait(self.lock, lambda kind, it, old=before: kind == "ADDED" and case.version(it) > case.version(old))
            a.relay.await_asked("create", "configmaps", 1 + count)
        self.assertEqual([], a.events("stopped_leading"))
        self.assertEqual([token], [e["token"] for e in a.events("started_leading")])
        self.assert_nobody_starts(b, seconds=0.3)
        self.assertEqual([], b.relay.asked("create"))
        # And its standby knows whose it is: the next handover is in order.
        a.crash()
        self.web_0.gone()
        b.leads()

    def test_deleted_while_nobody_runs_in_the_leaders_pod(self):
        a, b = self.leader_and_standby()
        a.crash()
        lock = self.get_lock()
        self.delete_lock()
        self.locks.await_gone(lock)
        self.assert_nobody_starts(b)
        again = self.elect(self.web_0)
        self.assertGreater(again.leads()["token"], case.version(lock))
        b.relay.requests.clear()
        self.assert_silent(b, seconds=0.5)
        self.assertEqual([], b.events("started_leading"))

    def test_another_was_first(self):
        a, b = self.leader_and_standby()
        self.unpromised = "a hand gives the lock away"
        held = a.relay.hold("create", "configmaps")
        self.delete_lock()
        held.await_hits()
        self.make_lock([case.ref(self.web_1)])
        b.leads()
        held.release()
        self.assertEqual("lost_lock", a.await_event("stopped_leading")["reason"])
        a.follows(self.web_1)


class OwnPod(case.Case):
    def test_being_deleted_it_does_not_stand(self):
        pod = self.pod("web-0")
        pod.delete()
        a = self.elect(pod)
        self.assertIn("is being deleted", a.await_event("error", code="POD_ENDING")["message"])
        self.assert_nobody_starts(a)
        self.assertEqual([], a.relay.asked("create"))
        self.elect(self.pod("web-1")).leads()
        self.assertEqual(1, len(a.events("error")))

    def test_deleted_while_it_waits_it_does_not_stand_any_more(self):
        a, b = self.leader_and_standby()
        c = self.elect(self.pod("web-2"))
        c.follows(self.web_0)
        self.web_1.delete()
        b.await_event("error", code="POD_ENDING")
        a.crash()
        self.web_0.gone()
        c.leads()
        self.assertEqual([], b.events("started_leading"))
        self.assertEqual([], b.relay.asked("create"))

    def test_being_deleted_a_restarted_container_does_not_lead(self):
        a, b = self.leader_and_standby()
        self.web_0.delete()
        a.crash()
        again = self.elect(self.web_0)
        again.await_event("error", code="POD_ENDING")
        self.assert_nobody_starts(again, b)

    def test_gone_under_a_leader(self):
        """Deleted by force: who leads says so at once. Others may lead then, as the promise says."""
        a, b = self.leader_and_standby()
        self.unpromised = "a forced deletion"
        self.web_0.gone()
        self.assertEqual("lost_pod", a.await_event("stopped_leading")["reason"])
        b.leads()
        told = a.await_event("error", code="NO_POD")
        self.assertIn("fieldPath: metadata.name", told["message"])
        self.assertEqual(1, a.await_end())

    def test_gone_while_it_waits(self):
        a, b = self.leader_and_standby()
        self.web_1.gone()
        b.await_event("error", code="NO_POD")
        self.assertEqual(1, b.await_end())
        self.assertEqual([], a.events("stopped_leading"))

    def test_gone_under_a_command(self):
        a = self.start(self.pod("web-0"), "run", "--", "sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.05; done")
        a.out.wait(str.isdigit, limit=case.PATIENCE)
        a.pod.gone()
        self.assertEqual("lost_pod", a.await_event("stopped_leading")["reason"])
        self.assertEqual(128 + 9, a.await_end())  # the command's, which was killed

    def test_ended_under_a_leader(self):
        for number, phase in enumerate(("Failed", "Succeeded")):
            with self.subTest(phase):
                a = self.elect(self.pod(f"web-{number}"))
                a.leads()
                a.pod.say(phase)
                self.assertEqual("lost_pod", a.await_event("stopped_leading")["reason"])
                a.await_event("error", code="POD_ENDING")
                a.crash()
                a.pod.gone()


if __name__ == "__main__":
    unittest.main()
