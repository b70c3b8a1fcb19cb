"""The demo: three candidates on the embedded API server, a rolling restart, and a leader killed with -9."""

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE_S = 60
LEASE = ["--lease-duration", "4s", "--renew-deadline", "3s", "--retry-period", "500ms"]


class Demo:
    def __init__(self, program, folder):
        self.program = program
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        self.events = queue.Queue()
        self.candidates = {}
        self.color = sys.stdout.isatty()

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.color else text

    def say(self, text):
        print(text, flush=True)

    def start_server(self):
        self.server = subprocess.Popen(
            [self.program, "dev-server", "--listen", "127.0.0.1:0", "--kubeconfig-out", self.kubeconfig],
            stdout=subprocess.PIPE, text=True)
        first = self.server.stdout.readline()
        if not first:
            raise SystemExit("the embedded API server did not start")
        threading.Thread(target=self.server.stdout.read, daemon=True).start()

    def start_candidate(self, name):
        process = subprocess.Popen(
            [self.program, "elect", "--name", "demo", "--namespace", "default", "--identity", name,
             "--kubeconfig", self.kubeconfig, "--output", "json", *LEASE],
            stdout=subprocess.PIPE, text=True)
        self.candidates[name] = process
        threading.Thread(target=self.read_events, args=(process,), daemon=True).start()

    def read_events(self, process):
        for line in process.stdout:
            self.events.put(json.loads(line))

    def await_event(self, kind, identity=None):
        """The next event of this kind; others are shown in passing."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                event = self.events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise SystemExit(f"no {kind} came in {PATIENCE_S} s")
            if event["event"] == kind and identity in (None, event["identity"]):
                return event
            if event["event"] == "error":
                self.say(f"     {event['identity']}: {event['message']}")

    def stop(self, name):
        process = self.candidates.pop(name)
        process.send_signal(signal.SIGTERM)
        return process

    def leads(self, event, since, note):
        took = (event["time"] - since) * 1000
        took = f"{took:,.1f} ms" if took < 1000 else f"{took / 1000:,.2f} s"
        self.say(f"  {self.paint(32, '★')} {event['identity']} leads   "
                 f"{self.paint(1, took)} {note}   (fencing token {event['token']})")
        return event["identity"]

    def status(self):
        subprocess.run([self.program, "status", "--kubeconfig", self.kubeconfig, "--namespace", "default"], check=True)

    def run(self):
        self.say(self.paint(1, "\nThe embedded API server and three candidates for the Lease default/demo"))
        self.start_server()
        started = time.time()
        self.start_candidate("alice")
        leader = self.leads(self.await_event("started_leading"), started, "after the first candidate was started")
        for name in ("bob", "carol"):
            self.start_candidate(name)
            self.await_event("new_leader", name)
            self.say(f"    {name} stands by")
        self.say("")
        self.status()

        self.say(self.paint(1, "\nA rolling restart: each leader gets SIGTERM, releases, and comes back as a standby"))
        for _ in range(3):
            since = time.time()
            process = self.stop(leader)
            event = self.await_event("started_leading")
            self.say(f"    {leader} was told to stop")
            successor = self.leads(event, since, "from SIGTERM to the next leader")
            process.wait(PATIENCE_S)
            self.start_candidate(leader)
            self.await_event("new_leader", leader)
            self.say(f"    {leader} is back and stands by")
            leader = successor

        self.say(self.paint(1, "\nkill -9: nobody releases, so the standbys wait until the lease (4 s) has run out"))
        since = time.time()
        self.candidates.pop(leader).kill()
        self.say(f"    {leader} was killed")
        leader = self.leads(self.await_event("started_leading"), since, "from kill -9 to the next leader")
        self.say("")
        self.status()

        self.say(self.paint(1, "\nThe end: everybody stops and releases"))
        for process in [self.stop(name) for name in list(self.candidates)]:
            process.wait(PATIENCE_S)
        self.status()

    def clean_up(self):
        for process in self.candidates.values():
            process.kill()
        if hasattr(self, "server"):
            self.server.terminate()
            self.server.wait(PATIENCE_S)


def main():
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(sys.argv[1], folder)
        try:
            demo.run()
        finally:
            demo.clean_up()


main()
