#!/usr/bin/env python3
"""scripts/update-debian sees what is out of line, mends it, and has nothing to do then."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FILES = ("scripts/update-debian", "abi/symbols.txt", "libleader/include/k8sleader.h", "debian/control", "debian/changelog",
         "debian/libk8sleader1.symbols")


class UpdateDebian(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = scratch.name
        for file in FILES:
            os.makedirs(os.path.dirname(self.path(file)), exist_ok=True)
            shutil.copyfile(os.path.join(ROOT, file), self.path(file))

    def path(self, file):
        return os.path.join(self.root, *file.split("/"))

    def read(self, file):
        with open(self.path(file), encoding="utf-8") as text:
            return text.read()

    def change(self, file, pattern, by):
        changed, count = re.subn(pattern, by, self.read(file), count=1, flags=re.M)
        self.assertEqual(count, 1, f"{file} has no {pattern}")
        with open(self.path(file), "w", encoding="utf-8") as text:
            text.write(changed)

    def update(self, *arguments):
        done = subprocess.run([sys.executable, "-B", self.path("scripts/update-debian"), *arguments], capture_output=True, text=True,
                              check=False, env=dict(os.environ, SOURCE_DATE_EPOCH="1800000000"))
        return done.returncode, done.stdout

    def assert_mended(self, file):
        code, said = self.update("--check")
        self.assertEqual(code, 1)
        self.assertIn(file, said)
        self.assertEqual(self.update(), (0, f"wrote {file}\n"))
        self.assertEqual(self.update("--check"), (0, ""))

    def test_nothing_to_do(self):
        self.assertEqual(self.update("--check"), (0, ""))

    def test_a_new_version(self):
        self.change("libleader/include/k8sleader.h", r'^#define K8SLEADER_VERSION +".*"', '#define K8SLEADER_VERSION "7.8.9"')
        before = self.read("debian/changelog")
        self.assert_mended("debian/changelog")
        after = self.read("debian/changelog")
        self.assertTrue(after.startswith("k8sleader (7.8.9) unstable; urgency=medium\n\n  * "))
        self.assertTrue(after.endswith("  Fri, 15 Jan 2027 08:00:00 +0000\n\n" + before), after)

    def test_a_new_symbol(self):
        self.change("abi/symbols.txt", r"\Z", "k8sleader_zz  7.8\n")
        self.assert_mended("debian/libk8sleader1.symbols")
        self.assertIn("\n K8SLEADER_7.8@K8SLEADER_7.8 7.8\n", self.read("debian/libk8sleader1.symbols"))
        self.assertTrue(self.read("debian/libk8sleader1.symbols").endswith("\n k8sleader_zz@K8SLEADER_7.8 7.8\n"))

    def test_a_symbol_that_is_gone(self):
        self.change("debian/libk8sleader1.symbols", r"^ k8sleader_become@.*\n", "")
        self.assert_mended("debian/libk8sleader1.symbols")


if __name__ == "__main__":
    unittest.main()
