"""The official Python client and ours on one Lease. It has neither a stop nor a release, doesn't count transitions, and
waits for its own duration instead of the recorded one: they are the same here."""

import signal

import fleet
import peers
from fleet import LEASE, LEASES, LONG, LONG_LEASE, RELEASED, durations, stamp


class Python(fleet.TestCase):
    needs = (peers.python,)

    def test_killed_both_ways(self):
        names = [f"{self.lock}-{kind}" for kind in ("ours", "python")]
        own, peer = self.ours("o", name=names[0]), self.python("p", name=names[1])
        own.leads()
        peer.leads()
        peer_takes, own_takes = self.python("next-p", name=names[0]), self.ours("next-o", name=names[1])
        peer_takes.follows("o")
        own_takes.follows("p")
        own.kill_now()
        peer.kill_now()
        for taker, name in (own_takes, names[1]), (peer_takes, names[0]):
            taker.leads()
            after, index = self.await_version(lambda v, t=taker: v.holder == t.identity, name=name)
            before = self.versions(name)[index - 1]
            self.assertGreaterEqual(stamp(after.acquired) - stamp(before.renewed), LEASE)
            self.figure(f"{taker.kind} writes after the expiry", [stamp(after.acquired) - stamp(before.renewed) - LEASE])
            # Its Lease lock knows no transitions: created without, and kept as they are.
            self.assertEqual(after.transitions, 1 if taker.kind == "ours" else 0)
            self.await_renewals(2, taker.identity, name)
            self.assertEqual(self.versions(name)[-1].acquired, after.acquired)

    def test_released_by_ours(self):
        """Its holder "" is free to it as well, so that it takes the lease at its next look."""
        self.allow(20, "a foreign release; Python notices by its renewals")
        own = self.ours("o", times=LONG)
        own.leads()
        peer = self.python("p", times=durations(LONG_LEASE, 20, 1))
        peer.follows("o")
        released = own.end()
        self.figure("ours releases, Python leads (it polls each second)", [peer.leads() - released])
        taken, _ = self.await_version(lambda v: v.holder == "p")
        self.assertLess(stamp(taken.acquired) - released, RELEASED)
        # And back, by the only way there is.
        own = self.ours("o-2", times=LONG)
        own.follows("p")
        self.cluster.patch(LEASES, self.lock, {"spec": {"holderIdentity": None}})
        own.leads()

    def test_other_time_zone(self):
        """Its times are local ones, made UTC on the way to a Lease."""
        duration = 8
        peer = self.python("p", times=durations(duration, 6, 1), env={"TZ": "Asia/Kolkata"})
        started = peer.leads()
        own = self.ours("o", env={"TZ": "America/St_Johns"})
        own.follows("p")
        self.await_renewals(4, "p")
        self.assertEqual(own.said("started_leading"), [])
        self.assertAlmostEqual(stamp(self.versions()[0].acquired), started, delta=600)
        killed = peer.kill_now()
        self.assertGreater(own.leads() - killed, 1)
        version, index = self.await_version(lambda v: v.holder == "o")
        self.assertGreaterEqual(stamp(version.acquired) - stamp(self.versions()[index - 1].renewed), duration)

    def test_living_beside(self):
        """A standby of each beside a leader of each."""
        names = [f"{self.lock}-{i}" for i in range(2)]
        patient = durations(15, 12, 1)
        leaders = [self.ours("leader", name=names[0], times=patient),
                   self.python("leader", name=names[1], times=patient)]
        for leader in leaders:
            leader.leads()
        standbys = [stand(identity, name=name, times=patient) for name in names
                    for identity, stand in (("o", self.ours), ("p", self.python))]
        for standby in standbys:
            standby.follows("leader")
        for name in names:
            self.cluster.patch(LEASES, name, {"metadata": {"labels": {"by": "hand"}, "annotations": {"note": "this"}}})
        for name in names:
            self.await_renewals(8, "leader", name)
            version = self.versions(name)[-1]
            self.assertEqual({v.holder for v in self.versions(name)}, {"leader"})
            self.assertEqual((version.metadata["labels"], version.metadata["annotations"]), ({"by": "hand"}, {"note": "this"}))
        for standby in standbys:
            self.assertEqual(standby.said("started_leading"), [])

    def test_frozen(self):
        """Woken with the lease lost, it finds that out by its next look, and takes nothing from ours."""
        self.allow(30, "frozen and woken, Python leads on")
        peer = self.python("p")
        peer.leads()
        own = self.ours("o")
        own.follows("p")
        peer.signal(signal.SIGSTOP)
        own.leads()
        woken = peer.signal(signal.SIGCONT)
        stopped, _ = peer.wait_event("stopped_leading")
        self.figure("Python's frozen leader goes on beside ours after it was woken", [stopped["time"] - woken])
        self.await_renewals(2, "o")
        self.assertEqual(own.said("stopped_leading"), [])


if __name__ == "__main__":
    fleet.main()
