#!/usr/bin/env python3
"""Programs of kept releases run with the library of today: each is compiled with its release's header, and linked with a
library that is made of that header for the occasion, all of whose symbols it wants bound.

OLD_LIBRARY: the build's libk8sleader.so.1; OLD_PROGRAM: the build's k8sleader, for a server; OLD_CC: the compiler.
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ABI = os.path.join(HERE, "..", "..", "abi")
sys.path.insert(0, os.path.join(HERE, "..", "header"))

import check_header  # noqa: E402  (the tests of the header lie beside these)

CC = os.environ["OLD_CC"]


def releases():
    return sorted(name for name in os.listdir(ABI) if re.fullmatch(r"\d+\.\d+", name))


def symbols(release):
    """name -> version node, as the release's dump has them."""
    dump = check_header.read(os.path.join(ABI, release, "libk8sleader.abi"))
    return dict(re.findall(r"<elf-symbol name='(\w+)' version='([\w.]+)'", dump))


def stub(release, without=""):
    """A library's source with all functions of the release's header, none of which does anything."""
    lines = ["#include <k8sleader.h>"]
    for match in check_header.DECLARATION.finditer(check_header.read(os.path.join(ABI, release, "k8sleader.h"))):
        returns, name, parameters = match[1].strip(), match[2], match[3]
        if name != without:
            lines.append(f"{returns} {name}({parameters})\n{{\n    {'return' if returns == 'void' else 'return 0'};\n}}")
    return "\n".join(lines) + "\n"


def version_script(nodes, without=""):
    text, before = "", ""
    for node in sorted(set(nodes.values()), key=lambda name: tuple(map(int, name.split("_")[-1].split(".")))):
        names = "".join(f"    {name};\n" for name in sorted(nodes) if nodes[name] == node and name != without)
        text += f"{node} {{\nglobal:\n{names}{'' if before else 'local: *;'}\n}}{before};\n"
        before = " " + node
    return text


class Server:
    def __init__(self, folder):
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        self.process = subprocess.Popen([os.environ["OLD_PROGRAM"], "dev-server", "--kubeconfig-out", self.kubeconfig],
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()  # how to use it is printed once it answers

    def stop(self):
        self.process.terminate()
        self.process.communicate()


class OldPrograms(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def library(self, release, folder, without=""):
        nodes = symbols(release)
        path = os.path.join(self.folder, folder)
        os.makedirs(path)
        subprocess.run([CC, "-w", "-fPIC", "-shared", f"-I{ABI}/{release}", self.write("stub.c", stub(release, without)),
                        "-o", f"{path}/libk8sleader.so.1", "-Wl,-soname,libk8sleader.so.1",
                        f"-Wl,--version-script={self.write('stub.sym', version_script(nodes, without))}"], check=True)
        os.symlink("libk8sleader.so.1", f"{path}/libk8sleader.so")
        return path

    def program(self, release):
        """Linked so that the loader binds every function of the release before main() begins."""
        names = sorted(symbols(release))
        uses = "#include <k8sleader.h>\ntypedef void (*function)(void);\nextern function all_of_them[];\nfunction all_of_them[] = {\n" \
            + "".join(f"    (function){name},\n" for name in names) + "};\n"
        path = os.path.join(self.folder, "program")
        subprocess.run([CC, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type", f"-I{ABI}/{release}",
                        f"{ABI}/{release}/program.c", self.write("uses.c", uses), "-o", path,
                        f"-L{self.library(release, 'then-' + release)}", "-lk8sleader", "-Wl,-z,now"], check=True)
        return path

    def run_with(self, program, folder, *arguments):
        return subprocess.run([program, *arguments], env=dict(os.environ, LD_LIBRARY_PATH=folder), capture_output=True,
                              text=True, timeout=120)

    def test_they_run_with_the_library_of_today(self):
        today = os.path.dirname(os.environ["OLD_LIBRARY"])
        server = Server(self.folder)
        self.addCleanup(server.stop)
        self.assertTrue(releases())
        for release in releases():
            with self.subTest(release=release):
                self.assertGreater(len(symbols(release)), 90)
                done = self.run_with(self.program(release), today, server.kubeconfig)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"compiled for {release}.", done.stdout)

    def test_a_library_that_lacks_a_function_is_noticed(self):
        release = releases()[-1]
        program = self.program(release)
        broken = self.library(release, "broken", without="k8sleader_event_skipped")
        done = self.run_with(program, broken, "nowhere")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("k8sleader_event_skipped", done.stderr)

    def test_a_symbol_in_another_version_node_is_noticed(self):
        release = releases()[-1]
        program = self.program(release)
        broken = self.library(release, "broken")
        script = version_script({name: "K8SLEADER_7.0" for name in symbols(release)})
        subprocess.run([CC, "-w", "-fPIC", "-shared", f"-I{ABI}/{release}", self.write("stub.c", stub(release)),
                        "-o", f"{broken}/libk8sleader.so.1", "-Wl,-soname,libk8sleader.so.1",
                        f"-Wl,--version-script={self.write('stub.sym', script)}"], check=True)
        done = self.run_with(program, broken, "nowhere")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("version", done.stderr)


if __name__ == "__main__":
    unittest.main()
