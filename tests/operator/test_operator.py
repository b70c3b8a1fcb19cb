#!/usr/bin/env python3
"""The example operator at its work, in both modes: the job, a rolling upgrade, kill -9, a drain, fencing."""

import signal
import unittest

import bed
import support
from bed import DEPLOYMENTS, MEMCACHEDS, TOKEN
from history import History
from hook import Hook


class Both:
    """Scenarios of both modes; each runs with exactly the Role of the mode's manifest."""

    def refused(self):
        return [line for c in self.containers for line in c.lines if " 403 " in line or "FORBIDDEN" in line]

    def start(self, name):
        pod = self.pod(name)
        return pod, pod.start()

    def leader_and_standby(self):
        leader, first = self.start("operator-a")
        token = first.await_leading()
        standby, second = self.start("operator-b")
        second.await_line("is led by")
        self.assertEqual(second.says("leading "), [])
        return leader, standby, token

    def assert_fenced(self, history):
        """No write of an earlier term after the first one of a later."""
        history.catch_up()
        tokens = [token for _, _, _, token in history.writes()]
        self.assertEqual(tokens, sorted(tokens), history.writes())
        self.assertGreater(len(set(tokens)), 1, "of two terms")

    def test_job(self):
        self.want("cache-1", 3)
        _, operator = self.start("operator-a")
        token = operator.await_leading()
        made = self.await_size("cache-1", 3, token)
        owner = made["metadata"]["ownerReferences"][0]
        self.assertEqual((owner["kind"], owner["uid"], owner["controller"]),
                         ("Memcached", self.memcached("cache-1")["metadata"]["uid"], True))
        self.assertEqual(made["spec"]["template"]["spec"]["containers"][0]["name"], "memcached")
        # One that comes later, and both change.
        self.want("cache-2", 1)
        self.await_size("cache-2", 1, token)
        self.want("cache-1", 5)
        self.want("cache-2", 0)
        self.await_size("cache-1", 5, token)
        self.await_size("cache-2", 0, token)
        # A hand that scales is undone, and what the Deployment's controller says is passed on.
        path = f"{DEPLOYMENTS.format(self.namespace)}/cache-1"
        self.api.patch(path, {"spec": {"replicas": 1}})
        self.await_size("cache-1", 5, token)
        self.api.request("PATCH", path + "/status", {"status": {"replicas": 5, "readyReplicas": 4}},
                         kind="application/merge-patch+json")
        support.await_answer(lambda: self.memcached("cache-1")["status"],
                             lambda s: (s["replicas"], s["readyReplicas"]) == (5, 4),
                             "the status is passed on")
        # With its Memcached goes the Deployment, by the garbage collector.
        self.api.request("DELETE", f"{MEMCACHEDS.format(self.namespace)}/cache-2")
        support.await_answer(lambda: self.api.request("GET", DEPLOYMENTS.format(self.namespace)),
                             lambda l: [d["metadata"]["name"] for d in l["items"]] == ["cache-1"],
                             "cache-2 is collected")
        operator.process.send_signal(signal.SIGTERM)
        self.assertEqual(operator.await_end(), 0)
        self.assertEqual(self.refused(), [], "the Role allows all that is asked for")

    def test_rolling_upgrade(self):
        for name, size in (("cache-1", 2), ("cache-2", 4)):
            self.want(name, size)
        history = History(self.api, self.namespace)
        old, spare, token = self.leader_and_standby()
        self.await_size("cache-1", 2, token)
        self.await_size("cache-2", 4, token)
        # As the manifest's strategy has it: a new one comes, and waits; only then an old one goes.
        new = []
        for ending in (spare, old):
            new.append(self.start(f"operator-new-{len(new)}")[1])
            new[-1].await_line("is led by")
            self.assertEqual([c.says("leading ") for c in new], [[]] * len(new), "it waits")
            self.end(ending)
        leader = self.first_to_lead(new)
        later = leader.await_leading()
        self.assertGreater(later, token)
        # It claims everything, whether or not there is anything to change; and there is.
        self.want("cache-2", 5)
        self.await_size("cache-1", 2, later)
        self.await_size("cache-2", 5, later)
        self.assert_fenced(history)
        sizes = {name: [e["object"]["spec"]["replicas"] for e in history.events("Deployment", name)]
                 for name in ("cache-1", "cache-2")}
        self.assertEqual(set(sizes["cache-1"]), {2}, "right throughout")
        self.assertEqual(sizes["cache-2"], sorted(sizes["cache-2"]), "4, then 5")
        self.assertEqual(sum(e["type"] == "DELETED" for e in history.seen), 0)
        self.assertEqual(self.refused(), [])

    def end(self, pod):
        """A Pod is deleted: its process gets SIGTERM; when that has ended the kubelet lets the Pod vanish."""
        pod.delete()
        pod.container.process.send_signal(signal.SIGTERM)
        self.assertEqual(pod.container.await_end(), 0)
        pod.vanish()

    def first_to_lead(self, containers):
        with support.changed:
            self.assertTrue(support.changed.wait_for(lambda: any(c.says("leading ") for c in containers),
                                                     support.PATIENCE))
        return next(c for c in containers if c.says("leading "))

    def test_drain(self):
        # SIGTERM amid a write: what was begun is finished, with the lock still held, and nothing else begun.
        self.want("cache-1", 2)
        self.want("cache-2", 2)
        history = History(self.api, self.namespace)
        hook = Hook(self)
        hook.hold()
        leader, first = self.start("operator-a")
        hook.await_request()
        leader.delete()
        first.process.send_signal(signal.SIGTERM)
        first.await_line("the term is to end: stop")
        _, second = self.start("operator-b")
        second.await_line("is led by")
        self.assertEqual(second.says("leading "), [])
        hook.release()
        self.assertEqual(first.await_end(), 0)
        first.await_line("the term has ended")
        token = first.await_leading()
        leader.vanish()
        later = second.await_leading()
        self.await_size("cache-1", 2, later)
        self.await_size("cache-2", 2, later)
        writes = [(kind, name) for _, kind, name, by in history.await_writes(6) if by == token]
        self.assertEqual(writes, [("Deployment", "cache-1"), ("Memcached", "cache-1")],
                         "all of the first, none of the second")
        self.assert_fenced(history)

    def test_late_write(self):
        # A write that is under way when a newer leader writes: it is refused by its version, not repeated.
        self.want("cache-1", 2)
        history = History(self.api, self.namespace)
        _, operator = self.start("operator-a")
        token = operator.await_leading()
        self.await_size("cache-1", 2, token)
        hook = Hook(self)
        hook.hold()
        self.want("cache-1", 3)
        hook.await_request()
        newer = token + 1000000
        self.api.patch(f"{DEPLOYMENTS.format(self.namespace)}/cache-1",
                       {"metadata": {"annotations": {TOKEN: str(newer)}}, "spec": {"replicas": 5}})
        hook.release()
        operator.await_line(f"Deployment cache-1: written with the fencing token {newer}, ours is {token}")
        self.assertEqual(operator.says("from 2 to 3"), [])
        history.catch_up()
        sizes = [e["object"]["spec"]["replicas"] for e in history.events("Deployment", "cache-1")]
        self.assertEqual((sizes[0], sizes[-1], 3 in sizes), (2, 5, False))

    def test_fence(self):
        # A newer leader, as far as anybody can see, has written: hands off, though we lead; and it is said.
        _, operator = self.start("operator-a")
        token = operator.await_leading()
        self.want("cache-1", 2)
        self.await_size("cache-1", 2, token)
        newer = str(token + 1000000)
        path = f"{DEPLOYMENTS.format(self.namespace)}/cache-1"
        self.api.patch(path, {"metadata": {"annotations": {TOKEN: newer}}})
        self.want("cache-1", 7)
        operator.await_line(f"Deployment cache-1: written with the fencing token {newer}, ours is {token}")
        # Others are served meanwhile.
        self.want("cache-2", 3)
        self.await_size("cache-2", 3, token)
        self.assertEqual(self.deployment_of("cache-1")["spec"]["replicas"], 2)
        self.api.patch(path, {"metadata": {"annotations": {TOKEN: None}}})
        self.await_size("cache-1", 7, token)


class Life(Both, bed.TestCase):
    mode = "life"

    def test_killed(self):
        # The lock is the Pod's: a container that is killed is started again, and goes on in the same term.
        leader, standby, token = self.leader_and_standby()
        history = History(self.api, self.namespace)
        self.want("cache-1", 2)
        self.await_size("cache-1", 2, token)
        leader.container.process.kill()
        self.assertEqual(leader.container.await_end(), -signal.SIGKILL)
        self.want("cache-1", 3)
        again = leader.start()
        self.assertEqual(again.await_leading(), token)
        self.await_size("cache-1", 3, token)
        self.assertEqual(standby.container.says("leading "), [])
        # Only with the Pod is it over.
        again.process.kill()
        again.await_end()
        leader.delete()
        self.want("cache-1", 4)
        leader.vanish()
        later = standby.container.await_leading()
        self.assertGreater(later, token)
        self.await_size("cache-1", 4, later)
        self.assert_fenced(history)
        self.assertEqual(self.refused(), [])

    def test_evicted(self):
        # The Pod stays, but has ended: the standby deletes its lock, for which the Role has the verb delete.
        leader, standby, token = self.leader_and_standby()
        leader.container.process.kill()
        leader.container.await_end()
        leader.set_status(phase="Failed", reason="Evicted")
        self.assertGreater(standby.container.await_leading(), token)
        self.assertEqual(self.refused(), [])


class Lease(Both, bed.TestCase):
    mode = "lease"

    def test_killed(self):
        # Nobody releases: the standby waits until the lease has run out.
        leader, standby, token = self.leader_and_standby()
        history = History(self.api, self.namespace)
        self.want("cache-1", 2)
        self.await_size("cache-1", 2, token)
        leader.container.process.kill()
        leader.container.await_end()
        self.want("cache-1", 3)
        later = standby.container.await_leading()
        self.assertGreater(later, token)
        self.await_size("cache-1", 3, later)
        # Restarted, it stands by.
        again = leader.start()
        again.await_line("is led by " + standby.container.says("standing for ")[0].rsplit(" as ", 1)[1])
        self.assert_fenced(history)
        self.assertEqual(self.refused(), [])


class Manifests(bed.TestCase):
    with_rights = False

    def test_server_accepts_them(self):
        for name in ("crd.yaml", "rbac-life.yaml", "rbac-lease.yaml", "deployment.yaml", "sample.yaml"):
            with self.subTest(name):
                said = bed.kubectl("apply", "--dry-run=server", "--validate=strict", "-n", self.namespace,
                                   "-f",
                                   f"{bed.DEPLOY}/{name}")
                self.assertIn("server dry run", said)

    def test_grace_is_longer_than_the_drain(self):
        self.assertGreater(self.deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 30)


if __name__ == "__main__":
    bed.main()
