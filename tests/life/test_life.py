"""The life of a leader while nobody disturbs it: the lock, standbys, restarts, and what is asked of the server."""

import os
import signal
import unittest

import case


class Life(case.Case):
    def test_the_lock_is_the_pods(self):
        a = self.elect(self.pod("web-0"))
        token = a.leads()["token"]
        lock = self.get_lock()
        self.assertEqual([case.ref(a.pod)], lock["metadata"]["ownerReferences"])
        self.assertEqual(case.version(lock), token)
        self.assertFalse(lock.get("data") or lock.get("binaryData") or lock["metadata"].get("annotations"), lock)
        self.assertEqual("web-0", a.await_event("new_leader")["leader"])

    def test_who_waits_asks_nothing(self):
        a, b = self.leader_and_standby()
        self.assert_silent(a, b)
        for candidate in a, b:
            self.assertEqual(["create"] if candidate is a else [], [r.verb for r in candidate.relay.asked("create")])
        self.assertEqual([], b.events("started_leading"))

    def test_a_restarted_container_goes_on(self):
        a, b = self.leader_and_standby()
        token = a.leads()["token"]
        a.crash()
        again = self.elect(self.web_0)
        self.assertEqual(token, again.leads()["token"])
        self.assertEqual([], again.relay.asked("create"))
        self.assertEqual([], b.events("started_leading"))

    def test_a_stop_gives_nothing_back(self):
        a, b = self.leader_and_standby()
        token = a.leads()["token"]
        self.assertEqual(0, a.end())
        a.await_event("stopped_leading", reason="stop", token=token)
        self.assert_nobody_starts(b)
        self.assertEqual([self.web_0.uid], self.owners(self.get_lock()))
        self.assertEqual(token, self.elect(self.web_0).leads()["token"])

    def test_a_stopped_standby_leaves_no_trace(self):
        a, b = self.leader_and_standby()
        self.assertEqual(0, b.end())
        self.assertEqual([], b.relay.asked("create") + b.relay.asked("delete"))
        self.assertEqual([], a.events("stopped_leading"))

    def test_one_after_the_other(self):
        """Five Pods, in whichever order they get it."""
        standing = [self.elect(self.pod(f"web-{i}"), direct=i % 2 == 0) for i in range(5)]
        led = []
        while standing:
            self.eventually(lambda: any(c.events("started_leading") for c in standing), "one of them leads")
            leader = next(c for c in standing if c.events("started_leading"))
            for other in standing:
                if other is not leader:
                    other.follows(leader.pod)
            led.append(leader.leads()["token"])
            leader.crash()
            leader.pod.gone()
            standing.remove(leader)
        self.assertEqual((sorted(led), 5), (led, len(set(led))))

    def test_without_pod_uid_the_first_read_tells(self):
        pod = self.pod("web-0")
        env = self.downward(pod)
        del env["POD_UID"]
        a = self.elect(pod, "--log-level", "warning", env=env)
        a.leads()
        self.assertEqual([case.ref(pod)], self.get_lock()["metadata"]["ownerReferences"])
        warnings = [line for line in a.err.lines if "POD_UID is not set" in line]
        self.assertEqual(1, len(warnings), a.err.lines)
        self.assertIn("fieldPath: metadata.uid", warnings[0])


class Become(case.Case):
    SHOW = ("sh", "-c", "echo pid $$ token $K8SLEADER_TOKEN identity $K8SLEADER_IDENTITY lock $K8SLEADER_LOCK; "
            "exec sleep 1000")

    def become(self, pod, *command, **more):
        return self.start(pod, "become", "--", *command, **more)

    def test_waits_and_is_the_command_then(self):
        a, b = self.elect(self.pod("web-0")), None
        a.leads()
        b = self.become(self.pod("web-1"), *self.SHOW)
        b.follows(a.pod)
        self.assertEqual([], b.out.lines)
        a.crash()
        a.pod.gone()
        b.out.wait(lambda line: line.startswith("pid "), limit=case.PATIENCE)
        token = b.leads()["token"]
        self.assertEqual([f"pid {b.process.pid} token {token} identity web-1 lock {self.namespace}/{self.lock}"], b.out.lines)
        self.assertEqual(case.version(self.get_lock()), token)
        self.assertEqual(-signal.SIGTERM, b.end())
        # It elects the Pod, not the process: its next container has the same token.
        again = self.become(b.pod, "sh", "-c", "echo $K8SLEADER_TOKEN")
        self.assertEqual(0, again.await_end())
        self.assertEqual([str(token)], again.out.lines)

    def test_its_lock_is_the_pods_also_without_it(self):
        a = self.become(self.pod("web-0"), "true")
        self.assertEqual(0, a.await_end())
        b = self.elect(self.pod("web-1"))
        b.follows(a.pod)
        self.assert_nobody_starts(b)
        a.pod.gone()
        b.leads()


class Run(case.Case):
    def run_shell(self, pod, script, **more):
        return self.start(pod, "run", "--", "sh", "-c", script, **more)

    def test_runs_while_it_leads(self):
        a = self.run_shell(self.pod("web-0"), "echo $K8SLEADER_TOKEN $K8SLEADER_IDENTITY $K8SLEADER_LOCK; exit 7")
        self.assertEqual(7, a.await_end())
        self.assertEqual([f"{case.version(self.get_lock())} web-0 {self.namespace}/{self.lock}"], a.out.lines)

    def test_a_loss_kills_the_command(self):
        # Another leads already: there is no time left to end in good order.
        other = self.pod("web-1")
        a = self.run_shell(self.pod("web-0"), "trap '' TERM; echo $$; while :; do sleep 0.05; done")
        a.out.wait(str.isdigit, limit=case.PATIENCE)
        self.patch_lock(ownerReferences=[case.ref(other)])
        a.await_event("stopped_leading", reason="lost_holder")
        a.follows(other)
        self.eventually(lambda: not os.path.exists(f"/proc/{a.out.lines[0]}"), "the command has ended")
        self.assertIsNone(a.process.poll())


if __name__ == "__main__":
    unittest.main()
