"""What was written, version by version, as a watch tells it: the witness of all that operators do."""

import http.client
import json
import threading
import time

import bed
import support


def watch(api, path):
    """The events of a watch, until it ends."""
    connection = http.client.HTTPSConnection(api.host, timeout=support.PATIENCE, context=api.context)
    try:
        connection.request("GET", path, headers={"Authorization": "Bearer " + api.token})
        answer = connection.getresponse()
        for line in answer:
            event = json.loads(line)
            if event["type"] not in ("ADDED", "MODIFIED", "DELETED"):
                return
            yield event
    except http.client.HTTPException:
        return
    finally:
        connection.close()


class History:
    """Every version of the namespace's Deployments and Memcacheds."""

    def __init__(self, api, namespace):
        self.api, self.seen = api, []
        self.paths = (bed.DEPLOYMENTS.format(namespace), bed.MEMCACHEDS.format(namespace))
        for path in self.paths:
            there = api.request("GET", path)
            kind = there["kind"].removesuffix("List")  # a list's items do not say it
            self.seen += [{"type": "ADDED", "object": {**item, "kind": kind}} for item in there["items"]]
            threading.Thread(target=self.follow, args=(path, there["metadata"]["resourceVersion"]),
                             daemon=True).start()

    def follow(self, path, version):
        while True:
            try:
                for event in watch(self.api, f"{path}?watch=1&resourceVersion={version}"):
                    version = event["object"]["metadata"]["resourceVersion"]
                    with support.changed:
                        self.seen.append(event)
                        support.changed.notify_all()
            except OSError:
                pass
            time.sleep(0.1)  # the server is away, or has ended the watch: it goes on from there

    def catch_up(self):
        """Waits until it has seen what there is now."""
        versions = {item["metadata"]["resourceVersion"] for path in self.paths
                    for item in self.api.request("GET", path)["items"]}
        with support.changed:
            assert support.changed.wait_for(
                lambda: versions <= {e["object"]["metadata"]["resourceVersion"] for e in self.seen},
                support.PATIENCE), "a deaf watch"

    def events(self, kind, name):
        return [event for event in list(self.seen)
                if (event["object"]["kind"], event["object"]["metadata"]["name"]) == (kind, name)]

    def await_writes(self, count):
        """So many of them."""
        with support.changed:
            support.changed.wait_for(lambda: len(self.writes()) >= count, support.PATIENCE)
        return self.writes()

    def writes(self):
        """(version, kind, name, token) of what operators wrote, in the order of the API server: a Deployment,
        which nobody else writes here, or the status of a Memcached."""
        objects = sorted((event["object"] for event in list(self.seen)),
                         key=lambda o: int(o["metadata"]["resourceVersion"]))
        found, last = [], {}
        for thing in objects:
            kind, metadata = thing["kind"], thing["metadata"]
            name, version = metadata["name"], int(metadata["resourceVersion"])
            if kind == "Deployment":
                found.append((version, kind, name, int(metadata["annotations"][bed.TOKEN])))
            elif thing.get("status") != last.get(name):
                last[name] = thing.get("status")
                found.append((version, kind, name, int(last[name]["fencingToken"])))
        return found
