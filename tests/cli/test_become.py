"""k8sleader become: waits, and then is the command, in the same process. The cases of the election are tests/life."""

import os
import re
import signal
import subprocess
import unittest

import support

SHOW = "echo $$ $K8SLEADER_TOKEN $K8SLEADER_IDENTITY $K8SLEADER_LOCK $OTHER"


def uid(thing):
    return thing["metadata"]["uid"]


class Cluster:
    """Pods as objects."""

    def make_pod(self, name):
        pod = self.server.request("POST", "/api/v1/namespaces/default/pods", {
            "metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "none"}]}})
        self.addCleanup(self.delete_pod, pod)
        return pod

    def delete_pod(self, pod):
        try:
            self.server.request("DELETE", f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}",
                                {"gracePeriodSeconds": 0, "preconditions": {"uid": uid(pod)}})
        except OSError:
            pass  # gone already

    def lock_object(self):
        return self.server.request("GET", f"/api/v1/namespaces/default/configmaps/{self.lock}")

    def become(self, pod, *command, options=(), env=None, **popen):
        return self.keep(support.Program(
            "become", self.lock, "--kubeconfig", self.server.kubeconfig, *options, "--", *command,
            env={"POD_NAME": pod["metadata"]["name"], "POD_UID": uid(pod), "POD_NAMESPACE": "default", **(env or {})},
            **popen))


class Become(Cluster, support.TestCase):
    def setUp(self):
        super().setUp()
        self.lock = self.lock[:40]
        self.pod = self.make_pod(f"{self.lock}-0")

    def led_by_another(self):
        """Somebody leads for life: this Pod."""
        other = self.make_pod(f"{self.lock}-1")
        self.assertEqual(self.become(other, "true").finish(), 0)
        return other

    def wait(self, a, text):
        a.err.wait(lambda line: text in line)

    def test_is_the_same_process(self):
        a = self.become(self.pod, "sh", "-c", SHOW, env={"OTHER": "kept", "K8SLEADER_TOKEN": "stale"})
        self.assertEqual(a.finish(), 0)
        token = self.lock_object()["metadata"]["resourceVersion"]
        self.assertEqual(a.out.lines, [f"{a.process.pid} {token} {self.pod['metadata']['name']} default/{self.lock} kept"])
        self.assertEqual(self.lock_object()["metadata"]["ownerReferences"][0]["uid"], uid(self.pod))

    def test_nothing_of_ours_is_left(self):
        # One thread, no children, no open files but the three, no signal blocked or ignored.
        script = ("ls /proc/$$/task | wc -l; ls -l /proc/$$/fd | grep -c -e socket -e anon_inode; "
                  # by the shell itself: dash blocks all signals for the moment in which it starts another program
                  'while read -r line; do case $line in Sig[BI]*) echo "$line";; esac; done </proc/$$/status; '
                  "cat /proc/$$/task/$$/children")
        plain = subprocess.run(["sh", "-c", script], env=support.environment(), stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, check=False).stdout
        a = self.become(self.pod, "sh", "-c", script)
        a.finish()

        def without_pids(text):
            return re.sub(r"(?m)^(\d+ )+$", "children", text)

        self.assertEqual(without_pids("\n".join(a.out.lines)), without_pids(plain.rstrip("\n")))

    def test_exit_codes_are_the_commands(self):
        self.assertEqual(self.become(self.pod, "sh", "-c", "exit 7").finish(), 7)
        self.assertEqual(self.become(self.pod, "sh", "-c", "kill -KILL $$").finish(), -signal.SIGKILL)

    def test_signals_reach_the_command(self):
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1:
            a = self.become(self.pod, "sh", "-c", "trap 'exit 9' TERM INT HUP QUIT USR1; echo ready; "
                            "while :; do sleep 0.05; done")
            a.out.wait(lambda line: line == "ready")
            a.signal(number)
            self.assertEqual(a.finish(), 9, number)

    def test_signals_end_the_wait(self):
        other = self.led_by_another()
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT:
            a = self.become(self.pod, "echo", "started")
            self.wait(a, f"new leader: {other['metadata']['name']}")
            a.signal(number)
            self.assertEqual(a.finish(), 128 + number)
            self.assertEqual(a.out.lines, [])
        self.assertEqual(self.lock_object()["metadata"]["ownerReferences"][0]["uid"], uid(other))

    def test_starts_when_the_leader_is_gone(self):
        other = self.led_by_another()
        a = self.become(self.pod, "echo", "started")
        self.wait(a, f"new leader: {other['metadata']['name']}")
        self.delete_pod(other)
        self.assertEqual(a.finish(), 0)
        self.assertEqual(a.out.lines, ["started"])

    def test_who_writes_no_environment_is_a_bystander(self):
        # The command's output is its own: events go to stderr.
        a = self.become(self.pod, "echo", "started", options=("--output", "json"))
        self.assertEqual(a.finish(), 0)
        self.assertEqual(a.out.lines, ["started"])
        started, _ = a.event("started_leading", a.err)
        self.assertEqual((started["identity"], started["lock"]), (self.pod["metadata"]["name"], f"default/{self.lock}"))

    def test_no_such_command(self):
        a = self.become(self.pod, "/nonexistent/command")
        self.assertEqual(a.finish(), 127)
        with self.assertRaises(OSError):  # it was looked for before standing
            self.lock_object()

    def test_a_command_that_cannot_be_executed(self):
        self.assertEqual(self.become(self.pod, "/etc/passwd").finish(), 126)
        self.assertEqual(self.become(self.pod, "/").finish(), 126)

    def test_this_pod_is_missing(self):
        ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000001"}}
        a = self.become(ghost, "echo", "started")
        self.assertEqual(a.finish(), 1)
        self.assertEqual(a.out.lines, [])
        self.wait(a, "fieldPath: metadata.uid")


class PlainHttp(Cluster, unittest.TestCase):
    def test_all_watches_come_up_at_once(self):
        self.server, self.lock = support.Server("--plain-http"), "plain"
        self.addCleanup(self.server.end)
        self.keep = lambda program: self.addCleanup(program.kill) or program
        other = self.make_pod("other")
        self.assertEqual(self.become(other, "true").finish(), 0)
        a = self.become(self.make_pod("web-0"), "echo", "started", options=("--output", "json"))
        a.event("new_leader", a.err)
        self.delete_pod(other)
        self.assertEqual(a.finish(), 0)
        self.assertEqual([line for line in a.err.lines if '"error"' in line], [])


class Usage(unittest.TestCase):
    def refused(self, *arguments, says):
        a = support.Program("become", *arguments)
        self.addCleanup(a.kill)
        self.assertEqual(a.finish(), 2)
        self.assertIn(says, "\n".join(a.err.lines))
        self.assertEqual(a.out.lines, [])

    def test_errors(self):
        self.refused(says="NAME")
        self.refused("lock", says="no command is given")
        self.refused("lock", "--", says="no command is given")
        self.refused("lock", "--identity", "a", "--", "true", says="--identity")
        self.refused("lock", "--mode", "lease", "--", "true", says="--mode")
        self.refused("lock", "--retry-period", says="needs a value")
        self.refused("lock", "--output", "xml", "--", "true", says="human or json")

    def test_help(self):
        a = support.Program("become", "--help")
        self.assertEqual(a.finish(), 0)
        text = "\n".join(a.out.lines)
        for said in ("k8sleader become NAME [options] -- COMMAND", "POD_NAME, POD_UID and", "K8SLEADER_TOKEN",
                     "K8SLEADER_IDENTITY", "K8SLEADER_LOCK", "--delete-leader-pod", "--take-from-lost-node",
                     "--retry-period", "127", "126", "128 + N"):
            self.assertIn(said, text)
        self.assertLessEqual(max(map(len, a.out.lines)), 130)
        self.assertIn("k8sleader become NAME", "\n".join(self.finished("--help").out.lines))

    def finished(self, *arguments):
        a = support.Program(*arguments)
        self.assertEqual(a.finish(), 0)
        return a


if __name__ == "__main__":
    support.main()
