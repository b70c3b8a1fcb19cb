"""Chance: groups of candidates side by side, each with faults of its own; and in between, faults of the API server,
which are everybody's. Never two leaders, whatever happens; a leader soon after the faults have ended.
"""

import os
import threading
import unittest

import bed
import support
import tally
from group import Group

GROUPS = int(os.environ.get("K8SLEADER_FAULTS_GROUPS", "8"))
SEED = os.environ.get("K8SLEADER_TEST_SEED", "0")
DURATION = float(os.environ.get("K8SLEADER_FAULTS_DURATION", "50"))
STRETCH = 60.0  # seconds, at most, until the server has its turn


class Chance(bed.TestCase):
    def test_as_drawn(self):
        groups = [Group(self, number, SEED) for number in range(GROUPS)]
        for group in groups:
            group.await_first_leader()
        until = support.now() + DURATION
        while support.now() < until:
            stretch = min(until, support.now() + STRETCH)
            self.all_at_once(groups, lambda group, stretch=stretch: group.run(stretch))
            self.suffer_server(groups)
        self.assertGreater(sum(tally.injected.values()), 0)

    def all_at_once(self, groups, do):
        failures = []

        def one(group):
            try:
                do(group)
            except Exception as error:  # of whatever kind: it is the test's failure, and the others are to end in order
                failures.append(f"{group.name}: {error}\nits last faults:\n  " + "\n  ".join(group.done[-8:]))

        threads = [threading.Thread(target=one, args=(group,)) for group in groups]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [], "\n".join(failures))

    def suffer_server(self, groups):
        def freeze(seconds):
            self.disturb_server("pause-apiserver")
            self.wait_until(support.now() + seconds)
            self.disturb_server("resume-apiserver")

        for kind, deed in (("server frozen", lambda: freeze(1.5)), ("server frozen", lambda: freeze(5.5)),
                           ("server killed", lambda: self.disturb_server("kill-apiserver", "start-apiserver")),
                           ("server restarted", lambda: self.disturb_server("restart-apiserver"))):
            deed()
            tally.inject(kind)
            over = support.now()
            self.all_at_once(groups, lambda group, over=over: group.recover(over))


if __name__ == "__main__":
    unittest.main()
