"""Three candidates for one lock, that suffer what a schedule says, round after round."""

import heapq
import itertools

import kinds
import schedule
import support
import tally
from bed import BOUND, LEASE
from place import NO_MEMORY_LIMIT


class Group:
    def __init__(self, test, number, seed):
        self.test = test
        self.name = f"g{number}"
        self.rounds = schedule.rounds(seed, number, kinds.possible())
        self.done = []  # what was done, for whoever has to explain a failure
        test.api.request("POST", support.LEASES.format(test.namespace), {
            "metadata": {"name": self.name, "annotations": {"test/padding": kinds.PADDING}}, "spec": {}})
        # It works as long as it is allowed to. It asks a little less often than by itself: it has many beside it.
        self.places = [test.place(f"{self.name}{letter}", with_proxy=True, with_limit=not NO_MEMORY_LIMIT,
                                  name=self.name, linger=1, every_us=2000) for letter in "abc"]
        for place in self.places:
            place.start()

    def await_first_leader(self):
        support.await_that(self.leaders, f"{self.name} has a leader", [p.witness for p in self.places])

    def leaders(self):
        """By what they have been told: who is frozen or busy may not know yet that it leads no more."""
        return [place for place in self.places if place.leads()]

    def run(self, until):
        """Rounds of faults, each to its end, until that time has come."""
        while support.now() < until:
            self.play(next(self.rounds))
            self.recover(support.now())

    def play(self, deeds):
        began, serial = support.now(), itertools.count()
        agenda = [(deed.begins, next(serial), deed, None) for deed in deeds]
        heapq.heapify(agenda)
        afflicted = set()
        while agenda:
            at, _, deed, under_way = heapq.heappop(agenda)
            self.test.wait_until(began + at)
            if under_way is None:
                place = self.choose(deed, afflicted)
                afflicted.add(place)
                self.done.append(f"{support.now():.3f} {deed.kind.name} at {place.witness.identity}")
                state = deed.kind.begin(place)
                tally.inject(deed.kind.name)
                heapq.heappush(agenda, (deed.ends, next(serial), deed, (place, state)))
            else:
                place, state = under_way
                if not deed.kind.end(place, state):
                    tally.met_nothing(deed.kind.name)
                self.done.append(f"{support.now():.3f} {deed.kind.name} ends at {place.witness.identity}")

    def choose(self, deed, afflicted):
        wanted = self.leaders() if deed.first == schedule.LEADER else []
        wanted += [self.places[number] for number in deed.then]
        return next(place for place in wanted if place not in afflicted)

    def recover(self, since):
        """No fault lasts any longer: somebody leads within the lease and the bound, and goes on to."""
        for place in self.places:
            if place.witness.process.poll() is not None:
                raise AssertionError(f"{place.witness.identity} ended: {place.witness.stderr}")
        seen = []

        def leads_and_renews(lease):
            if support.holder(lease) not in [place.witness.identity for place in self.leaders()]:
                return False
            seen.append(lease["spec"]["renewTime"])
            return seen[0] != seen[-1]

        left = since + LEASE + BOUND - support.now()
        support.await_that(self.leaders, f"{self.name} has a leader", [p.witness for p in self.places], left)
        support.await_answer(lambda: self.test.lease(self.name), leads_and_renews,
                             f"the leader of {self.name} renews", since + LEASE + BOUND - support.now())
        tally.took("time from the end of faults to a leader that renews", support.now() - since, self.name)
