"""Who may write when: resource versions, UIDs and conflicts."""

import threading

from case import Case, number, uid, version

STALE = "the object has been modified; please apply your changes to the latest version and try again"
OTHER_UID = "00000000-0000-0000-0000-000000000001"


class Versions(Case):
    def test_are_decimal_numbers_that_grow_over_all_objects_of_a_resource(self):
        first, second = self.make_lease(), self.make_lease()
        again = self.renew(first, leaseTransitions=1)
        third = self.make_lease()
        versions = [version(lease) for lease in (first, second, again, third)]
        for one in versions:
            self.assertRegex(one, r"^[1-9][0-9]*$")
        self.assertEqual(sorted(map(int, versions)), list(map(int, versions)))
        self.assertEqual(len(versions), len(set(versions)))

    def test_what_is_answered_is_what_is_read(self):
        lease = self.make_lease()
        path = self.leases(lease["metadata"]["name"])
        self.assertEqual(lease, self.ok(self.api.get(path)))
        renewed = self.renew(lease, holderIdentity="b")
        self.assertEqual(renewed, self.ok(self.api.get(path)))
        self.assertEqual("b", renewed["spec"]["holderIdentity"])


class StaleWrites(Case):
    def test_put_with_a_stale_version_is_a_conflict_and_changes_nothing(self):
        lease = self.make_lease()
        newer = self.renew(lease, holderIdentity="b")
        name = lease["metadata"]["name"]
        self.conflict(self.put_lease({**lease, "spec": {**lease["spec"], "holderIdentity": "c"}}), name, STALE)
        self.assertEqual(newer, self.ok(self.api.get(self.leases(name))))

    def test_the_version_is_looked_at_even_if_nothing_would_change(self):
        lease = self.make_lease()
        newer = self.renew(lease, holderIdentity="b")
        self.conflict(self.put_lease({**newer, "metadata": lease["metadata"]}), lease["metadata"]["name"], STALE)

    def test_put_with_a_version_of_the_future_is_a_conflict(self):
        lease = self.make_lease()
        metadata = {**lease["metadata"], "resourceVersion": str(number(lease) + 10**9)}
        self.conflict(self.put_lease({**lease, "metadata": metadata}), lease["metadata"]["name"], STALE)

    def test_of_a_configmap_as_well(self):
        first = self.make_configmap(data={"a": "1"})
        name = first["metadata"]["name"]
        second = self.ok(self.api.put(self.configmaps(name), {**first, "data": {"a": "2"}}))
        self.conflict(self.api.put(self.configmaps(name), {**first, "data": {"a": "3"}}), name, STALE,
                      "configmaps", None)
        self.assertEqual(second, self.ok(self.api.get(self.configmaps(name))))

    def test_a_version_that_is_no_number(self):
        lease = self.make_lease()
        answer = self.put_lease({**lease, "metadata": {**lease["metadata"], "resourceVersion": "abc"}})
        body = self.refused(answer, 500, None)
        self.assertIn('strconv.ParseUint: parsing "abc": invalid syntax', body["message"])

    def test_of_parallel_puts_on_one_version_exactly_one_wins(self):
        writers = 8
        clients = [self.server.client() for _ in range(writers)]
        for client in clients:
            self.addCleanup(client.close)
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        for round_ in range(10):
            answers = [None] * writers
            together = threading.Barrier(writers)

            def write(index, read=lease):
                together.wait()
                spec = {**read["spec"], "holderIdentity": f"{round_}-{index}"}
                answers[index] = clients[index].put(self.leases(name), {**read, "spec": spec})

            threads = [threading.Thread(target=write, args=(index,)) for index in range(writers)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            winners = [answer for answer in answers if answer.status == 200]
            self.assertEqual(1, len(winners), answers)
            for answer in answers:
                if answer is not winners[0]:
                    self.conflict(answer, name, STALE)
            lease = self.ok(self.api.get(self.leases(name)))
            self.assertEqual(winners[0].body, lease)

    def test_of_parallel_creations_exactly_one_wins(self):
        writers = 8
        clients = [self.server.client() for _ in range(writers)]
        for client in clients:
            self.addCleanup(client.close)
        name = self.name()
        answers = [None] * writers
        together = threading.Barrier(writers)

        def create(index):
            together.wait()
            answers[index] = clients[index].post(self.leases(), self.lease(name, holder=str(index)))

        threads = [threading.Thread(target=create, args=(index,)) for index in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [answer for answer in answers if answer.status == 201]
        self.assertEqual(1, len(winners), answers)
        for answer in answers:
            if answer is not winners[0]:
                self.refused(answer, 409, "AlreadyExists", name=name)
        self.assertEqual(winners[0].body, self.ok(self.api.get(self.leases(name))))


class Creations(Case):
    def test_post_of_an_existing_name_is_already_exists_and_changes_nothing(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        self.refused(self.api.post(self.leases(), self.lease(name, holder="other")), 409, "AlreadyExists",
                     f'leases.coordination.k8s.io "{name}" already exists', name=name, kind="leases",
                     group="coordination.k8s.io")
        self.assertEqual(lease, self.ok(self.api.get(self.leases(name))))

    def test_post_of_an_existing_configmap(self):
        name = self.make_configmap()["metadata"]["name"]
        self.refused(self.api.post(self.configmaps(), self.configmap(name)), 409, "AlreadyExists",
                     f'configmaps "{name}" already exists', name=name, kind="configmaps", group=None)

    def test_post_with_a_version_is_refused(self):
        answer = self.api.post(self.leases(), self.lease(self.name(), metadata={"resourceVersion": "5"}))
        self.refused(answer, 500, None, "resourceVersion should not be set on objects to be created")

    def test_post_with_version_0_or_a_uid_creates(self):
        self.make_lease(metadata={"resourceVersion": "0"})
        lease = self.make_lease(metadata={"uid": OTHER_UID})
        self.assertNotEqual(OTHER_UID, uid(lease))

    def test_in_a_missing_namespace(self):
        nowhere = f"nowhere-{self.server.run}"
        name = self.name()
        message = f'namespaces "{nowhere}" not found'
        for answer in (self.api.post(self.leases(namespace=nowhere), self.lease(name)),
                       self.api.put(self.leases(name, nowhere), self.lease(name)),
                       self.api.post(self.configmaps(namespace=nowhere), self.configmap(name))):
            self.refused(answer, 404, "NotFound", message, kind="namespaces", name=nowhere)

    def test_post_to_the_path_of_an_object(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        self.refused(self.api.post(self.leases(name), self.lease(name)), 405, "MethodNotAllowed",
                     "the server does not allow this method on the requested resource")


class PutOfTheMissing(Case):
    def test_a_lease_without_uid_is_created_whatever_its_version(self):
        for metadata in ({}, {"resourceVersion": "0"}, {"resourceVersion": "5"}):
            lease = self.lease(self.name(), metadata=metadata)
            created = self.ok(self.put_lease(lease), 201)
            self.assertEqual(lease["spec"], created["spec"])
            self.assertEqual(created, self.ok(self.api.get(self.leases(lease["metadata"]["name"]))))

    def test_a_deleted_lease_without_its_uid_comes_back_as_another(self):
        lease = self.make_lease()
        self.remove_lease(lease)
        metadata = {"name": lease["metadata"]["name"], "resourceVersion": version(lease)}
        created = self.ok(self.put_lease({**lease, "metadata": metadata}), 201)
        self.assertNotEqual(uid(lease), uid(created))

    def test_a_deleted_lease_with_its_uid_is_a_conflict(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        self.remove_lease(lease)
        without_version = {"name": name, "uid": uid(lease)}
        for metadata in (lease["metadata"], without_version):
            self.conflict(self.put_lease({**lease, "metadata": metadata}), name,
                          f"Precondition failed: UID in precondition: {uid(lease)}, UID in object meta: ")
        self.refused(self.api.get(self.leases(name)), 404, "NotFound")

    def test_a_configmap_is_not_found(self):
        for metadata in ({}, {"resourceVersion": "5"}):
            name = self.name()
            answer = self.api.put(self.configmaps(name), self.configmap(name, metadata=metadata))
            self.refused(answer, 404, "NotFound", f'configmaps "{name}" not found', kind="configmaps", name=name)


class PutOfTheExisting(Case):
    def test_without_a_version_is_invalid_for_a_lease(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        for metadata in ({}, {"uid": uid(lease)}, {"resourceVersion": "0"}):
            answer = self.put_lease(self.lease(name, holder="b", metadata=metadata))
            body = self.refused(answer, 422, "Invalid", name=name, group="coordination.k8s.io")
            self.assertEqual(f'leases.coordination.k8s.io "{name}" is invalid: metadata.resourceVersion: '
                             "Invalid value: 0: must be specified for an update", body["message"])
            self.assertEqual("metadata.resourceVersion", body["details"]["causes"][0]["field"])
        self.assertEqual(lease, self.ok(self.api.get(self.leases(name))))

    def test_without_a_version_is_unconditional_for_a_configmap(self):
        first = self.make_configmap(data={"a": "1"})
        name = first["metadata"]["name"]
        second = self.ok(self.api.put(self.configmaps(name), self.configmap(name, data={"a": "2"})))
        self.assertEqual({"a": "2"}, second["data"])
        self.assertEqual(uid(first), uid(second))
        self.assertGreater(number(second), number(first))

    def test_with_another_uid_is_a_conflict(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        why = f"Precondition failed: UID in precondition: {OTHER_UID}, UID in object meta: {uid(lease)}"
        for metadata in ({"uid": OTHER_UID}, {"uid": OTHER_UID, "resourceVersion": version(lease)}):
            self.conflict(self.put_lease(self.lease(name, holder="b", metadata=metadata)), name, why)
        self.assertEqual(lease, self.ok(self.api.get(self.leases(name))))

    def test_of_a_recreated_lease_is_a_conflict(self):
        old = self.make_lease()
        name = old["metadata"]["name"]
        self.remove_lease(old)
        new = self.make_lease(name, holder="b")
        self.conflict(self.put_lease(old), name, f"UID in object meta: {uid(new)}")
        self.assertEqual(new, self.ok(self.api.get(self.leases(name))))

    def test_that_changes_nothing_is_answered_with_the_same_version_and_is_no_event(self):
        lease = self.make_lease()
        watch = self.watch_lease(lease["metadata"]["name"], resourceVersion=version(lease))
        self.assertEqual(lease, self.ok(self.put_lease(lease)))
        self.assertEqual(lease, self.ok(self.put_lease(self.lease(
            lease["metadata"]["name"], metadata={"resourceVersion": version(lease)}))))
        self.event(watch, "MODIFIED", self.renew(lease, holderIdentity="b"))

    def test_whose_name_is_not_the_paths(self):
        lease = self.make_lease()
        name = lease["metadata"]["name"]
        self.refused(self.api.put(self.leases(name), self.lease("other")), 400, "BadRequest",
                     f"the name of the object (other) does not match the name on the URL ({name})")


class Metadata(Case):
    def test_labels_and_annotations_stay_if_they_are_sent_and_go_if_not(self):
        lease = self.make_lease(metadata={"labels": {"app": "x"}, "annotations": {"note": "y"}})
        renewed = self.renew(lease, leaseTransitions=1)
        self.assertEqual({"app": "x"}, renewed["metadata"]["labels"])
        self.assertEqual({"note": "y"}, renewed["metadata"]["annotations"])
        name = lease["metadata"]["name"]
        bare = self.ok(self.put_lease(self.lease(name, metadata={"resourceVersion": version(renewed)})))
        self.assertNotIn("labels", bare["metadata"])
        self.assertNotIn("annotations", bare["metadata"])
        self.assertEqual(uid(lease), uid(bare))

    def test_a_put_without_managed_fields_is_as_good(self):
        lease = self.make_lease()
        metadata = {key: value for key, value in lease["metadata"].items() if key != "managedFields"}
        self.assertEqual(lease, self.ok(self.put_lease({**lease, "metadata": metadata})))
        changed = self.ok(self.put_lease({**lease, "metadata": metadata, "spec": {**lease["spec"], "holderIdentity": "b"}}))
        self.assertEqual("b", changed["spec"]["holderIdentity"])
        # What was read is written back by many clients, these fields included.
        self.assertEqual(changed, self.ok(self.put_lease(changed)))

    def test_what_the_server_sets_no_put_changes(self):
        lease = self.make_lease()
        self.assertRegex(lease["metadata"]["creationTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        metadata = {**lease["metadata"], "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "x"}
        written = self.ok(self.put_lease({**lease, "metadata": metadata, "spec": {"holderIdentity": "b"}}))
        self.assertEqual(lease["metadata"]["creationTimestamp"], written["metadata"]["creationTimestamp"])
        self.assertEqual(self.namespace, written["metadata"]["namespace"])
