"""Many at once: standbys on one lock, elections in one process; and what candidates ask of the server."""

import unittest

import overlap
import support
from support import PATIENT, RETRY

DEFAULTS = {"lease_duration": "15s", "renew_deadline": "10s", "retry_period": "2s"}


class Crowd(support.TestCase):
    STANDBYS = 100

    def worst_renewal_ms(self, witness):
        """From when a renewal was due to its answer, the worst since it was last asked: that is when least was left."""
        report = witness.command("report")
        return (10.0 - 0.2 - report["least_time_left"]) * 1000

    def test_hundred_standbys(self):
        bystander = self.stand("bystander", name="unrelated", **{**DEFAULTS, "retry_period": "200ms"})
        bystander.wait("started_leading")
        self.await_renewals(1, "unrelated")
        self.worst_renewal_ms(bystander)
        self.await_renewals(15, "unrelated")
        alone = self.worst_renewal_ms(bystander)
        leader = self.stand("s0", every_us=2000, **DEFAULTS)
        leader.wait("started_leading")
        since = support.now()
        standbys = []
        for first in range(0, self.STANDBYS, 10):  # a roll-out, not a storm of TLS handshakes on a small machine
            batch = [self.stand(f"s{first + i + 1}", every_us=2000, **DEFAULTS) for i in range(10)]
            for standby in batch:
                standby.wait("new_leader", leader="s0")
            standbys += batch
        coming = support.now() - since, self.worst_renewal_ms(bystander)
        worst = {"released": [], "expired": []}
        took = {"released": [], "expired": []}
        for how in ["released"] * 8 + ["expired"]:
            told = leader.end() if how == "released" else leader.kill()
            leader, started = self.first_to_lead(standbys, told)
            standbys.remove(leader)
            for standby in standbys:
                standby.wait("new_leader", told, leader=leader.identity)
            took[how].append((started["time"] - told) * 1000)
            self.await_renewals(3, "unrelated")
            worst[how].append(self.worst_renewal_ms(bystander))
        support.note(self.title, f"handover with {self.STANDBYS} standbys: {support.spread(took['released'])}; "
                                 f"by expiry: {support.spread(took['expired'])}")
        support.note(self.title, f"worst renewal of an unrelated lease: alone {alone:.0f} ms, while they came "
                                 f"(within {coming[0]:.1f} s) {coming[1]:.0f} ms, at a release {max(worst['released']):.0f} ms, "
                                 f"at an expiry {max(worst['expired']):.0f} ms")
        support.note(self.title, "one after the other, handover / the unrelated lease's worst renewal in ms: " + ", ".join(
            f"{t:.0f}/{w:.0f}" for t, w in zip(took["released"], worst["released"])))
        self.assertEqual(bystander.counts["stopped_leading"], 0)
        self.assertEqual(sum(w.counts["started_leading"] for w in self.witnesses), 2 + len(took["released"]) + len(took["expired"]))


class Thousand(support.TestCase):
    COUNT = 1000
    # 125 renewals a second. At the defaults it is 500, more than a server on a busy machine answers; renewals go first,
    # so those that lead would keep their locks and the rest would never come to theirs.
    DURATIONS = {"lease_duration": "45s", "renew_deadline": "30s", "retry_period": "8s"}

    def all_lead(self, witness, since, limit=support.PATIENCE):
        support.await_that(lambda: witness.counts["started_leading"] >= self.COUNT, "all lead", [witness], limit)
        started = witness.all("started_leading")
        self.assertEqual(len({e["lock"] for e in started}), self.COUNT)
        self.assertEqual(len(started), self.COUNT)
        return max(e["time"] for e in started) - since

    def test_thousand_elections(self):
        options = {"count": self.COUNT, "every_us": 2000, **self.DURATIONS}
        since = support.now()
        one = self.stand("one", **options)
        first = self.all_lead(one, since)
        two = self.stand("two", **options)
        support.await_that(lambda: len({e["lock"] for e in two.all("new_leader", leader="one")}) == self.COUNT,
                           "knows all leaders", [two])
        one.command("report")
        idle = support.now()
        self.wait_until(idle + 20)
        report = one.command("report")
        self.assertEqual(report["leads"], self.COUNT)
        for witness in one, two:
            self.assert_quiet(witness, since, "stopped_leading")
            self.assert_quiet(witness, idle, "error")
        self.assertEqual(two.counts["started_leading"], 0)
        told = one.signal(15)
        second = self.all_lead(two, told)
        one.wait_end()
        self.assertEqual({e["reason"] for e in one.all("stopped_leading")}, {"stop"})
        self.assertEqual(one.counts["stopped_leading"], self.COUNT)
        took = [ns / 1e6 for _, _, ns in overlap.handovers(self.verdict().intervals)]
        self.assertEqual(len(took), self.COUNT)
        support.note(self.title, f"{self.COUNT} lead {first:.2f} s after the start; in 20 s the least time left was "
                                 f"{report['least_time_left']:.2f} s of 30 s; all handed over {second:.2f} s after SIGTERM, "
                                 f"each: {support.spread(took)}")


class Alone(support.TestCase):
    """Elections that can't share a watch, as those can't that have each a namespace to themselves."""

    disturbs = True  # the user is the test cluster's own, and the server is restarted
    COUNT = 300
    # 80 watches a connection, and one for the requests. A machine that is busy makes some of them suspect now and then.
    CONNECTIONS = 4 + 1
    MOST = 2 * CONNECTIONS
    DURATIONS = {"lease_duration": "150s", "renew_deadline": "120s", "retry_period": "8s"}

    def await_watches(self, before):
        support.await_answer(self.api.watches_on_leases, lambda count: count >= before + self.COUNT, "all watch")

    def test_watches_share_connections(self):
        user = support.cluster().as_user("user", "limited-7")
        self.api.grant(self.namespace, "limited-7", [{"verbs": ["get", "create", "update", "watch"]}])
        before = self.api.watches_on_leases()
        one = self.stand("one", kubeconfig=user, count=self.COUNT, every_us=2000, **self.DURATIONS)
        support.await_that(lambda: one.counts["started_leading"] >= self.COUNT, "all lead", [one])
        self.await_watches(before)
        first = len(one.connections())
        support.cluster().run("restart-apiserver")
        self.await_watches(0)
        second = len(one.connections())
        self.assertEqual(one.command("report")["leads"], self.COUNT)
        support.note(self.title, f"{self.COUNT} watches and their requests on {first} connections, "
                                 f"{second} after the server was restarted")
        self.assertLessEqual(first, self.MOST)
        self.assertLessEqual(second, self.MOST)


class Requests(support.TestCase):
    SECONDS = 8.0
    STANDBYS = 10

    def count(self):
        """Requests on leases in SECONDS, by verb; and in how many at most, for asking takes its time."""
        earliest = support.now()
        before = self.api.requests_on_leases()
        self.wait_until(support.now() + self.SECONDS)
        after = self.api.requests_on_leases()
        took = support.now() - earliest
        counts = {verb: number - before.get(verb, 0) for verb, number in after.items()}
        return {verb: number for verb, number in counts.items() if number}, took

    def others(self, counts, base):
        return sum(max(0, n - base.get(verb, 0)) for verb, n in counts.items() if verb not in ("PUT", "WATCH"))

    def test_who_asks_what(self):
        # What is left of earlier tests' namespaces is cleared away by requests on leases, too.
        support.await_answer(lambda: self.api.request("GET", "/api/v1/namespaces")["items"],
                             lambda items: all(n["status"]["phase"] == "Active" for n in items), "namespaces are gone")
        base, _ = self.count()
        leader = self.stand("a", **PATIENT)
        leader.wait("started_leading")
        self.await_renewals(3)
        alone, alone_took = self.count()
        standbys = [self.stand_by(f"b{i}", leader, **PATIENT) for i in range(self.STANDBYS)]
        self.await_renewals(3)
        crowd, crowd_took = self.count()
        support.note(self.title, f"requests on leases in {self.SECONDS:.0f} s: nobody {base}, a leader {alone}, "
                                 f"with {self.STANDBYS} standbys {crowd}")
        for counts, took in (alone, alone_took), (crowd, crowd_took):
            puts = counts.get("PUT", 0) - base.get("PUT", 0)
            self.assertLess(puts, took / RETRY + 4)
            self.assertGreater(puts, 0)
            # One that polled would send twenty in that time, ten of them two hundred.
            self.assertLessEqual(self.others(counts, base), 3)
        for standby in standbys:
            self.assertEqual(standby.counts["started_leading"], 0)


if __name__ == "__main__":
    unittest.main()
