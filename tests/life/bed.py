"""The server under test, and what has to be done to it in another way on each: its garbage collector, its end, users."""

import contextlib
import os
import subprocess
import time

import kube

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLUSTER = os.path.join(ROOT, "scripts", "cluster")


class Bed:
    def __init__(self, kubeconfig, folder=None):
        """folder: of a cluster of scripts/cluster; without one it is the embedded server."""
        self.kubeconfig, self.folder = kube.Kubeconfig(kubeconfig), folder
        self.admin = kube.Client(self.kubeconfig)
        self.embedded = folder is None
        self.run = f"{os.getpid()}-{time.time_ns() // 1000000 % 10000000}"
        self.users = 0

    def cluster(self, *arguments):
        done = subprocess.run([CLUSTER, *arguments], env={**os.environ, "K8SLEADER_CLUSTER_DIR": self.folder}, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=240)
        if done.returncode != 0:
            raise AssertionError(f"scripts/cluster {' '.join(arguments)}: {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def stop_collector(self):
        if self.embedded:
            self.admin.post("/_devserver/gc", {"enabled": False})
        else:
            self.cluster("pause-gc")

    def start_collector(self):
        if self.embedded:
            self.admin.post("/_devserver/gc", {"enabled": True})
        else:
            self.cluster("resume-gc")

    @contextlib.contextmanager
    def server_away(self, *candidates):
        """The API server is not there for a while. The embedded one would forget everything: there the ways to it are cut."""
        ways = [candidate.relay for candidate in candidates]
        if self.embedded:
            for way in ways:
                way.down()
        else:
            self.cluster("kill-apiserver")
        try:
            yield
        finally:
            if self.embedded:
                for way in ways:
                    way.up()
            else:
                self.admin.close()
                self.cluster("up")  # waits for the garbage collector, too

    def restart_server(self, *candidates):
        if self.embedded:
            with self.server_away(*candidates):
                pass
        else:
            self.admin.close()
            self.cluster("restart-apiserver")
            self.cluster("up")

    def user(self):
        """A user without any right but what Roles give: name and token. A real cluster knows eight; each namespace is a
        fresh start."""
        self.users += 1
        if self.embedded:
            name = f"limited-{self.users}"
            return name, self.admin.post("/_devserver/users", {"name": name}).body["token"]
        name = f"limited-{1 + self.users % 8}"
        return name, kube.Kubeconfig(self.cluster("user", name)).token

    def client_for_watches(self):
        """Another one: a client is for one thread."""
        return kube.Client(self.kubeconfig)

    def close(self):
        self.admin.close()
