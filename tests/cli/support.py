"""Starts the built program as a user would, and waits for what it says: each wait is for a line or an end, with a limit."""

import base64
import ctypes
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

PROGRAM = os.environ["K8SLEADER_PROGRAM"]
LIMIT = 20.0  # seconds; far more than anything here takes, for slow machines
SHORT = ["--lease-duration", "2s", "--renew-deadline", "1400ms", "--retry-period", "300ms"]
DEFAULTS = ["--lease-duration", "15s", "--renew-deadline", "10s", "--retry-period", "2s"]


def environment(extra=None):
    """What is set where the tests run must not change what they do."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("K8SLEADER_", "POD_", "KUBE"))}
    clean.update({"HOME": "/nonexistent", **(extra or {})})
    return clean


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Stream:
    """The lines of a pipe, with the time at which each came."""

    def __init__(self, file):
        self.lines, self.times, self.ended = [], [], False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(file,), daemon=True)
        self.thread.start()

    def _read(self, file):
        with file:
            for line in file:
                with self.changed:
                    self.lines.append(line.rstrip("\n"))
                    self.times.append(time.monotonic())
                    self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait(self, matches, start=0, limit=LIMIT):
        """The index of the first line from start on that matches."""
        def found():
            return next((i for i in range(start, len(self.lines)) if matches(self.lines[i])), None)

        with self.changed:
            self.changed.wait_for(lambda: found() is not None or self.ended, limit)
            index = found()
            if index is None:
                raise AssertionError(f"not said ({'ended' if self.ended else 'waiting'}): {self.lines}")
            return index

    def wait_end(self, limit=LIMIT):
        with self.changed:
            if not self.changed.wait_for(lambda: self.ended, limit):
                raise AssertionError(f"still open: {self.lines}")


class Program:
    def __init__(self, *arguments, env=None, **popen):
        self.process = subprocess.Popen([PROGRAM, *arguments], stdin=popen.pop("stdin", subprocess.DEVNULL),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment(env), preexec_fn=die_with_parent, **popen)
        self.out = Stream(self.process.stdout)
        self.err = Stream(self.process.stderr)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, limit=LIMIT):
        code = self.process.wait(limit)
        return code

    def finish(self, limit=LIMIT):
        """The exit code, once all it said was read."""
        code = self.process.wait(limit)
        self.out.wait_end(limit)
        self.err.wait_end(limit)
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # JSON events, of elect on stdout and of run on stderr

    def event(self, name, stream=None, start=0, **fields):
        """The first event of that name with those fields, and its index."""
        stream = stream or self.out

        def matches(line):
            got = json.loads(line) if line.startswith("{") else {}
            return got.get("event") == name and all(got.get(k) == v for k, v in fields.items())

        index = stream.wait(matches, start)
        return json.loads(stream.lines[index]), index


class Server(Program):
    """k8sleader dev-server on a free port, with TLS unless told otherwise."""

    def __init__(self, *arguments):
        self.folder = tempfile.mkdtemp(prefix="k8sleader-test-")
        self.kubeconfig = os.path.join(self.folder, "kubeconfig")
        super().__init__("dev-server", "--kubeconfig-out", self.kubeconfig, *arguments)
        self.out.wait(lambda line: line.startswith("export KUBECONFIG="))
        with open(self.kubeconfig, encoding="utf-8") as file:
            text = file.read()
        self.url = re.search(r"server: (\S+)", text)[1]
        self.token = re.search(r'token: "([^"]+)"', text)[1]
        authority = re.search(r"certificate-authority-data: (\S+)", text)
        self.context = ssl.create_default_context(
            cadata=base64.b64decode(authority[1]).decode()) if authority else None

    def request(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=LIMIT, context=self.context) as answer:
            return json.loads(answer.read() or "null")

    def fault(self, **fault):
        return self.request("POST", "/_devserver/faults", fault)["number"]

    def wait_hits(self, number, hits):
        """Until that fault has struck so often."""
        limit = time.monotonic() + LIMIT
        while not any(f["number"] == number and f["hits"] >= hits for f in self.request("GET", "/_devserver/faults")):
            if time.monotonic() > limit:
                raise AssertionError(f"fault {number} did not strike {hits} times")

    def clear_faults(self):
        self.request("DELETE", "/_devserver/faults")

    def lease(self, name, namespace="default"):
        return self.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}")

    def candidate(self, subcommand, *arguments, env=None, **popen):
        return Program(subcommand, "--kubeconfig", self.kubeconfig, "--namespace", "default", *arguments, env=env, **popen)

    def end(self):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class TestCase(unittest.TestCase):
    """One server for the tests of a class, without faults at each one's start."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.end)

    def setUp(self):
        self.server.clear_faults()
        self.lock = re.sub("[^a-z0-9]+", "-", self.id().split(".")[-1].lower())[:60].strip("-")

    def keep(self, program):
        self.addCleanup(program.kill)
        return program

    def elect(self, identity, *arguments, name=None, **more):
        return self.keep(self.server.candidate("elect", "--name", name or self.lock, "--identity", identity,
                                               "--output", "json", *SHORT, *arguments, **more))

    def run_command(self, identity, *command, options=(), **more):
        return self.keep(self.server.candidate("run", "--name", self.lock, "--identity", identity, "--output", "json",
                                               *SHORT, *options, "--", *command, **more))

    def run_shell(self, identity, script, options=(), **more):
        return self.run_command(identity, "sh", "-c", script, options=options, **more)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def main():
    unittest.main(verbosity=2)
