"""What happens to a candidate's process: frozen, killed by the kernel, its wall clock set."""

import unittest

import bed
import support
import tally
from bed import BOUND, DAY, KEPT, KEPT_LEASE, LEASE
from place import NO_MEMORY_LIMIT


class Frozen(bed.TestCase):
    def test_beyond_the_lease(self):
        leader, standby = self.pair(linger=1)
        leader.witness.command("pump off")
        pumped = leader.witness.pumped()
        frozen = leader.witness.freeze()
        tally.inject("frozen")
        self.assert_stopped_in_time(leader, standby, frozen)
        thawed = leader.witness.thaw()
        woke = leader.witness.wait("woke", thawed)
        self.assertEqual(woke["leads"], 0, "knows on waking, with no event taken")
        self.assertEqual(woke["pumped"], pumped)
        leader.witness.command("pump on")
        leader.witness.wait("stopped_leading", thawed)
        leader.witness.wait("new_leader", thawed, leader="b")
        self.assert_hands_over(standby, leader)


class WallClock(bed.TestCase):
    def test_a_day_forth_and_back(self):
        leader, standby = self.pair(**KEPT)
        since = support.now()
        before = self.recorded()
        for place, seconds in (leader, DAY), (standby, -DAY), (leader, -DAY), (standby, DAY), (leader, 0), (standby, 0):
            place.set_clock(seconds)
            tally.inject("clock set forward" if seconds > 0 else "clock set back")
            self.await_renewals(2)
            if place is leader:
                self.assertAlmostEqual(self.recorded() - before, seconds, delta=DAY / 2, msg="it really was set")
        self.wait_until(since + KEPT_LEASE + 2)  # whatever a wrong clock has set going has come to light
        self.assert_nothing_happened(leader, standby, since)
        self.assert_hands_over(leader, standby)

    def test_a_takeover_with_clocks_two_days_apart(self):
        leader, standby = self.pair()
        leader.set_clock(-DAY)
        tally.inject("clock set back")
        standby.set_clock(DAY)
        tally.inject("clock set forward")
        self.await_renewals(2)
        killed = leader.witness.kill()
        tally.inject("killed")
        began = standby.witness.wait("started_leading", killed)["time"]
        self.assertLess(began, killed + LEASE + BOUND)
        self.await_renewals(2)
        support.note(self.title, f"led {began - killed:.2f} s after the kill")

    def recorded(self):
        """The time of the last renewal by the leader's own wall clock."""
        return support.wall_time(self.lease()["spec"]["renewTime"])


@unittest.skipIf(NO_MEMORY_LIMIT, NO_MEMORY_LIMIT)
class OutOfMemory(bed.TestCase):
    def test_leader(self):
        leader, standby = self.pair(with_limit=True)
        killed = leader.exhaust_memory()
        tally.inject("out of memory")
        started = standby.witness.wait("started_leading", killed)
        self.assertLess(started["time"], killed + LEASE + BOUND)
        support.note(self.title, f"led {started['time'] - killed:.2f} s after the leader was killed")
        leader.start().wait("new_leader", leader="b")
        self.assert_hands_over(standby, leader)


if __name__ == "__main__":
    unittest.main()
