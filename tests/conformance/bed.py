"""The server under test, and the little that has to be asked for in another way on each: a user without rights, and
forgetting the past."""

import os
import secrets
import subprocess
import unittest

import kube

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLUSTER = os.path.join(ROOT, "scripts", "cluster")
OWN_CLUSTER = "K8SLEADER_TEST_OWN_CLUSTER_DIR"


def cluster(folder, *arguments):
    done = subprocess.run([CLUSTER, *arguments], env={**os.environ, "K8SLEADER_CLUSTER_DIR": folder}, check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


class Bed:
    """A server, its administrator, and a namespace for this run."""

    def __init__(self, kubeconfig):
        self.kubeconfig = kube.Kubeconfig(kubeconfig)
        self.admin = kube.Client(self.kubeconfig)
        self.embedded = self.admin.get("/_devserver/faults").status == 200
        self.run = secrets.token_hex(4)
        self.namespace = f"conformance-{self.run}"
        answer = self.admin.post("/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        if answer.status != 201:
            raise RuntimeError(f"cannot make the namespace {self.namespace}: {answer}")
        self.limited = None

    def close(self):
        self.admin.delete(f"/api/v1/namespaces/{self.namespace}")
        self.admin.close()

    def client(self, **options):
        return kube.Client(self.kubeconfig, **options)

    def limited_user(self):
        """The name of a user without any right but what a Role in the run's namespace gives, and a client for it."""
        if self.limited is None:
            self.limited = self._make_limited_user()
        name, token, headers = self.limited
        return name, self.client(token=token, headers=headers)

    def _make_limited_user(self):
        folder = os.path.dirname(os.path.abspath(self.kubeconfig.path))
        if self.embedded:
            name = f"limited-{self.run}"
            answer = self.admin.post("/_devserver/users", {"name": name})
            return name, answer.body["token"], {}
        if os.path.exists(os.path.join(folder, "tokens.csv")):
            name = "limited-1"
            return name, kube.Kubeconfig(cluster(folder, "user", name)).token, {}
        # Any other cluster: an administrator may act as somebody whom nobody gave a right.
        name = f"limited-{self.run}"
        return name, None, {"Impersonate-User": name}


class Forgetful:
    """A server that can be made to forget the events of the past; for a real one that is a restart, on a cluster that
    nobody else uses."""

    def __init__(self, bed):
        self.bed, self.folder, self.started = bed, None, False
        if bed.embedded:
            return
        self.folder = os.environ.get(OWN_CLUSTER)
        if not self.folder:
            raise unittest.SkipTest(f"needs a restart of the API server: {OWN_CLUSTER} names no cluster for it")
        self.started = not os.path.exists(os.path.join(self.folder, "kubeconfig"))
        cluster(self.folder, "up")
        self.bed = Bed(cluster(self.folder, "kubeconfig"))

    def forget(self):
        if self.folder is None:
            answer = self.bed.admin.post("/_devserver/compact", {})
            if answer.status != 200:
                raise AssertionError(answer)
        else:
            self.bed.admin.close()
            cluster(self.folder, "restart-apiserver")

    def close(self):
        if self.folder is None:
            return
        self.bed.close()
        if self.started:
            cluster(self.folder, "down")
