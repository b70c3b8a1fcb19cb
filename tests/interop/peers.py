"""Other clients' candidates, built or installed once below the build folder. Run as a program, it does just that."""

import fcntl
import functools
import hashlib
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("K8SLEADER_INTEROP_BUILD") or os.path.join(HERE, "../../build/interop")
PYTHON_CLIENT = "kubernetes==37.0.2"
GO_LEAST = (1, 26)
PRIVATE_MOUNTS = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]


class Missing(Exception):
    """What a peer needs is not on this machine: no fault of anybody's."""


class Forbidden(Missing):
    """This machine does not allow what a peer needs, and nothing that is installed changes that."""


def command(*arguments, **more):
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)


def locked(build):
    """Tests that run side by side must not build twice, or use what is half done."""
    @functools.cache
    def once():
        os.makedirs(BUILD, exist_ok=True)
        with open(os.path.join(BUILD, build.__name__ + ".lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return build()
    return once


def failure(what, said):
    return f"{what}: {said.stdout.strip()[-2000:]}"


def built_with_go(folder, name, *flags):
    source = os.path.join(HERE, folder)
    # GOTOOLCHAIN: else an older Go would answer with, or download, the version that go.mod names.
    environment = dict(os.environ, GOTOOLCHAIN="local", CGO_ENABLED="0")
    try:
        version = command("go", "env", "GOVERSION", cwd="/", env=environment).stdout.strip()
    except FileNotFoundError:
        version = "none"
    found = re.match(r"go(\d+)\.(\d+)", version)
    if not found or (int(found[1]), int(found[2])) < GO_LEAST:
        raise Missing(f"{folder}'s candidates need Go 1.26 or later (found: {version})")
    # By itself, since what it fails of is the way to the module proxy.
    modules = command("go", "mod", "download", *flags[:1], cwd=source, env=environment)
    if modules.returncode:
        raise Missing(failure(f"{folder}'s modules can't be had", modules))
    program = os.path.join(BUILD, name)
    built = command("go", "build", *flags, "-mod=readonly", "-buildvcs=false", "-o", program, ".", cwd=source,
                    env=environment)
    if built.returncode:
        raise RuntimeError(failure(f"{folder}'s candidate can't be built", built))
    return program


@locked
def clientgo():
    """The path of the candidate of client-go."""
    return built_with_go("clientgo", "clientgo-candidate")


@locked
def clientgo_configmaps():
    """The path of the candidate of an older client-go, with the ConfigMap lock."""
    return built_with_go("clientgo", "clientgo-candidate-configmaps", "-modfile=configmaps.mod", "-tags=configmaps")


@locked
def operatorlib():
    """The path of the candidate of operator-lib."""
    # It has its namespace from where Pods have it: for this program alone, in a mount namespace of its own.
    if command("unshare", *PRIVATE_MOUNTS, "mount", "-t", "tmpfs", "none", "/run").returncode:
        raise Forbidden("operator-lib's candidates need a mount namespace, and none may be made here")
    return built_with_go("operatorlib", "operatorlib-candidate")


@locked
def python():
    """The path of a Python that has the official client."""
    venv = os.path.join(BUILD, "venv-" + hashlib.sha256(f"{PYTHON_CLIENT} {sys.version}".encode()).hexdigest()[:12])
    interpreter = os.path.join(venv, "bin", "python")
    if os.path.exists(os.path.join(venv, "complete")):
        return interpreter
    made = command(sys.executable, "-m", "venv", "--clear", venv)
    if made.returncode:
        raise Missing(failure("no virtual environment for the Python client", made))
    installed = command(interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTHON_CLIENT)
    if installed.returncode:
        raise Missing(failure(PYTHON_CLIENT + " can't be installed", installed))
    with open(os.path.join(venv, "complete"), "w", encoding="utf-8"):
        pass
    return interpreter


def lua(version="5.4"):
    """The interpreter, and the environment in which it finds the binding: as scripts/test-lua has built it."""
    root = os.path.join(HERE, "../..")
    module = os.path.join(root, "build/lua/demo", version, "k8sleader/core.so")
    interpreter, folder = ("luajit", "5.1") if version == "jit" else (f"lua{version}", version)
    architecture = command("gcc", "-print-multiarch").stdout.strip()
    if not os.path.exists(module) or not os.path.exists(f"/usr/lib/{architecture}/lua/{folder}/_cqueues.so"):
        raise Missing("the Lua candidates need what scripts/test-lua builds and installs")
    return interpreter, {
        "LUA_PATH": f"{root}/bindings/lua/lua/?.lua;/usr/share/lua/{folder}/?.lua;/usr/share/lua/{folder}/?/init.lua",
        "LUA_CPATH": f"{root}/build/lua/demo/{version}/?.so;/usr/lib/{architecture}/lua/{folder}/?.so"}


if __name__ == "__main__":
    if not os.environ.get("K8SLEADER_TEST_CLUSTER_DIR"):
        print("skipped: K8SLEADER_TEST_CLUSTER_DIR names no cluster")
        sys.exit(77)
    lacking = False
    for peer in clientgo, clientgo_configmaps, operatorlib, python:
        try:
            print(peer())
        except Forbidden as forbidden:
            print("left out:", forbidden)
        except Missing as missing:
            print("missing:", missing)
            lacking = True
    # Where nothing may be left out.
    sys.exit(1 if lacking and os.environ.get("K8SLEADER_TEST_NEEDS_CLUSTER") == "1" else 0)
