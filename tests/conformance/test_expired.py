"""Watches from a version that the server no longer knows."""

import bed
from case import Case, initial_events, version


class Expired(Case):
    @classmethod
    def setUpClass(cls):
        cls.forgetful = bed.Forgetful(Case.bed)
        cls.addClassCleanup(cls.forgetful.close)

    def setUp(self):
        self.use(self.forgetful.bed)

    def expect_expired(self, watch):
        event = self.event(watch, "ERROR")
        self.is_failure(event["object"], 410, "Expired")
        self.assertRegex(event["object"]["message"], r"^too old resource version: \d+ \(\d+\)$")
        # It is the last word.
        self.assertIsNone(watch.next())

    def test_are_told_so_in_an_event_and_end(self):
        idle, busy = self.make_lease(), self.make_lease()
        idle_name, busy_name = idle["metadata"]["name"], busy["metadata"]["name"]
        newer = self.renew(busy, holderIdentity="b")
        self.forgetful.forget()
        self.expect_expired(self.watch_lease(busy_name, resourceVersion=version(busy)))
        self.expect_expired(self.watch_lease(busy_name, resourceVersion="1"))
        self.expect_expired(self.watch(self.leases(), resourceVersion=version(busy)))
        # The version of an object that nobody wrote is as old as the others.
        self.expect_expired(self.watch_lease(idle_name, resourceVersion=version(idle)))
        # What helps: to list, to watch without a version, or to ask for the initial events.
        listed = self.ok(self.api.get(self.leases(), fieldSelector=f"metadata.name={busy_name}"))
        from_list = self.watch_lease(busy_name, resourceVersion=version(listed))
        self.event(self.watch_lease(busy_name), "ADDED", newer)
        initial = self.watch_lease(busy_name, **initial_events(resourceVersion=version(busy)))
        self.event(initial, "ADDED", newer)
        self.bookmark(initial, True)
        newest = self.renew(newer, holderIdentity="c")
        self.event(from_list, "MODIFIED", newest)
        self.event(initial, "MODIFIED", newest)
