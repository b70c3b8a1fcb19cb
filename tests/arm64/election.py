#!/usr/bin/env python3
"""An election of the program by processes of another machine's kind: election.py PROGRAM [WRAPPER...]

The embedded server, a leader and a standby, all of them run by WRAPPER: the standby takes over when the leader ends, by its
release and not by the lease's end.
"""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading

PATIENCE = 120  # seconds


class Candidate:
    def __init__(self, command, kubeconfig, identity):
        self.process = subprocess.Popen(
            [*command, "elect", "--kubeconfig", kubeconfig, "--namespace", "default", "--name", "web", "--identity", identity,
             "--lease-duration", "3600s", "--renew-deadline", "60s", "--output", "json"], stdout=subprocess.PIPE, text=True)
        self.events = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put({"event": "the end"})

    def await_event(self, name):
        while True:
            event = self.events.get(timeout=PATIENCE)
            print(f"  {event.get('identity', '')} {event['event']} {event.get('leader', '')}{event.get('token', '')}", flush=True)
            if event["event"] == name:
                return event
            assert event["event"] != "the end", f"ended without {name}"


def main(program, *wrapper):
    command = [*wrapper, program]
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = os.path.join(folder, "kubeconfig")
        server = subprocess.Popen([*command, "dev-server", "--kubeconfig-out", kubeconfig], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout.readline(), "the server ended"
            first = Candidate(command, kubeconfig, "first")
            token = first.await_event("started_leading")["token"]
            second = Candidate(command, kubeconfig, "second")
            assert second.await_event("new_leader")["leader"] == "first"
            first.process.terminate()
            assert first.await_event("stopped_leading")["reason"] == "stop"
            # The lease had an hour to go: only its release can have let the second lead.
            assert second.await_event("started_leading")["token"] > token
            assert first.process.wait(PATIENCE) == 0
            second.process.terminate()
            second.await_event("stopped_leading")
            assert second.process.wait(PATIENCE) == 0
        finally:
            server.terminate()
            server.communicate()
    print("an election: led, handed over, ended")


if __name__ == "__main__":
    main(*sys.argv[1:])
