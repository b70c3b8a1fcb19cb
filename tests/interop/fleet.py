"""Candidates of ours and of others on the locks of a real control plane, and everything written to those locks."""

import base64
import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request
from datetime import datetime

CLUSTER_DIR = os.environ.get("K8SLEADER_TEST_CLUSTER_DIR")
if not CLUSTER_DIR:
    print("skipped: K8SLEADER_TEST_CLUSTER_DIR names no cluster (scripts/cluster up; its folder is build/cluster)")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../cli"))

import peers  # noqa: E402  after the line above, as is the next
import support  # noqa: E402

LIMIT = 180.0  # seconds; patience, far more than anything here takes
LEASES, CONFIGMAPS = "leases", "configmaps"
ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
PATHS = {LEASES: "/apis/coordination.k8s.io/v1", CONFIGMAPS: "/api/v1"}


def durations(lease, renew, retry):
    """Whole seconds, or with a unit."""
    texts = (value if isinstance(value, str) else f"{value}s" for value in (lease, renew, retry))
    return [word for pair in zip(("--lease-duration", "--renew-deadline", "--retry-period"), texts) for word in pair]


# With the long ones nothing expires within a test: what is taken was released. The peer polls by its retry period.
LONG_LEASE = 30
LONG = durations(LONG_LEASE, 20, 2)
LONG_POLLING = durations(LONG_LEASE, 20, "300ms")
RELEASED = LONG_LEASE / 2  # what is taken within that, was released
# Renewed often, but an API server that stands still for some seconds costs nobody the lease.
STEADY = durations(LONG_LEASE, 20, "500ms")
# Where it has to expire.
LEASE = 4
SHORT = durations(LEASE, 3, "500ms")
PYTHON_SHORT = durations(LEASE, 3, 1)


def stamp(text):
    """Seconds since 1970 of a time on a lock."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Version:
    """A lock as it was for a while: when we heard of it, and what it was; deleted: without a record."""

    def __init__(self, received, body, deleted):
        self.received, self.body, self.deleted = received, body, deleted
        if body["kind"] == "ConfigMap":
            fields = self._annotated()
            self.transitions = fields.get("leaderTransitions")
        else:
            fields = body.get("spec", {})
            self.transitions = fields.get("leaseTransitions")
        self.fields = {} if deleted else fields
        self.holder = self.fields.get("holderIdentity")
        self.duration = self.fields.get("leaseDurationSeconds")
        self.acquired, self.renewed = self.fields.get("acquireTime"), self.fields.get("renewTime")

    def _annotated(self):
        try:
            fields = json.loads(self.metadata.get("annotations", {})[ANNOTATION])
        except (KeyError, ValueError):
            return {}
        return fields if isinstance(fields, dict) else {}

    @property
    def metadata(self):
        return self.body["metadata"]

    def __repr__(self):
        return f"\n{self.received:.3f} {'deleted ' if self.deleted else ''}{self.fields}"


class History:
    """Every version of every object of one kind in the namespace, by one watch."""

    def __init__(self, cluster, kind):
        self.versions, self.changed, self.ended = {}, threading.Condition(), None
        self.connection = http.client.HTTPSConnection(cluster.host, context=cluster.context)
        self.connection.request("GET", f"{cluster.path(kind)}?watch=1&timeoutSeconds=3600",
                                headers={"Authorization": "Bearer " + cluster.token})
        self.stream = self.connection.getresponse()
        if self.stream.status != 200:
            raise AssertionError(f"watch: {self.stream.status} {self.stream.read()}")
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            for line in self.stream:
                event, now = json.loads(line), time.time()
                if event["type"] == "ERROR":
                    raise ValueError(line)
                version = Version(now, event["object"], event["type"] == "DELETED")
                with self.changed:
                    self.versions.setdefault(version.metadata["name"], []).append(version)
                    self.changed.notify_all()
            raise ValueError("the stream ended")
        except (OSError, ValueError, AttributeError) as error:  # AttributeError: closed while it was read
            with self.changed:
                self.ended = error
                self.changed.notify_all()

    def of(self, name):
        with self.changed:
            return list(self.versions.get(name, []))

    def wait(self, name, matches, start=0, limit=LIMIT):
        """The index of the first version from start on that matches."""
        def found():
            got = self.versions.get(name, [])
            return next((i for i in range(start, len(got)) if matches(got[i])), None)

        with self.changed:
            self.changed.wait_for(lambda: found() is not None or self.ended, limit)
            index = found()
            if index is None:
                raise AssertionError(f"{name} never came to that ({self.ended or 'waiting'}): {self.versions.get(name)}")
            return index

    def end(self):
        with contextlib.suppress(OSError, AttributeError):
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)


class Cluster:
    """The administrator's view of it, in a namespace of this run's own."""

    def __init__(self):
        self.kubeconfig = os.path.join(CLUSTER_DIR, "kubeconfig")
        with open(self.kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.url = re.search(r"server: (\S+)", text)[1]
        self.host = self.url.removeprefix("https://")
        self.token = re.search(r"token: (\S+)", text)[1]
        authority = re.search(r"certificate-authority-data: (\S+)", text)[1]
        self.context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
        self.namespace = f"interop-{os.getpid()}-{time.time_ns() // 1000000 % 10000000}"
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.histories = {kind: History(self, kind) for kind in PATHS}

    def path(self, kind, name=None):
        return f"{PATHS[kind]}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    def request(self, method, path, body=None, content="application/json"):
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": content}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=LIMIT, context=self.context) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def create(self, kind, name, **members):
        return self.request("POST", self.path(kind), {"metadata": {"name": name, **members.pop("metadata", {})}, **members})

    def patch(self, kind, name, change):
        """A merge patch: what a hand with kubectl does."""
        return self.request("PATCH", self.path(kind, name), change, "application/merge-patch+json")

    def delete(self, kind, name):
        self.request("DELETE", self.path(kind, name))

    def kubectl(self, *arguments):
        return subprocess.run(["kubectl", "--kubeconfig", self.kubeconfig, "--namespace", self.namespace, *arguments],
                              capture_output=True, text=True, timeout=LIMIT, check=True).stdout

    def end(self):
        for history in self.histories.values():
            history.end()
        self.request("DELETE", f"/api/v1/namespaces/{self.namespace}")


class Forwarder:
    """A way to the API server that can be cut: from then on nothing passes, and nothing is refused."""

    def __init__(self, cluster, folder):
        self.cluster, self.cut, self.sockets = cluster, threading.Event(), []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        with open(cluster.kubeconfig, encoding="utf-8") as file:
            text = file.read().replace(cluster.host, f"127.0.0.1:{self.server.getsockname()[1]}")
        with open(self.kubeconfig, "w", encoding="utf-8") as file:
            file.write(text)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                self.sockets.append(client)
                if self.cut.is_set():
                    continue
                host, port = self.cluster.host.rsplit(":", 1)
                server = socket.create_connection((host.strip("[]"), int(port)))
                self.sockets.append(server)
                for one, other in (client, server), (server, client):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if not self.cut.is_set():
                    other.sendall(data)

    def end(self):
        for each in self.server, *self.sockets:
            # Wakes who reads it; closing alone does not.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Candidate(support.Program):
    """A candidate's process, ours or another's: they print the same lines."""

    def __init__(self, kind, identity, command, env=None):  # pylint: disable=super-init-not-called
        self.kind, self.identity, self.start, self.gone = kind, identity, time.time(), None
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=support.environment(env),
                                        preexec_fn=support.die_with_parent)
        self.out, self.err = support.Stream(self.process.stdout), support.Stream(self.process.stderr)

    def wait_event(self, name, start=0, **fields):
        """As event(), with this suite's patience: the event, and its index."""
        def matches(line):
            got = json.loads(line) if line.startswith("{") else {}
            return got.get("event") == name and all(got.get(k) == v for k, v in fields.items())

        try:
            index = self.out.wait(matches, start, LIMIT)
        except AssertionError as error:
            raise AssertionError(f"{self.identity}: no {name} {fields}: {error}; stderr: {self.err.lines[-5:]}") from None
        return json.loads(self.out.lines[index]), index

    def leads(self, start=0):
        return self.wait_event("started_leading", start)[0]["time"]

    def follows(self, leader):
        self.wait_event("new_leader", leader=leader)

    def events(self):
        return [json.loads(line) for line in self.out.lines]

    def said(self, name):
        return [event for event in self.events() if event["event"] == name]

    def signal(self, number):
        """The time just before it."""
        now = time.time()
        super().signal(number)
        return now

    def kill_now(self):
        """As a crash: the time when it was surely gone."""
        self.process.kill()
        self.process.wait()
        self.gone = time.time()
        return self.gone

    def kill(self):
        if self.process.poll() is None:
            self.kill_now()

    def end(self, number=15):
        """Asks it to end; the time just before."""
        now = self.signal(number)
        code = self.process.wait(LIMIT)
        self.out.wait_end(LIMIT)
        self.err.wait_end(LIMIT)
        self.gone = time.time()
        if code != 0:
            raise AssertionError(f"{self.identity} ended with {code}: {self.err.lines[-5:]}")
        return now

    @property
    def lost_release(self):
        """client-go, cancelled with a renewal under way, releases upon a version that the renewal has made an old one, and
        does not try again: the lease runs out."""
        return self.kind == "client-go" and any("ailed to release l" in line for line in self.err.lines)

    def gave_up(self):
        """When a client-go that was not cancelled said that it had stopped."""
        stops = self.said("stopped_leading") if self.kind == "client-go" else []
        return [event["time"] for event in stops if event["reason"] == "lost"]

    def terms(self, until):
        """(lock, start, end of its work, when it said so) of each time it led: until it said so, was gone, or the given
        time. client-go's work ends when it is cancelled, its callback comes later."""
        terms, started, cancelled = [], {}, []
        for event in self.events():
            lock, at = event["lock"], event["time"]
            if event["event"] == "started_leading":
                started[lock] = at
            elif event["event"] == "cancelled":
                cancelled.append(at)
            elif event["event"] == "stopped_leading" and lock in started:
                terms.append((lock, started.pop(lock), at))
        terms += [(lock, start, self.gone or until) for lock, start in started.items()]
        return [(lock, start, min([at for at in cancelled if at >= start] + [end]), end)
                for lock, start, end in terms]


class TestCase(unittest.TestCase):
    needs = ()  # of peers
    clientgo_program = staticmethod(peers.clientgo)

    @classmethod
    def setUpClass(cls):
        for peer in cls.needs:
            try:
                peer()
            except peers.Missing as missing:
                raise unittest.SkipTest(str(missing)) from None
        cls.cluster = Cluster()
        cls.addClassCleanup(cls.cluster.end)

    def setUp(self):
        self.candidates, self.allowed, self.allowed_why = [], 0.0, None
        self.addCleanup(self.judge)  # the last one, when all have ended
        self.lock = re.sub("[^a-z0-9]+", "-", self.id().split(".")[-1].lower())[:50].strip("-")

    def history(self, kind=LEASES):
        return self.cluster.histories[kind]

    def versions(self, name=None, kind=LEASES):
        return self.history(kind).of(name or self.lock)

    def await_version(self, matches, start=0, name=None, kind=LEASES):
        index = self.history(kind).wait(name or self.lock, matches, start)
        return self.versions(name, kind)[index], index

    def await_renewals(self, count, holder, name=None, kind=LEASES):
        """That many more writes of this holder."""
        index = len(self.versions(name, kind)) - 1
        for _ in range(count):
            _, index = self.await_version(lambda version: version.holder == holder, index + 1, name, kind)

    def hand_over(self, leader, standby, kind=LEASES):
        """Ends the leader; the time from its signal to the standby's start, and whether that was by a release."""
        signalled = leader.end()
        taken = standby.leads() - signalled
        _, index = self.await_version(lambda v: v.holder == standby.identity, kind=kind)
        released = self.versions(kind=kind)[index - 1].holder == ""
        if not released:
            self.assertTrue(leader.lost_release, f"{leader.identity} did not release: {leader.err.lines}")
            print(f"    {leader.identity} lost its release", flush=True)
        return taken, released

    def allow(self, seconds, why):
        """What no lease can prevent in this test, and for how long it may last at most."""
        self.allowed, self.allowed_why = seconds, why

    def judge(self):
        """No two ever led together, of whatever kind, by what they said themselves."""
        # client-go, when it could not renew, releases first and ends its work then.
        terms = sorted((lock, start, end, candidate.identity, LEASE if end in candidate.gave_up() else 0.0)
                       for candidate in self.candidates for lock, start, end, _ in candidate.terms(time.time()))
        worst = 0.0
        for i, (lock, start, end, identity, lag) in enumerate(terms):
            for other_lock, other_start, other_end, other, _ in terms[i + 1:]:
                if other_lock != lock:
                    break
                together = min(end, other_end) - other_start
                worst = max(worst, together)
                self.assertLessEqual(together, max(self.allowed, lag),
                                     f"{identity} led {lock} from {start}, and {other} beside it")
        if self.allowed_why:
            self.figure(f"led together ({self.allowed_why})", [worst])

    def _keep(self, candidate):
        self.candidates.append(candidate)
        self.addCleanup(candidate.kill)
        return candidate

    def _stand(self, kind, identity, command, options, name, env, kubeconfig=None):
        return self._keep(Candidate(kind, identity, [
            *command, "--kubeconfig", kubeconfig or self.cluster.kubeconfig, "--namespace", self.cluster.namespace,
            "--name", name or self.lock, "--identity", identity, *options], env))

    def ours(self, identity, *options, times=SHORT, name=None, env=None, kubeconfig=None):
        return self._stand("ours", identity, [support.PROGRAM, "elect", "--output", "json", *times], options, name, env,
                           kubeconfig)

    def clientgo(self, identity, *options, times=SHORT, release=True, name=None, env=None):
        release = ["--release-on-cancel"] if release else []
        return self._stand("client-go", identity, [self.clientgo_program(), *times, *release], options, name, env)

    def python(self, identity, *options, times=PYTHON_SHORT, name=None, env=None):
        command = [peers.python(), "-B", os.path.join(HERE, "python/candidate.py"), *times]
        return self._stand("python", identity, command, options, name, env)

    def lua(self, identity, *options, times=SHORT, name=None, version="5.4"):
        interpreter, environment = peers.lua(version)
        command = [interpreter, os.path.join(HERE, "lua/candidate.lua"), *times]
        return self._stand("lua", identity, command, options, name, environment)

    def figure(self, what, seconds):
        """Figures are printed, for whoever compares; only what would break a promise is asserted."""
        seconds = sorted(seconds) or [float("nan")]
        print(f"    {what}: " + (f"{seconds[0] * 1000:.1f} ms" if len(seconds) == 1 else
              f"median {seconds[len(seconds) // 2] * 1000:.1f} ms, worst {seconds[-1] * 1000:.1f} ms of {len(seconds)}"),
              flush=True)


def main():
    result = unittest.main(verbosity=2, exit=False).result
    # A class that was skipped as a whole is among the skipped, but not among the run.
    ran = result.testsRun - sum(isinstance(test, unittest.TestCase) for test, _ in result.skipped)
    print(f"{ran} tests ran")
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(0 if ran > 0 else 77)
