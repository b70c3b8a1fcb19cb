"""Where a candidate finds itself: outside a cluster, or inside with something missing. Asks the servers under test little;
it is here so that all of leader-for-life is in one place.
"""

import os
import unittest

import case
import relay
import support

MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
SNIPPET = ("{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}",
           "{name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}",
           "{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}")
SERVICE = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "1"}


@unittest.skipIf(os.path.exists(MOUNT), f"this is a Pod: {MOUNT} is there")
class Setup(case.Case):
    def program(self, subcommand, *arguments, env=None):
        name = [self.lock] if subcommand == "become" else ["--name", self.lock, "--mode", "life"]
        candidate = case.Candidate(self, None, [support.PROGRAM, subcommand, *name, "--output", "json", *arguments],
                                   env or {}, None)
        self.addCleanup(candidate.kill)
        return candidate

    def refused(self, *arguments, env, code, shows=SNIPPET, subcommand="elect"):
        command = ("--", "echo", "started") if subcommand != "elect" else ()
        a = self.program(subcommand, *arguments, *command, env=env)
        self.assertEqual(code, a.await_end(), (a.out.lines, a.err.lines))
        self.assertEqual([], [line for line in a.out.lines if "started" in line])
        self.assertEqual([], a.events("started_leading"))
        said = "\n".join(a.out.lines + a.err.lines)
        for text in shows:
            self.assertIn(text, said)
        return said

    @property
    def kubeconfig(self):
        return "--kubeconfig", self.bed.kubeconfig.path

    # ---- outside

    def test_outside_a_cluster_it_is_skipped(self):
        way = relay.Relay(self.bed.client_for_watches(), self.folder)
        self.addCleanup(way.end)
        for arguments in (), ("--kubeconfig", way.kubeconfig):
            with self.subTest(arguments):
                a = self.program("elect", "--log-level", "debug", *arguments)
                started = a.leads()
                self.assertIs(True, started["skipped"])
                self.assertNotIn("token", started)
                self.assertEqual(self.lock, started["lock"])
                self.assertEqual(["started_leading"], [e["event"] for e in a.events()])
                self.assertEqual(0, a.end())
                self.assertEqual(["started_leading", "stopped_leading"], [e["event"] for e in a.events()])
                skips = [line for line in a.err.lines if "outside a cluster" in line]
                self.assertEqual(1, len(skips), a.err.lines)
        self.assertEqual([], way.requests)

    def test_outside_a_cluster_a_command_runs(self):
        for subcommand in "run", "become":
            with self.subTest(subcommand):
                a = self.program(subcommand, "--", "sh", "-c", "echo [$K8SLEADER_TOKEN] $K8SLEADER_LOCK; exit 7",
                                 env={"K8SLEADER_TOKEN": "stale"})
                self.assertEqual(7, a.await_end())
                self.assertEqual([f"[] {self.lock}"], a.out.lines)
                self.assertIs(True, a.leads()["skipped"])

    def test_outside_for_people(self):
        a = support.Program("elect", "--name", self.lock, "--mode", "life")
        self.addCleanup(a.kill)
        a.out.wait(lambda line: "this is no cluster" in line)

    # ---- near misses: a Pod that skipped would lead beside its replicas

    def test_near_misses(self):
        for env in (SERVICE, {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}, {"POD_NAME": "web-0"},
                    {"POD_NAMESPACE": self.namespace}, {"POD_NAME": ""}, {"POD_NAMESPACE": ""},
                    {"KUBERNETES_SERVICE_HOST": ""}, {"POD_NAME": "web-0", "POD_UID": "u"}):
            for subcommand in "elect", "run", "become":
                with self.subTest(env=env, subcommand=subcommand):
                    self.refused(*self.kubeconfig, env=env, code=2, subcommand=subcommand)
                    # Without a way to the cluster that is an error of its own, which may come first.
                    self.refused(env=env, code=2, shows=(), subcommand=subcommand)
        self.refused(*self.kubeconfig, "--namespace", self.namespace, env={}, code=2)
        self.assertEqual([], self.locks.of(self.lock))

    def test_no_pod_name(self):
        said = self.refused(*self.kubeconfig, env={**SERVICE, "POD_NAMESPACE": self.namespace}, code=2)
        self.assertIn("POD_NAME is not set", said)

    def test_a_pod_name_that_is_none(self):
        self.refused(*self.kubeconfig, env={"POD_NAME": "Web_0", "POD_NAMESPACE": self.namespace}, code=2)

    def test_no_namespace(self):
        self.refused(*self.kubeconfig, env={**SERVICE, "POD_NAME": "web-0", "POD_UID": "u"}, code=2)

    # ---- that Pod is not there

    def test_no_such_pod(self):
        env = {"POD_NAME": "ghost", "POD_UID": "00000000-0000-0000-0000-000000000001", "POD_NAMESPACE": self.namespace}
        said = self.refused(*self.kubeconfig, env=env, code=1)
        self.assertIn(f"there is no Pod {self.namespace}/ghost with the UID", said)
        self.refused(*self.kubeconfig, env=env, code=1, subcommand="become")
        self.refused(*self.kubeconfig, env=env, code=1, subcommand="run")
        self.assertEqual([], self.locks.of(self.lock))

    def test_no_such_pod_and_no_uid(self):
        env = {"POD_NAME": "ghost", "POD_NAMESPACE": self.namespace}
        self.assertIn(f"there is no Pod {self.namespace}/ghost", self.refused(*self.kubeconfig, env=env, code=1))

    def test_the_uid_of_another(self):
        pod = self.pod("web-0")
        env = {**self.downward(pod), "POD_UID": "00000000-0000-0000-0000-000000000001"}
        self.refused(*self.kubeconfig, env=env, code=1)
        self.assertEqual([], self.locks.of(self.lock))

    def test_the_wrong_namespace(self):
        env = {**self.downward(self.pod("web-0")), "POD_NAMESPACE": "default"}
        self.refused(*self.kubeconfig, env=env, code=1)

    # ---- options of the other mode

    def test_options_of_leader_with_lease(self):
        pod = self.pod("web-0")
        for arguments in ("--identity", "a"), ("--resume",), ("--lock-resource", "leases"):
            self.refused(*self.kubeconfig, *arguments, env=self.downward(pod), code=2, shows=(arguments[0][2:],))


if __name__ == "__main__":
    unittest.main()
