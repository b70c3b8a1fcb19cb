"""The loop of a term: read all, mend what differs, wait for a watch to ring."""

import random
import threading
import time

import urllib3
from cluster import GROUPS, complain
from kubernetes import client, watch
from log import log_problem
from memcached import SELECTOR, Malformed, Memcached
from reconcile import reconcile

RESYNC_S = 15  # should a watch be deaf
ROUND_LEAST_S = 0.1  # a burst of changes is one round
RETRY_FIRST_S, RETRY_MOST_S = 0.2, 30
WATCH_S = 300
WATCH_LASTING_S = 5  # a watch that lasted this long ended for no fault


class Bell:
    """A watch that only rings, on a thread of its own: that reads, and writes nothing."""

    def __init__(self, cluster, namespace, plural, found, selector, news):
        self.watch, self.news, self.plural, self.began = watch.Watch(), news, plural, time.monotonic()
        events = self.watch.stream(
            cluster.api.list_namespaced_custom_object, *GROUPS[plural], namespace, plural, label_selector=selector,
            resource_version=found["metadata"]["resourceVersion"], timeout_seconds=WATCH_S, _request_timeout=(5, WATCH_S + 60))
        self.thread = threading.Thread(target=self._listen, args=(events,), daemon=True)
        self.thread.start()

    def _listen(self, events):
        try:
            for _ in events:
                self.news.set()
        except client.ApiException as error:
            if error.status != 410:  # too old: it is listed again
                complain("GET", self.plural, error)
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
            pass  # broken off, or closed by us; what is wrong says the list
        if time.monotonic() - self.began >= WATCH_LASTING_S:
            self.news.set()


class Controller:
    """The work of one term, on the thread that calls run()."""

    def __init__(self, cluster, namespace, term):
        self.cluster, self.namespace, self.term = cluster, namespace, term
        self.news, self.bells = threading.Event(), {}

    def stop(self):
        """[a signal's handler, or any thread] What is looked at is finished, and nothing else begun."""
        self.term.stop()
        self.news.set()

    def run(self):
        """Until the term is to end. When this returns nothing of it is under way."""
        threading.Thread(target=self._await_the_end, daemon=True).start()
        bad_rounds = 0
        try:
            while self.term.is_leader:
                began = time.monotonic()
                self.news.clear()
                bad_rounds = bad_rounds + 1 if self._round() else 0
                if self.term.is_leader:
                    self.news.wait(_back_off(bad_rounds) if bad_rounds else RESYNC_S)
                if self.term.is_leader:
                    time.sleep(max(0, ROUND_LEAST_S - (time.monotonic() - began)))
        finally:
            for bell in self.bells.values():
                bell.watch.stop()

    def _await_the_end(self):
        self.term.stopped.wait()
        self.news.set()

    def _round(self):
        """How many are not yet as they should be."""
        memcacheds = self.cluster.list(self.namespace, "memcacheds")
        if memcacheds is None or not self.term.is_leader:
            return 1
        deployments = self.cluster.list(self.namespace, "deployments", SELECTOR)
        if deployments is None:
            return 1
        self._watch("memcacheds", memcacheds, "")
        self._watch("deployments", deployments, SELECTOR)
        by_name = {deployment["metadata"]["name"]: deployment for deployment in deployments["items"]}
        failures = 0
        for item in memcacheds["items"]:
            # A stop lets the one that is being looked at be finished, and the next one not be begun.
            if not self.term.is_leader:
                break
            failures += not self._look_at(item, by_name)
        return failures

    def _look_at(self, item, deployments):
        try:
            memcached = Memcached(item)
        except Malformed as why:
            # Nothing to retry: whoever mends it makes the watch ring.
            name = str(item["metadata"]["name"])[:80]
            log_problem(f"Memcached {name} is malformed, it is left as it is: {why}")
            return True
        return reconcile(self.cluster, self.namespace, self.term, memcached, deployments.get(memcached.name))

    def _watch(self, plural, found, selector):
        bell = self.bells.get(plural)
        if bell is None or not bell.thread.is_alive():
            self.bells[plural] = Bell(self.cluster, self.namespace, plural, found, selector, self.news)


def _back_off(bad_rounds):
    """Doubling with each bad round in a row, half of it by chance: not all operators of a cluster come back at once."""
    delay = min(RETRY_FIRST_S * 2 ** min(bad_rounds - 1, 16), RETRY_MOST_S)
    return delay / 2 * (1 + random.random())
