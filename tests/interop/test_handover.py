"""client-go and ours on one lease: who follows whom, when, and what is written."""

import itertools
import signal
import tempfile
import time

import fleet
import peers
from fleet import LEASE, LONG, LONG_LEASE, LONG_POLLING, RELEASED, SHORT, STEADY, durations, stamp

ROUNDS = 6  # handovers in each direction
PATIENT = durations(6, 5, "500ms")
# client-go compares records with times cut to whole seconds: renewals within one second are one to it, so that it
# may count from up to a second before the last.
CLIENTGO_EARLY = 1.0


class Release(fleet.TestCase):
    needs = (peers.clientgo,)

    def test_both_ways(self):
        figures = {"ours": [], "client-go": []}
        lag, candidates = [], []
        leader = self.clientgo("c-0", times=LONG_POLLING)
        leader.leads()
        candidates.append(leader)
        # The last is ours again, whose release is sure.
        for number in range(1, 2 * ROUNDS):
            standby = (self.ours(f"o-{number}", times=LONG) if number % 2 else
                       self.clientgo(f"c-{number}", times=LONG_POLLING))
            candidates.append(standby)
            standby.follows(leader.identity)
            taken, released = self.hand_over(leader, standby)
            if released:
                figures[standby.kind].append(taken)
            if leader.kind == "client-go":
                lag.append(leader.said("stopped_leading")[0]["time"] - standby.leads())
            leader = standby
        self.figure("client-go releases, ours leads", figures["ours"])
        self.figure("ours releases, client-go leads (it polls each 300 to 660 ms)", figures["client-go"])
        self.figure("client-go's stopped-callback after our start (below 0: before it)", lag)
        # Far from the lease's end; how far is a matter of the machine.
        self.assertLess(max(figures["ours"] + figures["client-go"]), RELEASED)
        leader.end()
        self.await_version(lambda v: v.holder == "" and v.transitions == 2 * ROUNDS - 1)

        self.figure("of that, from client-go's releasing write to our taking one",
                    [stamp(after.acquired) - stamp(before.renewed) for before, after in itertools.pairwise(self.versions())
                     if before.holder == "" and after.holder.startswith("o-")])
        previous = None
        for version in self.versions():
            self.assertEqual(version.duration, LONG_LEASE if version.holder else 1)
            if previous is None:
                self.assertEqual((version.holder, version.transitions), ("c-0", 0))
            elif version.holder == "":
                self.assertEqual(version.transitions, previous.transitions, "a release keeps it")
                self.assertEqual(version.acquired, version.renewed)
            elif version.holder == previous.holder:
                self.assertEqual((version.transitions, version.acquired), (previous.transitions, previous.acquired))
                self.assertNotEqual(version.renewed, previous.renewed)
            else:
                self.assertIn(previous.holder, ["", *(c.identity for c in candidates if c.lost_release)])
                self.assertEqual(version.transitions, previous.transitions + 1)
                self.assertEqual(version.acquired, version.renewed)
            previous = version

        # Ours ends its work before the release; of client-go's, the work that ends when it is cancelled.
        for before, after in itertools.pairwise(candidates):
            end = before.said("stopped_leading" if before.kind == "ours" else "cancelled")[0]["time"]
            self.assertGreaterEqual(after.leads(), end)

    def test_without_release(self):
        """client-go's default: cancelled it leaves the lease as it is, to run out."""
        peer = self.clientgo("c", release=False)
        peer.leads()
        own = self.ours("o")
        own.follows("c")
        peer.end()
        own.leads()
        taken, index = self.await_version(lambda v: v.holder == "o")
        self.assertGreaterEqual(stamp(taken.acquired) - stamp(self.versions()[index - 1].renewed), LEASE)

    def test_herd(self):
        """Two standbys of each: one takes the released lease, and nobody disturbs it."""
        leader = self.ours("leader", times=LONG)
        leader.leads()
        others = [self.ours("o-1", times=LONG), self.ours("o-2", times=LONG),
                  self.clientgo("c-1", times=LONG_POLLING), self.clientgo("c-2", times=LONG_POLLING)]
        for other in others:
            other.follows("leader")
        leader.end()
        taken, index = self.await_version(lambda v: v.holder not in ("", "leader"))
        for other in others:
            other.follows(taken.holder)
        winner = next(other for other in others if other.identity == taken.holder)
        winner.leads()
        self.await_renewals(1, taken.holder)
        self.assertEqual({v.holder for v in self.versions()[index:]}, {taken.holder})
        self.assertEqual([o.identity for o in others if o.said("started_leading")], [taken.holder])


class Expiry(fleet.TestCase):
    needs = (peers.clientgo,)

    def wait_for_takeover(self, taker, name=None):
        """The versions before and after it."""
        taker.leads()
        _, index = self.await_version(lambda v: v.holder == taker.identity, name=name)
        before, after = self.versions(name)[index - 1:index + 1]
        self.assertEqual(after.transitions, before.transitions + 1)
        self.assertNotEqual(after.acquired, before.acquired)
        return before, after

    def test_recorded_duration_counts(self):
        """Each lease is left by a crash with 6 s on it; who comes next has less itself."""
        names = [f"{self.lock}-{i}" for i in range(3)]
        leaders = [self.clientgo("left", times=PATIENT, name=names[0]),
                   self.clientgo("left", times=PATIENT, name=names[1]),
                   self.ours("left", times=PATIENT, name=names[2])]
        for leader in leaders:
            leader.leads()
        own, peer = self.ours("o", name=names[0]), self.clientgo("c", name=names[2])
        own.follows("left")
        peer.follows("left")
        for leader in leaders:
            leader.kill_now()
        late = self.ours("late", name=names[1])  # has seen nothing of the holder's life
        late.follows("left")
        late_saw = late.said("new_leader")[0]["time"]

        before, after = self.wait_for_takeover(own, names[0])
        self.figure("killed client-go with 6 s, ours leads after the last renewal and 6 s",
                    [own.leads() - stamp(before.renewed) - 6])
        self.assertEqual(before.duration, 6)
        self.assertGreaterEqual(stamp(after.acquired) - stamp(before.renewed), 6)
        self.assertEqual(after.duration, LEASE)

        before, after = self.wait_for_takeover(peer, names[2])
        self.figure("killed ours with 6 s, client-go leads after the last renewal and 6 s",
                    [peer.leads() - stamp(before.renewed) - 6])
        self.assertGreaterEqual(stamp(after.acquired) - stamp(before.renewed), 6 - CLIENTGO_EARLY)

        before, after = self.wait_for_takeover(late, names[1])
        # Heard of before it was said, by no more than the saying took.
        self.assertGreaterEqual(stamp(after.acquired) - late_saw, 6 - 0.2)
        self.assertGreaterEqual(stamp(after.acquired) - late.start, 6)

    def test_both_ways(self):
        """kill -9 of the leader, late in a second; all have the same durations."""
        often = durations(LEASE, 3, "200ms")
        delays = {"ours": [], "client-go": []}
        names = [f"{self.lock}-{i}" for i in range(4)]
        pairs = []
        for i, name in enumerate(names):
            leader, taker = (self.clientgo, self.ours) if i % 2 else (self.ours, self.clientgo)
            leader = leader("leader", name=name, times=often)
            leader.leads()
            pairs.append((leader, taker("taker", name=name, times=often)))
            pairs[-1][1].follows("leader")
        for (leader, _), name in zip(pairs, names):
            self.await_version(lambda v: stamp(v.renewed) % 1 > 0.7, len(self.versions(name)), name)
            leader.kill_now()
        for (_, taker), name in zip(pairs, names):
            before, after = self.wait_for_takeover(taker, name)
            waited = stamp(after.acquired) - stamp(before.renewed)
            self.assertGreaterEqual(waited, LEASE - (CLIENTGO_EARLY if taker.kind == "client-go" else 0))
            delays[taker.kind].append(waited - LEASE)
        self.figure("killed client-go, ours writes after the expiry", delays["ours"])
        self.figure("killed ours, client-go writes after the expiry (below 0: it cuts times to seconds)",
                    delays["client-go"])

    def test_the_living_keep_it(self):
        """Standbys of both kinds, with shorter durations, beside leaders of both: nothing happens."""
        names = [f"{self.lock}-{i}" for i in range(2)]
        times = durations(15, 12, "500ms")
        leaders = [self.ours("leader", name=names[0], times=times),
                   self.clientgo("leader", name=names[1], times=times)]
        for leader in leaders:
            leader.leads()
        less = durations(2, "1500ms", "300ms")
        standbys = [stand(identity, name=name, times=less) for name in names
                    for identity, stand in (("o", self.ours), ("c", self.clientgo))]
        for standby in standbys:
            standby.follows("leader")
        for name in names:
            first = stamp(self.versions(name)[0].acquired)
            self.await_version(lambda v, first=first: stamp(v.renewed) > first + 9, name=name)
            self.assertEqual({(v.holder, v.transitions, v.acquired) for v in self.versions(name)},
                             {("leader", 0, self.versions(name)[0].acquired)})
        for standby in standbys:
            self.assertEqual(standby.said("started_leading"), [])
        for leader in leaders:
            self.assertEqual(leader.said("stopped_leading"), [])


class Trouble(fleet.TestCase):
    needs = (peers.clientgo,)

    def take_from_frozen(self, frozen, taker):
        """The leader is frozen until the other leads."""
        frozen.leads()
        taker.follows(frozen.identity)
        frozen.signal(signal.SIGSTOP)
        started = taker.leads()
        self.await_version(lambda v: v.holder == taker.identity)
        return started

    def test_our_leader_frozen(self):
        self.allow(30, "ours can only say that it stopped when it is woken; tests/e2e asks it without events")
        own, peer = self.ours("o"), None
        own.leads()
        peer = self.clientgo("c")
        self.take_from_frozen(own, peer)
        woken = own.signal(signal.SIGCONT)
        stopped, index = own.wait_event("stopped_leading")
        self.figure("our frozen leader says so after it was woken", [stopped["time"] - woken])
        self.assertIn(stopped["reason"], ("lost_deadline", "lost_holder"))
        own.wait_event("new_leader", index, leader="c")
        # It did not write either: the other's lease goes on.
        self.await_renewals(3, "c")
        self.assertEqual(peer.said("stopped_leading"), [])
        _, first = self.await_version(lambda v: v.holder == "c")
        self.assertEqual({v.holder for v in self.versions()[first:]}, {"c"})

    def test_their_leader_frozen(self):
        self.allow(30, "frozen and woken, client-go leads on")
        peer = self.clientgo("c")
        peer.leads()
        own = self.ours("o")
        self.take_from_frozen(peer, own)
        woken = peer.signal(signal.SIGCONT)
        stopped, _ = peer.wait_event("stopped_leading")
        self.figure("client-go's frozen leader goes on beside ours after it was woken", [stopped["time"] - woken])
        self.await_renewals(2, "o")
        # Its release, though it was lost, is no cancellation's: what it does to our lease is the test below.
        self.assertEqual(len(own.said("started_leading")), 1 + len(own.said("stopped_leading")))

    def test_release_on_a_stale_record(self):
        """client-go, cancelled while frozen, blanks the lease that ours took meanwhile: ours must say so, and no two
        of ours may lead by it."""
        self.allow(LEASE, "a foreign release, by two watches")
        base = self.lock
        for turn in range(10):
            self.lock = f"{base}-{turn}"
            peer = self.clientgo("c")
            peer.leads()
            own = self.ours("o-1")
            own.follows("c")
            self.take_from_frozen(peer, own)
            other = self.ours("o-2")
            other.follows("o-1")
            peer.signal(signal.SIGTERM)
            peer.signal(signal.SIGCONT)
            peer.process.wait(fleet.LIMIT)
            # A write of another, after all of the dead one's.
            self.cluster.patch(fleet.LEASES, self.lock, {"metadata": {"labels": {"by": "hand"}}})
            self.await_version(lambda v: "labels" in v.metadata)
            if any(v.holder == "" for v in self.versions()):
                break
            # Woken, it tried a renewal before it heard that it was cancelled, and saw who leads.
            for candidate in own, other:
                candidate.kill()
        blanked, index = self.await_version(lambda v: v.holder == "")
        taken, _ = self.await_version(lambda v: v.holder != "", index + 1)
        self.assertIn(taken.holder, ("o-1", "o-2"))
        self.assertEqual(taken.transitions, blanked.transitions + 1)
        stopped, _ = own.wait_event("stopped_leading", reason="lost_holder")
        self.figure("ours stops after its lease was blanked", [stopped["time"] - blanked.received])
        if taken.holder == "o-1":
            started = own.wait_event("started_leading", own.wait_event("stopped_leading")[1])[0]
        else:
            started = other.wait_event("started_leading")[0]
        self.assertGreater(started["token"], stopped["token"])
        # Two that are told of one and the same blanking, by two watches: the gap between them is measured.
        self.figure("from the loss to the next start", [started["time"] - stopped["time"]])

    def test_our_leader_cut_off(self):
        """Nothing reaches it any more, late in a second: it must have stopped before client-go leads, though that comes up
        to a second early. (Between renew deadline and lease duration there is more than that second.)"""
        times = durations(8, 5, "200ms")
        with tempfile.TemporaryDirectory() as folder:
            way = fleet.Forwarder(self.cluster, folder)
            self.addCleanup(way.end)
            own = self.ours("o", times=times, kubeconfig=way.kubeconfig)
            own.leads()
        peer = self.clientgo("c", times=times)
        peer.follows("o")
        self.await_renewals(6, "o")
        self.await_version(lambda v: stamp(v.renewed) % 1 > 0.7, len(self.versions()))
        way.cut.set()
        started = peer.leads()
        stopped, _ = own.wait_event("stopped_leading", reason="lost_deadline")
        taken, index = self.await_version(lambda v: v.holder == "c")
        last = stamp(self.versions()[index - 1].renewed)
        self.figure("cut off, ours stops before client-go leads by", [started - stopped["time"]])
        self.assertGreaterEqual(started, stopped["time"])
        self.assertGreaterEqual(stamp(taken.acquired) - last, 8 - CLIENTGO_EARLY)

    def test_same_identity(self):
        """client-go goes by the name alone: a second one leads at once. Ours must see that it is another."""
        self.allow(LEASE, "client-go goes by the name alone")
        own = self.ours("same", times=LONG)
        own.leads()
        second = self.clientgo("same", times=LONG)
        second.leads()
        own.wait_event("stopped_leading", reason="lost_duplicate")
        own.wait_event("error", code="DUPLICATE_IDENTITY")
        # It stands again, but the other renews.
        self.await_renewals(1, "same")
        self.assertEqual(len(own.said("started_leading")), 1)
        second.end()
        own.wait_event("started_leading", own.wait_event("stopped_leading")[1])

    def test_identity_of_a_dead_one(self):
        """Our own name, left by a crashed client-go: waited out and taken, or with --resume taken at once."""
        names = [f"{self.lock}-{i}" for i in range(2)]
        left = [self.clientgo("same", name=name, times=times) for name, times in zip(names, (PATIENT, LONG))]
        for peer in left:
            peer.leads()
        for peer in left:
            peer.kill_now()
        waits, resumes = self.ours("same", name=names[0]), self.ours("same", "--resume", name=names[1])
        self.assertLess(resumes.leads() - resumes.start, RELEASED)
        self.assertGreaterEqual(waits.leads() - waits.start, 6)
        for name in names:
            version, _ = self.await_version(lambda v: v.transitions == 1, name=name)
            self.assertEqual(version.holder, "same")
            self.assertNotEqual(version.acquired, self.versions(name)[0].acquired)

    def test_deleted_under_theirs(self):
        peer = self.clientgo("c", times=STEADY)
        peer.leads()
        own = self.ours("o", times=STEADY)
        own.follows("c")
        self.await_renewals(1, "c")
        self.cluster.delete(fleet.LEASES, self.lock)
        _, index = self.await_version(lambda v: v.deleted)
        again, _ = self.await_version(lambda v: not v.deleted, index + 1)
        self.assertEqual(again.holder, "c", "a lease deleted while held is waited out")
        self.await_renewals(6, "c")
        self.assertEqual(own.said("started_leading"), [])
        self.assertEqual(peer.said("stopped_leading"), [])

    def test_deleted_under_ours(self):
        self.allow(LEASE, "client-go takes a deleted lease at once")
        own = self.ours("o", times=STEADY)
        own.leads()
        peer = self.clientgo("c", times=STEADY)
        peer.follows("o")
        self.await_renewals(1, "o")
        self.cluster.delete(fleet.LEASES, self.lock)
        gone, index = self.await_version(lambda v: v.deleted)
        again, index = self.await_version(lambda v: not v.deleted, index + 1)
        self.figure("ours is made again after it was deleted", [again.received - gone.received])
        self.await_renewals(2, again.holder)
        # client-go takes what is not there: whoever comes first has it, and the other sees that.
        if again.holder == "o":
            self.assertEqual(own.said("stopped_leading") + peer.said("started_leading"), [])
            self.assertEqual(again.transitions, 0, "its term goes on")
        else:
            own.wait_event("stopped_leading", reason="lost_lock")

    def test_blanked_by_hand(self):
        """kubectl patch on the lease of each: ours says so; client-go's goes on, or loses it to ours."""
        self.allow(20, "a foreign release; client-go notices by its renewals")
        own = self.ours("o", times=STEADY)
        own.leads()
        peer = self.clientgo("c", times=STEADY)
        peer.follows("o")
        self.cluster.patch(fleet.LEASES, self.lock, {"spec": {"holderIdentity": ""}})
        own.wait_event("stopped_leading", reason="lost_holder")
        _, index = self.await_version(lambda v: v.holder == "")
        taken, index = self.await_version(lambda v: v.holder, index + 1)
        self.assertEqual(taken.transitions, 1)
        (own if taken.holder == "o" else peer).wait_event("started_leading", 0)
        self.await_renewals(2, taken.holder)
        self.assertEqual({v.holder for v in self.versions()[index:]}, {taken.holder})

    def test_foreign_edits(self):
        """Many foreign edits, each a 409 for the next renewal, cost neither kind its leadership."""
        names = [f"{self.lock}-{i}" for i in range(2)]
        leaders = [self.ours("leader", name=names[0], times=STEADY), self.clientgo("leader", name=names[1], times=STEADY)]
        for leader in leaders:
            leader.leads()
        until, number = time.monotonic() + 5, 0
        while time.monotonic() < until:
            number += 1
            for name in names:
                self.cluster.patch(fleet.LEASES, name, {"metadata": {"annotations": {"n": str(number)}}})
        for leader, name in zip(leaders, names):
            self.await_renewals(1, "leader", name)
            self.assertEqual(leader.said("stopped_leading"), [])
            version = self.versions(name)[-1]
            self.assertEqual((version.transitions, version.metadata["annotations"]["n"]), (0, str(number)))


if __name__ == "__main__":
    fleet.main()
