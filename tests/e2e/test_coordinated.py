"""Coordinated leases (KEP-4355): spec.strategy says that the API server appoints the leader from among the
LeaseCandidates. The library does not take part in that: it stands aside, and harms nobody who does. Needs a cluster with
that feature on."""

import datetime
import threading
import unittest

import support
from support import PATIENT

STRATEGY = "OldestEmulationVersion"
CANDIDATES = "/apis/coordination.k8s.io/v1beta1/namespaces/{}/leasecandidates"


class LeaseCandidate(threading.Thread):
    """Somebody whom the server may appoint: it says again and again that it is there, and no more."""

    def __init__(self, test, name, lease):
        super().__init__(daemon=True)
        self.api, self.path, self.end = test.api, CANDIDATES.format(test.namespace), threading.Event()
        self.failed = []
        self.api.request("POST", self.path, {"metadata": {"name": name}, "spec": {
            "leaseName": lease, "binaryVersion": "1.0.0", "emulationVersion": "1.0.0", "strategy": STRATEGY,
            "renewTime": self.now()}})
        self.path += "/" + name
        test.addCleanup(self.stop)
        self.start()

    @staticmethod
    def now():
        return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def run(self):
        while not self.end.wait(0.5):
            try:
                self.api.patch(self.path, {"spec": {"renewTime": self.now()}})
            except (OSError, support.ApiError) as error:
                self.failed.append(error)

    def stop(self):
        self.end.set()
        self.join()
        if self.failed:
            raise AssertionError(f"the LeaseCandidate could not renew: {self.failed}")


class Coordinated(support.TestCase):
    def make_lease(self, name, **spec):
        lease = self.api.request("POST", support.LEASES.format(self.namespace),
                                 {"metadata": {"name": name}, "spec": spec})
        self.assertEqual(lease["spec"].get("strategy"), spec.get("strategy"), "here coordinated election is on")
        return lease

    def bystander(self):
        """One on an ordinary lease beside it, which is none the worse for all this."""
        witness = self.stand("bystander", name="plain", **PATIENT)
        witness.wait("started_leading")
        return witness

    def unharmed(self, bystander):
        self.assert_quiet(bystander, 0, "stopped_leading", "error")

    def untouched(self, leases, candidates, since=0):
        """For longer than any lease here lasts nobody writes to them, and nobody leads by them."""
        self.wait_until(support.now() + 7)
        for lease in leases:
            self.assertEqual(self.lease(lease["metadata"]["name"]), lease)
        for candidate in candidates:
            self.assert_quiet(candidate, since, "started_leading")
            self.assertEqual([e["code"] for e in candidate.errors()], ["COORDINATED"], "said once, and no more")

    def test_stays_out(self):
        # Free, left by somebody dead, held by our own name: none of them is ours to take.
        bystander = self.bystander()
        time = "2001-02-03T04:05:06.000000Z"
        held = {"leaseDurationSeconds": 1, "acquireTime": time, "renewTime": time, "leaseTransitions": 3}
        specs = {"free": {}, "blank": {"holderIdentity": "", **held},
                 "left": {"holderIdentity": "gone", **held}, "named": {"holderIdentity": "a", **held},
                 "preferring": {"holderIdentity": "gone", "preferredHolder": "a", **held}}
        leases = {name: self.make_lease(name, strategy=STRATEGY, **spec) for name, spec in specs.items()}
        candidates = {name: self.stand("a", name=name) for name in specs}
        for name, candidate in candidates.items():
            error = candidate.wait("error", code="COORDINATED")
            self.assertIn(f"{self.namespace}/{name}", error["message"])
        self.untouched(leases.values(), candidates.values())
        # Coordinated no more, each is a lease like any other.
        for name, candidate in candidates.items():
            self.patch(name, spec={"strategy": None, "preferredHolder": None})
            candidate.wait("started_leading")
        self.unharmed(bystander)

    def test_beside_an_appointed_leader(self):
        bystander = self.bystander()
        appointed = LeaseCandidate(self, "appointed", self.lock)
        lease = self.await_lease(lambda l: support.holder(l) == "appointed", "the server has appointed it")
        self.assertEqual(lease["spec"]["strategy"], STRATEGY)
        candidates = [self.stand(name) for name in "ab"]
        for candidate in candidates:
            candidate.wait("error", code="COORDINATED")
            candidate.wait("new_leader", leader="appointed")
        # The appointed one does not renew its lease, which has long run out.
        self.untouched([lease], candidates)
        for candidate in candidates:
            candidate.end()
        self.assertEqual(self.lease(), lease, "not released by who does not hold it")
        appointed.stop()
        self.unharmed(bystander)

    def test_made_coordinated_under_a_leader(self):
        # By hand, with nobody there to be appointed. It steps down at once, long before its lease runs out, and
        # writes no more.
        bystander = self.bystander()
        leader, standby = self.leader_and_standby(**PATIENT)
        token = leader.all("started_leading")[0]["token"]
        _, since = self.patch(spec={"strategy": STRATEGY})
        stopped = leader.wait("stopped_leading", since, token=token, reason="lost_coordinated")
        for candidate in leader, standby:
            candidate.wait("error", since, code="COORDINATED")
        lease = self.lease()
        self.assertEqual(lease["spec"]["strategy"], STRATEGY, "left as the hand has put it")
        self.untouched([lease], [leader, standby], since)
        support.note(self.title, f"told {(stopped['time'] - since) * 1000:.1f} ms after the edit was sent")
        # Taken back, and free: either may have it, by a new term.
        _, back = self.patch(spec={"strategy": None, "holderIdentity": ""})
        _, started = self.first_to_lead([leader, standby], back)
        self.assertGreater(started["token"], token)
        self.unharmed(bystander)

    def test_server_takes_over_from_a_leader(self):
        """A LeaseCandidate for a lease that ours leads: the server makes the lease a coordinated one, and appoints it
        once the lease has run out. Ours must have stopped before."""
        bystander = self.bystander()
        leader, standby = self.leader_and_standby()
        since = support.now()
        appointed = LeaseCandidate(self, "appointed", self.lock)
        stopped = leader.wait("stopped_leading", since, reason="lost_coordinated")
        for candidate in leader, standby:
            candidate.wait("error", since, code="COORDINATED")
            candidate.wait("new_leader", since, leader="appointed")
        seen = support.now()
        self.assertEqual(support.holder(self.lease()), "appointed")
        last = max(end for _, end in self.leads(leader))
        self.assertLess(last, seen)
        self.assert_quiet(leader, since, "started_leading")
        self.assertEqual(standby.all("started_leading"), [])
        support.note(self.title, f"stopped {stopped['time'] - since:.2f} s after the LeaseCandidate came, the appointed "
                                 f"one was seen {seen - last:.2f} s later")
        appointed.stop()
        self.unharmed(bystander)


if __name__ == "__main__":
    unittest.main()
