"""Watches: what they begin with, what they carry, where they can be resumed, how they end."""

import threading

from case import Case, initial_events, number, version


class Beginnings(Case):
    def test_headers_come_at_once_though_nothing_will_ever_match(self):
        # Opening it returns with the headers: it would not return on a server that waits for an event to send with them.
        for query in ({}, {"resourceVersion": version(self.make_lease())}, {"resourceVersion": "0"}):
            self.watch_lease("none", **query)

    def test_without_a_version_the_existing_object_is_added(self):
        lease = self.make_lease()
        for query in ({}, {"resourceVersion": "0"}):
            watch = self.watch_lease(lease["metadata"]["name"], **query)
            self.event(watch, "ADDED", lease)
            lease = self.renew(lease, leaseTransitions=lease["spec"]["leaseTransitions"] + 1)
            self.event(watch, "MODIFIED", lease)

    def test_without_a_version_a_missing_object_is_no_event(self):
        name = self.name()
        watches = [self.watch_lease(name), self.watch_lease(name, resourceVersion="0")]
        lease = self.make_lease(name)
        for watch in watches:
            self.event(watch, "ADDED", lease)

    def test_from_a_version_only_what_came_later(self):
        lease = self.make_lease()
        watch = self.watch_lease(lease["metadata"]["name"], resourceVersion=version(lease))
        self.event(watch, "MODIFIED", self.renew(lease, holderIdentity="b"))

    def test_initial_events_of_an_existing_object_end_with_a_bookmark(self):
        lease = self.make_lease()
        for more in ({}, {"resourceVersion": "0"}, {"resourceVersion": version(lease)}):
            watch = self.watch_lease(lease["metadata"]["name"], **initial_events(**more))
            self.event(watch, "ADDED", lease)
            self.assertGreaterEqual(number(self.bookmark(watch, True)), number(lease))

    def test_initial_events_of_a_missing_object_are_just_the_bookmark(self):
        newest = self.make_lease()
        name = self.name()
        watch = self.watch_lease(name, **initial_events())
        bookmark = self.bookmark(watch, True)
        self.assertGreaterEqual(number(bookmark), number(newest))
        self.event(watch, "ADDED", self.make_lease(name))

    def test_a_bookmark_has_kind_version_and_nothing_else_of_the_object(self):
        bookmark = self.bookmark(self.watch_lease("none", **initial_events()), True)
        self.assertEqual(("Lease", "coordination.k8s.io/v1"), (bookmark["kind"], bookmark["apiVersion"]))
        self.assertEqual({"resourceVersion", "annotations"}, {
            key for key, value in bookmark["metadata"].items() if value is not None})
        self.assertFalse(bookmark.get("spec"))

    def test_bookmarks_without_a_version_begin_like_initial_events(self):
        lease = self.make_lease()
        watch = self.watch_lease(lease["metadata"]["name"], allowWatchBookmarks="true")
        self.event(watch, "ADDED", lease)
        self.bookmark(watch, True)
        self.bookmark(self.watch_lease("none", allowWatchBookmarks="true"), True)
        # Version 0 is none.
        watch = self.watch_lease(lease["metadata"]["name"], allowWatchBookmarks="true", resourceVersion="0")
        self.event(watch, "ADDED", lease)
        self.bookmark(watch, True)

    def test_bookmarks_from_a_version_do_not_begin_with_one(self):
        lease = self.make_lease()
        watch = self.watch_lease(lease["metadata"]["name"], allowWatchBookmarks="true", resourceVersion=version(lease))
        self.event(watch, "MODIFIED", self.renew(lease, holderIdentity="b"))

    def test_initial_events_without_bookmarks(self):
        lease = self.make_lease()
        query = initial_events()
        del query["allowWatchBookmarks"]
        watch = self.watch_lease(lease["metadata"]["name"], **query)
        self.event(watch, "ADDED", lease)
        self.event(watch, "MODIFIED", self.renew(lease, holderIdentity="b"))

    def test_initial_events_need_a_version_match(self):
        for query in ({"sendInitialEvents": "true"}, {"resourceVersionMatch": "NotOlderThan"}):
            watch = self.api.watch(self.leases(), **query)
            self.addCleanup(watch.close)
            body = self.refused(watch.refusal, 422, "Invalid")
            self.assertEqual("resourceVersionMatch", body["details"]["causes"][0]["field"])

    def test_in_a_missing_namespace_nothing_comes(self):
        nowhere = f"nowhere-{self.server.run}"
        watch = self.watch(self.leases(namespace=nowhere), timeoutSeconds="1")
        self.assertIsNone(watch.next())

    def test_a_version_that_is_no_number(self):
        watch = self.api.watch(self.leases(), resourceVersion="abc")
        self.addCleanup(watch.close)
        body = self.refused(watch.refusal, 500, None)
        self.assertIn('strconv.ParseUint: parsing "abc": invalid syntax', body["message"])

    def test_the_path_of_an_object_is_got_and_not_watched(self):
        lease = self.make_lease()
        self.assertEqual(lease, self.ok(self.api.get(self.leases(lease["metadata"]["name"]), watch="1")))


class Events(Case):
    def test_come_in_order_with_the_object_as_stored(self):
        writers, writes = 4, 10
        start = version(self.make_lease())
        all_of_them = self.watch(self.leases(), resourceVersion=start)
        leases = [self.make_lease(self.name(f"w{index}")) for index in range(writers)]
        written = [[lease] for lease in leases]
        clients = [self.server.client() for _ in range(writers)]

        def write(index):
            lease = leases[index]
            for count in range(1, writes):
                answer = clients[index].put(self.leases(lease["metadata"]["name"]),
                                            {**lease, "spec": {**lease["spec"], "leaseTransitions": count}})
                lease = answer.body
                written[index].append(lease)

        threads = [threading.Thread(target=write, args=(index,)) for index in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for client in clients:
            client.close()
        expected = sorted((lease for of_one in written for lease in of_one), key=number)
        first = {version(of_one[0]) for of_one in written}
        for lease in expected:
            self.event(all_of_them, "ADDED" if version(lease) in first else "MODIFIED", lease)

    def test_a_deletion_has_a_version_of_its_own_which_can_be_resumed_from(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        watch = self.watch_lease(name, resourceVersion=version(lease))
        self.remove_lease(lease)
        deleted = self.event(watch, "DELETED")["object"]
        self.assertGreater(number(deleted), number(lease))
        self.assertEqual({**lease, "metadata": {**lease["metadata"], "resourceVersion": version(deleted)}}, deleted)
        again = self.make_lease(name)
        self.event(watch, "ADDED", again)
        self.event(self.watch_lease(name, resourceVersion=version(deleted)), "ADDED", again)

    def test_a_field_selector_shows_that_object_alone(self):
        mine, other = self.make_lease(), self.make_lease()
        watch = self.watch_lease(mine["metadata"]["name"], resourceVersion=version(other))
        self.renew(other, holderIdentity="b")
        self.remove_lease(self.make_lease())
        self.event(watch, "MODIFIED", self.renew(mine, holderIdentity="b"))

    def test_of_configmaps(self):
        first = self.make_configmap(metadata={"annotations": {"a": "1"}})
        name = first["metadata"]["name"]
        watch = self.watch(self.configmaps(), fieldSelector=f"metadata.name={name}")
        self.event(watch, "ADDED", first)
        second = self.ok(self.api.put(self.configmaps(name), {**first, "data": {"a": "b"}}))
        self.event(watch, "MODIFIED", second)
        self.ok(self.api.delete(self.configmaps(name)))
        self.assertEqual(name, self.event(watch, "DELETED")["object"]["metadata"]["name"])

    def test_of_an_object_that_comes_to_match_and_ceases_to(self):
        lease = self.make_lease()
        watch = self.watch(self.leases(), labelSelector=f"role={lease['metadata']['name']}", resourceVersion=version(lease))
        labelled = self.ok(self.put_lease({**lease, "metadata": {
            **lease["metadata"], "labels": {"role": lease["metadata"]["name"]}}}))
        self.event(watch, "ADDED", labelled)
        bare = self.ok(self.put_lease({**labelled, "metadata": {**labelled["metadata"], "labels": None}}))
        deleted = self.event(watch, "DELETED")["object"]
        self.assertEqual(version(bare), version(deleted))


class Resuming(Case):
    def changes(self):
        """A Lease's whole life: the events that a watch of it must show, each with its object."""
        name = self.name()
        before = self.make_lease()
        watch = self.watch_lease(name, resourceVersion=version(before))
        lease = self.make_lease(name)
        for count in range(1, 5):
            self.make_lease()
            lease = self.renew(lease, leaseTransitions=count)
        self.remove_lease(lease)
        self.make_lease(name, holder="again")
        events = [self.event(watch) for _ in range(7)]
        self.assertEqual(["ADDED"] + ["MODIFIED"] * 4 + ["DELETED", "ADDED"], [event["type"] for event in events])
        return name, before, events

    def test_after_any_event_shows_each_later_one_once(self):
        name, before, events = self.changes()
        last = events[-1]["object"]
        points = [before] + [event["object"] for event in events]
        watches = [self.watch_lease(name, resourceVersion=version(point)) for point in points]
        marker = self.renew(last, holderIdentity="marker")
        for index, watch in enumerate(watches):
            for event in events[index:]:
                self.assertEqual(event, watch.next())
            self.event(watch, "MODIFIED", marker)

    def test_after_the_first_bookmark(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        watch = self.watch_lease(name, **initial_events())
        self.event(watch, "ADDED", lease)
        point = self.bookmark(watch, True)
        lease = self.renew(lease, holderIdentity="b")
        resumed = self.watch_lease(name, resourceVersion=version(point))
        for one in (watch, resumed):
            self.event(one, "MODIFIED", lease)
        lease = self.renew(lease, holderIdentity="c")
        for one in (watch, resumed):
            self.event(one, "MODIFIED", lease)

    def test_after_the_bookmark_that_precedes_the_end(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        watch = self.watch_lease(name, resourceVersion=version(lease), allowWatchBookmarks="true", timeoutSeconds="6")
        # Nothing happens to this object, but the bookmark tells that others were written.
        newest = self.make_lease()
        point = self.bookmark(watch)
        self.assertGreaterEqual(number(point), number(newest))
        resumed = self.watch_lease(name, resourceVersion=version(point))
        renewed = self.renew(lease, holderIdentity="b")
        self.event(resumed, "MODIFIED", renewed)
        while (event := watch.next()) is not None:
            self.assertIn(event["type"], ("BOOKMARK", "MODIFIED"))

    def test_after_a_list(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        for query in ({}, {"resourceVersion": "0"}, {"fieldSelector": f"metadata.name={name}"}):
            listed = self.ok(self.api.get(self.leases(), **query))
            watch = self.watch_lease(name, resourceVersion=version(listed))
            lease = self.renew(lease, leaseTransitions=lease["spec"]["leaseTransitions"] + 1)
            self.event(watch, "MODIFIED", lease)

    def test_from_the_future_skips_what_comes_before_and_says_nothing(self):
        # So a watch resumed after a restore from a backup is deaf for a while. It is what the library has to live with.
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        future = number(lease) + 200
        watch = self.watch_lease(name, resourceVersion=str(future))
        count = 0
        while number(lease) <= future:
            count += 1
            lease = self.renew(lease, leaseTransitions=count)
        self.event(watch, "MODIFIED", lease)


class Ends(Case):
    def test_the_timeout_ends_it_in_good_order_without_an_event(self):
        lease = self.make_lease()
        watch = self.watch_lease(lease["metadata"]["name"], resourceVersion=version(lease), timeoutSeconds="1")
        self.assertIsNone(watch.next())

    def test_the_timeout_ends_a_watch_that_had_events(self):
        lease = self.make_lease()
        watch = self.watch_lease(lease["metadata"]["name"], timeoutSeconds="1")
        self.event(watch, "ADDED", lease)
        self.assertIsNone(watch.next())
