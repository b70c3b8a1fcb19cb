"""Leases as other clients, and hands, leave them: ours and client-go's candidates come upon the same ones."""

import contextlib

import fleet
import peers
from fleet import LEASES, durations, stamp

OWN = 12  # lease duration of the candidates: longer than all that is recorded here
SLACK = 0.2
THEN = "2001-02-03T04:05:06.000000Z"
AHEAD = "2101-02-03T04:05:06.000000Z"


def held(**fields):
    return {"holderIdentity": "ghost", "acquireTime": THEN, "renewTime": THEN, **fields}


# What is found; for how long ours and client-go's leave it; the transitions of who takes it.
FREE = {
    "nothing": (None, 1),
    "empty-spec": ({}, 1),
    "null": ({"holderIdentity": None, "leaseDurationSeconds": None, "acquireTime": None, "renewTime": None,
              "leaseTransitions": None}, 1),
    "holder-null": ({"holderIdentity": None, "leaseDurationSeconds": 30, "acquireTime": THEN, "renewTime": AHEAD,
                     "leaseTransitions": 4}, 5),
    "released": ({"holderIdentity": "", "leaseDurationSeconds": 1, "acquireTime": THEN, "renewTime": THEN,
                  "leaseTransitions": 7}, 8),
    "free-no-transitions": ({"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": AHEAD}, 1),
}
HELD = {
    "short": (held(leaseDurationSeconds=2, leaseTransitions=3), 2, 2, 4),
    "recorded-longer": (held(leaseDurationSeconds=8, leaseTransitions=3), 8, 8, 4),
    "no-transitions": (held(leaseDurationSeconds=7), 7, 7, 1),
    "no-times": ({"holderIdentity": "ghost", "leaseDurationSeconds": 7, "leaseTransitions": 0}, 7, 7, 1),
    "renewed-ahead": (held(leaseDurationSeconds=7, renewTime=AHEAD, leaseTransitions=1), 7, 7, 2),
    "other-zone": (held(leaseDurationSeconds=7, renewTime="2026-01-01T02:00:00.000000+02:00"), 7, 7, 1),
    # client-go reads a missing duration as none at all, and takes it at once; ours counts its own.
    "no-duration": (held(leaseTransitions=9), OWN, 0, 10),
    "holder-alone": ({"holderIdentity": "ghost"}, OWN, 0, 1),
    "long-holder": (held(holderIdentity="g" * 400, leaseDurationSeconds=7), 7, 7, 1),
    "foreign-text": (held(holderIdentity="g\"\\\n\t\u00e4\u20ac\U0001f642", leaseDurationSeconds=7), 7, 7, 1),
}


class Records(fleet.TestCase):
    needs = (peers.clientgo,)

    def test_taken_alike(self):
        cases = [(key, spec, 0, 0, transitions) for key, (spec, transitions) in FREE.items()]
        cases += [(key, *case) for key, case in HELD.items()]
        # Ours is one process with as many elections; its locks have numbers for names.
        for i, (_, spec, *_) in enumerate(cases):
            for name in f"ours-{i}", f"theirs-{i}":
                members = {} if spec is None else {"spec": spec}
                self.cluster.create(LEASES, name, metadata={"annotations": {"keep": "this"}}, **members)
        times = durations(OWN, 10, 1)
        own = self.ours("me", "--count", str(len(cases)), name="ours", times=times)
        theirs = [self.clientgo("me", name=f"theirs-{i}", times=times) for i in range(len(cases))]
        for i, (key, _, our_wait, their_wait, transitions) in enumerate(cases):
            for candidate, name, wait in (own, f"ours-{i}", our_wait), (theirs[i], f"theirs-{i}", their_wait):
                with self.subTest(lease=key, candidate=candidate.kind):
                    taken, _ = self.await_version(lambda v: v.holder == "me", name=name)
                    waited = stamp(taken.acquired) - candidate.start
                    self.assertGreaterEqual(waited, wait)
                    if wait == 0:
                        # What is free is taken before anything else could have made it so.
                        self.assertLess(waited, OWN)
                    self.assertEqual(taken.transitions, transitions)
                    self.assertEqual(taken.duration, OWN)
                    self.assertEqual(taken.metadata["annotations"], {"keep": "this"})
                    if candidate is own:
                        started, _ = own.wait_event("started_leading", lock=f"{self.cluster.namespace}/{name}")
                        self.assertEqual(str(started["token"]), taken.metadata["resourceVersion"])

    def test_released_by_hand(self):
        """Who holds it for years is asked by a hand to let go: null, "", or the field removed, is a release to all."""
        for i, change in enumerate(({"holderIdentity": ""}, {"holderIdentity": None})):
            names = [f"{self.lock}-{i}-{kind}" for kind in ("ours", "theirs")]
            for name in names:
                self.cluster.create(LEASES, name, spec=held(leaseDurationSeconds=2147483647, leaseTransitions=1))
            candidates = [self.ours("o", name=names[0]), self.clientgo("c", name=names[1])]
            for candidate, name in zip(candidates, names):
                candidate.follows("ghost")
                self.cluster.patch(LEASES, name, {"spec": change})
                candidate.leads()
                taken, _ = self.await_version(lambda v, c=candidate: v.holder == c.identity, name=name)
                self.assertEqual(taken.transitions, 2)

    def test_renewed_by_anything_in_the_record(self):
        """Each field that changes is a sign of life of its holder; a label is none."""
        for attempt in range(3):
            if self.renewed_by_each_field(f"{self.lock}-{attempt}"):
                return
        self.fail("three times the machine stood still for seconds, and the lease ended by right in between")

    def renewed_by_each_field(self, lock):
        """Whether all of it could be tried: where a pause is as long as the lease, that ends by right."""
        duration = 10
        changes = ({"renewTime": "2001-02-03T04:05:06.000001Z"}, {"acquireTime": AHEAD}, {"leaseTransitions": 2},
                   {"renewTime": None})
        label = lock + "-label"
        for name in lock, label:
            self.cluster.create(LEASES, name, spec=held(leaseDurationSeconds=duration, leaseTransitions=1))
        own, labelled = self.ours("o", name=lock), self.ours("l", name=label)
        own.follows("ghost")
        labelled.follows("ghost")
        for change in changes:
            self.cluster.patch(LEASES, label, {"metadata": {"labels": {"at": str(len(str(change)))}}})
            # More than half of the lease passes between two signs of life: one that didn't count would be its end.
            with contextlib.suppress(AssertionError):
                self.history().wait(lock, lambda v: v.holder == "o", limit=6)
                break
            self.cluster.patch(LEASES, lock, {"spec": change})
        taken, index = self.await_version(lambda v: v.holder == "o", name=lock)
        last = self.versions(lock)[index - 1]
        self.assertGreaterEqual(stamp(taken.acquired) - last.received, duration - SLACK)
        if index <= len(changes):  # the first is how it was made
            return False
        self.assertEqual(taken.transitions, 3)
        labelled_at = stamp(self.await_version(lambda v: v.holder == "l", name=label)[0].acquired)
        self.assertGreaterEqual(labelled_at - labelled.start, duration)
        self.assertLess(labelled_at, last.received, "labels kept it from expiring")
        return True


if __name__ == "__main__":
    fleet.main()
