"""k8sleader status."""

import json
import signal
import subprocess
import time

import support


class Status(support.TestCase):
    def status(self, *arguments, kubeconfig=None, namespace="default"):
        return subprocess.run([support.PROGRAM, "status", "--kubeconfig", kubeconfig or self.server.kubeconfig,
                               "--namespace", namespace, *arguments], capture_output=True, text=True, check=False,
                              timeout=support.LIMIT, env=support.environment())

    def hold(self, name, holder="a", renewed_ago=0.0, duration=15):
        """A lock as somebody else may have written it."""
        at = [time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - ago)) for ago in (7200, renewed_ago)]
        self.server.request("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": duration, "leaseTransitions": 4,
                     "acquireTime": at[0], "renewTime": at[1]}})
        self.addCleanup(self.server.request, "DELETE", f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{name}")

    def test_table(self):
        self.hold("held-one", "pod-1")
        self.hold("gone-one", "pod-2", renewed_ago=600)
        self.hold("free-one", "")
        done = self.status()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        header, *lines = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(header, ["NAME", "NAMESPACE", "HOLDER", "AGE", "RENEWED", "DURATION", "TRANSITIONS", "STATE"])
        rows = {line[0]: line for line in lines}
        self.assertEqual(rows["held-one"][1:4] + rows["held-one"][5:], ["default", "pod-1", "2h0m", "15s", "4", "held"])
        self.assertRegex(rows["gone-one"][4], r"^10m\ds$")
        self.assertEqual(rows["gone-one"][7], "expired?")
        self.assertEqual((rows["free-one"][2], rows["free-one"][7]), ("-", "free"))
        widths = {line.index("default") for line in done.stdout.splitlines()[1:]}
        self.assertEqual(len(widths), 1, "columns are aligned")

    def test_json(self):
        self.hold("held-two", "pod-1")
        self.hold("gone-two", "pod-2", renewed_ago=600)
        done = self.status("--output", "json", "held-two", "gone-two")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        held, gone = map(json.loads, done.stdout.splitlines())
        self.assertEqual(set(held), {"name", "namespace", "state", "holder", "acquire_time", "renew_time",
                                     "lease_duration_seconds", "transitions"})
        self.assertEqual((held["name"], held["namespace"], held["state"], held["holder"]),
                         ("held-two", "default", "held", "pod-1"))
        self.assertEqual((held["lease_duration_seconds"], held["transitions"]), (15, 4))
        self.assertAlmostEqual(held["acquire_time"], time.time() - 7200, delta=30)
        self.assertAlmostEqual(held["renew_time"], time.time(), delta=30)
        self.assertEqual(gone["state"], "expired?")

    def test_missing(self):
        self.hold("there", "a")
        done = self.status("there", "missing")
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line.split()[-1] for line in done.stdout.splitlines()[1:]], ["held", "none"])
        done = self.status("--output", "json", "missing")
        self.assertEqual(done.returncode, 1)
        row = json.loads(done.stdout)
        self.assertEqual((row["name"], row["state"], row["holder"]), ("missing", "none", None))

    def test_of_a_real_candidate(self):
        a = self.elect("a")
        a.event("started_leading")
        row = json.loads(self.status("--output", "json", self.lock).stdout)
        self.assertEqual((row["holder"], row["state"], row["transitions"]), ("a", "held", 0))
        a.signal(signal.SIGTERM)
        a.finish()
        row = json.loads(self.status("--output", "json", self.lock).stdout)
        self.assertEqual((row["holder"], row["state"]), ("", "free"))

    def test_nothing_there(self):
        self.server.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace",
                                                           "metadata": {"name": "empty"}})
        done = self.status(namespace="empty")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("no Leases", done.stderr)
        self.assertEqual(self.status("--output", "json", namespace="empty").stdout, "")

    def test_failures(self):
        self.assertEqual(self.status("No_Name").returncode, 2)
        self.server.fault(verb="list", action="status", status=403)
        done = self.status()
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("403", done.stderr)


if __name__ == "__main__":
    support.main()
