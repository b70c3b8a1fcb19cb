"""What all tests share: objects to write, and assertions on answers, on Statuses and on events."""

import itertools
import unittest

LEASES_API = "/apis/coordination.k8s.io/v1"
RBAC_API = "/apis/rbac.authorization.k8s.io/v1"
TIME = "2026-01-02T03:04:05.678901Z"
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


def version(thing):
    return thing["metadata"]["resourceVersion"]


def uid(thing):
    return thing["metadata"]["uid"]


def number(thing):
    return int(version(thing))


def initial_events(**query):
    return {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true", **query}


class Case(unittest.TestCase):
    bed = None  # set before the tests run
    numbers = itertools.count(1)
    maxDiff = None
    longMessage = True

    def setUp(self):
        self.use(Case.bed)

    def use(self, bed):
        self.server = bed
        self.api = bed.admin
        self.namespace = bed.namespace

    # ---- paths and objects

    def name(self, stem="o"):
        return f"{stem}-{next(Case.numbers)}"

    def leases(self, name=None, namespace=None):
        return f"{LEASES_API}/namespaces/{namespace or self.namespace}/leases" + (f"/{name}" if name else "")

    def core(self, resource, name=None, namespace=None):
        return f"/api/v1/namespaces/{namespace or self.namespace}/{resource}" + (f"/{name}" if name else "")

    def configmaps(self, name=None, namespace=None):
        return self.core("configmaps", name, namespace)

    def pods(self, name=None):
        return self.core("pods", name)

    @staticmethod
    def lease(name, holder="a", metadata=None, **spec):
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, **(metadata or {})},
                "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": TIME, "renewTime": TIME,
                         "leaseTransitions": 0, **spec}}

    @staticmethod
    def configmap(name, metadata=None, **rest):
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **(metadata or {})}, **rest}

    @staticmethod
    def pod(name, **spec):
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                "spec": {"containers": [{"name": "main", "image": "none"}], **spec}}

    @staticmethod
    def owner(thing, **more):
        return {"apiVersion": thing["apiVersion"], "kind": thing["kind"], "name": thing["metadata"]["name"],
                "uid": uid(thing), **more}

    def make_lease(self, name=None, **options):
        return self.ok(self.api.post(self.leases(), self.lease(name or self.name(), **options)), 201)

    def make_configmap(self, name=None, **options):
        return self.ok(self.api.post(self.configmaps(), self.configmap(name or self.name(), **options)), 201)

    def make_pod(self, name=None, **spec):
        pod = self.ok(self.api.post(self.pods(), self.pod(name or self.name("pod"), **spec)), 201)
        self.addCleanup(self.api.delete, self.pods(pod["metadata"]["name"]), {"gracePeriodSeconds": 0})
        return pod

    def put_lease(self, lease):
        return self.api.put(self.leases(lease["metadata"]["name"]), lease)

    def renew(self, lease, **spec):
        """Writes the Lease with this changed: the new version."""
        return self.ok(self.put_lease({**lease, "spec": {**lease["spec"], **spec}}))

    def remove_lease(self, lease):
        return self.ok(self.api.delete(self.leases(lease["metadata"]["name"])))

    # ---- answers

    def ok(self, answer, status=200):
        self.assertEqual(status, answer.status, answer)
        return answer.body

    def refused(self, answer, status, reason, message=None, **details):
        """A Status with this reason, with these details and, if given, just this message."""
        self.assertEqual(status, answer.status, answer)
        self.assertIsInstance(answer.body, dict, answer)
        self.is_failure(answer.body, status, reason, message, **details)
        return answer.body

    def is_failure(self, body, code, reason, message=None, **details):
        self.assertEqual(("Status", "v1", "Failure", code), tuple(
            body.get(key) for key in ("kind", "apiVersion", "status", "code")), body)
        self.assertEqual(reason, body.get("reason"), body)
        self.assertEqual({}, body.get("metadata"), body)
        if message is not None:
            self.assertEqual(message, body["message"])
        for key, value in details.items():
            self.assertEqual(value, body.get("details", {}).get(key), body)

    def conflict(self, answer, name, why=None, resource="leases", group="coordination.k8s.io"):
        body = self.refused(answer, 409, "Conflict", name=name, kind=resource, group=group or None)
        qualified = f"{resource}.{group}" if group else resource
        self.assertTrue(body["message"].startswith(f'Operation cannot be fulfilled on {qualified} "{name}": '), body)
        if why:
            self.assertIn(why, body["message"])

    def stale_deletion(self, answer, thing, why):
        """The one Status that tells the kind and not the resource."""
        kind, name = thing["kind"], thing["metadata"]["name"]
        group = thing["apiVersion"].rpartition("/")[0]
        self.refused(answer, 409, "Conflict", f'Operation cannot be fulfilled on {kind}{"." if group else ""}{group} '
                     f'"{name}": {why}', name=name, kind=kind, group=group or None)

    # ---- watches

    def watch(self, path, client=None, **query):
        watch = (client or self.api).watch(path, **query)
        self.addCleanup(watch.close)
        self.assertEqual(200, watch.status, watch.refusal)
        return watch

    def watch_lease(self, name, **query):
        return self.watch(self.leases(), fieldSelector=f"metadata.name={name}", **query)

    def event(self, watch, kind=None, thing=None):
        """The next event; it has this type, and carries exactly this object. A bookmark may come at any time."""
        event = watch.next()
        while event is not None and event["type"] == "BOOKMARK" and kind not in (None, "BOOKMARK"):
            event = watch.next()
        self.assertIsNotNone(event, "the watch ended")
        if kind:
            self.assertEqual(kind, event["type"], event)
        if thing is not None:
            self.assertEqual(thing, event["object"])
        return event

    def bookmark(self, watch, initial_events_end=None):
        event = self.event(watch, "BOOKMARK")
        ends = event["object"]["metadata"].get("annotations", {}).get(INITIAL_EVENTS_END)
        self.assertEqual("true" if initial_events_end else None, ends, event)
        return event["object"]
