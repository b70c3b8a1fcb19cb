"""Foreign hands on the record: deletions, edits, controllers that touch it, and a second process with our name.

A hand that rewrites the holder can make two leaders; then the leader's watch has to end the first one's term, and how
long the two overlapped is measured.
"""

import threading
import unittest

import support
from support import DEADLINE, LEASE, PATIENT, PATIENT_LEASE, RETRY, WATCHED, WATCHED_MS


class Deleted(support.TestCase):
    def test_deleted_and_recreated(self):
        # A handover first, so that there is a count of transitions that could be forgotten.
        a = self.stand("first", **PATIENT)
        a.wait("started_leading")
        leader = self.stand_by("a", a, **PATIENT)
        told = a.end()
        started = leader.wait("started_leading", told)
        standby = self.stand_by("b", leader, **PATIENT)
        gaps = []
        for _ in range(5):
            before = self.lease()
            deleted = support.now()
            self.delete_lock()
            after = self.await_lease(lambda l: l["metadata"]["uid"] != before["metadata"]["uid"], "the lease is back")
            gaps.append((support.now() - deleted) * 1000)
            self.assertEqual(support.holder(after), "a")
            self.assertEqual(support.transitions(after), 1)
            self.assertEqual(after["spec"]["acquireTime"], before["spec"]["acquireTime"])
            self.await_renewals(2)
        self.assert_quiet(leader, started["time"] + 0.001, "stopped_leading", "error")
        self.assertEqual(standby.all("started_leading"), [])
        told = leader.end()
        self.assertGreater(standby.wait("started_leading", told)["token"], started["token"])
        self.assertEqual(support.transitions(self.lease()), 2)
        support.note(self.title, f"gone for: {support.spread(gaps)}")

    def test_deleted_after_its_holder_died(self):
        # It may still be alive for all that can be seen: waited out like an expiring one.
        leader, standby = self.leader_and_standby()
        leader.kill()
        renewed = support.wall_time(self.lease()["spec"]["renewTime"])
        self.delete_lock()
        standby.wait("started_leading")
        acquired = support.wall_time(self.lease()["spec"]["acquireTime"])
        self.assertGreater(acquired - renewed, LEASE - 0.001)


class Edited(support.TestCase):
    def nothing_happens(self, leader, standby, since):
        self.assert_quiet(leader, since, "stopped_leading", "started_leading", "error")
        self.assert_quiet(standby, since, "started_leading", "error", "new_leader")

    def test_label_added(self):
        leader, standby = self.leader_and_standby(**PATIENT)
        _, since = self.patch(metadata={"labels": {"by": "hand"}, "annotations": {"note": "mine \"quoted\" ü"}})
        lease = self.await_renewals(3)
        self.assertEqual(lease["metadata"]["labels"], {"by": "hand"})
        self.assertEqual(lease["metadata"]["annotations"], {"note": "mine \"quoted\" ü"})
        self.nothing_happens(leader, standby, since)
        told = leader.end()
        standby.wait("started_leading", told)
        self.assertEqual(self.lease()["metadata"]["labels"], {"by": "hand"})

    def test_holder_changed(self):
        leader, standby = self.leader_and_standby(**WATCHED)
        spec = self.lease()["spec"]
        duration = int(LEASE)
        # A record as a candidate would write it: the shorter duration counts, for it comes with a term of its own.
        _, since = self.patch(spec={"holderIdentity": "intruder", "leaseDurationSeconds": duration,
                                    "acquireTime": spec["renewTime"], "leaseTransitions": 1})
        stopped = leader.wait("stopped_leading", since, reason="lost_holder")
        together = max(end for _, end in self.leads(leader)) - since
        for candidate in leader, standby:
            candidate.wait("new_leader", since, leader="intruder")
        winner, started = self.first_to_lead([leader, standby], since)
        self.assertGreater(started["time"] - since, LEASE - RETRY, "the intruder is waited out")
        self.assertEqual(support.transitions(self.lease()), 2)
        self.assertLess(together * 1000, WATCHED_MS)
        support.note(self.title, f"led beside the intruder for {together * 1000:.1f} ms, told "
                                 f"{(stopped['time'] - since) * 1000:.1f} ms after the edit was sent, "
                                 f"then {winner.identity} led after {started['time'] - since:.2f} s")

    def test_holder_changed_to_a_standby(self):
        # Being named by somebody else is not leadership.
        leader, standby = self.leader_and_standby()
        _, since = self.patch(spec={"holderIdentity": "b"})
        leader.wait("stopped_leading", since, reason="lost_holder")
        _, started = self.first_to_lead([leader, standby], since)
        self.assertGreater(started["time"] - since, LEASE - RETRY)

    def test_holder_blanked(self):
        # As if released: the standby takes it at once, and until its watch tells the leader there are two.
        self.allowed_ms = WATCHED_MS
        leader, standby = self.leader_and_standby(**WATCHED)
        ends = []
        for _ in range(5):
            _, since = self.patch(spec={"holderIdentity": ""})
            winner, _ = self.first_to_lead([leader, standby], since)
            loser = standby if winner is leader else leader
            stopped = leader.wait("stopped_leading", since, reason="lost_holder")
            ends.append((stopped["time"] - since) * 1000)
            leader, standby = winner, loser
            standby.wait("new_leader", since, leader=leader.identity)
        worst = support.overlap.worst_ms(self.verdict())
        support.note(self.title, f"the leader learnt of it: {support.spread(ends)}; worst overlap {worst:.3f} ms")

    def test_duration_shortened_and_removed(self):
        leader, standby = self.leader_and_standby(**PATIENT)
        for value in 1, None, 1, None:
            _, since = self.patch(spec={"leaseDurationSeconds": value})
            self.await_lease(lambda l: l["spec"].get("leaseDurationSeconds") == PATIENT_LEASE, "it is put right")
            self.await_renewals(2)
            self.nothing_happens(leader, standby, since)

    def shortened_while_frozen(self, value):
        # Its holder still counts on what it wrote itself.
        leader, standby = self.leader_and_standby(linger=1)
        leader.freeze()
        renewed = support.wall_time(self.lease()["spec"]["renewTime"])
        _, since = self.patch(spec={"leaseDurationSeconds": value})
        standby.wait("started_leading", since)
        acquired = support.wall_time(self.lease()["spec"]["acquireTime"])
        self.assertGreater(acquired - renewed, LEASE - 0.001)
        self.assertEqual(leader.wait("woke", leader.thaw())["leads"], 0)
        leader.wait("new_leader", since, leader="b")

    def test_shortened_while_its_holder_is_frozen(self):
        self.shortened_while_frozen(1)

    def test_removed_while_its_holder_is_frozen(self):
        self.shortened_while_frozen(None)


class Touched(support.TestCase):
    def test_labels_of_a_dead_leader(self):
        """A controller that touches the object keeps nobody out: only the record counts."""
        pairs = {}
        for period in 0.1, 0.3, 1.0:
            name = f"every-{int(period * 1000)}"
            leader = self.stand("a-" + name, name=name)
            leader.wait("started_leading")
            pairs[period] = name, leader, self.stand_by("b-" + name, leader, name=name)
        end, failed = threading.Event(), []
        touches = dict.fromkeys(pairs, 0)

        def touch(period, name):
            while not end.wait(period):
                try:
                    touches[period] += 1
                    self.patch(name, metadata={"labels": {"touched": str(touches[period])}})
                except (OSError, support.ApiError) as error:
                    failed.append(error)

        threads = [threading.Thread(target=touch, args=(period, pair[0])) for period, pair in pairs.items()]
        for thread in threads:
            thread.start()
        try:
            took = {}
            killed = {period: pair[1].kill() for period, pair in pairs.items()}
            for period, (name, _, standby) in pairs.items():
                took[period] = standby.wait("started_leading", killed[period])["time"] - killed[period]
        finally:
            end.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        for period, seconds in took.items():
            support.note(self.title, f"touched every {period * 1000:.0f} ms ({touches[period]} times): "
                                     f"next leader after {seconds:.3f} s")
            # Touched for ever, it would be kept for ever if that counted.
            self.assertGreater(seconds, LEASE - DEADLINE)


class SameIdentity(support.TestCase):
    def test_two_processes(self):
        one = self.stand("same")
        one.wait("started_leading")
        two = self.stand("same")
        two.wait("new_leader", leader="same")
        two.wait("error", code="DUPLICATE_IDENTITY")
        since = support.now()
        self.await_renewals(12)  # longer than a lease
        self.assert_quiet(one, since, "stopped_leading", "error")
        self.assertEqual(two.all("started_leading"), [])
        self.assertEqual(len(two.all("error", code="DUPLICATE_IDENTITY")), 1, "said once")
        told = one.end()
        two.wait("started_leading", told)
        three = self.stand("same")
        three.wait("new_leader", leader="same")
        killed = two.kill()
        started = three.wait("started_leading", killed)
        self.assertGreater(started["time"] - killed, LEASE - DEADLINE)
        self.assertEqual(support.transitions(self.lease()), 2)

    def test_restarted_with_resume(self):
        one = self.stand("same", **PATIENT)
        first = one.wait("started_leading")
        self.await_renewals(1)
        one.kill()
        since = support.now()
        two = self.stand("same", resume="true", **PATIENT)
        again = two.wait("started_leading")
        self.await_renewals(1)
        self.assertLess(again["time"] - since, PATIENT_LEASE / 2, "not waited out")
        self.assertGreater(again["token"], first["token"])

    def test_resumed_though_the_first_lives(self):
        # Against the option's rule. The first must learn of it at once.
        self.allowed_ms = WATCHED_MS
        one = self.stand("same", **WATCHED)
        one.wait("started_leading")
        two = self.stand("same", resume="true", **WATCHED)
        started = two.wait("started_leading")
        stopped = one.wait("stopped_leading", reason="lost_duplicate")
        support.note(self.title, f"the first was told {(stopped['time'] - started['time']) * 1000:.1f} ms after the second; "
                                 f"worst overlap {support.overlap.worst_ms(self.verdict()):.3f} ms")
        one.wait("error", code="DUPLICATE_IDENTITY")
        since = support.now()
        self.await_renewals(1)
        self.assert_quiet(two, since, "stopped_leading")
        self.assert_quiet(one, since, "started_leading")


class DeletedOnConfigMaps(Deleted):
    resource = "configmaps"


class EditedOnConfigMaps(Edited):
    resource = "configmaps"


class Annotation(support.TestCase):
    """What can only be done to a ConfigMap: its record is a text that anybody may spoil or remove."""
    resource = "configmaps"

    def annotate(self, text):
        since = support.now()
        self.api.patch(f"{support.LOCKS[self.resource].format(self.namespace)}/{self.lock}",
                       {"metadata": {"annotations": {support.ANNOTATION: text}}})
        return since

    def test_removed(self):
        # As if released, by a hand.
        self.allowed_ms = WATCHED_MS
        leader, standby = self.leader_and_standby(**WATCHED)
        since = self.annotate(None)
        leader.wait("stopped_leading", since, reason="lost_holder")
        winner, started = self.first_to_lead([leader, standby], since)
        self.assertGreater(started["token"], leader.all("started_leading")[0]["token"])
        (standby if winner is leader else leader).wait("new_leader", since, leader=winner.identity)

    def test_unreadable(self):
        # It may hide a holder: nobody leads by it until it was mended, and who led stops in time.
        leader, standby = self.leader_and_standby()
        token = leader.all("started_leading")[0]["token"]
        since = self.annotate("{")
        for candidate in leader, standby:
            candidate.wait("error", since, code="PROTOCOL")
        leader.wait("stopped_leading", since, reason="lost_deadline")
        self.wait_until(since + 2 * LEASE)
        for candidate in leader, standby:
            self.assert_quiet(candidate, since, "started_leading")
        mended = self.annotate("{}")
        _, started = self.first_to_lead([leader, standby], mended)
        self.assertGreater(started["token"], token)


class TouchedOnConfigMaps(Touched):
    resource = "configmaps"


class SameIdentityOnConfigMaps(SameIdentity):
    resource = "configmaps"


if __name__ == "__main__":
    unittest.main()
