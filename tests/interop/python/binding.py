"""Stands in an election by this project's Python binding, and prints what `k8sleader elect --output json` prints."""

import argparse
import json
import signal
import sys
import threading
import time

import k8sleader
from k8sleader import EventType

PRINTING = threading.Lock()


def arguments():
    parser = argparse.ArgumentParser()
    for name in "name", "namespace", "identity", "kubeconfig":
        parser.add_argument("--" + name, required=True)
    for name in "lease-duration", "renew-deadline", "retry-period":
        parser.add_argument("--" + name, type=seconds, default=None)
    return parser.parse_args()


def seconds(text):
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))


def main():
    options = arguments()
    terms = []  # the one that goes on

    def say(event, **fields):
        with PRINTING:
            line = {"time": round(time.time(), 6), "event": event, "lock": f"{options.namespace}/{options.name}",
                    "identity": options.identity, **fields}
            print(json.dumps(line), flush=True)

    def on_signal(*_):
        if not terms:
            raise SystemExit(0)
        terms[0].stop()

    def tell(events):
        for event in events:
            if event.type is EventType.NEW_LEADER:
                say("new_leader", leader=event.leader)

    names = "lease_duration", "renew_deadline", "retry_period"
    durations = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    with k8sleader.Client(options.kubeconfig) as client:
        election = client.stand(options.name, namespace=options.namespace, identity=options.identity, **durations)
        threading.Thread(target=tell, args=(election.events(),), daemon=True).start()
        signal.signal(signal.SIGTERM, on_signal)
        while True:  # after a loss it stands again
            terms.append(election.wait())
            say("started_leading")
            terms[0].stopped.wait()
            # The end of the work, while the lock is still held, if it was not lost.
            reason = terms[0].reason.value if terms[0].reason else "stop"  # of our own: its event is still to come
            say("stopped_leading", reason=reason)
            terms.pop().hand_back()
            if reason == "stop":
                return


if __name__ == "__main__":
    sys.exit(main())
