"""What a Lease, and the annotation of a ConfigMap, hold after a round trip."""

import json

from case import Case, TIME


class LeaseSpecs(Case):
    def spec_of(self, **spec):
        """What is read of a Lease that was created with this spec."""
        name = self.name()
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}
        self.ok(self.api.post(self.leases(), lease), 201)
        return self.ok(self.api.get(self.leases(name)))["spec"]

    def refusal_of(self, **spec):
        return self.api.post(self.leases(), self.lease(self.name(), **spec))

    def test_all_fields(self):
        spec = {"holderIdentity": "host_1-Ä \"quoted\"", "leaseDurationSeconds": 15, "acquireTime": TIME,
                "renewTime": "2026-12-31T23:59:59.000001Z", "leaseTransitions": 2147483647}
        self.assertEqual(spec, self.spec_of(**spec))

    def test_times_keep_six_digits(self):
        for time in ("2026-01-02T03:04:05.000000Z", "2026-01-02T03:04:05.100000Z", "2026-01-02T03:04:05.999999Z"):
            self.assertEqual({"renewTime": time, "acquireTime": time}, self.spec_of(renewTime=time, acquireTime=time))

    def test_times_with_an_offset_are_read_as_utc(self):
        self.assertEqual("2026-01-02T01:04:05.678901Z", self.spec_of(renewTime="2026-01-02T03:04:05.678901+02:00")["renewTime"])

    def test_other_times_are_bad_requests(self):
        for time in ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678901234Z", "soon"):
            body = self.refused(self.refusal_of(renewTime=time), 400, "BadRequest")
            self.assertIn(f'parsing time "{time}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse', body["message"])

    def test_an_empty_holder_is_kept(self):
        self.assertEqual({"holderIdentity": ""}, self.spec_of(holderIdentity=""))
        lease = self.make_lease()
        self.assertEqual("", self.renew(lease, holderIdentity="")["spec"]["holderIdentity"])

    def test_nulls_are_absent(self):
        self.assertEqual({}, self.spec_of(holderIdentity=None, leaseDurationSeconds=None, acquireTime=None,
                                          renewTime=None, leaseTransitions=None))
        lease = self.make_lease()
        self.assertNotIn("holderIdentity", self.renew(lease, holderIdentity=None)["spec"])

    def test_nothing_is_accepted(self):
        self.assertEqual({}, self.spec_of())

    def test_transitions_zero_is_kept(self):
        self.assertEqual({"leaseTransitions": 0}, self.spec_of(leaseTransitions=0))

    def test_transitions_may_fall_but_not_below_zero(self):
        lease = self.make_lease(leaseTransitions=7)
        lower = self.renew(lease, leaseTransitions=3)
        self.assertEqual(3, lower["spec"]["leaseTransitions"])
        body = self.refused(self.refusal_of(leaseTransitions=-1), 422, "Invalid")
        self.assertIn("spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0", body["message"])

    def test_a_duration_of_zero_or_less_is_invalid(self):
        for duration in (0, -1):
            body = self.refused(self.refusal_of(leaseDurationSeconds=duration), 422, "Invalid", kind="Lease",
                                group="coordination.k8s.io")
            self.assertIn(f"spec.leaseDurationSeconds: Invalid value: {duration}: must be greater than 0", body["message"])
        lease = self.make_lease()
        answer = self.put_lease({**lease, "spec": {**lease["spec"], "leaseDurationSeconds": 0}})
        self.refused(answer, 422, "Invalid", name=lease["metadata"]["name"])

    def test_a_duration_that_is_no_int32_is_a_bad_request(self):
        for duration, kind in ((1.5, "number 1.5"), ("15", "string"), (2147483648, "number 2147483648")):
            body = self.refused(self.refusal_of(leaseDurationSeconds=duration), 400, "BadRequest")
            self.assertIn(f"json: cannot unmarshal {kind} into Go struct field LeaseSpec.spec.leaseDurationSeconds of "
                          "type int32", body["message"])

    def test_unknown_fields_are_pruned(self):
        name = self.name()
        lease = self.lease(name, unknown="x")
        lease["other"] = {"a": 1}
        answer = self.api.post(self.leases(), lease)
        created = self.ok(answer, 201)
        self.assertNotIn("unknown", created["spec"])
        self.assertNotIn("other", created)
        warnings = answer.headers.get_all("Warning") or []
        self.assertEqual(['299 - "unknown field \\"other\\""', '299 - "unknown field \\"spec.unknown\\""'], sorted(warnings))

    def test_unknown_fields_are_refused_if_one_asks_for_it(self):
        answer = self.api.post(self.leases(), self.lease(self.name(), unknown="x"), fieldValidation="Strict")
        body = self.refused(answer, 400, "BadRequest")
        self.assertIn('strict decoding error: unknown field "spec.unknown"', body["message"])
        self.assertIsNone(self.api.post(self.leases(), self.lease(self.name(), unknown="x"),
                                        fieldValidation="Ignore").headers["Warning"])

    def test_fields_of_coordinated_election_are_pruned_without_a_word(self):
        # As on every server where that alpha feature is off.
        name = self.name()
        answer = self.api.post(self.leases(), self.lease(name, strategy="OldestEmulationVersion", preferredHolder="b"))
        self.assertEqual(self.lease(name)["spec"], self.ok(answer, 201)["spec"])
        self.assertIsNone(answer.headers["Warning"])

    def test_labels_and_annotations_that_are_none(self):
        long = "x" * 64
        for metadata, field, wrong in (({"labels": {"a": "b c"}}, "metadata.labels", "b c"),
                                       ({"labels": {"a b": ""}}, "metadata.labels", "a b"),
                                       ({"labels": {long: ""}}, "metadata.labels", long),
                                       ({"labels": {"a": long}}, "metadata.labels", long),
                                       ({"labels": {"-": ""}}, "metadata.labels", "-"),
                                       ({"labels": {"/a": ""}}, "metadata.labels", "/a"),
                                       ({"labels": {"Example.com/a": ""}}, "metadata.labels", "Example.com/a"),
                                       ({"annotations": {"x/y/z": ""}}, "metadata.annotations", "x/y/z")):
            answer = self.api.post(self.leases(), self.lease(self.name(), metadata=metadata))
            body = self.refused(answer, 422, "Invalid", kind="Lease")
            self.assertEqual(field, body["details"]["causes"][0]["field"])
            self.assertIn(f'{field}: Invalid value: "{wrong}": ', body["message"])
        self.make_lease(metadata={"labels": {"example.com/A_b.c": "", "a": "A_b.c-d"}, "annotations": {"Example.com/a": "b c"}})

    def test_annotations_have_a_limit(self):
        self.make_configmap(metadata={"annotations": {"x": "y" * (262144 - 1)}})
        answer = self.api.post(self.configmaps(), self.configmap(self.name(), metadata={"annotations": {"x": "y" * 262144}}))
        body = self.refused(answer, 422, "Invalid", kind="ConfigMap")
        self.assertIn("metadata.annotations: Too long: may not be more than 262144 bytes", body["message"])

    def test_owner_references_that_are_none(self):
        answer = self.api.post(self.leases(), self.lease(self.name(), metadata={"ownerReferences": [{}]}))
        body = self.refused(answer, 422, "Invalid")
        self.assertEqual(["apiVersion", "kind", "name", "uid"], [
            cause["field"].removeprefix("metadata.ownerReferences.") for cause in body["details"]["causes"]])
        two = [{"apiVersion": "v1", "kind": "Pod", "name": name, "uid": name, "controller": True} for name in "ab"]
        answer = self.api.post(self.leases(), self.lease(self.name(), metadata={"ownerReferences": two}))
        self.assertIn("Only one reference can have Controller set to true", self.refused(answer, 422, "Invalid")["message"])

    def test_another_namespace_than_the_paths(self):
        answer = self.api.post(self.leases(), self.lease(self.name(), metadata={"namespace": "default"}))
        self.refused(answer, 400, "BadRequest",
                     "the namespace of the provided object does not match the namespace sent on the request")

    def test_a_name_that_is_none(self):
        for name in ("Upper", "under_score", "-a", "a..b", "x" * 254):
            body = self.refused(self.api.post(self.leases(), self.lease(name)), 422, "Invalid", kind="Lease", name=name)
            self.assertEqual("metadata.name", body["details"]["causes"][0]["field"])

    def test_a_body_that_is_no_json(self):
        self.refused(self.api.post(self.leases(), "{"), 400, "BadRequest")

    def test_a_body_of_another_kind(self):
        name = self.name()
        self.refused(self.api.post(self.leases(), self.configmap(name)), 400, "BadRequest")


class ConfigMapLocks(Case):
    RECORD = ('{"holderIdentity":"a","leaseDurationSeconds":15,"acquireTime":"2026-01-02T03:04:05Z",'
              '"renewTime":"2026-01-02T03:04:05Z","leaderTransitions":0}')
    KEY = "control-plane.alpha.kubernetes.io/leader"

    def test_the_annotation_is_kept_to_the_letter(self):
        odd = ' { "b" : 1.50 ,\t"a":"\\u00e4\n" }\n'
        created = self.make_configmap(metadata={"annotations": {self.KEY: self.RECORD, "odd": odd}})
        name = created["metadata"]["name"]
        read = self.ok(self.api.get(self.configmaps(name)))
        self.assertEqual(self.RECORD, read["metadata"]["annotations"][self.KEY])
        self.assertEqual(odd, read["metadata"]["annotations"]["odd"])

    def test_an_update_by_version_keeps_data_and_labels_that_are_sent(self):
        first = self.make_configmap(metadata={"annotations": {self.KEY: self.RECORD}, "labels": {"app": "x"}},
                                    data={"config": "a: b\n"}, binaryData={"bytes": "AAEC"})
        record = json.dumps({**json.loads(self.RECORD), "holderIdentity": "b"})
        metadata = {**first["metadata"], "annotations": {self.KEY: record}}
        path = self.configmaps(first["metadata"]["name"])
        second = self.ok(self.api.put(path, {**first, "metadata": metadata}))
        self.assertEqual({self.KEY: record}, second["metadata"]["annotations"])
        self.assertEqual({"app": "x"}, second["metadata"]["labels"])
        self.assertEqual({"config": "a: b\n"}, second["data"])
        self.assertEqual({"bytes": "AAEC"}, second["binaryData"])

    def test_an_update_that_changes_nothing(self):
        first = self.make_configmap(metadata={"annotations": {self.KEY: self.RECORD}})
        self.assertEqual(first, self.ok(self.api.put(self.configmaps(first["metadata"]["name"]), first)))
