"""What the server does not allow, or does not have: each is told clearly, and the election goes on when it is mended."""

import unittest

import support
from support import PATIENT, PATIENT_LEASE

EVERYTHING = ["get", "create", "update", "watch", "list"]


class NoNamespace(support.TestCase):
    without_namespace = True

    def test_created_later(self):
        a = self.stand("a")
        error = a.wait("error", code="NAMESPACE_NOT_FOUND")
        self.assertIn(self.namespace, error["message"])
        self.assertEqual(error["status"], 404)
        self.api.create_namespace(self.namespace)
        made = support.now()
        started = a.wait("started_leading")
        self.assertEqual(len(a.errors()), 1, "said once")
        support.note(self.title, f"leads {started['time'] - made:.2f} s after the namespace was made")


class Rbac(support.TestCase):
    disturbs = True  # the users are the test cluster's own

    def test_no_right_at_all(self):
        user = cluster_user("limited-1")
        a = self.stand("a", kubeconfig=user)
        error = a.wait("error", code="FORBIDDEN")
        self.assertEqual(error["status"], 403)
        self.assertIn("leases", error["message"])
        self.api.grant(self.namespace, "limited-1", [{"verbs": EVERYTHING}])
        granted = support.now()
        started = a.wait("started_leading")
        support.note(self.title, f"leads {started['time'] - granted:.2f} s after it was allowed to; "
                                 f"{len(a.all('error'))} errors said")
        self.assertLessEqual(len(a.all("error", code="FORBIDDEN")), 2, "once for reading, once for writing")

    def test_no_watch(self):
        user = cluster_user("limited-2")
        self.api.grant(self.namespace, "limited-2", [{"verbs": ["get", "create", "update"]}])
        leader, standby = self.leader_and_standby(kubeconfig=user, **PATIENT)
        took = []
        for turn in range(4):
            told = leader.end()
            started = standby.wait("started_leading", told)
            took.append((started["time"] - told) * 1000)
            leader, standby = standby, self.stand_by(f"p{turn}", standby, kubeconfig=user, **PATIENT)
        self.assertLess(max(took), 1000 * PATIENT_LEASE / 2, "by release, not by expiry")
        leader.end()
        standby.end()
        leader = self.stand("killed", kubeconfig=user)
        leader.wait("started_leading")
        standby = self.stand_by("last", leader, kubeconfig=user)
        killed = leader.kill()
        standby.wait("started_leading", killed)
        for witness in self.witnesses:
            self.assertEqual(len(witness.all("error", code="WATCH_FORBIDDEN")), 1, f"{witness.identity}: said once")
        support.note(self.title, f"handover by polling: {support.spread(took)}")

    def test_resource_names(self):
        user = cluster_user("limited-3")
        self.api.grant(self.namespace, "limited-3", [{"verbs": EVERYTHING, "resourceNames": [self.lock]}])
        leader, standby = self.leader_and_standby(kubeconfig=user, **PATIENT)
        self.assertEqual(support.transitions(self.lease()), 0, "created, by PUT")
        self.await_renewals(3)
        told = leader.end()
        started = standby.wait("started_leading", told)
        for witness in self.witnesses:
            self.assertEqual(witness.errors(), [])
        support.note(self.title, f"handover {1000 * (started['time'] - told):.1f} ms")

    def test_no_update(self):
        # It can be had and not be kept. The server refuses such a PUT before it has read it.
        user = cluster_user("limited-5")
        self.api.grant(self.namespace, "limited-5", [{"verbs": ["get", "create", "watch", "list"]}])
        a = self.stand("a", kubeconfig=user)
        lost = 0
        for _ in range(3):
            started = a.wait("started_leading", lost)
            lost = a.wait("stopped_leading", started["time"], reason="lost_deadline")["time"]
            self.delete_lock()
        self.assertEqual({e["code"] for e in a.errors()}, {"FORBIDDEN"}, "nothing else is wrong")
        self.assertLessEqual(len(a.errors()), 3, "once a term")

    def test_resource_names_of_another_lock(self):
        user = cluster_user("limited-4")
        self.api.grant(self.namespace, "limited-4", [{"verbs": EVERYTHING, "resourceNames": ["other"]}])
        a = self.stand("a", kubeconfig=user)
        b = self.stand("b", kubeconfig=user, name="other")
        a.wait("error", code="FORBIDDEN")
        b.wait("started_leading")
        self.assertEqual(a.all("started_leading"), [])


class RbacOnConfigMaps(support.TestCase):
    disturbs = True
    resource = "configmaps"

    def test_resource_names(self):
        # A PUT makes no ConfigMap, and a POST is not allowed: somebody else has to make it, which is said.
        user = cluster_user("limited-6")
        rule = {"verbs": EVERYTHING, "resourceNames": [self.lock]}
        self.api.grant(self.namespace, "limited-6", [rule], self.resource)
        a = self.stand("a", kubeconfig=user, **PATIENT)
        error = a.wait("error", code="FORBIDDEN")
        self.assertIn("cannot create", error["message"])
        self.wait_until(support.now() + 3)
        self.assertEqual(len(a.errors()), 1, "said once, and nothing else is wrong")
        self.assertEqual(a.all("started_leading"), [])
        self.api.request("POST", support.LOCKS[self.resource].format(self.namespace),
                         {"metadata": {"name": self.lock}})
        made = support.now()
        started = a.wait("started_leading", made)
        b = self.stand_by("b", a, kubeconfig=user, **PATIENT)
        told = a.end()
        b.wait("started_leading", told)
        self.assertEqual(b.errors(), [])
        support.note(self.title, f"leads {started['time'] - made:.2f} s after the ConfigMap was made")

    def test_no_right_at_all(self):
        user = cluster_user("limited-7")
        a = self.stand("a", kubeconfig=user)
        error = a.wait("error", code="FORBIDDEN")
        self.assertIn(self.resource, error["message"])
        self.api.grant(self.namespace, "limited-7", [{"verbs": EVERYTHING}], self.resource)
        a.wait("started_leading")


class Revoked(support.TestCase):
    disturbs = True

    def test_token_revoked_and_given_back(self):
        cluster = support.cluster()
        cluster.run("up")  # the token's controller must run
        name = self.namespace
        user = cluster.as_user("service-user", name)
        self.api.grant(self.namespace, "default:" + name, [{"verbs": EVERYTHING}])
        leader = self.stand("service", kubeconfig=user, linger=1)
        first = leader.wait("started_leading")
        standby = self.stand_by("admin", leader)
        cluster.insist("revoke", name)
        revoked = support.now()
        refused = leader.wait("error", revoked, code="UNAUTHORIZED")
        self.assertEqual(refused["status"], 401)
        lost = leader.wait("stopped_leading", revoked, reason="lost_deadline")
        taken = standby.wait("started_leading", revoked)
        self.assertGreater(taken["token"], first["token"])
        cluster.insist("give-back", name)
        # Its watch, opened with the token while that was good, goes on.
        leader.wait("new_leader", revoked, leader="admin")
        told = standby.end()
        again = leader.wait("started_leading", told)
        self.assertGreater(again["token"], taken["token"])
        support.note(self.title, f"refused after {refused['time'] - revoked:.1f} s, lost {lost['time'] - refused['time']:.2f} s "
                                 f"later, taken over {taken['time'] - lost['time']:.2f} s after; leads again "
                                 f"{again['time'] - told:.3f} s after the other's SIGTERM; errors said: "
                                 f"{[e['code'] for e in leader.all('error')]}")
        self.assertLessEqual(len(leader.all("error", code="UNAUTHORIZED")), 2, "once for reading, once for writing")
        self.assertEqual({e["code"] for e in leader.errors()}, {"UNAUTHORIZED"},
                         [support.short(e) for e in leader.errors()])


def cluster_user(name):
    return support.cluster().as_user("user", name)


if __name__ == "__main__":
    unittest.main()
