"""The older lock, a record in a ConfigMap's annotation: the Python client's, and an older client-go's."""

import json

import fleet
import peers
from fleet import ANNOTATION, CONFIGMAPS, LEASE, LONG, LONG_LEASE, SHORT, durations, stamp

RESOURCE = ["--lock-resource", CONFIGMAPS]
OWN = 12  # lease duration of ours in the tests of records: longer than all that is recorded there
LINE = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$"
OLD = "2001-02-03T04:05:06Z"


class ConfigMaps(fleet.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        probe = fleet.Candidate("ours", "probe", [
            fleet.support.PROGRAM, "elect", "--output", "json", "--kubeconfig", cls.cluster.kubeconfig, "--namespace",
            cls.cluster.namespace, "--name", "probe", "--identity", "probe", *RESOURCE])
        cls.addClassCleanup(probe.kill)
        try:
            probe.leads()
        except AssertionError:
            if probe.process.wait(fleet.LIMIT) == 2:
                raise fleet.unittest.SkipTest("this program knows no --lock-resource configmaps") from None
            raise
        probe.end()

    def ours(self, identity, *options, **more):
        return super().ours(identity, *RESOURCE, *options, **more)

    def python(self, identity, *options, **more):
        return super().python(identity, *RESOURCE, *options, **more)

    def put(self, name, record, **metadata):
        text = record if isinstance(record, str) else json.dumps(record)
        annotations = {**metadata.pop("annotations", {}), ANNOTATION: text}
        return self.cluster.create(CONFIGMAPS, name, metadata={"annotations": annotations, **metadata},
                                   data={"key": "value"}, binaryData={"b": "AAEC"})

    def await_map(self, matches, start=0, name=None):
        return self.await_version(matches, start, name, CONFIGMAPS)


class Records(ConfigMaps):
    def test_written(self):
        """What ours writes is what client-go's lock of old read."""
        own = self.ours("o", "--label", "a=b", times=LONG)
        own.leads()
        first, index = self.await_map(lambda v: v.holder == "o")
        self.assertEqual(set(first.fields), {"holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime",
                                             "leaderTransitions"})
        self.assertIs(type(first.duration), int)
        self.assertEqual((first.duration, first.transitions), (LONG_LEASE, 0))
        self.assertRegex(first.acquired, LINE)
        self.assertEqual(first.acquired, first.renewed)
        self.assertEqual(first.metadata["labels"], {"a": "b"})
        renewed, _ = self.await_map(lambda v: v.renewed != first.renewed, index)
        self.assertEqual((renewed.acquired, renewed.transitions), (first.acquired, 0))
        own.end()
        released, _ = self.await_map(lambda v: v.holder == "")
        self.assertEqual((released.duration, released.transitions), (1, 0))
        self.assertEqual(released.acquired, released.renewed)

    def test_read(self):
        """Records as others left them: what is free is taken at once, what is held when its duration has passed."""
        held = {"holderIdentity": "ghost", "leaseDurationSeconds": 7, "acquireTime": OLD, "renewTime": OLD,
                "leaderTransitions": 3}
        cases = {
            "free": ({**held, "holderIdentity": "", "leaseDurationSeconds": 1}, 0, 4),
            "null-holder": ({**held, "holderIdentity": None}, 0, 4),
            "empty": ({}, 0, 1),
            "no-fraction": (held, 7, 4),
            "micros": ({**held, "renewTime": "2001-02-03T04:05:06.123456Z"}, 7, 4),
            "nanos": ({**held, "renewTime": "2001-02-03T04:05:06.123456789Z"}, 7, 4),
            "zone": ({**held, "renewTime": "2001-02-03T04:05:06+05:30"}, 7, 4),
            "ahead": ({**held, "renewTime": "2101-02-03T04:05:06Z"}, 7, 4),
            "null-times": ({**held, "renewTime": None, "acquireTime": None}, 7, 4),
            "python": ({"holderIdentity": "ghost", "leaseDurationSeconds": "7", "acquireTime": "2001-02-03 04:05:06.123456",
                        "renewTime": "2001-02-03 04:05:07"}, 7, 1),
            "strings": ({**held, "leaderTransitions": "3", "leaseDurationSeconds": "7"}, 7, 4),
            "null-duration": ({**held, "leaseDurationSeconds": None}, OWN, 4),
            "bad-duration": ({**held, "leaseDurationSeconds": "soon"}, OWN, 4),
            "negative": ({**held, "leaseDurationSeconds": -5}, OWN, 4),
            "holder-alone": ({"holderIdentity": "ghost"}, OWN, 1),
        }
        for i, (record, *_) in enumerate(cases.values()):
            self.put(f"read-{i}", record, annotations={"keep": "this"}, labels={"l": "1"})
        own = self.ours("me", "--count", str(len(cases)), name="read", times=durations(OWN, 10, 1))
        for i, (key, (_, wait, transitions)) in enumerate(cases.items()):
            with self.subTest(record=key):
                taken, _ = self.await_map(lambda v: v.holder == "me", name=f"read-{i}")
                waited = stamp(taken.acquired) - own.start
                # Times that are written without a fraction are up to a second behind.
                self.assertGreaterEqual(waited, wait - ("." not in taken.acquired))
                if wait == 0:
                    self.assertLess(waited, OWN)
                self.assertEqual((taken.transitions, taken.duration), (transitions, OWN))
                self.assertEqual(taken.metadata["annotations"]["keep"], "this")
                self.assertEqual(taken.metadata["labels"], {"l": "1"})
                self.assertEqual((taken.body["data"], taken.body["binaryData"]), ({"key": "value"}, {"b": "AAEC"}))

    def test_without_annotation(self):
        """A ConfigMap of that name and nothing on it is a free lock, whose data stays."""
        self.cluster.create(CONFIGMAPS, self.lock, data={"key": "value"})
        own = self.ours("o")
        own.leads()
        taken, _ = self.await_map(lambda v: v.holder == "o")
        self.assertEqual(taken.body["data"], {"key": "value"})

    def test_lock_for_life_is_refused(self):
        """Owned by a Pod and without the annotation: somebody leads by it for life. Once that is over it is free."""
        pods = f"/api/v1/namespaces/{self.cluster.namespace}/pods"
        pod = self.cluster.request("POST", pods, {"metadata": {"name": self.lock},
                                                  "spec": {"containers": [{"name": "c", "image": "none"}]}})
        self.cluster.create(CONFIGMAPS, self.lock, metadata={"ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": self.lock, "uid": pod["metadata"]["uid"]}]})
        own = self.ours("o")
        own.wait_event("error", code="FOREIGN_LOCK")
        self.cluster.request("DELETE", f"{pods}/{self.lock}", {"gracePeriodSeconds": 0})
        own.leads()
        versions = self.versions(kind=CONFIGMAPS)
        gone = next(i for i, v in enumerate(versions) if v.deleted)
        self.assertEqual([v.holder for v in versions[:gone]], [None] * gone)

    def test_unreadable(self):
        """An annotation that is no record may hide a holder: said, left alone, and gone on with once it was mended."""
        names = [f"{self.lock}-{i}" for i in range(4)]
        for name, text in zip(names, ("{", "[]", '"ghost"', '{"holderIdentity":5}')):
            self.put(name, text)
        own = self.ours("o", "--count", "4", name=self.lock)
        for name in names:
            own.wait_event("error", code="PROTOCOL", lock=f"{self.cluster.namespace}/{name}")
        for name in names:
            self.assertEqual(len(self.versions(name, CONFIGMAPS)), 1)
            self.cluster.patch(CONFIGMAPS, name, {"metadata": {"annotations": {ANNOTATION: "{}"}}})
            own.wait_event("started_leading", lock=f"{self.cluster.namespace}/{name}")

    def test_spoilt_by_hand(self):
        """Under a leader: what is no record ends its term by the deadline, a removed one is a release by a foreign hand."""
        names = [f"{self.lock}-{i}" for i in range(2)]
        leaders = [self.ours("o", name=name) for name in names]
        for leader, name, text in zip(leaders, names, ("{", None)):
            leader.leads()
            self.cluster.patch(CONFIGMAPS, name, {"metadata": {"annotations": {ANNOTATION: text}}})
        leaders[0].wait_event("error", code="PROTOCOL")
        leaders[0].wait_event("stopped_leading", reason="lost_deadline")
        _, index = leaders[1].wait_event("stopped_leading", reason="lost_holder")
        leaders[1].wait_event("started_leading", index)

    def test_handover_and_crash_among_ours(self):
        a = self.ours("a", times=SHORT)
        a.leads()
        b = self.ours("b", times=SHORT)
        b.follows("a")
        released = a.end()
        self.figure("ours releases, ours leads", [b.leads() - released])
        c = self.ours("c", times=SHORT)
        c.follows("b")
        killed = b.kill_now()
        self.assertGreater(c.leads() - killed, 1)
        self.await_map(lambda v: v.holder == "c" and v.transitions == 2)


class ClientGo(ConfigMaps):
    """An older client-go, the last kind of which had this lock."""
    needs = (peers.clientgo_configmaps,)
    clientgo_program = staticmethod(peers.clientgo_configmaps)

    def test_release_both_ways(self):
        figures = {"ours": [], "client-go": []}
        times = durations(20, 15, "300ms")
        leader = self.clientgo("c-0", times=times)
        leader.leads()
        self.cluster.patch(CONFIGMAPS, self.lock, {"metadata": {"annotations": {"keep": "this"}}, "data": {"k": "v"}})
        for number in range(1, 6):
            standby = self.ours(f"o-{number}", times=times) if number % 2 else self.clientgo(f"c-{number}", times=times)
            standby.follows(leader.identity)
            if leader.kind == "client-go":
                # It releases by the version it wrote last: an edit since, or a renewal under way, would be its end.
                self.await_renewals(1, leader.identity, kind=CONFIGMAPS)
            taken, released = self.hand_over(leader, standby, CONFIGMAPS)
            if released:
                figures[standby.kind].append(taken)
            version, _ = self.await_map(lambda v, s=standby: v.holder == s.identity)
            self.assertEqual(version.transitions, number)
            leader = standby
        self.figure("client-go releases, ours leads", figures["ours"])
        self.figure("ours releases, client-go leads (it polls each 300 to 660 ms)", figures["client-go"])
        self.assertLess(max(figures["ours"] + figures["client-go"]), 10, "of 20 s")
        leader.end()
        version, _ = self.await_map(lambda v: v.holder == "" and v.transitions == 5)
        self.assertEqual((version.metadata["annotations"]["keep"], version.body["data"]), ("this", {"k": "v"}))

    def test_killed_both_ways(self):
        """client-go's has 6 s on it, and ours less itself. (An old client-go waits for its own duration, not the recorded one:
        the other way all have the same.)"""
        names = [f"{self.lock}-{kind}" for kind in ("ours", "clientgo")]
        own, peer = self.ours("o", name=names[0]), self.clientgo("c", name=names[1], times=durations(6, 4, "500ms"))
        own.leads()
        peer.leads()
        peer_takes, own_takes = self.clientgo("next-c", name=names[0]), self.ours("next-o", name=names[1])
        peer_takes.follows("o")
        own_takes.follows("c")
        own.kill_now()
        peer.kill_now()
        for taker, name, duration in (own_takes, names[1], 6), (peer_takes, names[0], LEASE):
            started = taker.leads()
            after, index = self.await_map(lambda v, t=taker: v.holder == t.identity, name=name)
            before = self.versions(name, CONFIGMAPS)[index - 1]
            # client-go's times are cut to seconds, which are all of the record that it compares.
            early = 1 if taker.kind == "client-go" else 0.2
            self.assertGreaterEqual(started - before.received, duration - early)
            self.figure(f"{taker.kind} leads after the last renewal and {duration} s",
                        [started - before.received - duration])
            self.assertEqual((before.transitions, after.transitions), (0, 1))

    def test_renewed_within_a_second(self):
        """Its times are whole seconds, so that several of its renewals look alike; a standby of ours must not take it
        while it renews each 2 s, let alone more often."""
        leaders = [self.clientgo("leader", name=f"{self.lock}-{i}", times=durations(15, 12, retry))
                   for i, retry in enumerate(("300ms", "1500ms"))]
        standbys = []
        for i, leader in enumerate(leaders):
            leader.leads()
            standbys.append(self.ours("o", name=f"{self.lock}-{i}"))
            standbys[i].follows("leader")
        for i, leader in enumerate(leaders):
            # Renewals that fall into one second change nothing, and are no versions.
            self.await_renewals(4, "leader", f"{self.lock}-{i}", CONFIGMAPS)
            self.assertEqual(standbys[i].said("started_leading") + leader.said("stopped_leading"), [])


class Python(ConfigMaps):
    needs = (peers.python,)

    def test_killed_both_ways(self):
        names = [f"{self.lock}-{kind}" for kind in ("ours", "python")]
        own, peer = self.ours("o", name=names[0]), self.python("p", name=names[1])
        own.leads()
        peer.leads()
        peer_takes, own_takes = self.python("next-p", name=names[0]), self.ours("next-o", name=names[1])
        peer_takes.follows("o")
        own_takes.follows("p")
        killed = {own_takes: peer.kill_now(), peer_takes: own.kill_now()}
        for taker, name in (own_takes, names[1]), (peer_takes, names[0]):
            started = taker.leads()
            after, index = self.await_map(lambda v, t=taker: v.holder == t.identity, name=name)
            before = self.versions(name, CONFIGMAPS)[index - 1]
            # Heard of at once, so that the time of receipt is that of the renewal, but for the way.
            self.assertGreaterEqual(started - before.received, LEASE - 0.2)
            self.figure(f"{taker.kind} leads after the death", [started - killed[taker]])
            self.await_renewals(2, taker.identity, name, CONFIGMAPS)
        # Its record has no transitions, and lets those of others go.
        self.assertEqual(self.versions(names[1], CONFIGMAPS)[-1].transitions, 1)
        self.assertIsNone(self.versions(names[0], CONFIGMAPS)[-1].transitions)

    def test_released_by_ours(self):
        own = self.ours("o", times=LONG)
        own.leads()
        self.cluster.patch(CONFIGMAPS, self.lock, {"metadata": {"annotations": {"keep": "this"}}, "data": {"k": "v"}})
        peer = self.python("p", times=durations(LONG_LEASE, 20, 1))
        peer.follows("o")
        released = own.end()
        self.figure("ours releases, Python leads (it polls each second)", [peer.leads() - released])
        self.await_renewals(1, "p", kind=CONFIGMAPS)
        version = self.versions(kind=CONFIGMAPS)[-1]
        self.assertEqual((version.metadata["annotations"]["keep"], version.body["data"]), ("this", {"k": "v"}))

    def test_living_beside(self):
        """In a time zone of its own, which its times on the lock do not tell."""
        names = [f"{self.lock}-{i}" for i in range(2)]
        patient = durations(15, 12, 1)
        leaders = [self.ours("leader", name=names[0], times=patient),
                   self.python("leader", name=names[1], times=patient, env={"TZ": "Asia/Kolkata"})]
        for leader in leaders:
            leader.leads()
        standbys = [stand(identity, name=name, times=patient) for name in names
                    for identity, stand in (("o", self.ours), ("p", self.python))]
        for standby in standbys:
            standby.follows("leader")
        for name in names:
            self.await_renewals(8, "leader", name, CONFIGMAPS)
            self.assertEqual({v.holder for v in self.versions(name, CONFIGMAPS)}, {"leader"})
        for standby in standbys:
            self.assertEqual(standby.said("started_leading"), [])


if __name__ == "__main__":
    fleet.main()
