"""What a network does to a leader: packets of its own TCP connections to the API server are lost, one way or both."""

import os
import unittest

import bed
import support
import tally
from bed import BOUND, KEPT, KEPT_LEASE, LEASE
from place import NO_NETWORK

# A tenth of the packets is lost; at the defaults, as a network that bad would be met by them.
LOSS = "numgen random mod 100 < 10"
DEFAULTS = {"lease_duration": "15s", "renew_deadline": "10s", "retry_period": "400ms"}


def setUpModule():
    if NO_NETWORK:
        raise unittest.SkipTest(NO_NETWORK)


def cpu_seconds(witness):
    with open(f"/proc/{witness.process.pid}/stat", encoding="ascii") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Partitions(bed.TestCase):
    def cut_off(self, kind, **dropped):
        leader, standby = self.pair()
        leader.cable.drop(**dropped)
        tally.inject(kind)
        cut = support.now()
        started = self.assert_stopped_in_time(leader, standby, cut)
        # It has been told itself, by its clock and nobody else.
        stopped = leader.witness.wait("stopped_leading", cut, reason="lost_deadline")
        self.assertLess(stopped["time"], started["time"])
        lost = leader.cable.heal()
        for count, expected in zip(lost, (dropped.get("requests"), dropped.get("answers"))):
            self.assertEqual(count > 0, expected is not None, lost)
        # Its old connections are of no use any more, and it has to find that out.
        healed = support.now()
        known = leader.witness.wait("new_leader", cut, leader="b")
        tally.took("time to know the leader after a partition", known["time"] - healed, self.title)
        self.assertLess(known["time"], healed + LEASE + BOUND)
        self.assert_hands_over(standby, leader)

    def test_partitioned(self):
        self.cut_off("partition", requests="", answers="")

    def test_only_requests_are_dropped(self):
        self.cut_off("requests dropped", requests="")

    def test_only_answers_are_dropped(self):
        # Its renewals arrive and count at the server. It must not take that for granted.
        self.cut_off("answers dropped", answers="")

    def test_unplugged(self):
        # The candidate's own kernel says "unreachable" at once, again and again: no reason to give up, or to spin.
        leader, standby = self.pair()
        used = cpu_seconds(leader.witness)
        leader.cable.unplug()
        tally.inject("unplugged")
        cut = support.now()
        self.assert_stopped_in_time(leader, standby, cut)
        self.assertLess(cpu_seconds(leader.witness) - used, (support.now() - cut) / 2)
        leader.cable.plug_in()
        leader.witness.wait("new_leader", cut, leader="b")
        self.assert_hands_over(standby, leader)


class HalfOpen(bed.TestCase):
    """A NAT or a load balancer has forgotten a flow: what is open stays silent for ever, new connections pass."""

    def test_leader(self):
        leader, standby = self.pair(**KEPT)
        since = support.now()
        old = leader.cable.drop_connections(leader.witness.process.pid)
        tally.inject("half-open")
        self.assertTrue(old, "it had connections")
        self.wait_until(since + KEPT_LEASE + 2)  # had it not been renewed, another would lead
        self.assert_quiet(leader.witness, since, "stopped_leading", "started_leading", "new_leader")
        self.assert_quiet(standby.witness, since, "started_leading", "new_leader")
        self.await_renewals(3)
        requests, _ = leader.cable.dropped()
        new = leader.cable.open_ports(leader.witness.process.pid) - old
        self.assertGreater(requests, 0)
        self.assertTrue(new, "it goes on with a connection of its own making")
        report = leader.witness.command("report")
        self.assertEqual(report["leads"], 1)
        support.note(self.title, f"lease kept; {requests} requests dropped; no less than "
                                 f"{report['least_time_left']:.2f} s of the term were left")
        self.assert_hands_over(leader, standby)

    def test_standby(self):
        # It hears neither of the release nor that its watch is dead, and can but wait the lease out.
        leader, standby = self.pair()
        old = standby.cable.drop_connections(standby.witness.process.pid)
        tally.inject("half-open")
        self.assertTrue(old, "it had connections")
        since = support.now()
        leader.witness.end()
        started = standby.witness.wait("started_leading", since)
        self.assertLess(started["time"], since + LEASE + BOUND)
        self.assertGreater(sum(standby.cable.dropped()), 0)
        support.note(self.title, f"led {started['time'] - since:.2f} s after the release that it could not hear")


class NoNewConnection(bed.TestCase):
    def test_leader(self):
        # It has one connection yet, its watch's, and renews beside that.
        leader, standby = self.pair(**KEPT)
        since = support.now()
        leader.cable.drop(requests="tcp flags & (syn | ack) == syn")
        tally.inject("connections refused")
        self.wait_until(since + KEPT_LEASE + 2)
        self.assert_quiet(leader.witness, since, "stopped_leading", "started_leading", "new_leader")
        self.assert_quiet(standby.witness, since, "started_leading", "new_leader")
        self.await_renewals(3)
        refused, _ = leader.cable.heal()
        self.assertGreater(refused, 0)
        least = leader.witness.command("report")["least_time_left"]
        support.note(self.title, f"lease kept; {refused} connections refused; no less than {least:.2f} s of the term were left")
        self.assert_hands_over(leader, standby)


class Loss(bed.TestCase):
    def test_a_tenth_of_the_packets(self):
        leader, standby = self.pair(**DEFAULTS)
        since = support.now()
        for place in leader, standby:
            place.cable.drop(requests=LOSS, answers=LOSS)
            tally.inject("loss")
        self.wait_until(since + 8)
        self.assert_quiet(leader.witness, since, "stopped_leading", "started_leading", "new_leader")
        self.assert_quiet(standby.witness, since, "started_leading", "new_leader")
        lost = leader.cable.heal(), standby.cable.heal()
        for ways in lost:
            self.assertGreater(sum(ways), 0, lost)
        least = leader.witness.command("report")["least_time_left"]
        support.note(self.title,
                     f"{sum(map(sum, lost))} packets lost; no less than {least:.2f} s of the term were left")
        self.assert_hands_over(leader, standby)


if __name__ == "__main__":
    unittest.main()
