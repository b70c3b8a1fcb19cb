"""A server that refuses, conflicts, throttles, resets or is away: nothing is lost, nobody leads twice, and nobody asks
without rest (each test's judgement counts the requests).
"""

import unittest

import case

# Answers to any request; and how many requests a candidate may make in such a time is for the judgement.
STORMS = ((500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout"), (429, "TooManyRequests"))


class Storms(case.Case):
    def hand_over(self, a, b):
        a.crash()
        self.web_0.gone()
        b.leads()

    def test_conflicts_at_each_creation(self):
        """409, though nobody has the lock: each is looked into, and not at full speed."""
        a, storm = self.elect_into(self.pod("web-0"), lambda way: way.refuse(409, "AlreadyExists", "create", "configmaps"))
        storm.await_hits(12)
        self.assertEqual([], a.events("started_leading"))
        self.assert_rested(a.relay.asked("create"))
        storm.release()
        a.leads()

    def elect_into(self, pod, make_rule):
        """A candidate that meets the rule from its first request on; and the rule."""
        rules = []
        return self.elect(pod, prepare=lambda way: rules.append(make_rule(way))), rules[0]

    def test_creation_answered_with_errors(self):
        for number, (status, reason) in enumerate(STORMS):
            with self.subTest(status):
                self.lock = f"lock-{number}"
                pod = self.pod(f"web-{number}")
                a, storm = self.elect_into(pod, lambda way, s=status, r=reason: way.refuse(s, r, "create", "configmaps"))
                storm.await_hits(12)
                self.assertEqual([], a.events("started_leading"))
                self.assert_rested(a.relay.asked("create"))
                storm.release()
                a.leads()
                self.assertLessEqual(len(a.events("error")), 3, a.events())
                a.crash()
        self.lock, self.candidates = "lock-0", self.candidates[:1]

    def test_everything_answered_with_errors_from_the_start(self):
        a, storm = self.elect_into(self.pod("web-0"), lambda way: way.refuse(500, "InternalError"))
        storm.await_hits(15)
        self.assertLessEqual(len(a.events("error")), 6, a.events())
        storm.release()
        a.leads()

    def test_retry_after_is_kept(self):
        a, storm = self.elect_into(self.pod("web-0"), lambda way: way.refuse(
            429, "TooManyRequests", "create", "configmaps", headers={"Retry-After": "2"}))
        storm.await_hits(3)
        times = [r.time for r in a.relay.asked("create")]
        for before, after in zip(times, times[1:]):
            self.assertGreaterEqual(after - before, 1.9)
        storm.release()
        a.leads()

    def test_a_lost_answer_to_the_creation(self):
        """It was made, and its maker does not know: it looks, and leads."""
        a, storm = self.elect_into(self.pod("web-0"), lambda way: way.rule("lose", "create", "configmaps", 1))
        storm.await_hits()
        token = a.leads()["token"]
        self.assertEqual(case.version(self.get_lock()), token)
        self.locks.wait(self.lock, lambda _, it: case.version(it) == token)
        self.assertEqual(1, len([e for e in self.locks.of(self.lock) if e[0] == "ADDED"]))

    def test_a_lost_answer_to_the_deletion(self):
        a, b = self.leader_and_standby()
        lost = b.relay.rule("lose", "delete", "configmaps", 1)
        a.crash()
        self.web_0.say("Failed", "Evicted")
        lost.await_hits()
        b.leads()

    def test_a_leader_does_not_mind(self):
        """It has no deadline: whatever the server answers, nobody else can lead."""
        a, b = self.leader_and_standby()
        for way in a.relay, b.relay:
            way.down()
        self.assert_nobody_starts(b, seconds=2)
        for way in a.relay, b.relay:
            way.up()
        self.assertEqual([], a.events("stopped_leading"))
        self.await_back(b)
        self.hand_over(a, b)
        self.assertEqual(1, len(a.events("started_leading")))

    def await_back(self, candidate):
        """All its three watches are open again."""
        candidate.relay.await_asked("watch", "pods", 4)
        candidate.relay.await_asked("watch", "configmaps", 2)

    def test_watches_that_break_off(self):
        a, b = self.leader_and_standby()
        for _ in range(5):
            b.relay.break_off()
            before = len(b.relay.asked("watch"))
            b.relay.await_asked("watch", None, before + 1)
        self.hand_over(a, b)

    def test_watches_that_are_refused(self):
        a, b = self.leader_and_standby()
        storm = b.relay.refuse(503, "ServiceUnavailable", "watch")
        b.relay.break_off()
        storm.await_hits(9)
        self.assertEqual([], b.events("started_leading"))
        a.crash()
        self.web_0.gone()
        storm.release()
        b.leads()

    def test_connections_reset_while_the_lock_goes(self):
        a, b = self.leader_and_standby()
        storm = b.relay.reset("create", "configmaps")
        a.crash()
        self.web_0.gone()
        storm.await_hits(12)
        self.assertEqual([], b.events("started_leading"))
        self.assert_rested(b.relay.asked("create"))
        storm.release()
        b.leads()

    def test_errors_on_the_pod_keep_the_promise(self):
        """Whether the owner is there can't be read: nobody leads until it can."""
        a, b = self.leader_and_standby()
        storm = b.relay.refuse(500, "InternalError", None, "pods")
        b.relay.break_off()
        storm.await_hits(2)
        self.delete_in_the_foreground(a)
        a.crash()
        self.web_0.gone()
        storm.await_hits(8)
        self.assertEqual([], b.events("started_leading"))
        self.assertEqual([], b.relay.asked("create"))
        storm.release()
        b.leads()

    def test_put_back_after_errors(self):
        """A leader whose lock was deleted puts it back, also when that fails at first."""
        a, b = self.leader_and_standby()
        storm = a.relay.refuse(503, "ServiceUnavailable", "create", "configmaps")
        self.delete_lock()
        storm.await_hits(12)
        self.assertEqual([], b.events("started_leading"))
        created = a.relay.asked("create")
        self.assert_rested(created[1:])
        storm.release()
        self.locks.wait(self.lock, lambda kind, _: kind == "ADDED", 1)
        self.assertEqual([], a.events("stopped_leading"))

    def test_the_server_is_restarted_while_they_wait(self):
        a, b = self.leader_and_standby(direct=not self.bed.embedded)
        self.bed.restart_server(a, b)
        self.assertEqual([], a.events("stopped_leading") + b.events("started_leading"))
        self.hand_over(a, b)

    def test_the_leader_goes_while_the_server_is_away(self):
        """Its process ends; its Pod goes once the server is back."""
        a, b = self.leader_and_standby(direct=not self.bed.embedded)
        with self.bed.server_away(a, b):
            a.crash()
            self.assert_nobody_starts(b)
        self.web_0.gone()
        b.leads()


if __name__ == "__main__":
    unittest.main()
