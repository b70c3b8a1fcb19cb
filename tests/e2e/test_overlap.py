#!/usr/bin/env python3
"""The judge is judged: on made-up accounts it must find what is there, and nothing else."""

import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

import overlap


def interval(candidate, start, end, token=1, kind="lead", lock="n/l"):
    return overlap.Interval(kind, candidate, lock, token, start, end)


class Overlaps(unittest.TestCase):
    def shared(self, *intervals):
        return [found.ns for found in overlap.find_overlaps(intervals)]

    def test_apart(self):
        self.assertEqual(self.shared(interval("a", 0, 10), interval("b", 11, 20)), [])

    def test_touching_is_apart(self):
        self.assertEqual(self.shared(interval("a", 0, 10), interval("b", 10, 20)), [])

    def test_one_nanosecond(self):
        self.assertEqual(self.shared(interval("a", 0, 11), interval("b", 10, 20)), [1])

    def test_inside(self):
        self.assertEqual(self.shared(interval("a", 0, 100), interval("b", 10, 20)), [10])

    def test_an_instant_inside(self):
        self.assertEqual(self.shared(interval("a", 0, 100), interval("b", 50, 50)), [0])

    def test_equal(self):
        self.assertEqual(self.shared(interval("a", 5, 9), interval("b", 5, 9)), [4])

    def test_given_in_any_order(self):
        self.assertEqual(self.shared(interval("b", 10, 20), interval("a", 0, 15)), [5])

    def test_one_candidate_may_do_both(self):
        self.assertEqual(self.shared(interval("a", 0, 10), interval("a", 0, 12, kind="work")), [])

    def test_work_of_one_and_lead_of_another(self):
        self.assertEqual(self.shared(interval("a", 0, 10), interval("a", 0, 30, kind="work"), interval("b", 20, 40)), [10])

    def test_other_locks(self):
        self.assertEqual(self.shared(interval("a", 0, 10), interval("b", 0, 10, lock="n/other")), [])

    def test_a_long_one_under_many(self):
        rest = [interval("b", 10 * i, 10 * i + 5) for i in range(1, 6)]
        self.assertEqual(self.shared(interval("a", 0, 53), *rest), [5, 5, 5, 5, 3])

    def test_as_the_naive_way_finds_them(self):
        rng = random.Random(7)
        for _ in range(200):
            some = []
            for _ in range(12):
                start = rng.randrange(60)
                some.append(interval(rng.choice("abc"), start, start + rng.randrange(1, 12), lock=rng.choice("xy")))
            naive = sum(1 for i, p in enumerate(some) for q in some[:i]
                        if p.lock == q.lock and p.candidate != q.candidate and
                        min(p.end, q.end) > max(p.start, q.start))
            self.assertEqual(len(self.shared(*some)), naive, some)


class Disorder(unittest.TestCase):
    def found(self, told):
        """told: "+5" is a start of term 5, "-5" its stop, "?" something else."""
        names = {"+": "started_leading", "-": "stopped_leading", "?": "new_leader"}
        events = [{"event": names[word[0]], "token": int(word[1:] or 0)} for word in told.split()]
        return [(term, event["token"]) for term, event in overlap.find_disorder(events)]

    def test_alternating(self):
        self.assertEqual(self.found("? +5 ? -5 ? +7 -7 +9"), [])

    def test_started_twice(self):
        self.assertEqual(self.found("+5 +7 -7"), [(5, 7)])

    def test_stopped_without_a_start(self):
        self.assertEqual(self.found("? -5"), [(None, 5)])

    def test_stopped_twice(self):
        self.assertEqual(self.found("+5 -5 -5"), [(None, 5)])

    def test_stopped_another_term(self):
        self.assertEqual(self.found("+5 -6 +7"), [(5, 6)])


class Tokens(unittest.TestCase):
    def test_growing(self):
        self.assertEqual(overlap.find_regressions([interval("a", 0, 1, 5), interval("b", 2, 3, 6)]), [])

    def test_one_term_twice_seen(self):
        self.assertEqual(overlap.find_regressions([interval("a", 0, 9, 5), interval("a", 1, 12, 5, "work")]), [])

    def test_smaller(self):
        self.assertEqual(len(overlap.find_regressions([interval("a", 0, 1, 6), interval("b", 2, 3, 5)])), 1)

    def test_smaller_than_one_long_before(self):
        some = [interval("a", 0, 1, 9), interval("b", 2, 3, 10), interval("a", 4, 5, 9)]
        self.assertEqual(len(overlap.find_regressions(some)), 1)

    def test_the_same_of_another(self):
        self.assertEqual(len(overlap.find_regressions([interval("a", 0, 1, 5), interval("b", 2, 3, 5)])), 1)

    def test_another_lock(self):
        self.assertEqual(overlap.find_regressions([interval("a", 0, 1, 5), interval("b", 2, 3, 4, lock="o")]), [])

    def test_revival(self):
        self.assertEqual(overlap.find_revivals([interval("a", 0, 1, 5), interval("a", 3, 4, 5)]), [("a", "n/l", 5)])
        self.assertEqual(overlap.find_revivals([interval("a", 0, 1, 5), interval("a", 0, 4, 5, "work")]), [])


class Late(unittest.TestCase):
    def test_late(self):
        act = interval("a", 5, 50, kind="late")
        self.assertEqual(len(overlap.find_late([act], [interval("b", 20, 30, 2)])), 1)
        self.assertEqual(overlap.find_late([act], [interval("a", 20, 30), interval("b", 60, 70)]), [])


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, pid, lines, slots=(), tail=""):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps({"kind": "candidate", "candidate": 0, "identity": "same", "pid": pid, "lock": "n/l"}) + "\n")
            for kind, token, start, end in lines:
                file.write(json.dumps({"kind": kind, "candidate": 0, "token": token, "start": start, "end": end}) + "\n")
            file.write(tail)
        with open(path + ".open", "wb") as file:
            for token, start, end in slots:
                file.write(overlap.SLOT.pack(token, start, end, 0))
        return path

    def test_two_processes_with_one_identity_are_two(self):
        verdict = overlap.judge([self.write("a", 1, [("lead", 3, 0, 2000000)]), self.write("b", 2, [("lead", 4, 1000000, 3000000)])])
        self.assertEqual(len(verdict.overlaps), 1)
        self.assertEqual(overlap.worst_ms(verdict), 1)

    def test_what_a_killed_one_left(self):
        a = self.write("a", 1, [], slots=[(3, 0, 20), (0, 0, 0)], tail='{"kind":"le')
        b = self.write("b", 2, [("lead", 4, 10, 30)])
        self.assertEqual([found.ns for found in overlap.judge([a, b]).overlaps], [10])

    def test_handovers(self):
        a = self.write("a", 1, [("lead", 3, 0, 20), ("work", 3, 0, 22), ("lead", 7, 90, 95)])
        b = self.write("b", 2, [("lead", 4, 30, 70)])
        self.assertEqual([ns for _, _, ns in overlap.handovers(overlap.judge([a, b]).intervals)], [10, 20])

    def test_exit_code(self):
        a = self.write("a", 1, [("lead", 3, 0, 20)])
        b = self.write("b", 2, [("lead", 4, 10, 30)])
        run = lambda *paths: subprocess.run([sys.executable, "-B", overlap.__file__, *paths], stdout=subprocess.PIPE, text=True)
        self.assertEqual(run(a).returncode, 0)
        bad = run(a, b)
        self.assertEqual(bad.returncode, 1)
        self.assertIn("1 overlaps", bad.stdout)


if __name__ == "__main__":
    unittest.main()
