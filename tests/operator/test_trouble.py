#!/usr/bin/env python3
"""What can be wrong: no CRD, objects that nobody understands, an API server that fails or is away, wrong
settings. Each gets a clear line in the log and attempts at a bounded rate; what is mended is noticed."""

import os
import signal
import subprocess
import unittest

import bed
import support
from hook import Hook


class Trouble(bed.TestCase):
    mode = "lease"

    def start(self):
        return self.pod("operator-a").start()

    def assert_patient(self, operator, seconds):
        """It tries again at a bounded rate: seen by the time that its process has taken."""
        before, since = self.cpu_seconds(operator), support.now()
        self.wait_until(since + seconds)
        self.assertLess(self.cpu_seconds(operator) - before, seconds / 10, "it spins")
        self.assertLess(len(operator.lines), 40, "\n".join(operator.lines))

    def cpu_seconds(self, operator):
        with open(f"/proc/{operator.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_until(self, when):
        support.TestCase.wait_until(self, when)  # for how long something lasts is what is tested here

    def end(self, operator):
        operator.process.send_signal(signal.SIGTERM)
        self.assertEqual(operator.await_end(), 0)

    def test_no_crd(self):
        self.api.request("DELETE", bed.CRD)
        self.addCleanup(bed.install_crd)
        support.await_answer(lambda: self.gone(bed.MEMCACHEDS.format(self.namespace)), bool,
                             "the CRD is gone")
        operator = self.start()
        operator.await_leading()
        self.assertIn("is the CRD there", operator.await_line("memcacheds: 404"))
        self.assert_patient(operator, 3)
        bed.install_crd()
        support.await_answer(lambda: self.want("cache-1", 2), bool, "Memcacheds can be made")
        self.await_size("cache-1", 2)
        self.end(operator)

    def gone(self, path):
        try:
            self.api.request("GET", path)
        except support.ApiError as error:
            return error.status == 404
        return False

    def test_malformed(self):
        # The CRD's schema keeps such objects out, until somebody loosens it.
        loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        crd = self.api.request("GET", bed.CRD)
        versions = crd["spec"]["versions"]
        strict = versions[0]["schema"]
        self.addCleanup(lambda: self.api.patch(bed.CRD,
                                               {"spec": {"versions": [{**versions[0], "schema": strict}]}}))
        self.api.patch(bed.CRD, {"spec": {"versions": [{**versions[0],
                                                        "schema": {"openAPIV3Schema": loose}}]}})
        long = "x" * 64
        specs = {"no-spec": None, "text": {"size": "three"}, "half": {"size": 1.5}, "less": {"size": -1},
                 "many": {"size": 1000000}, "list": [1], "null": {"size": None}, long: {"size": 1}}
        for name, spec in specs.items():
            body = {"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached",
                    "metadata": {"name": name}, "spec": spec}
            support.await_answer(lambda: self.api.request("POST", bed.MEMCACHEDS.format(self.namespace),
                                                          body), bool,
                                 f"{name} can be made")
        self.want("zzz-good", 2)
        operator = self.start()
        for name in specs:
            operator.await_line(f"Memcached {name} is malformed")
        self.await_size("zzz-good", 2)
        self.want("zzz-good", 3)
        self.await_size("zzz-good", 3)
        self.assertEqual(len(operator.says("malformed")), len(specs), "each is said once")
        made = self.api.request("GET", bed.DEPLOYMENTS.format(self.namespace))["items"]
        self.assertEqual([d["metadata"]["name"] for d in made], ["zzz-good"])
        self.api.patch(f"{bed.MEMCACHEDS.format(self.namespace)}/text", {"spec": {"size": 4}})
        self.await_size("text", 4)
        self.end(operator)

    def test_server_error(self):
        hook = Hook(self)
        hook.is_broken = True
        self.want("cache-1", 2)
        operator = self.start()
        operator.await_line("deployments: 500 ")
        self.assert_patient(operator, 3)
        hook.is_broken = False
        self.await_size("cache-1", 2)
        self.end(operator)

    def test_server_away(self):
        # A lease can't be kept without a server: the work ends in time, and is taken up in a new term.
        self.while_away("the term is to end: lost_deadline")
        self.assertEqual(len(self.containers[0].says("leading ")), 2)

    def test_server_away_for_life(self):
        # Nobody can take the lock meanwhile: the term goes on, with attempts that grow rarer.
        self.mode = "life"
        bed.kubectl("apply", "-n", self.namespace, "-f", f"{bed.DEPLOY}/rbac-life.yaml")
        self.while_away("no answer")
        self.assertEqual(len(self.containers[0].says("leading ")), 1)

    def while_away(self, line):
        self.want("cache-1", 2)
        operator = self.start()
        self.await_size("cache-1", 2, operator.await_leading())
        support.cluster().run("kill-apiserver")
        try:
            operator.await_line(line)
            self.assert_patient(operator, 3)
        finally:
            support.cluster().run("up")
        support.await_answer(lambda: self.want("cache-1", 3), bool, "the server is back")
        self.await_size("cache-1", 3)
        self.end(operator)

    def test_not_ours(self):
        # A Deployment of that name that somebody else made.
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
        self.api.request("POST", bed.DEPLOYMENTS.format(self.namespace), {
            "metadata": {"name": "cache-1"}, "spec": {"replicas": 9, "selector": {"matchLabels": {"a": "b"}},
                                                      "template": template}})
        self.want("cache-1", 2)
        operator = self.start()
        operator.await_line("Deployment cache-1: there is one already")
        self.want("cache-2", 2)
        self.await_size("cache-2", 2)
        found = self.deployment_of("cache-1")
        self.assertEqual((found["spec"]["replicas"], found["metadata"].get("annotations")), (9, None))
        # Neither does the label make it ours.
        self.api.patch(f"{bed.DEPLOYMENTS.format(self.namespace)}/cache-1",
                       {"metadata": {"labels": {"app.kubernetes.io/managed-by": "memcached-operator"}}})
        operator.await_line("Deployment cache-1: belongs to another")
        self.assertEqual(self.deployment_of("cache-1")["spec"]["replicas"], 9)
        self.end(operator)


class Settings(unittest.TestCase):
    """Needs no cluster: what is missing is said, with what to do."""

    def run_with(self, *arguments, **environment):
        done = subprocess.run([bed.PROGRAM, *arguments], env={"PATH": os.environ["PATH"], **environment},
                              text=True,
                              stderr=subprocess.PIPE, timeout=support.PATIENCE, check=False)
        return done.returncode, done.stderr

    def test_wrong_use(self):
        for arguments, said in ((["--mode=both"], "life or lease"), (["more"], "no other arguments"),
                                (["--what"], "usage:"),
                                ([], "POD_NAMESPACE is not set"),
                                (["--namespace=a", "--set", "x"], "OPTION=VALUE"),
                                (["--namespace=a", "--set", "nothing=1"], "nothing"),
                                (["--namespace=a", "--set", "lease-duration=soon"], "soon")):
            with self.subTest(arguments):
                code, text = self.run_with(*arguments)
                self.assertEqual(code, 2, text)
                self.assertIn(said, text)

    def test_no_cluster(self):
        code, text = self.run_with("--namespace=a")
        self.assertEqual(code, 1, text)
        self.assertIn("KUBECONFIG is not set", text)

    def test_no_kubeconfig(self):
        for file, said in (("/nonexistent", "kubectl config view"), ("/dev/null", "kubectl config view"),
                           (os.path.join(bed.DEPLOY, "sample.yaml"), "kubectl config view")):
            with self.subTest(file):
                code, text = self.run_with("--namespace=a", KUBECONFIG=file)
                self.assertEqual(code, 1, text)
                self.assertIn(said, text)

    def test_no_service_account(self):
        code, text = self.run_with("--namespace=a", KUBERNETES_SERVICE_HOST="127.0.0.1",
                                   KUBERNETES_SERVICE_PORT="1")
        self.assertEqual(code, 1, text)
        self.assertIn("automountServiceAccountToken", text)


class FromOutside(bed.TestCase):
    """With a kubeconfig, as a developer would: JSON, that both the library and the operator read."""
    mode = "lease"
    with_rights = False

    def start(self, *arguments, **environment):
        path = os.path.join(self.folder, "kubeconfig.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(bed.kubectl("config", "view", "--minify", "--flatten", "--raw", "-o", "json"))
        command = [bed.PROGRAM, "--namespace", self.namespace, *arguments]
        return bed.Process(self, "outside", command, {"KUBECONFIG": path, **environment})

    def test_lease(self):
        self.want("cache-1", 2)
        operator = self.start("--mode=lease", "--set", "lease-duration=20s")
        self.await_size("cache-1", 2, operator.await_leading())
        operator.process.send_signal(signal.SIGINT)
        self.assertEqual(operator.await_end(), 0)
        self.assertFalse(self.api.lock("leases", self.namespace, bed.LOCK)["spec"].get("holderIdentity"),
                         "released")

    def test_life_without_a_pod(self):
        # Which Pod we are is not known: an end that is seen, with the lines that the manifest lacks.
        operator = self.start("--mode=life")
        self.assertEqual(operator.await_end(), 1)
        self.assertTrue(operator.says("POD_NAME"))

    def test_life_as_no_pod(self):
        operator = self.start("--mode=life", POD_NAME="nobody",
                              POD_UID="2f0a0e5a-0000-0000-0000-000000000000")
        self.assertEqual(operator.await_end(), 1)
        self.assertTrue(operator.says("there is no Pod"))


if __name__ == "__main__":
    bed.main()
