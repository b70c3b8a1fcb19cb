"""LIST: selectors, pages, versions."""

from case import Case, number, version


class Lists(Case):
    def names(self, answer):
        return [item["metadata"]["name"] for item in self.ok(answer)["items"]]

    def test_the_kind_and_the_version_of_a_list(self):
        lease = self.make_lease()
        listed = self.ok(self.api.get(self.leases()))
        self.assertEqual(("LeaseList", "coordination.k8s.io/v1"), (listed["kind"], listed["apiVersion"]))
        self.assertRegex(version(listed), "^[1-9][0-9]*$")
        self.assertGreaterEqual(number(listed), number(lease))

    def test_a_field_selector_lists_one_object(self):
        lease = self.make_lease()
        self.make_lease()
        name = lease["metadata"]["name"]
        listed = self.ok(self.api.get(self.leases(), fieldSelector=f"metadata.name={name}"))
        del lease["kind"], lease["apiVersion"]  # said once, of the list
        self.assertEqual([lease], [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
                                   for item in listed["items"]])
        self.assertEqual([], self.names(self.api.get(self.leases(), fieldSelector="metadata.name=none")))

    def test_a_field_selector_on_another_field_is_a_bad_request(self):
        self.refused(self.api.get(self.leases(), fieldSelector="spec.holderIdentity=a"), 400, "BadRequest",
                     '"spec.holderIdentity" is not a known field selector: only "metadata.name", "metadata.namespace"')

    def test_limits_that_are_none(self):
        self.refused(self.api.get(self.leases(), limit="x"), 400, "BadRequest",
                     'strconv.ParseInt: parsing "x": invalid syntax')
        self.make_lease()
        self.assertEqual(self.names(self.api.get(self.leases())), self.names(self.api.get(self.leases(), limit="-1")))

    def test_a_label_selector(self):
        name = self.make_lease(metadata={"labels": {"case": "labels-1"}})["metadata"]["name"]
        self.make_lease(metadata={"labels": {"case": "labels-2"}})
        self.assertEqual([name], self.names(self.api.get(self.leases(), labelSelector="case=labels-1")))

    def test_pages(self):
        for _ in range(5):
            self.make_lease()
        everything = self.names(self.api.get(self.leases()))
        paged, query, first = [], {"limit": "2"}, None
        while query:
            page = self.ok(self.api.get(self.leases(), **query))
            paged += [item["metadata"]["name"] for item in page["items"]]
            first = first or page
            self.assertEqual(version(first), version(page))
            more = page["metadata"].get("continue")
            self.assertEqual(len(everything) - len(paged), page["metadata"].get("remainingItemCount", 0))
            self.assertEqual(2 if more else len(everything) % 2 or 2, len(page["items"]))
            query = {"limit": "2", "continue": more} if more else None
        self.assertEqual(everything, paged)
        self.assertEqual(sorted(everything), everything)

    def test_a_wrong_continuation_is_a_bad_request(self):
        self.refused(self.api.get(self.leases(), limit="2", **{"continue": "rubbish"}), 400, "BadRequest")

    def test_in_a_missing_namespace_is_empty(self):
        self.assertEqual([], self.names(self.api.get(self.leases(namespace=f"nowhere-{self.server.run}"))))

    def test_of_the_future_is_a_timeout(self):
        future = str(number(self.ok(self.api.get(self.leases()))) + 10**9)
        for path in (self.leases(), self.leases(self.make_lease()["metadata"]["name"])):
            answer = self.api.get(path, resourceVersion=future)
            body = self.refused(answer, 504, "Timeout")
            self.assertRegex(body["message"], rf"^Timeout: Too large resource version: {future}, current: \d+$")
            self.assertEqual("ResourceVersionTooLarge", body["details"]["causes"][0]["reason"])
            self.assertEqual(1, body["details"]["retryAfterSeconds"])

    def test_a_version_that_is_no_number(self):
        # A bad request, where the same on a watch or in an object is an error of the server.
        body = self.refused(self.api.get(self.leases(), resourceVersion="abc"), 400, "BadRequest")
        self.assertIn('strconv.ParseUint: parsing "abc": invalid syntax', body["message"])
