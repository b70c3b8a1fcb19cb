"""A leader's Pod that has ended and is still in the API, and a Node that is not ready: a standby deletes the lock, by its uid
and version, and nothing newer.
"""

import signal
import unittest

import case


class Ended(case.Case):
    def takes_over(self, phase, reason, *arguments):
        a, b = self.leader_and_standby(*arguments)
        lock = self.get_lock()
        a.crash()  # kubelets report it only after the containers ended
        self.web_0.say(phase, reason)
        started = b.leads()
        self.assertGreater(started["token"], case.version(lock))
        deletions = b.relay.asked("delete", "configmaps")
        self.assertEqual({"uid": case.uid(lock), "resourceVersion": lock["metadata"]["resourceVersion"]},
                         deletions[0].body["preconditions"])
        self.assertEqual(1, len(deletions))
        return b

    def kept(self):
        """The Pod is left as it is."""
        thing = self.ok(self.api.get(self.web_0.path))
        self.assertEqual((self.web_0.uid, False), (case.uid(thing), "deletionTimestamp" in thing["metadata"]))

    def test_failed(self):
        self.takes_over("Failed", None)
        self.kept()

    def test_evicted(self):
        self.takes_over("Failed", "Evicted")
        self.kept()

    def test_preempting(self):
        self.takes_over("Failed", "Preempting")
        self.kept()

    def test_succeeded(self):
        self.takes_over("Succeeded", None)
        self.kept()

    def deletes_the_pod(self, phase, reason):
        """With the option the Pod goes first, by its uid; its lock goes with it, by us or by the collector."""
        a, b = self.leader_and_standby("--delete-leader-pod")
        a.crash()
        self.web_0.say(phase, reason)
        b.leads()
        deletions = b.relay.asked("delete", "pods")
        self.assertEqual([{"uid": self.web_0.uid}], [d.body["preconditions"] for d in deletions])
        self.pods.await_gone(self.web_0.object)

    def test_failed_and_deleted(self):
        self.deletes_the_pod("Failed", None)

    def test_evicted_and_deleted(self):
        self.deletes_the_pod("Failed", "Evicted")

    def test_succeeded_and_deleted(self):
        self.deletes_the_pod("Succeeded", None)

    def test_that_the_pod_cannot_be_deleted_keeps_nobody(self):
        token = self.limited(("pods", "get list watch"), ("configmaps", "get list watch create delete"))
        self.web_0, web_1 = self.pod("web-0"), self.pod("web-1")
        a = self.elect(self.web_0)
        a.leads()
        b = self.elect(web_1, "--delete-leader-pod", token=token)
        b.follows(self.web_0)
        self.await_settled(b)
        a.crash()
        self.web_0.say("Failed", "Evicted")
        b.leads()
        self.assertEqual(1, len(b.relay.asked("delete", "pods")))
        self.kept()

    def test_running_it_is_left_alone(self):
        a, b = self.leader_and_standby("--delete-leader-pod")
        for phase in "Pending", "Unknown", "Running":
            self.web_0.say(phase)
        self.pods.wait("web-0", lambda _, it: it["status"]["phase"] == "Unknown")
        self.assert_nobody_starts(b, seconds=0.5)
        self.assertEqual([], b.relay.asked("delete"))
        self.assertEqual([], a.events("stopped_leading"))

    def test_ended_before_there_was_a_standby(self):
        a = self.elect(self.pod("web-0"))
        a.leads()
        a.crash()
        a.pod.say("Failed", "Evicted")
        self.elect(self.pod("web-1")).leads()

    def test_three_standbys_one_leads(self):
        a, b = self.leader_and_standby()
        standbys = [b] + [self.elect(self.pod(f"web-{i}")) for i in (2, 3)]
        for each in standbys:
            each.follows(self.web_0)
            self.await_settled(each)
        a.crash()
        self.web_0.say("Failed")
        self.eventually(lambda: any(s.events("started_leading") for s in standbys), "one leads")
        winner = next(s for s in standbys if s.events("started_leading"))
        for each in standbys:
            each.follows(winner.pod)
        self.assert_nobody_starts(*standbys, seconds=0.5)
        self.assertEqual(1, sum(len(s.events("started_leading")) for s in standbys))

    def test_a_slow_candidate_does_not_delete_a_newer_lock(self):
        a, b = self.leader_and_standby()
        held = b.relay.hold("delete", "configmaps")
        a.crash()
        self.web_0.say("Failed", "Evicted")
        held.await_hits()
        # Meanwhile another takes over, and the deletion that was decided on before arrives then.
        c = self.elect(self.pod("web-2"))
        token = c.leads()["token"]
        lock = self.get_lock()
        held.release()
        b.follows(c.pod)
        self.assert_nobody_starts(b, seconds=0.5)
        self.assertEqual(case.uid(lock), case.uid(self.get_lock()))
        self.assertEqual(token, case.version(self.get_lock()))
        self.assertEqual([], c.events("stopped_leading"))
        self.assertEqual([], b.relay.asked("create"))

    def test_a_slow_candidate_does_not_delete_an_edited_lock(self):
        """The version is a precondition, too: somebody has re-owned it since."""
        a, b = self.leader_and_standby()
        held = b.relay.hold("delete", "configmaps")
        a.crash()
        self.web_0.say("Failed", "Evicted")
        held.await_hits()
        other = self.pod("other")
        lock = self.patch_lock(ownerReferences=[case.ref(other)])
        held.release()
        b.follows(other)
        self.assert_nobody_starts(b, seconds=0.5)
        self.assertEqual(case.uid(lock), case.uid(self.get_lock()))


class LostNode(case.Case):
    def test_by_default_it_is_no_reason(self):
        a, b = self.leader_and_standby()
        for ready in "False", "Unknown":
            self.node_is(ready)
            self.assert_nobody_starts(b)
        self.assertEqual([], a.events("stopped_leading"))
        self.assertEqual([], b.relay.asked(resource="nodes") + b.relay.asked("delete"))

    def freeze(self, a):
        a.signal(signal.SIGSTOP)
        self.unpromised = "the option breaks the promise: the Pod may run on"

    def test_with_the_option_it_is(self):
        a, b = self.leader_and_standby("--take-from-lost-node")
        b.relay.await_asked("watch", "nodes")
        lock = self.get_lock()
        self.assert_nobody_starts(b, seconds=0.3)
        self.freeze(a)
        self.node_is("Unknown")
        b.leads()
        self.assertEqual({"uid": case.uid(lock), "resourceVersion": lock["metadata"]["resourceVersion"]},
                         b.relay.asked("delete", "configmaps")[0].body["preconditions"])
        # And the node comes back: who led there is told.
        self.node_is("True")
        a.signal(signal.SIGCONT)
        a.await_event("stopped_leading")
        a.follows(self.web_1)
        self.assert_nobody_starts(a, seconds=0.5)

    def test_with_the_option_and_not_ready_before_there_was_a_standby(self):
        a = self.elect(self.pod("web-0"))
        a.leads()
        self.freeze(a)
        self.node_is("False")
        self.elect(self.pod("web-1"), "--take-from-lost-node").leads()


if __name__ == "__main__":
    unittest.main()
