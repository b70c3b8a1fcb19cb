# SPDX-License-Identifier: Apache-2.0
"""The program of docs/kopf.md: each call of a handler is recorded with who called it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from support import PATIENCE, await_true

pytest.importorskip("kopf")

RECIPE = Path(__file__).parent.parent / "docs" / "kopf.md"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/my-operator"

HANDLERS = """
import asyncio, os, time
import kopf

@kopf.on.startup()
def configure(settings, **_):
    settings.posting.enabled = False

def record(what, name):
    with open(os.environ["RECORD"], "a") as file:
        file.write(f"{os.environ['IDENTITY']} {what} {name}\\n")

@kopf.on.create("configmaps", labels={"how": "awaits"})
async def created(name, memo, **_):
    assert memo.term.is_leader
    record("begins", name)
    try:
        await asyncio.sleep(1)
    finally:
        record("ends", name)

@kopf.on.create("configmaps", labels={"how": "blocks"})
def created_by_a_thread(name, memo, **_):
    record("begins", name)
    time.sleep(2)
    record("ends", name)
"""


class Operator:
    """A process of the program."""

    def __init__(self, folder, server, namespace, identity):
        self.identity = identity
        environment = {
            **os.environ,
            "KUBECONFIG": server.kubeconfig,
            "POD_NAMESPACE": namespace,
            "IDENTITY": identity,
            "RECORD": str(folder / "record"),
        }
        self.lines = []
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import logging, runpy; logging.basicConfig(level=logging.INFO); "
                "runpy.run_path('program.py', run_name='__main__')",
            ],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def says(self, text):
        return any(text in line for line in list(self.lines))

    def end(self, number):
        self.process.send_signal(number)
        return self.join()

    def join(self):
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


class Place:
    def __init__(self, folder, server):
        self.folder, self.server, self.operators = folder, server, []
        self.namespace = f"kopf-{uuid.uuid4().hex[:8]}"
        server.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        (recipe,) = re.findall(r"```python\n(.*?)```", RECIPE.read_text(), re.S)
        (folder / "program.py").write_text(recipe)
        (folder / "handlers.py").write_text(HANDLERS)
        (folder / "record").touch()

    def start(self, identity):
        self.operators.append(Operator(self.folder, self.server, self.namespace, identity))
        return self.operators[-1]

    def standby(self, identity):
        operator = self.start(identity)
        await_true(lambda: operator.says("new leader") or operator.process.poll() is not None)
        return operator

    def create(self, name, how="awaits"):
        self.server.request(
            "POST", f"/api/v1/namespaces/{self.namespace}/configmaps", {"metadata": {"name": name, "labels": {"how": how}}}
        )

    def record(self):
        return (self.folder / "record").read_text().splitlines()

    def await_record(self, line):
        await_true(lambda: line in self.record())

    def clear_away(self):
        for operator in self.operators:
            if operator.process.poll() is None:
                operator.process.kill()
            operator.join()
        self.server.request("DELETE", f"/api/v1/namespaces/{self.namespace}")


@pytest.fixture
def place(tmp_path, cluster):
    place = Place(tmp_path, cluster)
    yield place
    place.clear_away()


def of(identity, record):
    return [n for n, line in enumerate(record) if line.startswith(identity)]


@pytest.mark.parametrize("how", ["awaits", "blocks"])
def test_sigterm_hands_over_when_the_handlers_have_ended(place, how):
    first = place.start("first")
    place.create("one")
    place.await_record("first ends one")
    second = place.standby("second")
    place.create("two")
    place.await_record("first ends two")
    place.create("three", how)
    place.await_record("first begins three")
    assert first.end(signal.SIGTERM) == 0, "".join(first.lines)
    place.create("four")
    place.await_record("second ends four")
    record = place.record()
    assert "first ends three" in record
    assert max(of("first", record)) < min(of("second", record)), record
    assert second.end(signal.SIGTERM) == 0, "".join(second.lines)


def test_a_standby_ends_at_once(place):
    first = place.start("first")
    place.create("one")
    place.await_record("first ends one")
    second = place.standby("second")
    assert second.end(signal.SIGTERM) != 0
    assert of("second", place.record()) == []
    assert first.process.poll() is None


def test_a_loss_ends_the_process_and_its_handlers(place):
    first = place.start("first")
    place.create("one")
    place.await_record("first ends one")
    place.create("two")
    place.await_record("first begins two")
    path = LEASES.format(place.namespace)

    def steal():
        lease = place.server.request("GET", path)
        lease["spec"].update(holderIdentity="thief", leaseDurationSeconds=5)
        try:
            return place.server.request("PUT", path, lease)
        except OSError as error:  # a renewal was faster
            assert getattr(error, "code", None) == 409, error
            return None

    await_true(steal)
    assert first.join() == 1, "".join(first.lines)
    assert first.says("LeadershipLost")
    begun = [line.split()[2] for line in place.record() if " begins " in line]
    ended = [line.split()[2] for line in place.record() if " ends " in line]
    assert sorted(begun) == sorted(ended)
