"""k8sleader elect: events, handover, how it ends."""

import json
import os
import signal
import subprocess
import time
import unittest

import support

FIELDS = {  # besides time, event, lock, identity
    "started_leading": {"token"},
    "stopped_leading": {"reason", "token"},
    "lost_during_drain": {"reason", "token"},
    "new_leader": {"leader"},
    "error": {"code", "message"},
}


class Elect(support.TestCase):
    def check_line(self, line, lock, identity):
        event = json.loads(line, parse_float=str)
        self.assertRegex(event["time"], r"^\d{10}\.\d{6}$", "seconds since 1970 with six decimals")
        self.assertAlmostEqual(float(event["time"]), time.time(), delta=60)
        self.assertEqual(event["lock"], lock)
        self.assertEqual(event["identity"], identity)
        self.assertEqual(set(event), {"time", "event", "lock", "identity"} | FIELDS[event["event"]])
        if "token" in event:
            self.assertIs(type(event["token"]), int)
            self.assertGreater(event["token"], 0)
        return event["event"]

    def test_json_lines(self):
        a = self.elect("a")
        a.event("started_leading")
        self.server.fault(verb="update", action="status", status=500, count=1)
        a.event("error", code="SERVER")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        names = [self.check_line(line, "default/" + self.lock, "a") for line in a.out.lines]
        # Of errors there may be more on a slow machine: it is warned of tight durations.
        self.assertCountEqual([name for name in names if name != "error"],
                              ["started_leading", "new_leader", "stopped_leading"])
        self.assertLess(names.index("started_leading"), names.index("stopped_leading"))
        self.assertEqual(a.err.lines, [])

    def test_handover_by_sigterm(self):
        a = self.elect("a")
        first, _ = a.event("started_leading")
        b = self.elect("b")
        b.event("new_leader", leader="a")
        a.signal(signal.SIGTERM)
        stopped, _ = a.event("stopped_leading", reason="stop")
        self.assertEqual(stopped["token"], first["token"])
        second, _ = b.event("started_leading")
        self.assertEqual(a.finish(), 0)
        self.assertGreater(second["token"], first["token"])
        self.assertGreaterEqual(second["time"], stopped["time"])
        self.assertLess(second["time"] - stopped["time"], 1.5, "a release, not an expiry")
        b.event("new_leader", leader="b")

    def test_handover_by_sigint(self):
        a = self.elect("a")
        a.event("started_leading")
        a.signal(signal.SIGINT)
        self.assertEqual(a.finish(), 0)
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")

    def test_killed_leader_expires(self):
        a = self.elect("a")
        a.event("started_leading")
        b = self.elect("b")
        b.event("new_leader", leader="a")
        a.signal(signal.SIGKILL)
        killed = time.time()
        started, _ = b.event("started_leading")
        self.assertEqual(a.wait(), -signal.SIGKILL)
        # It was renewed at most a retry-period (and the time for one) before.
        self.assertGreater(started["time"] - killed, 1.2)
        self.assertLess(started["time"] - killed, 8)

    def test_count(self):
        # With 50 of them the short durations would make a test of the machine's speed.
        a = self.elect("a", "--count", "50", *support.DEFAULTS)
        for i in range(50):
            a.event("started_leading", lock=f"default/{self.lock}-{i}")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        events = [json.loads(line) for line in a.out.lines]
        for name, reason in ("started_leading", None), ("stopped_leading", "stop"):
            locks = sorted(e["lock"] for e in events if e["event"] == name and e.get("reason") == reason)
            self.assertEqual(locks, sorted(f"default/{self.lock}-{i}" for i in range(50)), name)
        for i in range(50):
            self.assertEqual(self.server.lease(f"{self.lock}-{i}")["spec"]["holderIdentity"], "")

    def test_closed_output_releases(self):
        # Not by Program: its stream would read on.
        a = subprocess.Popen([support.PROGRAM, "elect", "--kubeconfig", self.server.kubeconfig, "--namespace", "default",
                              "--name", self.lock, "--output", "json"], stdout=subprocess.PIPE, text=True,
                             env=support.environment(), preexec_fn=support.die_with_parent)
        self.addCleanup(lambda: (a.kill(), a.wait()))
        said = [json.loads(a.stdout.readline())["event"] for _ in range(2)]
        self.assertEqual(sorted(said), ["new_leader", "started_leading"])
        a.stdout.close()  # from here on it has nothing to say, and so can't learn of it by writing
        self.assertEqual(a.wait(support.LIMIT), 0)
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")

    def test_stuck_output_does_not_hold_signals_up(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b"x" * 65536)
        except BlockingIOError:
            os.set_blocking(writer, True)
        number = self.server.fault(verb="create", action="delay", delay_ms=1)  # tells when it has come to that
        a = subprocess.Popen([support.PROGRAM, "elect", "--kubeconfig", self.server.kubeconfig, "--namespace", "default",
                              "--name", self.lock, "--identity", "a"], stdout=writer, env=support.environment(),
                             preexec_fn=support.die_with_parent)
        os.close(writer)
        self.addCleanup(lambda: (a.kill(), a.wait()))
        self.server.wait_hits(number, 1)
        watcher = self.elect("b")
        watcher.event("new_leader", leader="a")
        a.send_signal(signal.SIGTERM)
        self.assertEqual(a.wait(support.LIMIT), 0)
        watcher.event("started_leading")

    def test_second_signal_ends_at_once(self):
        a = self.elect("a")
        a.event("started_leading")
        self.server.fault(verb="update", action="half_open")
        a.signal(signal.SIGTERM)
        a.event("stopped_leading", reason="stop")
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 128 + signal.SIGTERM)
        self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "a")

    def test_no_rejoin(self):
        a = self.elect("a", "--no-rejoin")
        a.event("started_leading")
        self.server.fault(verb="update", action="status", status=403)
        a.event("stopped_leading", reason="lost_deadline")
        self.assertEqual(a.finish(), 3)

    def test_rejoin(self):
        a = self.elect("a")
        first, _ = a.event("started_leading")
        self.server.fault(verb="update", action="status", status=403)
        a.event("error", code="FORBIDDEN")
        _, index = a.event("stopped_leading", reason="lost_deadline")
        self.server.clear_faults()
        second, _ = a.event("started_leading", start=index)
        self.assertGreater(second["token"], first["token"])

    def test_human(self):
        a = self.keep(self.server.candidate("elect", "--name", self.lock, "--identity", "a"))
        a.out.wait(lambda line: "started leading as a, token " in line)
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)
        for line in a.out.lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} default/" + self.lock + ": .")
        self.assertIn("closed", a.out.lines[-1])

    def test_environment(self):
        env = {"K8SLEADER_NAME": "from-environment", "K8SLEADER_IDENTITY": "e", "K8SLEADER_OUTPUT": "json",
               "K8SLEADER_KUBECONFIG": self.server.kubeconfig, "K8SLEADER_NAMESPACE": "default",
               "K8SLEADER_LABEL": "app=web,tier=back", "K8SLEADER_LEASE_DURATION": "1m1s"}
        a = self.keep(support.Program("elect", "--identity", "flag", env=env))
        a.event("started_leading", lock="default/from-environment", identity="flag")
        lease = self.server.lease("from-environment")
        self.assertEqual(lease["metadata"]["labels"], {"app": "web", "tier": "back"})
        self.assertEqual(lease["spec"]["leaseDurationSeconds"], 61)
        a.signal(signal.SIGTERM)
        self.assertEqual(a.finish(), 0)


if __name__ == "__main__":
    support.main()
