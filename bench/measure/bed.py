"""What all rows share: the control plane, the subjects, the limits, and how much is to be done."""

import datetime
import json
import os
import re
import subprocess
import sys
import threading

import kube
import peers
from measure.candidate import PATIENCE_S, cpu_seconds, memory_mib
from measure.figure import OURS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENTGO, PYTHON, OPERATORLIB = "client-go", "Python client", "operator-lib"
PEERS = {CLIENTGO: peers.clientgo, PYTHON: peers.python, OPERATORLIB: peers.operatorlib}


def built(path, script):
    """A file of build/ that the script has made."""
    path = os.path.join(ROOT, "build", path)
    if not os.path.exists(path):
        raise peers.Missing(f"scripts/{script} --build makes it")
    return path


def python_binding():
    return [built("python/bin/python", "test-python"), "-B", os.path.join(ROOT, "bindings/python/tests/candidate.py")]


def go_binding():
    return [built("go/bin/candidate", "test-go")]


def lua_binding():
    interpreter, environment = peers.lua()
    return ["env", *(f"{name}={value}" for name, value in environment.items()), interpreter,
            os.path.join(ROOT, "tests/interop/lua/candidate.lua")]


# This library from other languages: a candidate's command. FOR_MANY: those that stand for many locks, too.
BINDINGS = {"Python binding": python_binding, "Go binding": go_binding, "Lua binding": lua_binding}
FOR_MANY = ["Python binding", "Go binding"]
LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"
LEASE_S, RETRY_S = 15.0, 2.0  # everybody's defaults
HANDOVER_PAUSE_MS = 100
# So many at the defaults would be 2,500 writes a second and more: beyond what the server takes.
CROWDED, CROWDED_RETRY_S = 5000, 15.0
CROWDED_DURATIONS = ["--lease-duration", "60s", "--renew-deadline", "40s", "--retry-period", "15s"]


class Bed:
    def __init__(self, arguments, folder, kubeconfig, apiserver_pid):
        self.folder, self.kubeconfig, self.apiserver_pid = folder, kubeconfig, apiserver_pid
        self.quick, self.rounds = arguments.quick, arguments.rounds
        self.sizes = arguments
        self.programs = {OURS: arguments.program}
        self.limits_program = arguments.limits
        self.missing = {}
        self.started = []  # candidates that run
        self.serial = 0
        self.measured_limits = {}
        self.client = kube.Client(kube.Kubeconfig(kubeconfig))
        self.namespace = f"bench-{os.getpid()}"
        answer = self.client.post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        if answer.status != 201:
            sys.exit(f"bench/run: no namespace: {answer}")
        self.authority = os.path.join(folder, "authority")
        with open(self.authority, "w", encoding="ascii") as file:
            file.write(self.client.kubeconfig.authority or "")

    def build_peers(self, wanted):
        for name, build in {**PEERS, **BINDINGS}.items():
            if name not in wanted:
                self.missing[name] = "not asked for"
                continue
            try:
                self.programs[name] = build()
            except peers.Missing as missing:
                self.missing[name] = str(missing)

    def is_ours(self, subject):
        """The library, from whichever language."""
        return subject == OURS or subject in BINDINGS

    def has(self, *names):
        """Those of the names that can be measured, in their order."""
        return [name for name in names if name in self.programs]

    def command(self, subject, lock, identity, count=0, kubeconfig=None):
        same = ["--name", lock, "--namespace", self.namespace, "--identity", identity,
                "--kubeconfig", kubeconfig or self.kubeconfig]
        many = ["--count", str(count)] if count else []
        many += CROWDED_DURATIONS if count >= CROWDED else []
        program = self.programs[subject]
        if subject in BINDINGS:
            return [*program, *same, *many]
        return {OURS: lambda: [program, "elect", *same, *many, "--output", "json"],
                CLIENTGO: lambda: [program, *same, *many, "--release-on-cancel"],
                PYTHON: lambda: [program, "-B", os.path.join(ROOT, "tests", "interop", "python", "candidate.py"), *same],
                }[subject]()

    def name(self, what):
        self.serial += 1
        return f"{what}-{self.serial}"

    # ---- the server ----

    def lease(self, lock):
        answer = self.client.get(f"{LEASES.format(self.namespace)}/{lock}")
        if answer.status != 200:
            raise RuntimeError(f"{lock}: {answer}")
        return answer.body

    def leases(self):
        return self.client.get(LEASES.format(self.namespace)).body["items"]

    def requests(self):
        """How many requests on leases the server has answered, by verb, and how many were conflicts ("409")."""
        counts = {}
        for line in self.client.get("/metrics").text.splitlines():
            if line.startswith("apiserver_request_total{") and 'resource="leases"' in line:
                number = int(float(line.rsplit(" ", 1)[1]))
                keys = [re.search(r'verb="([^"]*)"', line)[1]]
                keys += ["409"] if 'code="409"' in line else []
                for key in keys:
                    counts[key] = counts.get(key, 0) + number
        return counts

    def apiserver_cpu(self):
        return cpu_seconds(self.apiserver_pid) if self.apiserver_pid else None

    def clear(self):
        """No leases of earlier measurements."""
        answer = self.client.delete(LEASES.format(self.namespace))
        if answer.status != 200:
            raise RuntimeError(f"the leases can't be deleted: {answer}")

    # ---- the limits ----

    def limits_environment(self):
        known = self.client.kubeconfig
        return {**os.environ, "LIMITS_SERVER": known.server.rstrip("/"), "LIMITS_TOKEN": known.token,
                "LIMITS_NAMESPACE": self.namespace, "LIMITS_AUTHORITY": self.authority}

    def limit(self, mode, *numbers):
        """What bench-limits measures, once a run: lines."""
        key = (mode, *numbers)
        if key not in self.measured_limits:
            done = subprocess.run([self.limits_program, mode, *map(str, numbers)], env=self.limits_environment(),
                                  stdout=subprocess.PIPE, text=True, check=True, timeout=10 * PATIENCE_S)
            self.measured_limits[key] = [json.loads(line) for line in done.stdout.splitlines()]
        return self.measured_limits[key]

    def limit_ms(self, mode, *numbers):
        return [line["ms"] for line in self.limit(mode, 50 if self.quick else 300, *numbers)]

    def handover_ms(self):
        """What a handover takes at the least, at the pace at which candidates are started and ended."""
        return self.limit_ms("handover", HANDOVER_PAUSE_MS)

    def last_error(self):
        """The last line that a candidate has left on stderr."""
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-1:]).strip()

    def end(self):
        for candidate in list(self.started):
            candidate.end()


class Helper:
    """bench-limits, doing something (`pace MS`, `idle`) until it is told to end."""

    def __init__(self, bed, *arguments):
        self.process = subprocess.Popen([bed.limits_program, *map(str, arguments)], env=bed.limits_environment(),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.lines = []
        if json.loads(self.process.stdout.readline()).get("event") != "ready":
            raise RuntimeError("bench-limits is not ready")
        # Read all the time, else it would wait for room in the pipe and not write.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        self.lines = [json.loads(line) for line in self.process.stdout]

    def end(self):
        """What it has measured, in ms."""
        self.process.stdin.close()
        self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        return [line["ms"] for line in self.lines if "ms" in line]


def plain_memory(bed):
    """RSS and private memory of a process that has a TLS connection by libcurl. Two, so that they share their code as
    candidates do."""
    idle = [Helper(bed, "idle") for _ in range(2)]
    weight = memory_mib(idle[0].process.pid)
    for helper in idle:
        helper.end()
    return weight


def wall_time(text):
    return datetime.datetime.fromisoformat(text).timestamp()
