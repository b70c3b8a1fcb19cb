#!/usr/bin/env python3
"""The manifests' Roles are minimal: without any one verb something is refused, and the log says which."""

import signal
import unittest

import bed

LOCKS = {"life": "configmaps", "lease": "leases"}


class Rights(bed.TestCase):
    with_rights = False

    def without(self, mode, resource, verb):
        self.mode = mode
        bed.grant_all_but(self.namespace, mode, resource, verb)
        self.want("cache-1", 2)
        pod = self.pod("operator-a")
        return pod, pod.start()

    def ends_well(self, operator):
        operator.process.send_signal(signal.SIGTERM)
        self.assertEqual(operator.await_end(), 0)


def refused(mode, resource, verb):
    """It says so, goes on, and does its job once it may."""
    def test(self):
        pod, operator = self.without(mode, resource, verb)
        if (resource, verb) == ("deployments", "patch"):
            self.await_size("cache-1", 2)
            self.want("cache-1", 3)
        if (mode, resource, verb) == ("life", "configmaps", "delete"):
            # Of use only when a leader's Pod has ended and is still there: then by another Pod.
            operator.await_leading()
            operator.process.kill()
            operator.await_end()
            pod.set_status(phase="Failed", reason="Evicted")
            operator = self.pod("operator-b").start()
        line = operator.await_line(f'cannot {verb} resource "{resource}"')
        self.assertIn("403", line)
        kubectl = f"{bed.DEPLOY}/rbac-{mode}.yaml"
        bed.kubectl("apply", "-n", self.namespace, "-f", kubectl)
        self.want("cache-1", 4)
        self.await_size("cache-1", 4)
        self.ends_well(operator)

    return test


def polled(mode, resource):
    """It goes on without: slower."""
    def test(self):
        _, operator = self.without(mode, resource, "watch")
        self.await_size("cache-1", 2)
        self.want("cache-1", 3)
        self.await_size("cache-1", 3)
        if resource != "pods":  # of these nothing is said
            self.assertIn("403", operator.await_line(f'cannot watch resource "{resource}"'))
        self.ends_well(operator)

    return test


for of_mode in ("life", "lease"):
    for of_resource, verbs in {
            LOCKS[of_mode]: ["get", "create", "update" if of_mode == "lease" else "delete"],
            "memcacheds": ["list"], "memcacheds/status": ["patch"],
            "deployments": ["list", "create", "patch"],
            **({"pods": ["get"]} if of_mode == "life" else {})}.items():
        for of_verb in verbs:
            setattr(Rights, f"test_{of_mode}_{of_verb}_{of_resource.replace('/', '_')}",
                    refused(of_mode, of_resource, of_verb))
    for of_resource in (LOCKS[of_mode], "memcacheds", "deployments",
                        *(["pods"] if of_mode == "life" else [])):
        setattr(Rights, f"test_{of_mode}_watch_{of_resource}", polled(of_mode, of_resource))


class All(unittest.TestCase):
    def test_no_verb_is_left_out(self):
        tested = sum(name.startswith("test_") for name in dir(Rights))
        objects = [o for mode in LOCKS for o in bed.manifest(f"rbac-{mode}.yaml")]
        granted = sum(len(rule["verbs"]) for o in objects if o["kind"] == "Role" for rule in o["rules"])
        self.assertEqual(tested, granted)


if __name__ == "__main__":
    bed.main()
