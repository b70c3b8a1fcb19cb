"""What the scenarios are made of: the cluster and its faults, witnesses as processes, and waits that tell what was seen.

Each test has a namespace of its own. When it ends, the accounts of all its witnesses are judged, whatever the test was
about; where a foreign hand rewrote the record, the test says how much of an overlap that may have made.
"""

import base64
import collections
import datetime
import http.client
import json
import os
import re
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

import overlap

PATIENCE = 180.0  # seconds; far more than anything takes; a starved API server was seen to be mute for 60
# Where a lease has to run out.
SHORT = {"lease_duration": "4s", "renew_deadline": "3s", "retry_period": "400ms"}
LEASE, DEADLINE, RETRY = 4.0, 3.0, 0.4  # SHORT in seconds
# Where it must not, however busy the machine is. What is taken within half of the lease was released.
PATIENT = {"lease_duration": "150s", "renew_deadline": "120s", "retry_period": "400ms"}
PATIENT_LEASE = 150.0
# Where a hand makes two leaders: the next renewal, that would meet the edit as well, is further away than WATCHED_MS,
# so that it is the watch that bounds their time together.
WATCHED = {"lease_duration": "150s", "renew_deadline": "120s", "retry_period": "10s"}
WATCHED_MS = 7000.0
LOCKS = {"leases": "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
         "configmaps": "/api/v1/namespaces/{}/configmaps"}
LEASES = LOCKS["leases"]
GROUPS = {"leases": "coordination.k8s.io", "configmaps": ""}
ANNOTATION = "control-plane.alpha.kubernetes.io/leader"  # where a ConfigMap keeps the record
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/"

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

figures = []  # (scenario, text) for the summary


def note(scenario, text):
    figures.append((scenario, text))


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def spread(values, unit="ms"):
    values = sorted(values)
    return (f"{len(values)}, median {statistics.median(values):.1f} {unit}, worst {values[-1]:.1f} {unit}"
            if values else "none")


# ---- the cluster ----


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body[:300]}")
        self.status = status


AS_ANNOTATED = {"leaseTransitions": "leaderTransitions"}  # where the older lock has another name for it


def as_lease(body):
    if body["kind"] != "ConfigMap":
        return body
    metadata = {**body["metadata"], "annotations": dict(body["metadata"].get("annotations", {}))}
    record = json.loads(metadata["annotations"].pop(ANNOTATION, "{}"))
    names = {annotated: name for name, annotated in AS_ANNOTATED.items()}
    return {"metadata": metadata, "spec": {names.get(k, k): v for k, v in record.items()}}


class Api:
    """The API as whom a kubeconfig of scripts/cluster names, without a kubectl to start for each request."""

    def __init__(self, kubeconfig):
        with open(kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.host = re.search(r"server: https://(\S+)", text)[1]
        self.token = re.search(r"token: (\S+)", text)[1].strip('"')
        authority = base64.b64decode(re.search(r"certificate-authority-data: (\S+)", text)[1]).decode()
        self.context = ssl.create_default_context(cadata=authority)

    def raw(self, method, path, body=None, kind="application/json", patience=PATIENCE):
        connection = http.client.HTTPSConnection(self.host, timeout=patience, context=self.context)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Authorization": "Bearer " + self.token, "Content-Type": kind})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise ApiError(answer.status, text)
        return text

    def request(self, method, path, body=None, **more):
        return json.loads(self.raw(method, path, body, **more) or "null")

    def lock(self, resource, namespace, name):
        """As a Lease shows it, whatever keeps the record."""
        return as_lease(self.request("GET", f"{LOCKS[resource].format(namespace)}/{name}"))

    def patch(self, path, change):
        return self.request("PATCH", path, change, kind="application/merge-patch+json")

    def patch_lock(self, resource, namespace, name, metadata=None, spec=None):
        """A merge patch, of the record's fields by a Lease's names."""
        path = f"{LOCKS[resource].format(namespace)}/{name}"
        if resource == "leases" or spec is None:
            change = {"metadata": metadata or {}}
            return as_lease(self.patch(path, {**change, "spec": spec} if spec else change))
        while True:
            # The record is one text to the server: written on the version it was read of, lest it undo a renewal.
            found = self.request("GET", path)
            record = {**as_lease(found)["spec"], **spec}
            text = json.dumps({AS_ANNOTATED.get(k, k): v for k, v in record.items() if v is not None})
            annotations = {**(metadata or {}).get("annotations", {}), ANNOTATION: text}
            try:
                return as_lease(self.patch(path, {"metadata": {
                    **(metadata or {}), "annotations": annotations,
                    "resourceVersion": found["metadata"]["resourceVersion"]}}))
            except ApiError as error:
                if error.status != 409:
                    raise

    def delete_lock(self, resource, namespace, name):
        return self.request("DELETE", f"{LOCKS[resource].format(namespace)}/{name}")

    def create_namespace(self, name):
        self.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})

    def grant(self, namespace, subject, rules, resource="leases"):
        """Exactly these rights on locks, for a user or a ServiceAccount (NAMESPACE:NAME)."""
        account = subject.split(":")
        who = ({"kind": "ServiceAccount", "namespace": account[0], "name": account[1]} if len(account) == 2 else
               {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": subject})
        name = "e2e-" + account[-1]
        self.request("POST", RBAC.format(namespace) + "roles", {"metadata": {"name": name}, "rules": [
            {"apiGroups": [GROUPS[resource]], "resources": [resource], **rule} for rule in rules]})
        self.request("POST", RBAC.format(namespace) + "rolebindings", {
            "metadata": {"name": name}, "subjects": [who],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}})

    def watches_on_leases(self):
        """How many are open at the server, its own included."""
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in self.raw("GET", "/metrics").splitlines()
                   if line.startswith("apiserver_longrunning_requests{") and 'resource="leases"' in line and
                   'verb="WATCH"' in line)

    def requests_on_leases(self):
        """How many requests on leases the server has counted, by verb."""
        counts = {}
        for line in self.raw("GET", "/metrics").splitlines():
            if line.startswith("apiserver_request_total{") and 'resource="leases"' in line:
                verb = re.search(r'verb="([^"]*)"', line)[1]
                counts[verb] = counts.get(verb, 0) + int(float(line.rsplit(" ", 1)[1]))
        return counts


class Cluster:
    """A cluster of scripts/cluster that may be disturbed; without a folder, one that may not."""

    def __init__(self):
        self.folder = os.environ.get("K8SLEADER_TEST_CLUSTER_DIR", "")
        self.kubeconfig = os.environ.get("K8SLEADER_TEST_KUBECONFIG") or self.run("up").split("=", 1)[1].strip()
        self.api = Api(self.kubeconfig)

    def run(self, *command):
        result = subprocess.run([os.path.join(ROOT, "scripts", "cluster"), *command], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=600, check=False,
                                env={**os.environ, "K8SLEADER_CLUSTER_DIR": self.folder})
        if result.returncode != 0:
            raise AssertionError(f"scripts/cluster {' '.join(command)}: {result.returncode}: {result.stderr}")
        return result.stdout

    def insist(self, *command):
        """For what may be done twice and is done by kubectl, which gives a TLS handshake up after 10 s."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.run(*command)
            except AssertionError:
                if time.monotonic() > until:
                    raise

    def as_user(self, kind, name):
        """The kubeconfig of a user without any right."""
        return self.insist(kind, name).strip()


_cluster = []


def cluster():
    if not _cluster:
        _cluster.append(Cluster())
    return _cluster[0]


# ---- witnesses ----

# What a machine that is busy with something else may add to any test: said, and tried again.
BUSY = ("REQUEST_TIMEOUT", "TIGHT_DURATIONS")

changed = threading.Condition()  # some witness said something, or ended


class Witness:
    def __init__(self, test, identity, options, prefix=()):
        """prefix: what runs it, if it is to run elsewhere than here."""
        self.identity = identity
        self.record = os.path.join(test.folder, f"{identity}-{uuid.uuid4().hex[:6]}")
        arguments = {"kubeconfig": cluster().kubeconfig, "namespace": test.namespace, "name": test.lock,
                     "lock-resource": test.resource, "identity": identity, "record": self.record, **SHORT, **options}
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("K8SLEADER_", "POD_", "KUBE"))}
        self.events, self.stderr, self.ended = [], [], False
        self.counts = collections.Counter()  # of events, by name
        self.process = subprocess.Popen(
            [*prefix, os.environ["K8SLEADER_TEST_WITNESS"],
             *(word for k, v in arguments.items() for word in ("--" + k, str(v)))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self):
        with self.process.stdout as file:
            for line in file:
                with changed:
                    self.events.append(json.loads(line))
                    self.counts[self.events[-1]["event"]] += 1
                    changed.notify_all()
        with changed:
            self.ended = True
            changed.notify_all()

    def _read_errors(self):
        with self.process.stderr as file:
            for line in file:
                self.stderr.append(line.rstrip("\n"))

    def pumped(self):
        """How many of the library's events it has taken, by what it said."""
        return sum(n for name, n in self.counts.items() if name not in ("woke", "report", "done"))

    def all(self, name, **fields):
        return [e for e in list(self.events) if e["event"] == name and all(e.get(k) == v for k, v in fields.items())]

    def errors(self, since=0.0):
        """Those that no busy machine explains."""
        return [e for e in self.all("error") if e["time"] >= since and e["code"] not in BUSY]

    def wait(self, name, since=0.0, limit=PATIENCE, **fields):
        """The first such event from that time on."""
        def found():
            return next((e for e in self.all(name, **fields) if e["time"] >= since), None)

        return await_that(found, f"{self.identity}: {name} {fields}", [self], limit)

    def command(self, text):
        since = now()
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.wait("report", since) if text == "report" else self.wait("done", since, command=text)

    def signal(self, number):
        """When it was sent."""
        at = now()
        self.process.send_signal(number)
        return at

    def freeze(self):
        """From when on it surely stands still."""
        self.signal(signal.SIGSTOP)
        limit = time.monotonic() + PATIENCE
        while True:
            with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "T":
                    return now()
            if time.monotonic() > limit:
                raise AssertionError(f"{self.identity} can't be frozen")

    def connections(self):
        """The TCP connections it has, by their sockets' numbers."""
        folder = f"/proc/{self.process.pid}/"
        listed = set()
        for table in ("net/tcp", "net/tcp6"):
            with open(folder + table, encoding="ascii") as file:
                listed |= {line.split()[9] for line in file if not line.lstrip().startswith("sl")}
        names = (os.readlink(folder + "fd/" + fd) for fd in os.listdir(folder + "fd"))
        return {name[8:-1] for name in names if name.startswith("socket:[")} & listed

    def thaw(self):
        return self.signal(signal.SIGCONT)

    def end(self):
        """Drains and releases."""
        at = self.signal(signal.SIGTERM)
        self.wait_end()
        return at

    def wait_end(self):
        code = self.process.wait(PATIENCE)
        if code != 0:
            raise AssertionError(f"{self.identity} ended with {code}: {self.stderr}")

    def kill(self):
        at = self.signal(signal.SIGKILL)
        self.process.wait()
        return at

    def clear_away(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()


def await_that(condition, what, witnesses, limit=PATIENCE):
    """Waits until condition() is true, asked whenever a witness has said something; its value."""
    with changed:
        value = changed.wait_for(condition, limit)
    if not value:
        raise AssertionError(f"not in {limit} s: {what}; seen until {now():.3f}:\n{told_by(witnesses)}")
    return value


def told_by(witnesses):
    return "\n".join(f"  {w.identity}{' (ended)' if w.ended else ''}: {w.stderr[-3:] or ''}\n" +
                     "\n".join(f"    {short(e)}" for e in w.events[-25:]) for w in witnesses)


def short(event):
    return {k: v for k, v in event.items() if v not in ("", 0, "none", "OK")}


def await_answer(ask, accept, what, limit=PATIENCE):
    """The same for something that has to be asked of the server."""
    until = time.monotonic() + limit
    while True:
        try:
            answer = ask()
        except (OSError, http.client.HTTPException, ApiError) as error:
            answer = error
        if not isinstance(answer, Exception) and accept(answer):
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"not in {limit} s: {what}; last: {answer}")
        time.sleep(0.02)


class TestCase(unittest.TestCase):
    disturbs = False  # needs a cluster that may be disturbed
    without_namespace = False  # the test makes it itself
    resource = "leases"  # what the record is kept in

    def setUp(self):
        if self.disturbs and not cluster().folder:
            self.skipTest("needs a cluster that may be disturbed")
        self.api = cluster().api
        self.namespace = "e2e-" + uuid.uuid4().hex[:8]
        self.lock = "lock"
        self.title = self.id().split(".", 1)[1]
        self.witnesses = []
        self.allowed_ms = 0.0  # of overlap
        folder = tempfile.TemporaryDirectory(prefix="k8sleader-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.addCleanup(self.judge)
        self.addCleanup(self.clear_away)
        self.addCleanup(self.await_account)
        if not self.without_namespace:
            self.api.create_namespace(self.namespace)

    def await_account(self):
        """Who is killed as soon as it was told that it leads has not asked yet, and has nothing to tell."""
        if any(witness.all("started_leading") for witness in self.witnesses):
            await_answer(lambda: self.verdict().intervals, bool, "a leader's account has begun")

    def clear_away(self):
        if not self._outcome.success:  # unittest's own; there is no other way to know
            print("\n" + told_by(self.witnesses), file=sys.stderr)
        for witness in self.witnesses:
            witness.clear_away()
        self.delete_namespace(self.namespace)

    def delete_namespace(self, name):
        try:
            self.api.request("DELETE", LOCKS[self.resource].format(name))
            self.api.request("DELETE", f"/api/v1/namespaces/{name}")
        except ApiError:
            pass  # it was never made

    def verdict(self):
        return overlap.judge([w.record for w in self.witnesses if os.path.exists(w.record)])

    def judge(self):
        verdict = self.verdict()
        text = overlap.describe(verdict)
        self.assertTrue(verdict.intervals, "nobody ever led: nothing was tested")
        self.assertFalse(verdict.regressions or verdict.revivals, text)
        if self.allowed_ms:
            self.assertLess(overlap.worst_ms(verdict), self.allowed_ms, text)
        else:
            self.assertFalse(verdict.overlaps, text)
        note(self.title, text.splitlines()[0])

    def stand(self, identity, prefix=(), **options):
        witness = Witness(self, identity, options, prefix)
        self.witnesses.append(witness)
        return witness

    def stand_by(self, identity, leader, **options):
        witness = self.stand(identity, **options)
        witness.wait("new_leader", leader=leader.identity)
        return witness

    def leader_and_standby(self, **options):
        leader = self.stand("a", **options)
        leader.wait("started_leading")
        return leader, self.stand_by("b", leader, **options)

    def first_to_lead(self, candidates, since):
        """Whoever of them starts leading first, and that event."""
        def found():
            started = [(e["time"], w, e) for w in candidates for e in w.all("started_leading") if e["time"] >= since]
            return min(started, key=lambda s: s[0])[1:] if started else None

        return await_that(found, "somebody leads", candidates)

    def lease(self, name=None):
        return self.api.lock(self.resource, self.namespace, name or self.lock)

    def patch(self, name=None, **change):
        """The lease after the edit, and when the edit had surely not yet been made."""
        before = now()
        return self.api.patch_lock(self.resource, self.namespace, name or self.lock, **change), before

    def delete_lock(self):
        self.api.delete_lock(self.resource, self.namespace, self.lock)

    def await_lease(self, accept, what, name=None):
        return await_answer(lambda: self.lease(name), accept, what)

    def await_renewals(self, count, name=None):
        """So many renewals, seen at the server, each different from the last."""
        lease = self.await_lease(lambda _: True, "the lease can be read", name)
        for _ in range(count):
            before = lease["spec"].get("renewTime")
            lease = self.await_lease(lambda l: l["spec"].get("renewTime") != before, "a renewal", name)
        return lease

    def leads(self, candidate=None):
        """(start, end) of each lead, by the witnesses' own accounts, in seconds."""
        return sorted((i.start / 1e9, i.end / 1e9) for i in self.verdict().intervals if i.kind == "lead" and
                      (not candidate or i.candidate == f"{candidate.identity}/{candidate.process.pid}"))

    def wait_until(self, when):
        """For how long something lasts where that is what is tested, not what is waited for."""
        time.sleep(max(0.0, when - now()))

    def assert_quiet(self, witness, since, *names):
        """None of those events since then, but for errors that a busy machine explains."""
        said = [e for e in list(witness.events)
                if e["time"] >= since and e["event"] in names and e.get("code") not in BUSY]
        self.assertEqual(said, [], witness.identity)


def transitions(lease):
    return lease["spec"]["leaseTransitions"]


def holder(lease):
    return lease["spec"].get("holderIdentity", "")


def wall_time(stamp):
    """A Lease's time in seconds since 1970."""
    parsed = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ")
    return parsed.replace(tzinfo=datetime.timezone.utc).timestamp()
