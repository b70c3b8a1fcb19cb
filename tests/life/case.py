"""What all tests share: Pods as objects, candidates as processes, everything written to the locks, and the judgement at
each test's end: whether two Pods ever led together, whether tokens grew, what was asked of the server.
"""

import itertools
import json
import os
import signal
import subprocess
import threading
import time
import unittest

import kube
import overlap
import relay as relays
import support

PATIENCE = relays.PATIENCE
RETRY = ["--retry-period", "300ms"]
MERGE = "application/merge-patch+json"

figures = []  # (test, text) for the summary


def uid(thing):
    return thing["metadata"]["uid"]


def version(thing):
    return int(thing["metadata"]["resourceVersion"])


def ref(pod):
    return {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}


class History:
    """Every version of every object of one kind in the namespace, by watches that follow each other."""

    def __init__(self, client, path):
        self.client, self.path, self.events, self.since = client, path, [], None
        self.changed, self.closed, self.stream, self.shown = threading.Condition(), False, None, None
        self._open()
        threading.Thread(target=self._follow, daemon=True).start()

    def _open(self):
        """From where the last one ended; where the server has forgotten that, with all there is."""
        self.shown = None if self.since else set()
        query = {"resourceVersion": self.since} if self.since else {"allowWatchBookmarks": "true"}
        self.stream = self.client.watch(self.path, **query)
        if self.stream.status != 200:
            raise AssertionError(self.stream.refusal)

    def _follow(self):
        while not self.closed:
            try:
                if self.stream is None:
                    self._open()
                event = self.stream.next()
                if event is None or event["type"] == "ERROR":
                    self.since = None
                    raise ValueError(event)
                with self.changed:
                    self._take(event["type"], event["object"])
                    self.changed.notify_all()
            except (OSError, ValueError, AttributeError, AssertionError, kube.http.client.HTTPException):
                self.stream = None  # the server was restarted, or this is the end
                time.sleep(0.1)

    def _take(self, kind, thing):
        self.since = thing["metadata"]["resourceVersion"]
        last = {uid(it): (kind, it) for kind, it in self.events}
        if kind == "BOOKMARK":
            gone = [it for key, (last_kind, it) in last.items()
                    if self.shown is not None and last_kind != "DELETED" and key not in self.shown]
            self.events += [("DELETED", it) for it in gone]
            self.shown = None
            return
        if self.shown is not None:
            self.shown.add(uid(thing))
        if uid(thing) not in last or version(last[uid(thing)][1]) != version(thing):
            self.events.append((kind, thing))

    def of(self, name):
        with self.changed:
            return [event for event in self.events if event[1]["metadata"]["name"] == name]

    def wait(self, name, matches, start=0):
        """The first event (type, object) about it that matches."""
        with self.changed:
            got = []

            def found():
                got[:] = [event for event in self.of(name)[start:] if matches(*event)][:1]
                return bool(got)

            if not self.changed.wait_for(found, PATIENCE):
                raise AssertionError(f"{name} never came to that: {self.of(name)}")
            return got[0]

    def await_gone(self, thing):
        return self.wait(thing["metadata"]["name"], lambda kind, it: kind == "DELETED" and uid(it) == uid(thing))[1]

    def close(self):
        self.closed = True
        if self.stream:
            try:
                self.stream.connection.sock.shutdown(2)
            except (OSError, AttributeError):
                pass


class Pod:
    """A Pod's object. There is no kubelet: the test is."""

    def __init__(self, case, thing):
        self.case, self.object = case, thing
        self.name, self.uid = thing["metadata"]["name"], uid(thing)
        self.path = case.path("pods", self.name)

    def delete(self, policy=None):
        """As kubectl delete: it is terminating until it has ended.

        A policy is about what the Pod owns. The collector watches Pods and ConfigMaps apart: it must have seen the
        lock before the Pod's deletion, or it lets the Pod go as the owner of nothing.
        """
        if policy:
            self.case.await_collector()
        body = {"propagationPolicy": policy} if policy else None
        self.case.ok(self.case.api.delete(self.path, body))

    def gone(self):
        """Its containers have ended: the kubelet's last word, or a forced deletion."""
        self.case.ok(self.case.api.delete(self.path, {"gracePeriodSeconds": 0}))
        self.case.pods.await_gone(self.object)

    def say(self, phase, reason=None):
        status = {"phase": phase, **({"reason": reason} if reason else {})}
        self.case.ok(self.case.api.request("PATCH", self.path + "/status", {"status": status}, MERGE))


class Candidate(support.Program):
    """A process of the program in a Pod: elect, run or become."""

    def __init__(self, case, pod, command, env, way):  # pylint: disable=super-init-not-called
        self.case, self.pod, self.relay, self.ended = case, pod, way, None
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env=support.environment(env), preexec_fn=support.die_with_parent)
        self.out, self.err = support.Stream(self.process.stdout), support.Stream(self.process.stderr)
        self.told = self.out if command[1] == "elect" else self.err  # where events are told

    def events(self, name=None, **fields):
        got = [json.loads(line) for line in list(self.told.lines) if line.startswith("{")]
        return [e for e in got if name in (None, e["event"]) and all(e.get(k) == v for k, v in fields.items())]

    def await_event(self, name, count=1, **fields):
        """The count-th of these."""
        with self.told.changed:
            self.told.changed.wait_for(lambda: len(self.events(name, **fields)) >= count or self.told.ended, PATIENCE)
        got = self.events(name, **fields)
        if len(got) < count:
            raise AssertionError(f"{self.pod.name if self.pod else '-'} did not say {name} {fields}: {self.events()}; "
                                 f"stderr: {self.err.lines[-5:]}; asked: {self.relay.requests[-20:] if self.relay else ''}")
        return got[count - 1]

    def leads(self, count=1):
        return self.await_event("started_leading", count)

    def follows(self, pod, count=1):
        return self.await_event("new_leader", count, leader=pod.name)

    def end(self, number=signal.SIGTERM):
        """Its exit code."""
        self.signal(number)
        return self.await_end()

    def await_end(self):
        code = self.process.wait(PATIENCE)
        self.ended = self.ended or time.time()
        self.out.wait_end(PATIENCE)
        self.err.wait_end(PATIENCE)
        return code

    def crash(self):
        """Its container has ended: it is surely gone."""
        self.process.kill()
        self.process.wait()
        self.ended = time.time()

    def terms(self):
        """(token, start, end) of each time it led; the times are the program's own."""
        terms, started = [], None
        for event in self.events():
            if event["event"] == "started_leading":
                started = event
            elif event["event"] == "stopped_leading" and started:
                terms.append((started["token"], started["time"], event["time"]))
                started = None
        if started:
            terms.append((started["token"], started["time"], self.ended or time.time()))
        return terms


class Case(unittest.TestCase):
    bed = None  # set before the tests run, as is the next
    folder = None
    numbers = itertools.count(1)
    maxDiff = None
    longMessage = True

    def setUp(self):
        self.api, self.candidates = self.bed.admin, []
        # What a test does that the promise doesn't cover: why two may lead for a moment.
        self.unpromised = None
        self.requests_most = 60  # of one candidate, besides those that come with time
        self.lock = "operator-lock"
        self.namespace = f"life-{self.bed.run}-{next(Case.numbers)}"
        self.ok(self.api.post("/api/v1/namespaces", {"metadata": {"name": self.namespace}}), 201)
        self.addCleanup(self.api.delete, f"/api/v1/namespaces/{self.namespace}")
        self.node = f"node-{self.namespace}"
        self.ok(self.api.post("/api/v1/nodes", {"metadata": {"name": self.node}}), 201)
        self.addCleanup(self.api.delete, f"/api/v1/nodes/{self.node}")
        self.node_is("True")
        self.locks = History(self.bed.client_for_watches(), self.path("configmaps"))
        self.pods = History(self.bed.client_for_watches(), self.path("pods"))
        self.addCleanup(self.locks.close)
        self.addCleanup(self.pods.close)

    def tearDown(self):
        for candidate in self.candidates:
            if candidate.process.poll() is not None:
                candidate.ended = candidate.ended or time.time()
        self.judge()

    # ---- objects

    def path(self, resource, name=None):
        return f"/api/v1/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def ok(self, answer, status=200):
        self.assertEqual(status, answer.status, answer)
        return answer.body

    def pod(self, name):
        """A Pod that runs."""
        pod = Pod(self, self.ok(self.api.post(self.path("pods"), {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeName": self.node, "containers": [{"name": "main", "image": "none"}]}}), 201))
        self.addCleanup(self.api.delete, pod.path, {"gracePeriodSeconds": 0})
        pod.say("Running")
        return pod

    def node_is(self, ready):
        self.ok(self.api.request("PATCH", f"/api/v1/nodes/{self.node}/status", {"status": {"conditions": [
            {"type": "Ready", "status": ready, "reason": "Test", "message": "", "lastHeartbeatTime": "2026-01-02T03:04:05Z",
             "lastTransitionTime": "2026-01-02T03:04:05Z"}]}}, MERGE))

    def make_lock(self, owners, **metadata):
        return self.ok(self.api.post(self.path("configmaps"), {
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": self.lock, "ownerReferences": owners, **metadata}}), 201)

    def get_lock(self):
        return self.ok(self.api.get(self.path("configmaps", self.lock)))

    def patch_lock(self, **metadata):
        return self.ok(self.api.request("PATCH", self.path("configmaps", self.lock), {"metadata": metadata}, MERGE))

    def delete_lock(self):
        self.ok(self.api.delete(self.path("configmaps", self.lock)))

    def delete_in_the_foreground(self, leader):
        """The leader's Pod, until the lock is gone; the leader has known before that its Pod is being deleted.

        Told of the lock first, it would rightly put it back; so a finalizer keeps the lock until then. And the lock blocks
        the Pod's deletion: else the collector may be done with the Pod before it looks at the lock, and leaves that alone.
        """
        self.patch_lock(finalizers=["example.com/wait"], ownerReferences=[{**ref(leader.pod), "blockOwnerDeletion": True}])
        self.addCleanup(self.api.request, "PATCH", self.path("configmaps", self.lock), {"metadata": {"finalizers": None}},
                        MERGE)
        lock = self.get_lock()
        leader.pod.delete("Foreground")
        self.locks.wait(self.lock, lambda _, it: "deletionTimestamp" in it["metadata"])
        leader.relay.await_shown("pods", lambda it: it["metadata"].get("name") == leader.pod.name and
                                 "deletionTimestamp" in it["metadata"])
        self.patch_lock(finalizers=None)
        self.locks.await_gone(lock)

    def await_lock_of(self, pod, start=0):
        """The lock as the Pod's."""
        return self.locks.wait(self.lock, lambda kind, it: kind != "DELETED" and self.owners(it) == [pod.uid], start)[1]

    @staticmethod
    def owners(lock):
        return [owner["uid"] for owner in lock["metadata"].get("ownerReferences", [])]

    def await_collector(self):
        """Until it has done something after now: what has an owner that never was is collected."""
        orphan = self.ok(self.api.post(self.path("configmaps"), {"metadata": {
            "name": f"orphan-{next(Case.numbers)}", "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": "never", "uid": "00000000-0000-0000-0000-000000000001"}]}}), 201)
        self.locks.await_gone(orphan)

    def grant(self, user, *rules):
        """Exactly these rights, each (resource, verbs), of the core API in the test's namespace."""
        name = f"{user}-{next(Case.numbers)}"
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.namespace}/"
        self.ok(self.api.post(rbac + "roles", {"metadata": {"name": name}, "rules": [
            {"apiGroups": [""], "resources": [resource], "verbs": verbs.split()} for resource, verbs in rules]}), 201)
        self.ok(self.api.post(rbac + "rolebindings", {
            "metadata": {"name": name}, "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}}), 201)

    def limited(self, *rules):
        """The token of a user with these rights. Its rights are known at once, or soon: both servers watch their Roles."""
        name, token = self.bed.user()
        self.limited_name = name
        self.grant(name, *rules)
        resource, verbs = rules[0]
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
            "namespace": self.namespace, "verb": verbs.split()[0], "resource": resource}}}
        client = kube.Client(self.bed.kubeconfig, token=token)
        self.addCleanup(client.close)
        self.eventually(lambda: client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
                        .body["status"]["allowed"], "the Role counts")
        return token

    # ---- candidates

    @staticmethod
    def downward(pod):
        return {"POD_NAME": pod.name, "POD_UID": pod.uid, "POD_NAMESPACE": pod.case.namespace}

    def start(self, pod, subcommand, *arguments, env=None, direct=False, token=None, prepare=None):
        """direct: on a connection of its own to the server, with TLS; else on one that is written down, and prepared."""
        way = None
        if not direct:
            way = relays.Relay(self.bed.client_for_watches(), self.folder, token)
            self.addCleanup(way.end)
            if prepare:
                prepare(way)
        kubeconfig = way.kubeconfig if way else self.bed.kubeconfig.path
        name = [self.lock] if subcommand == "become" else ["--name", self.lock]
        candidate = Candidate(self, pod, [
            support.PROGRAM, subcommand, *name, "--kubeconfig", kubeconfig, "--output", "json",
            *(["--mode", "life"] if subcommand != "become" else []), *RETRY, *arguments],
            self.downward(pod) if env is None else env, way)
        self.candidates.append(candidate)
        self.addCleanup(candidate.kill)
        return candidate

    def elect(self, pod, *arguments, **more):
        return self.start(pod, "elect", *arguments, **more)

    def leader_and_standby(self, *arguments, **more):
        """a leads in web-0, b stands by in web-1."""
        self.web_0, self.web_1 = self.pod("web-0"), self.pod("web-1")
        a = self.elect(self.web_0, **more)
        a.leads()
        b = self.elect(self.web_1, *arguments, **more)
        b.follows(self.web_0)
        self.await_settled(b)
        return a, b

    def await_settled(self, candidate):
        """Until it watches the lock, its own Pod and the leader's, and has looked at both Pods."""
        if candidate.relay:
            candidate.relay.await_asked("watch", "pods", 2)
            candidate.relay.await_asked("get", "pods", 2)
            candidate.relay.await_asked("watch", "configmaps", 1)

    def eventually(self, condition, what):
        """For what nothing tells of."""
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"never: {what}")
            time.sleep(0.02)

    def assert_nobody_starts(self, *candidates, seconds=1.0):
        """That nothing happens takes time. What would happen takes milliseconds; a slow machine makes this weaker, and
        never fail."""
        counts = [len(c.events("started_leading")) for c in candidates]
        time.sleep(seconds)
        self.assertEqual(counts, [len(c.events("started_leading")) for c in candidates], [c.events() for c in candidates])

    def assert_silent(self, *candidates, seconds=1.5):
        """While they wait they ask nothing; their watches are open. 1.5 s are five retry periods."""
        counts = [len(c.relay.requests) for c in candidates]
        time.sleep(seconds)
        for candidate, count in zip(candidates, counts):
            self.assertEqual([], candidate.relay.requests[count:])

    def assert_rested(self, requests):
        """After a few in quick succession, on average a third of the retry period lay between them: it is half at least."""
        self.assertGreaterEqual(requests[-1].time - requests[0].time, 0.1 * (len(requests) - 6), requests)

    # ---- the judgement

    def judge(self):
        intervals = [overlap.Interval("lead", c.pod.uid, self.lock, token, int(start * 1e9), int(end * 1e9))
                     for c in self.candidates if c.pod for token, start, end in c.terms()]
        if self.unpromised is None:
            self.assertEqual([], overlap.find_overlaps(intervals))
        self.assertEqual([], overlap.find_regressions(intervals))
        written = {(str(version(it)), owner) for kind, it in self.locks.of(self.lock) if kind != "DELETED"
                   for owner in self.owners(it)}
        for interval in intervals:
            # The watch may lag a little behind the candidate.
            if (str(interval.token), interval.candidate) not in written:
                self.locks.wait(self.lock, lambda kind, it, i=interval:
                                version(it) == i.token and self.owners(it) == [i.candidate])
        for candidate in self.candidates:
            if candidate.relay:
                self.judge_requests(candidate.relay)

    def judge_requests(self, way):
        for request in way.asked("delete"):
            conditions = (request.body or {}).get("preconditions", {})
            self.assertIn("uid", conditions, request)
            if request.resource == "configmaps":
                self.assertIn("resourceVersion", conditions, request)
        self.assertEqual([], way.asked("update") + way.asked("patch") + way.asked("list"))
        most = self.requests_most + 8 * (time.monotonic() - way.since)
        self.assertLess(len(way.requests), most, "a loop without rest")
