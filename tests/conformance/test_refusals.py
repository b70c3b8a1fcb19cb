"""Requests that are refused before, or apart from, what they ask for: 401, 403, 404."""

import time

import kube
from case import LEASES_API, RBAC_API, Case, version

UNAUTHORIZED = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
                "reason": "Unauthorized", "code": 401}


class WrongToken(Case):
    def setUp(self):
        super().setUp()
        self.stranger = self.server.client(token="no-such-token")
        self.addCleanup(self.stranger.close)

    def test_is_a_401_for_every_verb(self):
        path, lease = self.leases(self.name()), self.lease("x")
        for answer in (self.stranger.get(path), self.stranger.get(self.leases()), self.stranger.put(path, lease),
                       self.stranger.post(self.leases(), lease), self.stranger.delete(path), self.stranger.get("/nonsense"),
                       self.stranger.get("/readyz"), self.stranger.get("/version")):
            self.assertEqual(401, answer.status)
            self.assertEqual(UNAUTHORIZED, answer.body)
            self.assertIsNone(answer.headers["WWW-Authenticate"])
            self.assertEqual("application/json", answer.headers["Content-Type"])

    def test_is_a_401_and_no_event_for_a_watch(self):
        watch = self.stranger.watch(self.leases())
        self.addCleanup(watch.close)
        self.assertEqual(401, watch.status)
        self.assertEqual(UNAUTHORIZED, watch.refusal.body)


class NoToken(Case):
    def setUp(self):
        super().setUp()
        self.nobody = self.server.client(token="")
        self.addCleanup(self.nobody.close)

    def test_is_a_403(self):
        name = self.make_lease()["metadata"]["name"]
        self.refused(
            self.nobody.get(self.leases(name)), 403, "Forbidden",
            f'leases.coordination.k8s.io "{name}" is forbidden: User "system:anonymous" cannot get resource "leases" in '
            f'API group "coordination.k8s.io" in the namespace "{self.namespace}"', name=name, kind="leases")

    def test_nor_may_nobody_see_a_path(self):
        self.refused(self.nobody.get("/apis"), 403, "Forbidden",
                     'forbidden: User "system:anonymous" cannot get path "/apis"')

    def test_another_scheme_is_no_token(self):
        client = self.server.client(token="", headers={"Authorization": "Basic YTpi"})
        self.addCleanup(client.close)
        self.refused(client.get(self.leases()), 403, "Forbidden")

    def test_health_and_version_are_for_everybody(self):
        self.assertEqual("ok", self.nobody.get("/readyz").text)
        self.assertEqual("1", self.ok(self.nobody.get("/version"))["major"])


class Unknown(Case):
    def test_object(self):
        name = self.name()
        self.refused(self.api.get(self.leases(name)), 404, "NotFound", f'leases.coordination.k8s.io "{name}" not found',
                     name=name, kind="leases", group="coordination.k8s.io")
        self.refused(self.api.get(self.configmaps(name)), 404, "NotFound", f'configmaps "{name}" not found',
                     name=name, kind="configmaps", group=None)

    def test_object_in_a_missing_namespace(self):
        self.refused(self.api.get(self.leases("x", f"nowhere-{self.server.run}")), 404, "NotFound",
                     'leases.coordination.k8s.io "x" not found', name="x", kind="leases")

    def test_resource_or_version(self):
        for path in (f"{LEASES_API}/namespaces/{self.namespace}/nonsense", "/apis/coordination.k8s.io/v9/leases",
                     f"/apis/coordination.k8s.io/v9/namespaces/{self.namespace}/leases/x",
                     "/apis/coordination.k8s.io/v9", "/api/v9", "/api/v9/pods", self.leases("x/y/z"), self.leases("x/status"),
                     f"/api/v1/namespaces/{self.namespace}/nonsense/x"):
            body = self.refused(self.api.get(path), 404, "NotFound", "the server could not find the requested resource")
            self.assertEqual({}, body["details"])

    def test_group_or_path(self):
        for path in ("/apis/nonsense.example.com/v1/things", f"/apis/nonsense.example.com/v1/namespaces/{self.namespace}/x/y"):
            answer = self.api.get(path)
            self.assertEqual((404, "404 page not found\n"), (answer.status, answer.text))
            self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))


class Rights(Case):
    """A user with just the rights of one Role."""

    def setUp(self):
        super().setUp()
        self.user, self.limited = self.server.limited_user()
        self.addCleanup(self.limited.close)

    def grant(self, *rules):
        name = self.name("role")
        kind = {"apiVersion": "rbac.authorization.k8s.io/v1"}
        roles = f"{RBAC_API}/namespaces/{self.namespace}"
        self.ok(self.api.post(f"{roles}/roles", {
            **kind, "kind": "Role", "metadata": {"name": name}, "rules": list(rules)}), 201)
        self.ok(self.api.post(f"{roles}/rolebindings", {
            **kind, "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.user}]}), 201)
        self.addCleanup(self.api.delete, f"{roles}/rolebindings/{name}")
        self.addCleanup(self.api.delete, f"{roles}/roles/{name}")
        self.wait_for_rights(rules)

    def wait_for_rights(self, rules):
        # The API server learns of Roles through a watch of its own: one asks until it knows.
        for rule in rules:
            self.wait_for_right(rule, rule["verbs"][-1], (rule.get("resourceNames") or [None])[-1])

    def wait_for_right(self, rule, verb, name, wanted=True):
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {
            "resourceAttributes": {"namespace": self.namespace, "verb": verb, "group": rule["apiGroups"][0],
                                   "resource": rule["resources"][0], "name": name}}}
        limit = time.monotonic() + kube.PATIENCE
        while time.monotonic() < limit:
            answer = self.limited.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
            if self.ok(answer, 201)["status"]["allowed"] == wanted:
                return
        self.fail("the Role is not known")

    @staticmethod
    def rule(*verbs, names=None):
        rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": list(verbs)}
        return {**rule, "resourceNames": names} if names else rule

    def forbidden(self, answer, verb, name=None):
        subject = "leases.coordination.k8s.io" + (f' "{name}"' if name else "")
        body = self.refused(
            answer, 403, "Forbidden",
            f'{subject} is forbidden: User "{self.user}" cannot {verb} resource "leases" in API group '
            f'"coordination.k8s.io" in the namespace "{self.namespace}"',
            kind="leases", group="coordination.k8s.io", name=name)
        return body

    def watch_refused(self, **query):
        watch = self.limited.watch(self.leases(), **query)
        self.addCleanup(watch.close)
        return watch.refusal

    def test_without_any_right_everything_is_forbidden_and_named(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        path = self.leases(name)
        self.forbidden(self.limited.get(path), "get", name)
        self.forbidden(self.limited.get(self.leases()), "list")
        self.forbidden(self.limited.post(self.leases(), self.lease(name)), "create")
        self.forbidden(self.limited.put(path, lease), "update", name)
        self.forbidden(self.limited.delete(path), "delete", name)
        self.forbidden(self.watch_refused(), "watch")
        self.forbidden(self.watch_refused(fieldSelector=f"metadata.name={name}"), "watch", name)
        self.assertEqual(lease, self.ok(self.api.get(path)))

    def test_a_missing_namespace_is_forbidden_and_not_missing(self):
        nowhere = f"nowhere-{self.server.run}"
        self.refused(self.limited.get(self.leases("x", nowhere)), 403, "Forbidden")
        self.refused(self.limited.post(self.leases(namespace=nowhere), self.lease("x")), 403, "Forbidden")

    def test_a_role_that_suffices_for_an_election(self):
        name = self.name()
        self.grant(self.rule("create"), self.rule("get", "update", names=[name]))
        self.refused(self.limited.get(self.leases(name)), 404, "NotFound")
        lease = self.ok(self.limited.post(self.leases(), self.lease(name)), 201)
        renewed = self.ok(self.limited.put(self.leases(name), {**lease, "spec": {**lease["spec"], "holderIdentity": "b"}}))
        self.assertEqual(renewed, self.ok(self.limited.get(self.leases(name))))
        self.forbidden(self.watch_refused(fieldSelector=f"metadata.name={name}"), "watch", name)
        self.forbidden(self.limited.delete(self.leases(name)), "delete", name)
        other = self.make_lease()
        other_name = other["metadata"]["name"]
        self.forbidden(self.limited.get(self.leases(other_name)), "get", other_name)
        self.forbidden(self.limited.put(self.leases(other_name), other), "update", other_name)

    def test_resource_names_allow_put_to_create_but_not_post(self):
        name = self.name()
        self.grant(self.rule("create", "update", names=[name]))
        self.forbidden(self.limited.post(self.leases(), self.lease(name)), "create")
        self.ok(self.limited.put(self.leases(name), self.lease(name)), 201)

    def test_put_creates_only_with_both_rights(self):
        name = self.name()
        self.grant(self.rule("update", names=[name]))
        self.forbidden(self.limited.put(self.leases(name), self.lease(name)), "create", name)
        other = self.name()
        self.grant(self.rule("create", names=[other]))
        self.forbidden(self.limited.put(self.leases(other), self.lease(other)), "update", other)

    def test_resource_names_allow_a_watch_and_a_list_of_that_name(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        self.grant(self.rule("get", "list", "watch", names=[name]))
        watch = self.watch(self.leases(), self.limited, fieldSelector=f"metadata.name={name}")
        self.event(watch, "ADDED", lease)
        selected = self.ok(self.limited.get(self.leases(), fieldSelector=f"metadata.name={name}"))
        self.assertEqual([version(lease)], [version(item) for item in selected["items"]])
        self.forbidden(self.watch_refused(), "watch")
        self.forbidden(self.watch_refused(fieldSelector="metadata.name=other"), "watch", "other")
        self.forbidden(self.limited.get(self.leases()), "list")

    def test_a_right_that_is_taken_away_is_gone(self):
        name = self.make_lease()["metadata"]["name"]
        rule = self.rule("get", names=[name])
        self.grant(rule)
        self.ok(self.limited.get(self.leases(name)))
        self.doCleanups()
        self.wait_for_right(rule, "get", name, wanted=False)
        self.forbidden(self.limited.get(self.leases(name)), "get", name)
