"""Candidates among themselves: who leads, how it is handed over, and what a death or a freeze of the leader does."""

import os
import random
import signal
import time
import unittest

import overlap
import support
from support import DEADLINE, LEASE, PATIENT, PATIENT_LEASE, SHORT, WATCHED


class Handover(support.TestCase):
    def note_handovers(self, what):
        took = [ns / 1e6 for _, _, ns in overlap.handovers(self.verdict().intervals)]
        support.note(self.title, f"{what}: {support.spread(took)}")
        return took

    def test_three_candidates(self):
        candidates = [self.stand(name, **PATIENT) for name in "abc"]
        leader, started = self.first_to_lead(candidates, 0)
        for candidate in candidates:
            candidate.wait("new_leader", leader=leader.identity)
        self.await_renewals(6)
        self.assertEqual(sum(len(c.all("started_leading")) for c in candidates), 1)
        self.assertEqual([c.errors() for c in candidates], [[], [], []])
        spec = self.lease()["spec"]
        self.assertEqual((spec["holderIdentity"], spec["leaseTransitions"], spec["leaseDurationSeconds"]),
                         (leader.identity, 0, PATIENT_LEASE))
        self.assertGreater(started["token"], 0)

    def rolling(self, rounds, **options):
        """Each leader is asked to end, one after the other, and a new candidate comes for it."""
        options = {**PATIENT, **options}
        leader = self.stand("r0", **options)
        leader.wait("started_leading")
        standbys = [self.stand_by(f"r{i}", leader, **options) for i in (1, 2)]
        token = 0
        for turn in range(3, 3 + rounds):
            told = leader.end()
            leader, started = self.first_to_lead(standbys, told)
            self.assertGreater(started["token"], token)
            token = started["token"]
            standbys.remove(leader)
            for standby in standbys:
                standby.wait("new_leader", told, leader=leader.identity)
            standbys.append(self.stand_by(f"r{turn}", leader, **options))
        self.assertEqual(support.transitions(self.lease()), rounds)

    def test_rolling(self):
        self.rolling(15)
        took = self.note_handovers("handover")
        self.assertEqual(len(took), 15)
        self.assertLess(max(took), 1000 * PATIENT_LEASE / 2, "by release, not by expiry")

    def test_a_takeover_waits_for_no_new_connection(self):
        """The write that takes over goes beside the standby's watch: TLS would take longer than all the rest."""
        leader, standby = self.leader_and_standby(**PATIENT)
        connected = standby.connections()
        self.assertTrue(connected)
        told = leader.end()
        standby.wait("started_leading", told)
        self.assertEqual(standby.connections(), connected)
        # Who writes again and again does it apart from the watches.
        self.await_renewals(5)
        self.assertGreater(len(standby.connections()), len(connected))

    def test_the_first_read_does_not_count_as_a_warm_connection(self):
        """It went beside the watch as well, so the write that follows would wait for a connection of its own."""
        leader = self.stand("a", **WATCHED)  # whose next renewals, which open the other one, are far away
        leader.wait("started_leading")
        self.assertEqual(len(leader.connections()), 1)

    def test_rolling_with_a_drain(self):
        # The lead ends with the wish to stop, the work 300 ms later, and only then may the next one begin.
        self.rolling(5, drain_ms=300)
        self.assertGreaterEqual(min(self.note_handovers("of it 300 ms drain")), 300)
        works = sorted((i for i in self.verdict().intervals if i.kind == "work"), key=lambda i: i.start)
        gaps = [(after.start - before.end) / 1e6 for before, after in zip(works, works[1:])]
        support.note(self.title, f"from work to work: {support.spread(gaps)}")

    def test_killed(self):
        took = []
        leader, standby = self.leader_and_standby()
        for turn in range(2):
            told = leader.kill()
            renewed = self.lease()["spec"]["renewTime"]
            started = standby.wait("started_leading", told)
            # Both clocks are this machine's.
            since_renewal = time.time() - (support.now() - started["time"]) - support.wall_time(renewed)
            self.assertGreater(since_renewal, LEASE - 0.001)
            took.append((started["time"] - told) * 1000)
            leader, standby = standby, self.stand_by(f"k{turn}", standby)
        support.note(self.title, f"from SIGKILL to the next leader: {support.spread(took)}")

    def test_frozen_beyond_the_lease(self):
        # It lingers: guarded work goes on as long as the library allows.
        leader, standby = self.leader_and_standby(linger=1)
        for _ in range(2):
            leader.command("pump off")
            pumped = leader.pumped()
            frozen = leader.freeze()
            standby.wait("started_leading", frozen)
            thawed = leader.thaw()
            woke = leader.wait("woke", thawed)
            self.assertEqual(woke["leads"], 0, "knows on waking, with no event taken")
            self.assertEqual(woke["pumped"], pumped)
            self.assert_quiet(leader, frozen, "stopped_leading", "new_leader")
            leader.command("pump on")
            stopped = leader.wait("stopped_leading", thawed)
            self.assertIn(stopped["reason"], ("lost_deadline", "lost_holder"))
            leader.wait("new_leader", thawed, leader=standby.identity)
            told = standby.signal(signal.SIGTERM)
            leader.wait("started_leading", told)
            standby.wait_end()
            standby = self.stand_by("c" + str(len(self.witnesses)), leader, linger=1)

    def test_frozen_beyond_the_deadline_but_not_the_lease(self):
        # Nobody else leads yet, and still it must not. It may take the lock again at once, but that is a new term.
        leader, standby = self.leader_and_standby(**{**SHORT, "lease_duration": PATIENT["lease_duration"]})
        leader.command("pump off")
        first = leader.all("started_leading")[0]["token"]
        frozen = leader.freeze()
        self.wait_until(frozen + DEADLINE + 0.1)
        woke = leader.wait("woke", leader.thaw())
        self.assertEqual(woke["leads"], 0)
        leader.command("pump on")
        leader.wait("stopped_leading", frozen, reason="lost_deadline", token=first)
        again = leader.wait("started_leading", frozen)
        self.assertGreater(again["token"], first)
        self.assertEqual(standby.all("started_leading"), [])

    def test_frozen_for_a_moment(self):
        leader, standby = self.leader_and_standby(**PATIENT)
        frozen = leader.freeze()
        self.wait_until(frozen + 1)
        woke = leader.wait("woke", leader.thaw())
        self.assertEqual(woke["leads"], 1, "the deadline has not passed")
        self.await_renewals(3)
        self.assert_quiet(leader, frozen, "stopped_leading")
        self.assertEqual(standby.all("started_leading"), [])

    def test_anything_at_any_time(self):
        chance = random.Random(os.environ["K8SLEADER_TEST_SEED"])
        candidates = [self.stand(f"x{i}", linger=1) for i in range(4)]
        self.first_to_lead(candidates, 0)
        since, serial, done = support.now(), len(candidates), []
        while support.now() < since + 25:
            self.wait_until(support.now() + chance.uniform(0.02, 0.5))
            # Mostly the leader: that is where something can break.
            leader = support.holder(self.lease())
            likely = [c for c in candidates if c.identity == leader] if chance.random() < 0.7 else candidates
            victim = chance.choice(likely or candidates)
            what = chance.choice(["freeze", "freeze", "freeze", "end", "kill"])
            done.append(what)
            if what == "freeze":
                victim.freeze()
                self.wait_until(support.now() + chance.choice([0.3, 1.9, 2.1, 2.8, 3.1, 3.5]))
                victim.thaw()
                continue
            candidates.remove(victim)
            victim.signal(signal.SIGTERM if what == "end" else signal.SIGKILL)
            candidates.append(self.stand(f"x{serial}", linger=1))
            serial += 1
        self.first_to_lead(candidates, 0)
        support.note(self.title, f"{len(done)} deeds, {len(self.leads())} terms")


class HandoverOnConfigMaps(Handover):
    resource = "configmaps"


if __name__ == "__main__":
    unittest.main()
