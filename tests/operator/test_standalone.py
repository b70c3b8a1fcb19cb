#!/usr/bin/env python3
"""The example as a user builds it: against the installed library, with nothing of the project's tree."""

import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLE = os.path.join(ROOT, "examples", "memcached-operator", "c")


class Standalone(unittest.TestCase):
    def run_command(self, *command, code=0):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=600, check=False)
        self.assertEqual(done.returncode, code, f"{command}: {done.stdout}")
        return done.stdout

    def test_builds_and_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            prefix, source, build = (os.path.join(folder, name) for name in ("prefix", "source", "build"))
            self.run_command("cmake", "--install", os.environ["K8SLEADER_LIBRARY_BUILD"], "--prefix", prefix)
            shutil.copytree(EXAMPLE, source)
            self.run_command("cmake", "-S", source, "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix)
            self.run_command("cmake", "--build", build)
            self.assertIn("usage: memcached-operator",
                          self.run_command(os.path.join(build, "memcached-operator"), "--help", code=2))


if __name__ == "__main__":
    unittest.main()
