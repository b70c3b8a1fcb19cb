"""The API server and etcd stopped, frozen and restarted, with two pairs of candidates: one pair's renew deadline lasts
longer than the fault, and nothing may happen to it; the other's doesn't, so its leader must stop in time, and somebody
must lead again afterwards.

Requests that were under way when the server froze are done when it goes on, long after they were given up.
"""

import unittest

import support
from support import PATIENT


class Faults(support.TestCase):
    disturbs = True
    DEFAULTS = {"lease_duration": "15s", "renew_deadline": "10s", "retry_period": "2s"}

    def setUp(self):
        super().setUp()
        support.cluster().run("up")
        self.addCleanup(support.cluster().run, "up")
        self.kept = self.leader_and_standby(name="kept", **PATIENT)
        self.lost = self.leader_and_standby(name="lost", linger=1)
        self.token = self.lost[0].all("started_leading")[0]["token"]
        self.since = support.now()

    def cluster(self, *command):
        support.cluster().run(*command)

    def await_loss(self):
        stopped = self.lost[0].wait("stopped_leading", self.since, reason="lost_deadline")
        return stopped["time"] - self.since

    def await_served(self):
        """When a stranger's write gets through. etcd's clients wait for seconds before they try it again."""
        def write():
            lease = {"metadata": {"generateName": "stranger-"}, "spec": {}}
            return self.api.request("POST", support.LEASES.format(self.namespace), lease, patience=1.0)

        support.await_answer(write, lambda _: True, "the server takes writes")
        return support.now()

    def await_recovery(self, lost_after=None):
        over = self.await_served()
        winner, started = self.first_to_lead(self.lost, self.since)
        other = self.lost[1] if winner is self.lost[0] else self.lost[0]
        other.wait("new_leader", started["time"] - 1, leader=winner.identity)
        self.assertGreater(started["token"], self.token)
        self.await_renewals(3, "lost")
        # Only the last of its renewals counts: the first ones may have been under way before.
        self.await_renewals(2, "kept")
        self.assert_quiet(self.kept[0], self.since, "stopped_leading")
        self.assert_quiet(self.kept[1], self.since, "started_leading", "new_leader")
        self.assertEqual(self.kept[0].command("report")["leads"], 1)
        # And it is in order: a handover works at once.
        told = self.kept[0].end()
        handed = self.kept[1].wait("started_leading", told)
        support.note(self.title, (f"lost after {lost_after:.2f} s, " if lost_after else "") +
                     f"no writes for {over - self.since:.1f} s, the lost lock led again "
                     f"{started['time'] - over:+.2f} s from then, the kept one handed over in "
                     f"{(handed['time'] - told) * 1000:.0f} ms; errors said: "
                     f"{[sorted({e['code'] for e in w.all('error')}) for w in (*self.kept, *self.lost)]}")

    def test_apiserver_killed(self):
        self.cluster("kill-apiserver")
        lost_after = self.await_loss()
        self.cluster("start-apiserver")
        self.await_recovery(lost_after)

    def test_apiserver_restarted(self):
        # In good order: open watches live on for a while, though no write gets through.
        self.cluster("stop-apiserver")
        lost_after = self.await_loss()
        self.cluster("start-apiserver")
        self.await_recovery(lost_after)

    def test_apiserver_frozen(self):
        self.addCleanup(self.cluster, "resume-apiserver")
        self.cluster("pause-apiserver")
        lost_after = self.await_loss()
        self.lost[1].wait("error", self.since, code="REQUEST_TIMEOUT")  # has tried to take it over meanwhile
        self.cluster("resume-apiserver")
        self.await_recovery(lost_after)

    def test_apiserver_frozen_for_three_seconds(self):
        # At the defaults, whose deadline is 10 s.
        leader = self.stand("a", name="default", **self.DEFAULTS)
        leader.wait("started_leading")
        standby = self.stand_by("b", leader, name="default", **self.DEFAULTS)
        self.await_renewals(1, "default")
        self.addCleanup(self.cluster, "resume-apiserver")
        self.cluster("pause-apiserver")
        paused = support.now()
        self.wait_until(paused + 3.0)
        self.cluster("resume-apiserver")
        resumed = support.now()
        for name in "default", "kept":
            self.await_renewals(3, name)
        for pair in (leader, standby), self.kept:
            self.assert_quiet(pair[0], self.since, "stopped_leading")
            self.assert_quiet(pair[1], self.since, "started_leading")
        support.note(self.title, f"frozen for {resumed - paused:.2f} s, nothing lost")

    def test_etcd_restarted(self):
        self.cluster("stop-etcd")
        lost_after = self.await_loss()
        self.cluster("start-etcd")
        self.await_recovery(lost_after)

    def test_etcd_frozen(self):
        self.addCleanup(self.cluster, "resume-etcd")
        self.cluster("pause-etcd")
        lost_after = self.await_loss()
        self.lost[1].wait("error", self.since, code="REQUEST_TIMEOUT")
        self.cluster("resume-etcd")
        self.await_recovery(lost_after)


if __name__ == "__main__":
    unittest.main()
