"""What the API server does to everybody at once. (tests/e2e/test_faults.py has more of it, also of etcd.)"""

import unittest

import bed
import support
import tally
from bed import BOUND, DEADLINE, KEPT, LEASE


class Server(bed.TestCase):
    def assert_led_again(self, places, since, back):
        """Since the fault began; back: when the server surely took writes again."""
        winner, started = self.first_to_lead([p.witness for p in places], since)
        self.assertLess(started["time"], back + LEASE + BOUND)
        tally.took("time without a leader once the server was back", started["time"] - back, self.title)
        self.await_renewals(2)
        leader, standby = sorted(places, key=lambda p: p.witness is not winner)
        standby.witness.wait("new_leader", since, leader=winner.identity)
        self.assert_hands_over(leader, standby)

    def test_frozen_beyond_the_lease(self):
        places = self.pair()
        self.disturb_server("pause-apiserver")
        tally.inject("server frozen")
        paused = support.now()
        places[0].witness.wait("stopped_leading", paused, reason="lost_deadline")
        self.assertLessEqual(self.lead_of(places[0])[1], paused + DEADLINE)
        self.wait_until(paused + LEASE + 1)
        for place in places:
            self.assert_quiet(place.witness, paused, "started_leading")
        support.cluster().run("resume-apiserver")
        self.assert_led_again(places, paused, support.now())

    def test_frozen_for_a_moment(self):
        leader, standby = self.pair(**KEPT)
        self.disturb_server("pause-apiserver")
        tally.inject("server frozen")
        paused = support.now()
        self.wait_until(paused + 2)
        support.cluster().run("resume-apiserver")
        self.await_renewals(3)
        self.assert_quiet(leader.witness, paused, "stopped_leading")
        self.assert_quiet(standby.witness, paused, "started_leading", "new_leader")
        self.assert_hands_over(leader, standby)

    def test_killed(self):
        places = self.pair()
        self.disturb_server("kill-apiserver")
        tally.inject("server killed")
        killed = support.now()
        places[0].witness.wait("stopped_leading", killed, reason="lost_deadline")
        self.assertLessEqual(self.lead_of(places[0])[1], killed + DEADLINE)
        support.cluster().run("start-apiserver")
        self.assert_led_again(places, killed, support.now())


if __name__ == "__main__":
    unittest.main()
