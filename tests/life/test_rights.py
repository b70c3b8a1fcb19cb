"""What a Role does not allow: what is done without it, and that it is said once."""

import unittest

import case

ALL = "get list watch create delete"


class Rights(case.Case):
    def standby(self, *rules, arguments=()):
        """a leads with all rights; b stands by with these."""
        token = self.limited(*rules)
        self.web_0, self.web_1 = self.pod("web-0"), self.pod("web-1")
        a = self.elect(self.web_0)
        a.leads()
        b = self.elect(self.web_1, *arguments, token=token)
        b.follows(self.web_0)
        return a, b

    def said(self, candidate, code):
        return [e["message"] for e in candidate.events("error", code=code)]

    def test_what_the_documentation_asks_for_is_enough(self):
        rules = ("configmaps", "get list watch create delete"), ("pods", "get watch")
        a, b = self.standby(*rules)
        self.await_settled(b)
        self.assert_silent(b)
        a.crash()
        self.web_0.say("Failed", "Evicted")
        b.leads()
        self.assertEqual([], b.events("error"))

    def test_no_pods(self):
        """As operator-lib, which asks for no other Pod: the lock's absence has to do."""
        a, b = self.standby(("configmaps", ALL))
        told = b.await_event("error", code="PODS_FORBIDDEN")["message"]
        self.assertIn("get and watch on pods", told)
        self.assert_nobody_starts(b)
        self.assert_silent(b)
        self.unpromised = "it can't see that the Pod is still there"
        self.delete_in_the_foreground(a)
        b.leads()
        a.await_event("stopped_leading", reason="lost_lock")
        self.assertEqual(1, len(self.said(b, "PODS_FORBIDDEN")), b.events())

    def test_no_pods_in_order(self):
        a, b = self.standby(("configmaps", ALL))
        b.await_event("error", code="PODS_FORBIDDEN")
        a.crash()
        self.web_0.gone()
        b.leads()
        self.assertEqual(1, len(b.events("error")), b.events())

    def test_no_pods_and_no_pod_uid(self):
        """Nothing tells who we are: nothing can be owned."""
        token = self.limited(("configmaps", ALL))
        pod = self.pod("web-0")
        env = self.downward(pod)
        del env["POD_UID"]
        a = self.elect(pod, env=env, token=token)
        told = a.await_event("error", code="NO_POD")["message"]
        self.assertIn("POD_UID is not set", told)
        self.assertIn("fieldPath: metadata.uid", told)
        self.assertEqual(1, a.await_end())

    def test_pods_may_be_read_and_not_watched(self):
        """They are asked for now and then, and the promise is kept."""
        a, b = self.standby(("configmaps", ALL), ("pods", "get"), arguments=["--log-level", "warning"])
        b.relay.await_asked("get", "pods", 4)
        self.delete_in_the_foreground(a)
        asked = len(b.relay.asked("get", "pods"))
        b.relay.await_asked("get", "pods", asked + 3)
        self.assertEqual([], b.events("started_leading"))
        self.assertEqual([], b.relay.asked("create"))
        a.crash()
        self.web_0.gone()
        b.leads()
        self.assertLessEqual(len(b.events("error")), 1, b.events())
        self.assertEqual(1, sum("every 2 s instead of watched" in line for line in b.err.lines), b.err.lines)

    def test_the_lock_may_be_read_and_not_watched(self):
        a, b = self.standby(("configmaps", "get create delete"), ("pods", ALL))
        b.await_event("error", code="WATCH_FORBIDDEN")
        b.relay.await_asked("get", "configmaps", 4)
        a.crash()
        self.web_0.gone()
        b.leads()
        self.assertEqual(1, len(self.said(b, "WATCH_FORBIDDEN")))

    def test_no_nodes(self):
        """The option can't do anything then: said once."""
        token = self.limited(("configmaps", ALL), ("pods", ALL))
        self.web_0, self.web_1 = self.pod("web-0"), self.pod("web-1")
        a = self.elect(self.web_0)
        a.leads()
        b = self.elect(self.web_1, "--take-from-lost-node", token=token)
        told = b.await_event("error", code="PODS_FORBIDDEN")["message"]
        self.assertIn("nodes take a ClusterRole: get and watch on nodes", told)
        self.node_is("Unknown")
        self.assert_nobody_starts(b)
        self.assert_silent(b)
        self.assertEqual(1, len(b.events("error")), b.events())
        a.crash()
        self.web_0.gone()
        b.leads()

    def test_no_configmaps_at_all(self):
        token = self.limited(("pods", ALL))
        a = self.elect(self.pod("web-0"), token=token)
        a.await_event("error", code="FORBIDDEN")
        self.assert_nobody_starts(a, seconds=2)
        self.assertLessEqual(len(a.events("error")), 3, a.events())
        self.grant(self.limited_name, ("configmaps", ALL))
        a.leads()

    def test_no_creation(self):
        token = self.limited(("configmaps", "get list watch delete"), ("pods", ALL))
        a = self.elect(self.pod("web-0"), token=token)
        self.assertIn("create", a.await_event("error", code="FORBIDDEN")["message"])
        a.relay.await_asked("create", "configmaps", 3)
        self.assertEqual(1, len(a.events("error")), a.events())
        # Another, with the right, is first: it follows.
        other = self.elect(self.pod("web-1"))
        other.leads()
        a.follows(other.pod)

    def test_no_deletion(self):
        """A leader that has ended keeps its lock, until the collector has it."""
        a, b = self.standby(("configmaps", "get list watch create"), ("pods", ALL))
        a.crash()
        self.web_0.say("Failed", "Evicted")
        b.await_event("error", code="FORBIDDEN")
        b.relay.await_asked("delete", "configmaps", 3)
        self.assertEqual(1, len(b.events("error")), b.events())
        self.web_0.gone()
        b.leads()

    def test_become_ends_at_a_missing_right(self):
        """Waiting gives nobody rights: the Pod shows that it fails, and why."""
        token = self.limited(("pods", ALL))
        a = self.start(self.pod("web-0"), "become", "--", "echo", "started", token=token)
        self.assertIn("configmaps", a.await_event("error", code="FORBIDDEN")["message"])
        self.assertEqual(1, a.await_end())
        self.assertEqual([], a.out.lines)

    def test_an_unknown_token(self):
        a = self.elect(self.pod("web-0"), token="unknown")
        a.await_event("error", code="UNAUTHORIZED")
        self.assert_nobody_starts(a, seconds=2)


if __name__ == "__main__":
    unittest.main()
