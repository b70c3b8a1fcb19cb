# SPDX-License-Identifier: Apache-2.0
"""What is written about the package: the README's code is run as it stands, and every public name is told of."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support import PATIENCE, REAL

ROOT = Path(__file__).parents[3]
README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)


def block(start):
    (found,) = [block for block in BLOCKS if block.startswith(start)]
    return found


def process(server, script, folder, stderr=subprocess.STDOUT, **more):
    """A program as the README's reader would start it: KUBECONFIG is exported, and it is in a namespace."""
    environment = {**os.environ, "KUBECONFIG": server.kubeconfig, "POD_NAMESPACE": "default", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=environment,
        cwd=folder,
        **more,
    )


def said(server, script, folder):
    """What it printed, once it has ended well. On stderr the library may say that this machine is slow."""
    with process(server, script, folder, stderr=subprocess.PIPE) as running:
        text, errors = running.communicate(timeout=3 * PATIENCE)
    assert running.returncode == 0, text + errors
    return text


def test_start(server, tmp_path):
    """Two shells: the second waits, and leads when Ctrl-C has ended the first."""
    script = block("import k8sleader\n\nwith k8sleader.Client(")
    with process(server, script, tmp_path) as first:
        begun = first.stdout.readline()
        assert begun.startswith("leading, fencing token")
        with process(server, script, tmp_path) as second:
            assert first.stdout.readline() == "working\n"
            first.send_signal(signal.SIGINT)
            rest, _ = first.communicate(timeout=PATIENCE)
            assert rest.rstrip().endswith("KeyboardInterrupt")
            later = second.stdout.readline()
            assert later.startswith("leading, fencing token")
            assert int(later.split()[-1]) > int(begun.split()[-1])
            second.send_signal(signal.SIGINT)
            second.communicate(timeout=PATIENCE)


def test_leading(server, tmp_path):
    prelude = """
import k8sleader
client, result = k8sleader.Client(), "result"

def save(what, token):
    print("saved", what, token == term.fencing_token)
    term.stop()

"""
    assert said(server, prelude + block("with client.lead("), tmp_path) == "saved result True\n"


def test_asyncio(server, tmp_path):
    prelude = """
import asyncio, k8sleader

async def serve(term):
    print("serves", term.is_leader)

async def main():
"""
    script = prelude + textwrap.indent(block("async with"), "    ") + "\nasyncio.run(main())\n"
    assert said(server, script, tmp_path) == "serves True\n"


def test_callbacks(server, tmp_path):
    prelude = """
import k8sleader
client = k8sleader.Client()

def work(term):
    print("works")
    term.stop()

"""
    # Two threads print: one's line may be amid the other's.
    text = said(server, prelude + block("client.run("), tmp_path)
    assert text.count("\n") == 2 and "works" in text
    assert text.replace("works", "", 1).strip()  # the leader's name


def test_decorator(server, tmp_path):
    prelude = """
import os, signal, k8sleader

def work():
    print("works")
    os.kill(os.getpid(), signal.SIGTERM)

"""
    assert said(server, prelude + block("@k8sleader.elected") + '\nmain()\nprint("ended")\n', tmp_path) == "works\nended\n"


def test_compat(server, tmp_path):
    pytest.importorskip("kubernetes.leaderelection.resourcelock.leaselock")
    prelude = """
import os
from kubernetes import config as kubeconfig
from kubernetes.leaderelection import electionconfig
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
kubeconfig.load_kube_config(os.environ["KUBECONFIG"])

def work():
    print("works", flush=True)
    raise SystemError

config = electionconfig.Config(LeaseLock("web", "default", "me"), 15, 10, 2, work, lambda: print("stopped"))
"""
    text = said(server, prelude + block("from k8sleader.compat"), tmp_path)
    assert "works\n" in text and text.endswith("stopped\n")


@pytest.mark.skipif(REAL, reason="the fixture is the embedded server")
def test_fixture(server, tmp_path):
    (tmp_path / "test_it.py").write_text(block("def test_leads("))
    command = [sys.executable, "-m", "pytest", "-q", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=3 * PATIENCE)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_no_block_of_the_readme_is_left_out():
    assert len(BLOCKS) == 7


MODULES = ["k8sleader", "k8sleader.testing", "k8sleader.compat.leaderelection"]


def public(module):
    pdoc = pytest.importorskip("pdoc.doc")
    found = pdoc.Module(importlib.import_module(module)).members
    return [member for name, member in found.items() if member.kind != "module" and not name.startswith("_")]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_told_of(module):
    documented = public(module)
    assert documented
    lacking = []
    for member in documented:
        text = member.docstring
        if member.fullname == "k8sleader.Duration":  # an alias has its words where it is made
            text = next(m.docstring for m in public("k8sleader.options") if m.name == "Duration")
        if "Since 1.0" not in text:
            lacking.append(f"{member.fullname}: no Since")
        if member.kind == "class":
            own = [m for m in member.members.values() if not m.name.startswith("_") and m.taken_from[0].startswith("k8sleader")]
            lacking += [m.fullname for m in own if not m.docstring]
    assert lacking == []


def test_the_reference_is_built_without_a_warning():
    pytest.importorskip("pdoc")
    command = [ROOT / "scripts" / "python-docs"]
    environment = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=3 * PATIENCE)
    assert done.returncode == 0, done.stderr
    pages = {module: (ROOT / "build/python-docs" / f"{module.replace('.', '/')}.html").read_text() for module in MODULES}
    shown = dict(zip(MODULES, ["fencing_token", "DevServer", "LeaderElection"]))
    assert [module for module in MODULES if shown[module] not in pages[module]] == []
