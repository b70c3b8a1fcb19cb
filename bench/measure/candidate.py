"""Candidates as processes: what they say, what they weigh, and their ends. All subjects print the same lines."""

import json
import os
import signal
import subprocess
import threading
import time

PATIENCE_S = 120.0
TICKS = os.sysconf("SC_CLK_TCK")
said = threading.Condition()  # some candidate has said something


def cpu_seconds(pid):
    """User and system time so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mib(pid):
    """RSS, and the part of it that is no other process's as well."""
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in list(rollup)[1:]:
            name, value = line.split(":")
            fields[name] = int(value.split()[0]) / 1024
    return fields["Rss"], fields["Private_Clean"] + fields["Private_Dirty"]


def await_that(condition, what, patience=PATIENCE_S):
    """Blocks until condition() holds, asked whenever a candidate has said something; its value."""
    with said:
        value = said.wait_for(condition, patience)
    if not value:
        raise RuntimeError(f"not in {patience:.0f} s: {what}")
    return value


class Candidate:
    """A process in an election. command and environment come from measure.subjects."""

    def __init__(self, bed, subject, lock, identity, *, count=0, command=None, environment=None):
        self.bed, self.subject, self.identity = bed, subject, identity
        self.events, self.ended = [], False
        # What it says on stderr goes where it can be read afterwards, and can't fill a pipe.
        with open(os.path.join(bed.folder, "stderr"), "ab") as errors:
            self.born = time.time()
            self.process = subprocess.Popen(
                command or bed.command(subject, lock, identity, count), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, env=environment)
        bed.started.append(self)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with self.process.stdout as lines:
            for line in lines:
                if line.startswith(b"{"):
                    event = json.loads(line)
                    with said:
                        self.events.append(event)
                        said.notify_all()
        with said:
            self.ended = True
            said.notify_all()

    def all(self, kind, since=0.0):
        return [e for e in self.events if e["event"] == kind and e["time"] >= since]

    def wait(self, kind, since=0.0):
        what = f"{kind} of {self.subject} {self.identity}"
        await_that(lambda: self.all(kind, since) or self.ended, what)
        if not self.all(kind, since):
            raise RuntimeError(f"it ended: {what}; {self.bed.last_error()}")
        return self.all(kind, since)[0]

    def stands_by(self):
        self.wait("new_leader")
        if self.bed.is_ours(self.subject):
            time.sleep(0.1)  # its watch is open: a standby is seldom needed in its first milliseconds
        return self

    def signal(self, number):
        """When it was sent."""
        at = time.time()
        self.process.send_signal(number)
        return at

    def terminate(self):
        return self.signal(signal.SIGTERM)

    def kill(self):
        at = self.signal(signal.SIGKILL)
        self.process.wait()
        return at

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self in self.bed.started:
            self.bed.started.remove(self)

    def _lives(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.subject} {self.identity} has ended by itself: {self.bed.last_error()}")

    def cpu(self):
        self._lives()
        return cpu_seconds(self.process.pid)

    def memory(self):
        self._lives()
        return memory_mib(self.process.pid)


def first_to_lead(candidates, since):
    """Who, and when."""
    def found():
        led = [(e["time"], c) for c in candidates for e in c.all("started_leading", since)[:1]]
        return min(led, key=lambda one: one[0]) if led else None

    at, who = await_that(found, "somebody leads")
    return who, at
