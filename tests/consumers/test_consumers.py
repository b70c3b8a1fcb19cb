#!/usr/bin/env python3
"""The library as other projects get it: each way to find it, each language and compiler, and what a project may ask of a linker.

CONSUMERS_BUILD: the build to install; CONSUMERS_CMAKE: cmake.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ["CONSUMERS_BUILD"]
CMAKE = os.environ.get("CONSUMERS_CMAKE", "cmake")
# What is shipped has no debug information. It was 203 KiB when this was written.
LARGEST_STRIPPED = 300 * 1024


def run(*command, **how):
    """The output; what fails, fails the test with it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nexit code {done.returncode}\n{done.stdout[-6000:]}")
    return done.stdout


def needed(file):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", file))


class Consumers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.prefix = os.path.join(cls.scratch.name, "prefix")
        run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)
        # Wherever this system has it: lib, lib64, lib/x86_64-linux-gnu.
        found = [folder for folder, _, files in os.walk(cls.prefix) if "libk8sleader.so.1" in files]
        cls.libdir = found[0]
        with open(os.path.join(cls.prefix, "include", "k8sleader.h"), encoding="utf-8") as file:
            cls.version = re.search(r'^#define K8SLEADER_VERSION +"(.*)"', file.read(), re.M)[1]
        cls.environment = dict(os.environ, PKG_CONFIG_PATH=os.path.join(cls.libdir, "pkgconfig"), LD_LIBRARY_PATH=cls.libdir)

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.scratch.name)

    def run_it(self, program, *arguments):
        self.assertEqual(run(program, *arguments, env=self.environment).strip(), self.version)

    def flags(self, *wanted, package="k8sleader"):
        return run("pkg-config", *wanted, package, env=self.environment).split()

    def program(self):
        return os.path.join(self.folder, "program")

    def test_no_example_is_installed(self):
        self.assertEqual(os.listdir(os.path.join(self.prefix, "bin")), ["k8sleader"])

    # ---- pkg-config ----

    def test_pkg_config(self):
        for compiler, standard, language in (("gcc", "c99", "c"), ("gcc", "c17", "c"), ("g++", "c++11", "c++"),
                                             ("clang", "c99", "c"), ("clang++", "c++20", "c++")):
            if not shutil.which(compiler):
                self.assertIn("clang", compiler)  # the build itself needs the others
                continue
            with self.subTest(compiler=compiler, standard=standard):
                run(compiler, f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", "-x", language,
                    os.path.join(HERE, "use.c"), "-x", "none", "-o", self.program(), "-Wl,-z,defs", *self.flags("--cflags", "--libs"))
                self.assertIn("libk8sleader.so.1", needed(self.program()))
                self.run_it(self.program())

    def test_pkg_config_static(self):
        for compiler, more in (("gcc", ["-flto"]), ("clang", [])):
            if not shutil.which(compiler):
                continue
            with self.subTest(compiler=compiler):
                run(compiler, "-std=c99", "-pedantic", "-Wall", "-Werror", *more, os.path.join(HERE, "use.c"), "-o", self.program(),
                    *self.flags("--cflags", "--libs", package="k8sleader-static"))
                self.assertFalse([name for name in needed(self.program()) if "k8sleader" in name])
                self.run_it(self.program())

    def test_only_what_a_program_uses_is_its_business(self):
        """A program that is linked with the shared library does not have to find what that uses."""
        self.assertFalse({"-lcurl", "-lcrypto", "-ljson-c", "-lyaml"} & set(self.flags("--libs")))

    # ---- linking ----

    def test_a_library_of_a_program(self):
        """With all its symbols resolved, and from the archive, none of which shows."""
        plugin = os.path.join(self.folder, "libplugin.so")
        run("gcc", "-fPIC", "-shared", "-DWITHOUT_MAIN", os.path.join(HERE, "use.c"), "-o", plugin, "-Wl,-z,defs",
            *self.flags("--cflags", "--libs"))
        run("gcc", "-fPIC", "-shared", "-DWITHOUT_MAIN", os.path.join(HERE, "use.c"), "-o", plugin, "-Wl,-z,defs",
            *self.flags("--cflags", "--libs", package="k8sleader-static"))
        shown = {line.split()[-1] for line in run("nm", "-D", "--defined-only", plugin).splitlines()}
        self.assertIn("use_k8sleader", shown)
        self.assertFalse([name for name in shown if name.startswith("kl_")])

    def test_dlopen(self):
        run("gcc", "-std=c99", "-Wall", "-Werror", os.path.join(HERE, "open.c"), "-o", self.program(), "-ldl")
        self.run_it(self.program(), os.path.join(self.libdir, "libk8sleader.so.1"))

    def test_no_symbol_leaks(self):
        """The shared library shows the table's symbols and no other; in the archive, all others have a prefix of ours."""
        with open(os.path.join(ROOT, "abi", "symbols.txt"), encoding="utf-8") as file:
            table = {line.split()[0] for line in file if line.startswith("k8sleader_")}
        shown = {line.split()[-1].split("@")[0] for line in
                 run("nm", "-D", "--defined-only", os.path.join(self.libdir, "libk8sleader.so")).splitlines()}
        self.assertEqual({name for name in shown if not name.startswith("K8SLEADER_")}, table)
        archived = {line.split()[-1] for line in
                    run("nm", "-g", "--defined-only", os.path.join(self.libdir, "libk8sleader.a")).splitlines() if len(line.split()) == 3}
        self.assertLessEqual(table, archived)
        self.assertFalse([name for name in archived - table if not name.startswith("kl_")])

    def test_size(self):
        stripped = os.path.join(self.folder, "stripped.so")
        run("strip", "-o", stripped, os.path.join(self.libdir, "libk8sleader.so.1"))
        self.assertLess(os.path.getsize(stripped), LARGEST_STRIPPED)
        self.run_it_with(stripped)

    def run_it_with(self, library):
        run("gcc", os.path.join(HERE, "open.c"), "-o", self.program(), "-ldl")
        self.run_it(self.program(), library)

    # ---- CMake ----

    def project(self, how, *settings, build_with=()):
        build = os.path.join(self.folder, how)
        run(CMAKE, "-S", os.path.join(HERE, "project"), "-B", build, "-G", "Ninja", f"-DHOW={how}", f"-DSOURCE={ROOT}", *settings)
        run(CMAKE, "--build", build, *build_with)
        for language in ("c", "cpp"):
            for kind in ("shared", "static"):
                program = os.path.join(build, f"use_{language}_{kind}")
                self.assertEqual("libk8sleader.so.1" in needed(program), kind == "shared")
                self.run_it(program)

    def test_find_package(self):
        self.project("find_package", f"-DCMAKE_PREFIX_PATH={self.prefix}")

    def test_add_subdirectory_with_link_time_optimisation(self):
        self.project("add_subdirectory", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON")

    def test_fetch_content(self):
        compilers = ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"] if shutil.which("clang++") else []
        self.project("FetchContent", *compilers)


if __name__ == "__main__":
    unittest.main()
