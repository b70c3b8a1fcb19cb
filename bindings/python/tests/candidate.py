# SPDX-License-Identifier: Apache-2.0
"""Stands in elections by this binding, and prints what `k8sleader elect --output json` prints: for mixed fleets and the
benchmark. SIGTERM ends the work of what leads, and with the last release the process."""

from __future__ import annotations

import argparse
import json
import signal

import k8sleader


def seconds(text: str) -> float:
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in "name", "namespace", "identity", "kubeconfig":
        parser.add_argument("--" + name, required=True)
    for name, default in ("lease-duration", 15), ("renew-deadline", 10), ("retry-period", 2):
        parser.add_argument("--" + name, type=seconds, default=default)
    parser.add_argument("--count", type=int, default=0, help="so many locks, NAME-0 and so on")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    names = [f"{options.name}-{i}" for i in range(options.count)] or [options.name]
    with (
        k8sleader.Client(options.kubeconfig, namespace=options.namespace) as client,
        client.events(most=1000 + 10 * len(names)) as events,
    ):
        stand = {
            election.key: election
            for election in (
                client.stand(
                    name,
                    identity=options.identity,
                    lease_duration=options.lease_duration,
                    renew_deadline=options.renew_deadline,
                    retry_period=options.retry_period,
                )
                for name in names
            )
        }

        def stop(*_: object) -> None:
            for election in list(stand.values()):
                election.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        terms: dict[int, k8sleader.Term] = {}
        for event in events:
            election = stand[event.key]
            if event.type is k8sleader.EventType.STARTED_LEADING:
                term = election.wait(0)
                if term is None:
                    continue  # lost since
                terms[event.key] = term
            line = {
                "time": event.time.timestamp(),
                "event": event.type.value,
                "lock": event.lock,
                "identity": election.identity,
            }
            if event.leader:
                line["leader"] = event.leader
            if event.reason:
                line["reason"] = event.reason.value
            print(json.dumps(line), flush=True)
            if event.type is k8sleader.EventType.STOPPED_LEADING and event.key in terms:
                election.hand_back(terms.pop(event.key))
            elif event.type is k8sleader.EventType.CLOSED:
                del stand[event.key]
                if not stand:
                    break


if __name__ == "__main__":
    main()
