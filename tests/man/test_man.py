#!/usr/bin/env python3
"""That check_man.py finds what it is there to find, and that the pages are made of the comments as they should be."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "man"))

import check_man  # noqa: E402
import library  # noqa: E402
import roff  # noqa: E402

HEADER = '''/*
 * k8sleader.h: what it is.
 *
 *   Handles     are opaque.
 *   After fork  nothing
 *               works.
 */
#define K8SLEADER_VERSION       "1.2.3"
/* ---- constants --- */
/** Codes. Since: 0.9. */
enum {
    K8SLEADER_ERR_ARGUMENT = -1, /**< a bad one */
    K8SLEADER_ERR_TIMEOUT = -5 /**< too
                                    late */
};
/** Called back. Returns: a number. Since: 0.9. */
typedef int (*k8sleader_callback)(void *user);
/* ---- things --- */
/**
 * Waits for a thing (or two. Or more); -1 is ever. timeout_ms: 0 only asks. Never in a hurry.
 *
 * .dot begins this. *out: to be freed with k8sleader_thing_free().
 * Returns: 1 or 0. Threads: any; lock-free. Errors: TIMEOUT, ARGUMENT. Since: 0.9.
 * Source: RFC 1.
 */
K8SLEADER_API int k8sleader_thing_wait(int64_t timeout_ms, void (*destroy)(void *user, int x),
                                       k8sleader_thing **out, k8sleader_error **err);

/** Frees it. Threads: one. Since: 1.1. */
K8SLEADER_API void k8sleader_thing_free(k8sleader_thing *thing);
'''
ROWS = {"k8sleader_thing_wait": "0.9", "k8sleader_thing_free": "1.1"}


def made():
    header = library.read_header(HEADER)
    pages = {f"{f.name}.3": library.function_page(f, header, "2026-01-01") for f in header.functions}
    pages["libk8sleader.3"] = library.overview(header, "2026-01-01")
    return {name: "\n".join(page.parts) + "\n" for name, page in pages.items()}


class Made(unittest.TestCase):
    def test_read(self):
        header = library.read_header(HEADER)
        self.assertEqual(header.version, "1.2.3")
        self.assertEqual(header.conventions, [("Handles", "are opaque."), ("After fork", "nothing works.")])
        self.assertEqual(header.enums[0][1][1], ("K8SLEADER_ERR_TIMEOUT", "-5", "too late"))
        wait = header.functions[0]
        self.assertEqual(wait.parameters, ["timeout_ms", "destroy", "out", "err"])
        self.assertEqual((wait.returns, wait.part), ("int", "things"))
        self.assertEqual(wait.says["Errors"], "TIMEOUT, ARGUMENT.")
        self.assertEqual(library.summary(wait), "waits for a thing (or two. Or more)")
        self.assertEqual([name for name, _ in library.arguments(wait)], ["timeout_ms", "out", "err"])

    def test_words(self):
        page = check_man.parts(check_man.words(made()["k8sleader_thing_wait.3"]))
        self.assertIn("Milliseconds. 0 only asks.", " ".join(page["ARGUMENTS"].split()))
        self.assertIn("Never in a hurry.", page["DESCRIPTION"])
        self.assertNotIn("only asks", page["DESCRIPTION"])
        self.assertIn("K8SLEADER_ERR_TIMEOUT\nToo late.", page["ERRORS"])
        self.assertIn("RFC 1", page["STANDARDS"])
        self.assertIn("k8sleader_thing_free(3)", page["SEE ALSO"])

    def test_roff(self):
        self.assertEqual(roff.sentences(roff.escaped(".x a\\b -1. Then.")), "\\&.x a\\eb \\-1.\nThen.")
        for page in made().values():
            for line in page.splitlines():
                if line.startswith((".", "'")):
                    self.assertRegex(line, r"^\.(TH|SH|SS|PP|TP|nf|fi)\b")


class Checked(unittest.TestCase):
    def problems(self, change=lambda pages: None, rows=None):
        pages = made()
        change(pages)
        found = check_man.check_library(rows or ROWS, HEADER, pages)
        return found + [p for name, page in pages.items() for p in check_man.check_references(name, check_man.words(page), pages)
                        if "k8sleader(1)" not in p and "client_new" not in p and "election_start" not in p and "become" not in p
                        and "error_free" not in p]

    def replace(self, name, old, new):
        def change(pages):
            self.assertIn(old, pages[name])
            pages[name] = pages[name].replace(old, new)
        return self.problems(change)

    def test_good(self):
        self.assertEqual(self.problems(), [])

    def test_a_page_too_few_or_too_many(self):
        self.assertIn("k8sleader_thing_free has no page", self.problems(lambda pages: pages.pop("k8sleader_thing_free.3")))
        self.assertEqual(len(self.problems(lambda pages: pages.update({"k8sleader_x.3": ""}))), 1)

    def test_a_page_that_says_too_little(self):
        name = "k8sleader_thing_wait.3"
        for title in ("DESCRIPTION", "THREADS", "HISTORY", '"SEE ALSO"', '"RETURN VALUE"'):
            self.assertTrue(self.replace(name, f".SH {title}\n", ".SH OTHER\n"), title)
        self.assertEqual(len(self.replace(name, "\\- waits", "waits")), 1)
        self.assertEqual(len(self.replace(name, "libk8sleader 0.9.", "libk8sleader 0.8.")), 1)
        self.assertEqual(len(self.replace(name, "int64_t timeout_ms,", "int timeout_ms,")), 1)
        self.assertEqual(len(self.replace(name, "\\fBK8SLEADER_ERR_TIMEOUT\\fP\n", "\n")), 1)
        self.assertEqual(len(self.replace(name, "\\fBk8sleader_thing_free\\fP(3)", "\\fBk8sleader_nothing\\fP(3)")), 1)

    def test_program(self):
        text = "k8sleader run [options]: run\n\n  --name NAME   the name\n"
        good = ".SH NAME\nrun\n.SH SYNOPSIS\nk8sleader run [options]\n.SH DESCRIPTION\nx\n.SH OPTIONS\n\\-\\-name NAME the name\n" \
               ".SH \"EXIT STATUS\"\n0\n.SH \"SEE ALSO\"\ny\n"
        self.assertEqual(check_man.check_program({"run": text}, {"k8sleader-run.1": good}), [])
        self.assertEqual(check_man.check_program({"run": text}, {}), ["k8sleader-run.1 is missing"])
        self.assertEqual(len(check_man.check_program({"run": text}, {"k8sleader-run.1": good, "k8sleader-x.1": ""})), 1)
        self.assertEqual(len(check_man.check_program({"run": text + "  --more M  words"}, {"k8sleader-run.1": good})), 3)


if __name__ == "__main__":
    unittest.main()
