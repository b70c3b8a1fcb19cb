#!/usr/bin/env python3
"""That check_header.py finds what it is there to find."""

import unittest

import check_header as check

GOOD = """
#define K8SLEADER_API
/** What it does. Threads: any. Since: 0.9. */
K8SLEADER_API int k8sleader_one(void);

/**
 * More. Threads: one.
 * Since: 0.9.
 */
K8SLEADER_API const char *k8sleader_two(int (*callback)(void *user),
                                        void *user);
"""


class Comments(unittest.TestCase):
    def test_good(self):
        self.assertEqual(check.check_comments(GOOD), [])
        self.assertEqual([name for name, _ in check.declarations(GOOD)], ["k8sleader_one", "k8sleader_two"])

    def test_missing_word(self):
        self.assertEqual(len(check.check_comments(GOOD.replace("Threads: one.", ""))), 1)
        self.assertEqual(len(check.check_comments(GOOD.replace("Since: 0.9. */", "*/"))), 2)
        self.assertEqual(len(check.check_comments(GOOD.replace("Since: 0.9. */", "Since: ever. */"))), 1)

    def test_comment_of_another(self):
        header = GOOD + "K8SLEADER_API int k8sleader_three(void);\n"
        self.assertEqual(check.check_comments(header), ["k8sleader_three: no comment right before it"])

    def test_declaration_not_understood(self):
        self.assertEqual(len(check.check_comments(GOOD + "K8SLEADER_API extern int k8sleader_data;\n")), 1)
        self.assertEqual(len(check.check_comments("")), 1)


class Symbols(unittest.TestCase):
    NM = "0000 T k8sleader_one@@K8SLEADER_0.9\n0000 T k8sleader_two@@K8SLEADER_0.9\n0000 A K8SLEADER_0.9\n"
    SCRIPT = "K8SLEADER_0.9 {\nglobal:\n k8sleader_one;\nlocal:\n *;\n};\nK8SLEADER_1.0 {\nglobal: k8sleader_two;\n} K8SLEADER_0.9;"

    def problems(self, header=GOOD, nm=NM, script=SCRIPT):
        return check.check_symbols(header, check.exported(nm), check.scripted(script))

    def test_good(self):
        self.assertEqual(self.problems(), [])

    def test_one_too_many(self):
        self.assertEqual(len(self.problems(nm=self.NM + "0000 D kl_data\n")), 1)
        self.assertEqual(len(self.problems(script=self.SCRIPT.replace("global:\n", "global:\n k8sleader_three;\n"))), 1)

    def test_one_missing(self):
        self.assertEqual(len(self.problems(nm=self.NM.replace("one", "three"))), 2)
        self.assertEqual(len(self.problems(script=self.SCRIPT.replace("k8sleader_two;", ""))), 1)


class Called(unittest.TestCase):
    def test_called(self):
        self.assertEqual(check.check_called(GOOD, "k8sleader_one(); k8sleader_two(NULL, NULL);"), [])
        self.assertEqual(check.check_called(GOOD, "k8sleader_one(); k8sleader_two;"), ["k8sleader_two is not called"])


class Codes(unittest.TestCase):
    def test_constants(self):
        text = "enum { K8SLEADER_ERR_A = -1, /**< x = 2 */ K8SLEADER_ERR_B  = -20 };"
        self.assertEqual(check.constants(text, "K8SLEADER_ERR_"), {"K8SLEADER_ERR_A": -1, "K8SLEADER_ERR_B": -20})


if __name__ == "__main__":
    unittest.main()
