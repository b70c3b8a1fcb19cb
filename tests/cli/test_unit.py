#!/usr/bin/env python3
"""The example's template unit for systemd: what it starts is started here as systemd would, and systemd itself reads it."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import unittest

import support

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "systemd")
UNIT = os.path.join(EXAMPLE, "k8sleader@.service")


def settings():
    """The unit's settings; the last of each name."""
    with open(UNIT, encoding="utf-8") as file:
        return dict(re.findall(r"^(\w+)=(.*)$", file.read(), re.M))


def environment_file(path):
    """As systemd reads it: NAME=VALUE, quotes around a value taken off, comments left out."""
    with open(path, encoding="utf-8") as file:
        return {name: shlex.split(value)[0] if value else "" for name, value in
                re.findall(r"^([A-Z_0-9]+)=(.*)$", file.read(), re.M)}


class Unit(support.TestCase):
    def start(self, instance, **variables):
        """The unit's command line: %i replaced within words, a whole word $COMMAND by its words."""
        known = environment_file(os.path.join(EXAMPLE, "web.conf")) | variables
        words = []
        for word in settings()["ExecStart"].replace("%i", instance).split():
            words += known[word[1:]].split() if word.startswith("$") else [word]
        self.assertEqual(words[0], "/usr/bin/k8sleader")
        return self.keep(support.Program(*words[1:], env=known))

    def test_led_drained_and_released(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "work")
            with open(script, "w", encoding="utf-8") as file:
                file.write("trap 'echo ended; exit 0' TERM; echo works; while :; do sleep 0.05; done\n")
            first = self.start(self.lock, COMMAND=f"/bin/sh {script}", K8SLEADER_KUBECONFIG=self.server.kubeconfig)
            first.out.wait(lambda line: line == "works")
            lease = self.server.lease(self.lock)["spec"]
            self.assertEqual((lease["holderIdentity"] != "", lease["leaseDurationSeconds"]), (True, 15))
            # KillMode=mixed: of the unit's processes only the first gets it.
            self.assertEqual(settings()["KillMode"], "mixed")
            first.signal(signal.SIGTERM)
            self.assertEqual(first.finish(), 0)
            self.assertEqual(first.out.lines, ["works", "ended"])
            self.assertEqual(self.server.lease(self.lock)["spec"]["holderIdentity"], "")

    def test_systemd_waits_for_a_drain(self):
        seconds = int(re.fullmatch(r"(\d+)s", settings()["TimeoutStopSec"])[1])
        text = subprocess.run([support.PROGRAM, "run", "--help"], check=True, capture_output=True, text=True).stdout
        self.assertGreater(seconds, int(re.search(r"--drain-timeout (\d+)s", text)[1]))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_understands_it(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(UNIT, encoding="utf-8") as file:
                text = file.read().replace("/usr/bin/k8sleader", os.path.abspath(support.PROGRAM))
            path = os.path.join(folder, "k8sleader@web.service")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path], capture_output=True, text=True)
            self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if "k8sleader" in line]), (0, []))


if __name__ == "__main__":
    support.main()
