"""What a proxy on the way can do to connections: slow them, and reset them at the worst moment."""

import json
import unittest

import bed
import support
import tally
from bed import KEPT, KEPT_LEASE, ROUND_TRIP
from support import PATIENT, PATIENT_LEASE

# An event about a lock of this size is a line in several TLS records and HTTP/2 frames, so that half of it can arrive.
BIG = {"annotations": {"test/padding": "x" * 60000}}
HALF = 30000


class Latency(bed.TestCase):
    def test_300_ms(self):
        places = [self.place(name, with_proxy=True, **KEPT) for name in "ab"]
        leader, standby = places
        for place in places:
            place.proxy.latency = ROUND_TRIP / 2
            tally.inject("latency")
        leader.start().wait("started_leading")
        standby.start().wait("new_leader", leader="a")
        self.await_renewals(1)
        self.assert_kept(leader, standby)
        # ... and when it comes and goes.
        for turn in range(3):
            for place in places:
                place.proxy.latency = 0 if turn % 2 == 0 else ROUND_TRIP / 2
                tally.inject("latency")
            self.await_renewals(2)
        self.assert_quiet(leader.witness, 0, "stopped_leading")
        self.assert_hands_over(leader, standby)

    def assert_kept(self, leader, standby):
        since = support.now()
        leader.witness.command("report")
        self.wait_until(since + KEPT_LEASE + 2)  # had it not been renewed, another would lead
        report = leader.witness.command("report")
        self.assertEqual(report["leads"], 1)
        self.assert_nothing_happened(leader, standby, since)
        support.note(self.title, f"no less than {report['least_time_left']:.2f} s of the term were left")


class Resets(bed.TestCase):
    def test_in_the_middle_of_a_watch_line(self):
        leader, standby = self.pair(with_proxy=True, **PATIENT)
        self.patch(metadata=BIG)
        self.assertGreater(len(json.dumps(self.lease())), 2 * HALF)
        self.await_renewals(2)  # each a line of that length, to both
        since = support.now()
        for place in leader, standby:
            for _ in range(4):
                self.assert_goes_on_after_a_cut(place)
        self.assert_nothing_happened(leader, standby, since, errors=("CONNECT",))
        # The watch was resumed: the release is heard of, long before the lease would have run out.
        self.assertLess(self.assert_hands_over(leader, standby), PATIENT_LEASE / 2)
        self.assertEqual([len(w.all("started_leading")) for w in self.witnesses], [1, 1])

    def assert_goes_on_after_a_cut(self, place):
        cuts, accepted = place.proxy.cuts, place.proxy.accepted
        place.proxy.cut_after(HALF)
        support.await_answer(lambda: place.proxy.cuts, lambda now: now == cuts + 1, "a connection is cut within a line")
        tally.inject("reset in a line")
        support.await_answer(lambda: place.proxy.accepted, lambda now: now > accepted, "it has connected again")
        self.await_renewals(2)

    def test_all_connections_again_and_again(self):
        leader, standby = self.pair(with_proxy=True, **KEPT)
        since = support.now()
        for _ in range(10):
            for place in leader, standby:
                support.await_answer(place.proxy.reset_all, bool, "it has connected again, and is reset again")
                tally.inject("reset")
            self.await_renewals(1)
        self.assert_nothing_happened(leader, standby, since, errors=("CONNECT",))
        self.assert_hands_over(leader, standby)


if __name__ == "__main__":
    unittest.main()
