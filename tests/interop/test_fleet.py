"""Two of client-go's and two of ours on one lease, all of them restarted one after the other, and crashes."""

import time

import fleet
import peers
from fleet import LONG, LONG_POLLING, SHORT


class Fleet(fleet.TestCase):
    needs = (peers.clientgo,)
    kinds = "ours", "client-go", "ours", "client-go"

    def setUp(self):
        super().setUp()
        self.all, self.running = [], []

    def start(self, kind, times=None):
        make, polling = (self.ours, LONG) if kind == "ours" else (self.clientgo, LONG_POLLING)
        candidate = make(f"{kind}-{len(self.all)}", times=times or polling)
        self.all.append(candidate)
        self.running.append(candidate)
        return candidate

    def await_leader(self, start):
        """Who leads by a version from start on, once it said so itself."""
        version, index = self.await_version(lambda v: v.holder, start)
        leader = next(c for c in self.all if c.identity == version.holder)
        leader.leads()
        return leader, index

    def await_end_of(self, leader, start):
        """Its release, or if it lost that the next one's takeover."""
        version, index = self.await_version(lambda v: v.holder != leader.identity, start)
        if not leader.lost_release:
            self.assertEqual((version.holder, version.duration), ("", 1))
        return index

    def terms(self):
        """(start, end of its work, when it said so, candidate)."""
        terms = []
        for candidate in self.all:
            terms += [(*term, candidate) for _, *term in candidate.terms(time.time())]
        return sorted(terms, key=lambda term: term[0])

    def check(self, leaders_by_record):
        terms = self.terms()
        self.assertEqual([t[3].identity for t in terms], leaders_by_record, "each that had the lease led once")
        gaps, lags = [], []
        for (_, work_end, said, before), (start, _, _, after) in zip(terms, terms[1:]):
            self.assertGreaterEqual(start, work_end, f"{after.identity} beside {before.identity}")
            if before.kind != "client-go":
                self.assertGreaterEqual(start, said, f"{after.identity} beside {before.identity}")
            else:
                lags.append(said - start)
            gaps.append(start - work_end)
        self.figure("from the end of work to the next start", gaps)
        if lags:
            self.figure("client-go's callback after the next start (below 0: before it)", lags)

    def holders(self):
        """In order, and each term's transitions, checked to be counted one by one."""
        order = []
        for version in self.versions():
            if version.holder and (not order or order[-1][1] != version.transitions):
                order.append((version.holder, version.transitions))
        self.assertEqual([t for _, t in order], list(range(len(order))))
        return [holder for holder, _ in order]

    def test_rolling_restart(self):
        """As a Deployment does it, the new one first; each leader in turn, until all were replaced twice."""
        for kind in self.kinds:
            self.start(kind)
        leader, index = self.await_leader(0)
        for _ in range(8):
            for candidate in self.running:
                if candidate is not leader:
                    candidate.follows(leader.identity)
            # The oldest of all is next; if it doesn't lead, its end is nobody's business.
            leaving = self.running[0]
            new = self.start(leaving.kind)
            new.follows(leader.identity)
            self.running.remove(leaving)
            leaving.end()
            if leaving is leader:
                index = self.await_end_of(leader, index)
                leader, index = self.await_leader(index)
        # And whoever leads, until none is left.
        while self.running:
            self.running.remove(leader)
            leader.end()
            if self.running:
                index = self.await_end_of(leader, index)
                leader, index = self.await_leader(index)
        self.check(self.holders())

    def test_crashes(self):
        """The leader is killed, three times; what the dead one left is waited out by whoever comes next."""
        for kind in self.kinds:
            self.start(kind, SHORT)
        leader, index = self.await_leader(0)
        for _ in range(3):
            for candidate in self.running:
                candidate.follows(leader.identity)
            self.running.remove(leader)
            leader.kill_now()
            dead = leader.identity
            _, index = self.await_version(lambda v, dead=dead: v.holder not in ("", dead), index)
            leader, index = self.await_leader(index)
        self.check(self.holders())


if __name__ == "__main__":
    fleet.main()
