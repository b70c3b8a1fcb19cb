#!/usr/bin/env python3
"""That abi/check lets pass what no program can notice, and finds each way to break the ABI: on the library itself, linked
anew with two sources compiled from copies that are changed.

ABI_ARCHIVE: the build's libk8sleader.a; ABI_CC: the compiler; ABI_FLAGS: what the libraries it uses need, compiling and linking.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SOURCES = os.path.join(ROOT, "libleader", "src")
CC = os.environ["ABI_CC"]
FLAGS = shlex.split(os.environ["ABI_FLAGS"].replace(";", " "))
STRUCT = "struct k8sleader_event {\n"


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


class Build:
    """A copy of what is changed: the headers, the sources of events and of options, the version script, the SONAME."""

    SOURCES = ("event.c", "options.c")

    def __init__(self, folder, objects):
        self.folder = folder
        self.objects = objects
        self.soname = "libk8sleader.so.1"
        self.texts = {
            "k8sleader.h": read(ROOT, "libleader", "include", "k8sleader.h"),
            **{name: read(SOURCES, name) for name in self.SOURCES},
            "client_object.h": read(SOURCES, "client_object.h"),
            "k8sleader.sym": read(ROOT, "libleader", "k8sleader.sym"),
        }

    def change(self, file, old, new):
        if old not in self.texts[file]:
            raise AssertionError(f"{file} has no {old!r} to change: the test is to follow the source")
        self.texts[file] = self.texts[file].replace(old, new)

    def in_both(self, old, new):
        self.change("k8sleader.h", old, new)
        self.change("event.c", old, new)

    def link(self):
        for name, text in self.texts.items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        own = [os.path.join(self.folder, name + ".o") for name in self.SOURCES]
        others = [path for path in self.objects if os.path.basename(path).removesuffix(".o") not in self.SOURCES]
        library = os.path.join(self.folder, "libk8sleader.so")
        for path in own:
            subprocess.run([CC, "-std=c11", "-D_GNU_SOURCE", "-g", "-fPIC", "-fvisibility=hidden", "-c", "-o", path,
                            path.removesuffix(".o"), f"-I{self.folder}", f"-I{SOURCES}", *FLAGS], check=True)
        subprocess.run([CC, "-shared", "-o", library, *own, *others, f"-Wl,-soname,{self.soname}",
                        f"-Wl,--version-script={self.folder}/k8sleader.sym", *FLAGS], check=True)
        return library

    def check(self):
        """abi/check's exit code and what it said."""
        done = subprocess.run([os.path.join(ROOT, "abi", "check"), self.link(), os.path.join(self.folder, "k8sleader.h")],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr


class Abi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.unpacked = tempfile.TemporaryDirectory()
        subprocess.run(["ar", "x", os.environ["ABI_ARCHIVE"]], check=True, cwd=cls.unpacked.name)
        cls.objects = [os.path.join(cls.unpacked.name, name) for name in os.listdir(cls.unpacked.name)]

    @classmethod
    def tearDownClass(cls):
        cls.unpacked.cleanup()

    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.build = Build(folder, self.objects)

    def keeps(self):
        code, said = self.build.check()
        self.assertEqual(code, 0, said)

    def breaks(self, name):
        code, said = self.build.check()
        self.assertEqual(code, 1, said)
        self.assertIn(name, said)

    # ---- what may change ----

    def test_nothing(self):
        self.keeps()

    def test_the_inside_of_a_handle(self):
        self.build.change("client_object.h", STRUCT, STRUCT + "    double inserted[3];\n")
        self.keeps()

    def test_a_function_more(self):
        declaration = "uint64_t k8sleader_event_token(const k8sleader_event *event)"
        self.build.change("k8sleader.h", f"K8SLEADER_API {declaration};",
                          f"K8SLEADER_API {declaration};\nK8SLEADER_API int k8sleader_event_more(const k8sleader_event *event);")
        self.build.change("event.c", declaration,
                          f"int k8sleader_event_more(const k8sleader_event *event)\n{{\n    return !event;\n}}\n\n{declaration}")
        self.build.texts["k8sleader.sym"] += "\nK8SLEADER_1.1 {\nglobal:\n    k8sleader_event_more;\n} K8SLEADER_1.0;\n"
        self.keeps()

    def test_a_constant_more(self):
        self.build.change("k8sleader.h", "K8SLEADER_OK = 0,", "K8SLEADER_OK = 0, K8SLEADER_ERR_NEW = -200,")
        self.keeps()

    # ---- what may not ----

    def test_a_function_is_removed(self):
        self.build.change("k8sleader.sym", "    k8sleader_event_skipped;\n", "")
        self.breaks("k8sleader_event_skipped")

    def test_what_a_function_returns(self):
        self.build.in_both("uint64_t k8sleader_event_token(", "uint32_t k8sleader_event_token(")
        self.breaks("k8sleader_event_token")

    def test_the_type_of_an_argument(self):
        self.build.in_both("k8sleader_event_type_name(int type)", "k8sleader_event_type_name(int64_t type)")
        self.breaks("k8sleader_event_type_name")

    def test_an_argument_more(self):
        self.build.in_both("k8sleader_reason_name(int reason)", "k8sleader_reason_name(int reason, int flags)")
        self.breaks("k8sleader_reason_name")

    def test_an_argument_less(self):
        self.build.in_both("k8sleader_reason_name(int reason)", "k8sleader_reason_name(void)")
        self.build.change("event.c", "switch (reason) {", "int reason = 0;\n    switch (reason) {")
        self.breaks("k8sleader_reason_name")

    def test_a_callback_gets_more(self):
        old = "(k8sleader_election *election, const k8sleader_event *event, void *user);"
        self.build.change("k8sleader.h", old, old.replace("void *user", "void *user, int more"))
        self.breaks("k8sleader_callback")

    def test_the_number_of_a_constant(self):
        self.build.change("k8sleader.h", "K8SLEADER_ERR_CLOSED    = -4,", "K8SLEADER_ERR_CLOSED    = -14,")
        self.breaks("K8SLEADER_ERR_CLOSED")

    def test_a_constant_is_removed(self):
        self.build.change("k8sleader.h", "K8SLEADER_LOG_DEBUG   = 4", "K8SLEADER_LOG_TRACE   = 4")
        self.breaks("K8SLEADER_LOG_DEBUG")

    def test_a_constant_without_a_number(self):
        self.build.change("k8sleader.h", "K8SLEADER_LOG_DEBUG   = 4", "K8SLEADER_LOG_DEBUG")
        self.breaks("K8SLEADER_LOG_DEBUG")

    def test_another_version_node(self):
        script = self.build.texts["k8sleader.sym"].replace("    k8sleader_event_skipped;\n", "")
        self.build.texts["k8sleader.sym"] = script + "\nK8SLEADER_1.1 {\nglobal:\n    k8sleader_event_skipped;\n} K8SLEADER_1.0;\n"
        self.breaks("k8sleader_event_skipped")

    def test_another_soname(self):
        self.build.soname = "libk8sleader.so.2"
        self.breaks("SONAME")

    def test_a_library_that_tells_nothing(self):
        library = self.build.link()
        subprocess.run(["strip", "-g", library], check=True)
        done = subprocess.run([os.path.join(ROOT, "abi", "check"), library], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no debug information", done.stdout)


if __name__ == "__main__":
    unittest.main()
