"""What the tests of this folder have in common: candidates at places, and the verdict over all of them."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import overlap  # noqa: E402  (of tests/e2e)
import support  # noqa: E402  (of tests/e2e: the cluster, witnesses)
import tally  # noqa: E402
from place import Place  # noqa: E402
from support import DEADLINE, LEASE  # noqa: E402

DAY = 24 * 60 * 60
ROUND_TRIP = 0.3  # seconds that a slow network adds
# Seconds that a takeover may take beyond the lease, or that may pass from the end of a fault to an orderly state.
# Without a limit, "there is a leader again" could not fail.
BOUND = 10.0
# Where a lease is to be kept: with room for a machine that is busy with something else.
KEPT = {"lease_duration": "8s", "renew_deadline": "6s", "retry_period": "400ms"}
KEPT_LEASE = 8.0


class TestCase(support.TestCase):
    disturbs = True

    def place(self, identity, **options):
        return Place(self, identity, **options)

    def pair(self, **options):
        """Places of a leader and of a standby that has seen it."""
        leader, standby = self.place("a", **options), self.place("b", **options)
        leader.start().wait("started_leading")
        standby.start().wait("new_leader", leader="a")
        self.await_renewals(1)
        return leader, standby

    def judge(self):
        verdict = self.verdict()
        disorder = [(w.identity, *found) for w in self.witnesses for found in overlap.find_disorder(w.events)]
        tally.judge(verdict, len(disorder), len(self.witnesses))
        for before, after, ns in overlap.handovers(verdict.intervals):
            tally.took("handover", ns / 1e9, f"{self.title}: {before.candidate} to {after.candidate}")
        super().judge()
        self.assertEqual(disorder, [])

    def disturb_server(self, *commands):
        """Whatever comes of it, the server is there for the next test."""
        def mend():
            try:
                support.cluster().run("resume-apiserver")
            except AssertionError:
                pass  # it does not run
            support.cluster().run("up")

        self.addCleanup(mend)
        for command in commands:
            support.cluster().run(command)

    def lead_of(self, place):
        """When its first lead began and ended, by its own account, which begins a little after the event."""
        return support.await_answer(lambda: self.leads(place.witness), bool, "its account has begun")[0]

    def assert_stopped_in_time(self, old, new, last_chance):
        """The old leader, whose last renewal was sent before last_chance, led no longer than its renew deadline, and
        the new one led after it, within the lease and the bound. When the new one began."""
        started = new.witness.wait("started_leading", last_chance)
        ended, began = self.lead_of(old)[1], self.lead_of(new)[0]
        self.assertLessEqual(ended, last_chance + DEADLINE)
        self.assertLess(ended, began)
        self.assertLess(began, last_chance + LEASE + BOUND)
        support.note(self.title, f"stopped {ended - last_chance:.2f} s after the fault began, "
                                 f"the next one led after {began - last_chance:.2f} s")
        return started

    def assert_nothing_happened(self, leader, standby, since, errors=()):
        """One lead and one renewing leader, and nobody was told anything, but for errors of these codes."""
        self.await_renewals(3)
        for place in leader, standby:
            self.assert_quiet(place.witness, since, "started_leading", "stopped_leading", "new_leader")
            self.assertEqual([e for e in place.witness.errors(since) if e["code"] not in errors], [])
        self.assertEqual(leader.witness.command("report")["leads"], 1)

    def assert_hands_over(self, leader, standby):
        """It is in order again: the standby is told of a release, and takes the lock. The seconds that took."""
        told = leader.witness.end()
        return standby.witness.wait("started_leading", told)["time"] - told
