"""k8sleader run: leadership is lost while the command runs."""

import signal
import time

import support

LONGER = ("--lease-duration", "3s", "--renew-deadline", "1s", "--retry-period", "200ms")
TICK = "while :; do date +'%s%N tick'; sleep 0.05; done"


def is_ready(line):
    return line == "ready"


class Loss(support.TestCase):
    def test_sigterm_and_again_in_a_later_term(self):
        a = self.run_shell("a", "echo begin $K8SLEADER_TOKEN; trap 'echo term; exit 1' TERM; echo ready; "
                                "while :; do sleep 0.05; done")
        a.out.wait(is_ready)
        b = self.elect("b")
        b.event("new_leader", leader="a")
        self.server.fault(verb="update", holder="a", action="status", status=403)
        b.event("started_leading")
        a.event("stopped_leading", a.err, reason="lost_deadline")
        term = a.out.wait(lambda line: line == "term")
        self.server.clear_faults()
        a.event("new_leader", a.err, leader="b")
        b.signal(signal.SIGTERM)
        self.assertEqual(b.finish(), 0)
        again = a.out.wait(is_ready, term)
        begins = [int(line.split()[1]) for line in a.out.lines[:again] if line.startswith("begin ")]
        self.assertEqual(len(begins), 2)
        self.assertLess(begins[0], begins[1])
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 1)

    def test_sigkill_by_grace(self):
        a = self.run_shell("a", "trap 'echo term' TERM; " + TICK, options=LONGER)
        a.event("started_leading", a.err)
        b = self.elect("b")
        b.event("new_leader", leader="a")
        self.server.fault(verb="update", holder="a", action="status", status=403)
        term = a.out.wait(lambda line: line == "term")
        started, _ = b.event("started_leading")
        self.server.clear_faults()
        a.event("new_leader", a.err, leader="b")
        ticks = [int(line.split()[0]) / 1e9 for line in a.out.lines if line.endswith("tick")]
        self.assertLess(ticks[-1], started["time"], "it is dead before another leads")
        # SIGTERM at a second after the last renewal, SIGKILL at 2.7.
        self.assertGreater(a.out.times[-1] - a.out.times[term], 0.8, "it had its time")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)

    def test_processes_in_other_sessions_are_killed_before_another_leads(self):
        a = self.run_shell("a", f"setsid sh -c \"trap '' TERM; {TICK}\" & trap 'exit 0' TERM; wait", options=LONGER)
        a.event("started_leading", a.err)
        b = self.elect("b")
        b.event("new_leader", leader="a")
        a.out.wait(lambda line: line.endswith("tick"))
        self.server.fault(verb="update", holder="a", action="status", status=403)
        started, _ = b.event("started_leading")
        a.event("new_leader", a.err, leader="b")
        ticks = [int(line.split()[0]) / 1e9 for line in a.out.lines if line.endswith("tick")]
        self.assertLess(ticks[-1], started["time"])

    def test_foreign_holder_ends_it_at_once(self):
        a = self.run_shell("a", "trap 'echo term; exit 0' TERM; echo ready; while :; do sleep 0.05; done",
                           options=("--lease-duration", "60s", "--renew-deadline", "40s", "--retry-period", "10s"))
        a.out.wait(is_ready)
        lease = self.server.lease(self.lock)
        lease["spec"]["holderIdentity"] = "thief"
        self.server.request("PUT", f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{self.lock}", lease)
        a.event("stopped_leading", a.err, reason="lost_holder")
        a.out.wait(lambda line: line == "term")
        a.event("new_leader", a.err, leader="thief")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)

    def test_no_rejoin(self):
        a = self.run_shell("a", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done", options=("--no-rejoin",))
        a.out.wait(is_ready)
        self.server.fault(verb="update", action="status", status=403)
        self.assertEqual(a.finish(), 3)

    def test_drain_timeout_kills_by_grace_without_a_release(self):
        a = self.run_shell("a", "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done",
                           options=("--drain-timeout", "600ms"))
        a.out.wait(is_ready)
        b = self.elect("b")
        b.event("new_leader", leader="a")
        a.signal(signal.SIGTERM)
        a.event("stopped_leading", a.err, reason="stop")
        lost, _ = a.event("lost_during_drain", a.err, reason="drain_timeout")
        self.assertEqual(a.finish(), 128 + signal.SIGKILL)
        died = time.time()
        started, _ = b.event("started_leading")
        self.assertGreater(started["time"], lost["time"] + 0.5, "it ran out, it was not released")
        self.assertLess(died - 0.2, started["time"])

    def test_lost_during_drain(self):
        a = self.run_shell("a", "trap 'echo term' TERM; echo ready; while :; do sleep 0.05; done")
        a.out.wait(is_ready)
        a.signal(signal.SIGTERM)
        a.out.wait(lambda line: line == "term")
        self.server.fault(verb="update", holder="a", action="status", status=403)
        a.event("lost_during_drain", a.err, reason="lost_deadline")
        self.assertEqual(a.finish(), 128 + signal.SIGKILL)

    def test_frozen_past_the_lease(self):
        a = self.run_shell("a", "trap 'echo term' TERM; " + TICK)
        a.event("started_leading", a.err)
        b = self.elect("b")
        b.event("new_leader", leader="a")
        a.signal(signal.SIGSTOP)
        self.addCleanup(a.kill)
        b.event("started_leading")
        a.signal(signal.SIGCONT)
        continued = time.time()
        stopped, _ = a.event("stopped_leading", a.err)
        self.assertTrue(stopped["reason"].startswith("lost_"), stopped)
        a.event("new_leader", a.err, leader="b")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        ticks = [int(line.split()[0]) / 1e9 for line in a.out.lines if line.endswith("tick")]
        self.assertLess(ticks[-1] - continued, 0.5)
        self.assertNotIn("term", a.out.lines, "there is no time for it")

    def test_server_goes_away(self):
        a = self.run_shell("a", "trap 'echo term; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
        a.out.wait(is_ready)
        self.server.fault(action="reset_before")
        a.event("stopped_leading", a.err, reason="lost_deadline")
        a.out.wait(lambda line: line == "term")
        self.server.request("DELETE", "/_devserver/faults")
        a.out.wait(is_ready, 1)
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)


if __name__ == "__main__":
    support.main()
