#!/usr/bin/env python3
"""What bash, zsh and fish complete, asked of the shells themselves.

COMPLETIONS: the folder of what was made; COMPLETIONS_PROGRAM: the build's k8sleader.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "man"))

import completions  # noqa: E402

FOLDER = os.environ["COMPLETIONS"]


def said(*arguments):
    return subprocess.run([os.environ["COMPLETIONS_PROGRAM"], *arguments], check=True, capture_output=True, text=True).stdout


PROGRAM = completions.read_program(said)


def shell(*command):
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=FOLDER)
    if done.stderr:
        raise AssertionError(done.stderr)
    return done.stdout.split("\n")[:-1]


def bash(*words):
    """What is offered for the last of the words."""
    script = f"source ./k8sleader; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; _k8sleader" \
             "; printf '%s\\n' \"${COMPREPLY[@]}\""
    return [word for word in shell("bash", "--norc", "-c", script) if word]


def fish(*words):
    line = " ".join(words)
    return [text.split("\t")[0] for text in
            shell("fish", "--no-config", "-c", f"source ./k8sleader.fish; complete -C {shlex.quote(line)}")]


class Source(unittest.TestCase):
    def test_what_help_says_is_understood(self):
        self.assertEqual(sorted(PROGRAM), ["become", "dev-server", "elect", "run", "status"])
        for name, (_, options) in PROGRAM.items():
            text = said(name, "--help")
            listed = re.findall(r"^  (--[a-z][\w-]*)", text, re.M)
            self.assertEqual(sorted({option.name for option in options}), sorted({"--help", *listed}), name)
            for option in options:
                for value in completions.VALUES.get(option.name, ()):
                    self.assertIn(value, option.argument + " " + option.help)
        self.assertTrue(all(any(option.name == name for _, options in PROGRAM.values() for option in options)
                            for name in completions.VALUES))

    def test_words_that_shells_would_take_for_their_own(self):
        option = completions.Option("--x", "A:B", "it's [one]: a \\ b")
        self.assertEqual(completions.zsh_spec(option), "'--x[it'\\''s \\[one\\]\\: a \\\\ b]:A\\:B: '")
        self.assertEqual(completions.fish_quoted("it's \\"), "'it\\'s \\\\'")


class Asked:
    """The same questions to bash and fish."""

    def test_subcommands(self):
        self.assertLessEqual(set(PROGRAM), set(self.complete("k8sleader", "")))
        self.assertEqual(self.complete("k8sleader", "sta"), ["status"])

    def test_options(self):
        for name, (_, options) in PROGRAM.items():
            self.assertEqual(set(self.complete("k8sleader", name, "--")) - {"--"}, {option.name for option in options}, name)
        self.assertEqual(self.complete("k8sleader", "run", "--name", "web", "--lease-d"), ["--lease-duration"])

    def test_values(self):
        self.assertEqual(sorted(self.complete("k8sleader", "run", "--mode", "")), ["lease", "life"])
        self.assertEqual(self.complete("k8sleader", "status", "--output", "j"), ["json"])
        self.assertEqual(self.complete("k8sleader", "elect", "--lock-resource", "c"), ["configmaps"])
        self.assertEqual(self.complete("k8sleader", "run", "--name", ""), [])

    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "one-of-its-kind"), "w", encoding="utf-8"):
                pass
            self.assertEqual(self.complete("k8sleader", "status", "--kubeconfig", f"{folder}/one"), [f"{folder}/one-of-its-kind"])

    def test_the_command(self):
        self.assertIn("sleep", self.complete("k8sleader", "run", "--name", "web", "--", "slee"))
        self.assertNotIn("--mode", self.complete("k8sleader", "run", "--", "sleep", "--"))


class Bash(Asked, unittest.TestCase):
    complete = staticmethod(bash)


@unittest.skipUnless(shutil.which("fish"), "fish is not installed")
class Fish(Asked, unittest.TestCase):
    complete = staticmethod(fish)


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(unittest.TestCase):
    """zsh completes in its line editor alone: its helpers are stood in for, and print what they are given."""

    def given(self, state, *words):
        script = f"_arguments() {{ print -rl -- \"$@\"; state={state} }}; _describe() {{ print -rl -- \"${{(@P)@[-1]}}\" }}" \
                 f"; words=({shlex.join(words)}); source ./_k8sleader"
        return shell("zsh", "-f", "-c", script)

    def test_syntax(self):
        shell("zsh", "-n", "./_k8sleader")
        with open(os.path.join(FOLDER, "_k8sleader"), encoding="utf-8") as file:
            self.assertEqual(file.readline(), "#compdef k8sleader\n")

    def test_subcommands(self):
        given = self.given("subcommand", "")
        for name, (summary, _) in PROGRAM.items():
            self.assertIn(f"{name}:{summary}", given)

    def test_options(self):
        for name, (_, options) in PROGRAM.items():
            given = self.given("arguments", name, "")
            names = {match[1] for match in (re.match(r"\*?(--[\w-]+)\[", line) for line in given) if match}
            self.assertEqual(names - {"--version"}, {option.name for option in options}, name)
        given = self.given("arguments", "run", "")
        self.assertTrue([line for line in given if line.startswith("--mode[") and line.endswith("]:value:(lease life)")])
        self.assertTrue([line for line in given if line.startswith("--kubeconfig[") and line.endswith("]:file:_files")])
        self.assertTrue([line for line in given if line.startswith("*--label[")])
        self.assertIn("*::command:_normal", given)


if __name__ == "__main__":
    unittest.main()
