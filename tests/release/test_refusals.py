#!/usr/bin/env python3
"""What scripts/release refuses, each in a scratch repository that it would release but for that."""

import os
import re
import shutil
import subprocess
import unittest

import support

QUICK = ("--only", "sbom")


@unittest.skipIf(support.listed_files() is None, "this is no git checkout")
class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.good = support.Repository()

    def setUp(self):
        self.repository = support.Repository(of=self.good)
        self.version = self.good.version

    def refused(self, *said, arguments=QUICK, **environment):
        """By one line, which says all of that; nothing is made."""
        done = self.repository.release(*arguments, **environment)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        lines = [line for line in done.stdout.splitlines() if line.startswith("release: ")]
        self.assertEqual(len(lines), 1, done.stdout)
        for text in said:
            self.assertIn(text, lines[0])
        self.assertFalse((self.repository.root / "build/release-files").exists())
        return done.stdout

    def change(self, name, pattern, by):
        """Committed, and tagged as the release."""
        self.repository.replace(name, pattern, by)
        self.repository.commit()
        self.repository.tag()

    def set_version(self, version):
        """In all places, without what is kept of its ABI."""
        numbers = version.split(".")
        for name, number in zip(("MAJOR", "MINOR", "PATCH"), numbers):
            self.repository.replace(support.HEADER, rf"^(#define K8SLEADER_VERSION_{name}) .*", rf"\1 {number}")
        self.repository.replace(support.HEADER, r'^(#define K8SLEADER_VERSION) .*', rf'\1 "{version}"')
        self.repository.replace("CHANGELOG.md", r"^## [\d.]+, .*$", f"## {version}, 2026-11-22")
        for module in support.GO_MODULES:
            self.repository.replace(f"{module}/go.mod", r"(bindings/go-cgo) v\S+", rf"\1 v{version}")
        if (self.repository.root / "debian/changelog").exists():
            self.repository.replace("debian/changelog", r"\A(\S+) \([^-)]*", rf"\1 ({version}")
        self.version = self.repository.version = version

    # ---- the tree and the commit ----

    def test_a_file_that_is_not_committed(self):
        self.repository.write("libleader/src/new.c", "\n")
        self.refused("the tree has changes", "?? libleader/src/new.c", "git status")

    def test_a_change_that_is_not_committed(self):
        self.repository.replace("README.md", r"\A", "x")
        self.refused("the tree has changes", " M README.md")

    def test_no_checkout(self):
        shutil.rmtree(self.repository.root / ".git")
        self.refused("this is no git checkout")

    def test_a_commit_without_a_tag(self):
        self.repository.git("tag", "-d", "v" + self.version)
        self.refused(f"HEAD is not tagged v{self.version}", f"git tag -a v{self.version}", "--untagged")

    def test_a_commit_behind_the_tag(self):
        self.repository.commit()
        self.refused(f"version {self.version} is not newer than tag v{self.version}", "raise K8SLEADER_VERSION")
        # A trial of what was released before is no trial.
        self.refused("is not newer", arguments=("--untagged", *QUICK))

    def test_a_version_that_is_not_newer(self):
        self.repository.git("tag", "v999.0.0", "HEAD~0")
        self.refused(f"version {self.version} is not newer than tag v999.0.0", support.HEADER)

    def test_versions_are_numbers(self):
        """9 comes before 10, and what is no version does not count."""
        self.set_version("0.10.0")
        self.repository.commit()
        self.repository.tag()
        self.repository.git("tag", "-d", "v" + self.good.version)
        self.repository.git("tag", "v0.9.7")
        self.repository.git("tag", "vNext")
        self.refused("abi/0.10/libk8sleader.abi is missing")  # past the versions
        self.repository.git("tag", "v0.11.0")
        self.refused("not newer than tag v0.11.0")

    # ---- places that disagree ----

    def test_the_header_disagrees_with_itself(self):
        self.change(support.HEADER, r"^(#define K8SLEADER_VERSION_PATCH) .*", r"\1 77")
        self.refused("the header's numbers say", ".77", support.HEADER)

    def test_no_version(self):
        self.change(support.HEADER, r'^(#define K8SLEADER_VERSION) .*', r'\1 "1.x"')
        self.refused('"1.x" is no MAJOR.MINOR.PATCH')

    def test_the_changelog_has_no_day(self):
        self.change("CHANGELOG.md", r"^(## [\d.]+), \d{4}-\d\d-\d\d$", r"\1, not yet released")
        self.refused("CHANGELOG.md begins with", "not yet released", f'"## {self.version}, "')

    def test_the_changelog_begins_with_another_version(self):
        self.change("CHANGELOG.md", r"^## ", "## 99.0.0, 2027-01-01\n\n## ")
        self.refused("CHANGELOG.md begins with", "99.0.0")

    def test_debians_changelog_has_another_version(self):
        self.repository.write("debian/changelog", "k8sleader (0.0.1-1) unstable; urgency=medium\n")
        self.repository.commit()
        self.repository.tag()
        self.refused("debian/changelog begins with version 0.0.1-1", self.version, "dch -v")

    def test_debians_changelog_may_have_a_revision(self):
        for version in ("{}", "{}-3", "2:{}-1"):
            self.repository.write("debian/changelog", f"k8sleader ({version.format(self.version)}) unstable; urgency=low\n")
            self.repository.commit()
            self.repository.tag()
            self.assertEqual(self.checked().returncode, 0)

    def checked(self):
        """Only the checks: with a stop behind them, in the source archive that can't be made."""
        script = (self.repository.root / "scripts/release").read_text(encoding="utf-8")
        checks = script[:script.index("\ncheck_tests\n")]
        return support.run("bash", "-c", f"{checks}\necho checked", self.repository.root / "scripts/release", *QUICK)

    def test_a_go_module_requires_another_version(self):
        for module in support.GO_MODULES:
            with self.subTest(module):
                self.repository = support.Repository(of=self.good)
                self.change(f"{module}/go.mod", r"(bindings/go-cgo) v\S+", r"\1 v0.0.7")
                line = self.refused(f"{module}/go.mod requires version 0.0.7", "go mod edit -require")
                # What it says to do mends it.
                command = re.search(r"cd \S+ && (go mod edit \S+)", line)[0]
                if shutil.which("go"):
                    support.output("bash", "-c", command, cwd=self.repository.root)
                    self.assertIn(f"bindings/go-cgo v{self.version}", self.repository.read(f"{module}/go.mod"))

    # ---- the ABI ----

    def test_no_abi_is_kept(self):
        self.set_version("1.77.0")
        self.repository.commit()
        self.repository.tag()
        self.refused("abi/1.77/libk8sleader.abi is missing", "abi/keep")

    def test_an_abi_is_kept_without_its_program(self):
        kept = f"abi/{self.version.rpartition('.')[0]}"
        os.remove(self.repository.root / kept / "program.c")
        self.repository.commit()
        self.repository.tag()
        self.refused(f"{kept}/program.c is missing")

    def test_the_kept_abi_is_older_than_the_table(self):
        self.change("abi/symbols.txt", r"\Z", f"k8sleader_zzz {self.version.rpartition('.')[0]}\n")
        self.refused("abi/symbols.txt disagree about k8sleader_zzz")

    def test_what_was_released_is_frozen(self):
        release = self.version.rpartition(".")[0]
        self.repository.git("mv", f"abi/{release}", "abi/3.0")
        self.set_version("3.0.0")
        self.repository.commit()
        self.repository.tag()
        self.repository.git("tag", "-d", "v" + self.good.version)
        self.set_version("3.0.1")
        self.repository.commit()
        self.repository.tag()
        self.assertEqual(self.checked().returncode, 0)
        self.change("abi/3.0/program.c", r"\A", "/* changed */\n")
        self.refused("abi/3.0 is not as v3.0.0 had it", "git checkout v3.0.0 -- abi/3.0")

    def test_the_library_has_another_abi(self):
        """The check itself, on the library that is built of what would be published."""
        self.change(support.HEADER, r"K8SLEADER_FOR_LIFE = \d+", "K8SLEADER_FOR_LIFE = 77")
        said = self.refused("the ABI check fails", "abi/README.md")
        self.assertIn("K8SLEADER_FOR_LIFE is 77", said)

    # ---- the tests ----

    def test_the_tests_fail(self):
        self.repository.write("scripts/test", "#!/bin/sh\necho a test failed\nexit 1\n")
        self.repository.commit()
        self.repository.tag()
        os.remove(self.repository.root / "build/tested")
        self.assertIn("a test failed", self.refused("the tests fail"))

    def test_another_commit_was_tested(self):
        self.repository.write("scripts/test", "#!/bin/sh\nexit 1\n")
        self.repository.commit()
        self.repository.tag()
        self.repository.write("build/tested", self.good.git("rev-parse", "HEAD"))
        self.refused("the tests fail")

    def test_tests_were_left_out(self):
        """They pass, but do not say that they passed with nothing left out."""
        self.repository.write("scripts/test", "#!/bin/sh\nexit 0\n")
        self.repository.commit()
        self.repository.tag()
        os.remove(self.repository.root / "build/tested")
        self.refused("some were left out")

    # ---- what it is asked for ----

    def test_arguments(self):
        self.refused("there is no argument --tagged", arguments=("--tagged",))
        self.refused("there is no part tarballs", "debs", arguments=("--only", "rock,tarballs"))
        self.refused("--sign takes a value", arguments=("--sign",))
        self.refused("there is no secret key nobody@example.com", arguments=("--sign", "nobody@example.com", *QUICK),
                     GNUPGHOME=str(support.scratch_folder()))

    def test_nothing_makes_the_packages(self):
        shutil.rmtree(self.repository.root / "debian", ignore_errors=True)
        if (self.repository.root / "scripts/build-debs").exists():
            os.remove(self.repository.root / "scripts/build-debs")
        self.repository.commit()
        self.repository.tag()
        self.refused("scripts/build-debs is missing", "--only", arguments=())


@unittest.skipIf(support.listed_files() is None, "this is no git checkout")
class Stamp(unittest.TestCase):
    """What scripts/test leaves behind: only for a commit as it is, when all of it passed."""

    @classmethod
    def setUpClass(cls):
        cls.good = support.Repository()

    def setUp(self):
        self.repository = support.Repository(of=self.good)
        os.remove(self.repository.root / "build/tested")

    def stamp(self, *commands):
        script = "\n".join(('source scripts/lib/common.sh', 'source scripts/lib/testing.sh', *commands, "finish"))
        subprocess.run(["bash", "-c", script, "scripts/test"], cwd=self.repository.root, env=support.ENVIRONMENT,
                       capture_output=True, timeout=support.PATIENCE_S)
        path = self.repository.root / "build/tested"
        return path.read_text(encoding="utf-8").strip() if path.exists() else None

    def test_all_passed(self):
        self.assertEqual(self.stamp('summary+=("all, on nothing: 3 tests")'), self.repository.git("rev-parse", "HEAD").strip())

    def test_one_failed(self):
        self.assertIsNone(self.stamp('failed+=("one")'))

    def test_a_later_failure_takes_it_back(self):
        self.assertIsNotNone(self.stamp())
        self.assertIsNone(self.stamp('failed+=("one")'))

    def test_something_was_left_out(self):
        self.assertIsNone(self.stamp('summary+=("left out: fuzzing")'))

    def test_the_tree_had_changes(self):
        self.repository.write("new", "")
        self.assertIsNone(self.stamp("rm new"))
        self.assertIsNone(self.stamp("touch new"))

    def test_another_commit_came_meanwhile(self):
        self.assertIsNone(self.stamp("git commit -q --allow-empty -m another"))


if __name__ == "__main__":
    unittest.main()
