#!/usr/bin/env python3
"""That check_table.py finds what it is there to find."""

import unittest

import check_table

GOOD = {
    "table": "# why\nk8sleader_one 0.9\nk8sleader_two 1.1\n",
    "header": '#define K8SLEADER_VERSION       "1.1.0"\n'
              "/** One. Since: 0.9. */\nK8SLEADER_API int k8sleader_one(void);\n"
              "#define K8SLEADER_HAVE_TWO 1\n/** Two. Since: 1.1. */\nK8SLEADER_API int k8sleader_two(void);\n",
    "script": "K8SLEADER_0.9 {\nglobal:\n k8sleader_one;\nlocal:\n *;\n};\n"
              "K8SLEADER_1.1 {\nglobal:\n k8sleader_two;\n} K8SLEADER_0.9;\n",
    "nm": "0 A K8SLEADER_0.9\n0 A K8SLEADER_1.1\n0 T k8sleader_one@@K8SLEADER_0.9\n0 T k8sleader_two@@K8SLEADER_1.1\n",
    "debian": "libk8sleader.so.1 libk8sleader1 #MINVER#\n K8SLEADER_0.9@K8SLEADER_0.9 0.9.0\n"
              " k8sleader_one@K8SLEADER_0.9 0.9.0\n k8sleader_two@K8SLEADER_1.1 1.1.0~\n",
}


class Table(unittest.TestCase):
    def problems(self, **changes):
        texts = dict(GOOD)
        for what, (old, new) in changes.items():
            self.assertIn(old, texts[what])
            texts[what] = texts[what].replace(old, new)
        return check_table.check(texts)

    def test_good(self):
        self.assertEqual(self.problems(), [])

    def test_a_symbol_too_few_in_the_table(self):
        self.assertEqual(len(self.problems(table=("k8sleader_one 0.9\n", ""))), 4 + 1)  # the first release changes, too

    def test_each_that_names_one_too_many(self):
        self.assertEqual(len(self.problems(nm=("0 T k8sleader_one", "0 D kl_data\n0 T k8sleader_one"))), 1)
        self.assertEqual(len(self.problems(script=(" k8sleader_one;", " k8sleader_one; k8sleader_three;"))), 1)
        self.assertEqual(len(self.problems(debian=(" k8sleader_one@", " k8sleader_zero@K8SLEADER_0.9 0.9\n k8sleader_one@"))), 1)

    def test_each_that_says_another_release(self):
        self.assertEqual(len(self.problems(header=("Since: 0.9.", "Since: 1.0."))), 1)
        self.assertEqual(len(self.problems(nm=("one@@K8SLEADER_0.9", "one@@K8SLEADER_1.1"))), 1)
        self.assertEqual(len(self.problems(nm=("one@@K8SLEADER_0.9", "one"))), 1)
        self.assertEqual(len(self.problems(debian=("one@K8SLEADER_0.9 0.9.0", "one@K8SLEADER_0.9 1.1.0"))), 1)
        self.assertEqual(len(self.problems(debian=("two@K8SLEADER_1.1", "two@K8SLEADER_0.9"))), 2)
        self.assertEqual(len(self.problems(script=(" k8sleader_one;", ""))), 1)

    def test_nodes_are_a_chain(self):
        self.assertEqual(len(self.problems(script=("} K8SLEADER_0.9;", "};"))), 1)
        self.assertEqual(len(self.problems(script=("K8SLEADER_0.9 {", "K8SLEADER_1.2 {"))), 3)

    def test_macros(self):
        self.assertEqual(len(self.problems(header=("#define K8SLEADER_HAVE_TWO 1\n", ""))), 1)
        self.assertEqual(len(self.problems(header=("HAVE_TWO 1", "HAVE_TWO"))), 1)
        self.assertEqual(len(self.problems(header=("#define K8SLEADER_HAVE_TWO", "#define K8SLEADER_HAVE_ONE 1\n#define K8SLEADER_HAVE_TWO"))), 1)

    def test_a_release_to_come(self):
        self.assertEqual(len(self.problems(header=('"1.1.0"', '"1.0.3"'))), 1)

    def test_the_table_itself(self):
        self.assertEqual(len(self.problems(table=("# why\n", "what is this\n"))), 1)
        self.assertEqual(len(self.problems(table=("k8sleader_one 0.9\n", "k8sleader_one 0.9\nk8sleader_one 0.9\n"))), 1)
        self.assertTrue(check_table.check({**GOOD, "table": ""}))


if __name__ == "__main__":
    unittest.main()
