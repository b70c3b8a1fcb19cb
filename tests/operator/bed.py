"""A kubelet's part, played for the example operator: Pods are objects, their containers are processes.

A Pod is made from deployment.yaml. Its process gets the environment that its `env` says, and the service
account below /var/run/secrets that a Pod gets, with a token that is bound to the Pod: what the Role of the
manifest does not allow, it can't.
"""

import base64
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import support  # noqa: E402  (of tests/e2e: the cluster, the API)
from support import PATIENCE, ApiError, await_answer  # noqa: E402

SKIPPED = 77
PROGRAM = os.environ.get("K8SLEADER_TEST_OPERATOR", "")
PYTHON = os.path.join(support.ROOT, "build", "python", "bin", "python")
LUA = os.path.join(support.ROOT, "build", "lua", "demo", "jit", "k8sleader", "core.so")
EXAMPLE = os.path.join(support.ROOT, "examples", "memcached-operator")
DEPLOY = os.path.join(EXAMPLE, "deploy")
LOCK = "memcached-operator-lock"
MEMCACHEDS = "/apis/cache.example.com/v1alpha1/namespaces/{}/memcacheds"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{}/deployments"
PODS = "/api/v1/namespaces/{}/pods"
ACCOUNTS = "/api/v1/namespaces/{}/serviceaccounts"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/memcacheds.cache.example.com"
TOKEN = "cache.example.com/fencing-token"

# A container's own view of /run: this is where the service account is, at a path that nothing but a Pod has.
AS_A_CONTAINER = ["unshare", "--map-root-user", "--mount", "sh", "-c",
                  'mount -t tmpfs none /run && mkdir -p /var/run/secrets/kubernetes.io && '
                  'ln -s "$0" /var/run/secrets/kubernetes.io/serviceaccount && exec "$@"']


def containers_can_be_made():
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([*AS_A_CONTAINER, folder, "true"], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0


def kubectl(*arguments, text=None):
    """For what is the command's own: files of manifests, dry runs."""
    result = subprocess.run(["kubectl", "--kubeconfig", support.cluster().kubeconfig,
                             "--request-timeout=120s", *arguments],
                            input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            timeout=600, check=False)
    if result.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {result.returncode}: {result.stderr}")
    return result.stdout


def manifest(name):
    """The objects of a file of deploy/, as the server would get them."""
    text = kubectl("create", "--dry-run=client", "--validate=false", "-o", "json", "-f",
                   os.path.join(DEPLOY, name)).strip()
    objects = []
    while text:  # one after the other, not as a list
        found, end = json.JSONDecoder().raw_decode(text)
        found["metadata"].pop("namespace", None)  # the kubeconfig's
        objects.append(found)
        text = text[end:].strip()
    return objects


def grant_all_but(namespace, mode, resource, verb):
    """The manifest's Role without one verb."""
    objects = manifest(f"rbac-{mode}.yaml")
    role = next(o for o in objects if o["kind"] == "Role")
    matching = [r for r in role["rules"] if r["resources"] == [resource] and verb in r["verbs"]]
    assert len(matching) == 1, f"the Role of {mode} has no {verb} on {resource}, or has it twice"
    matching[0]["verbs"].remove(verb)
    role["rules"] = [r for r in role["rules"] if r["verbs"]]
    kubectl("apply", "-n", namespace, "-f", "-",
            text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def install_crd():
    kubectl("apply", "-f", os.path.join(DEPLOY, "crd.yaml"))
    kubectl("wait", "--for=condition=Established", "--timeout=180s", "crd/memcacheds.cache.example.com")


def authority(kubeconfig):
    """What signs the API server's certificate: PEM."""
    with open(kubeconfig, encoding="utf-8") as file:
        return base64.b64decode(re.search(r"certificate-authority-data: (\S+)", file.read())[1]).decode()


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Process:
    def __init__(self, test, name, command, environment):
        self.name, self.lines, self.ended = name, [], False
        environment = {"PATH": os.environ["PATH"], **environment,
                       **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment,
                                        preexec_fn=die_with_parent)
        test.containers.append(self)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        with self.process.stderr as file:
            for line in file:
                with support.changed:
                    self.lines.append(line.rstrip("\n"))
                    support.changed.notify_all()
        with support.changed:
            self.ended = True
            support.changed.notify_all()

    def says(self, text):
        return [line for line in list(self.lines) if text in line]

    def await_line(self, text, count=1):
        with support.changed:
            found = support.changed.wait_for(lambda: len(self.says(text)) >= count or self.ended, PATIENCE)
        if not found or len(self.says(text)) < count:
            raise AssertionError(f"{self.name} did not say {text!r}:\n" + "\n".join(self.lines))
        return self.says(text)[count - 1]

    def await_leading(self):
        """The token of its last term."""
        self.await_line("leading ")
        return int(self.says("fencing token ")[-1].rsplit(" ", 1)[1])

    def await_end(self):
        code = self.process.wait(PATIENCE)
        self.thread.join(PATIENCE)
        return code

    def clear_away(self):
        if self.process.poll() is None:
            self.process.kill()
        self.await_end()


def container(pod):
    """The process of a Pod."""
    test = pod.test
    folder = os.path.join(test.folder, uuid.uuid4().hex)
    os.mkdir(folder)
    for name, text in (("token", pod.token()), ("ca.crt", authority(support.cluster().kubeconfig)),
                       ("namespace", test.namespace)):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    host, port = test.api.host.rsplit(":", 1)
    return Process(test, pod.name, [*AS_A_CONTAINER, folder, PROGRAM, *pod.arguments()],
                   {"HOSTNAME": pod.name, "KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port,
                    **pod.environment()})


class Pod:
    def __init__(self, test, name, **change):
        self.test, self.name, self.container = test, name, None
        template = test.deployment["spec"]["template"]
        spec = {**template["spec"], "nodeName": test.namespace, **change}
        self.object = test.api.request("POST", PODS.format(test.namespace), {
            "metadata": {"name": name, "labels": template["metadata"]["labels"]}, "spec": spec})
        self.path = f"{PODS.format(test.namespace)}/{name}"

    def environment(self):
        """As the downward API says it."""
        found = {}
        for variable in self.object["spec"]["containers"][0]["env"]:
            value = self.object
            for key in variable["valueFrom"]["fieldRef"]["fieldPath"].split("."):
                value = value[key]
            found[variable["name"]] = value
        return found

    def arguments(self):
        return [f"--mode={self.test.mode}" if a.startswith("--mode=") else a
                for a in self.object["spec"]["containers"][0]["args"]]

    def token(self):
        metadata = self.object["metadata"]
        account = self.object["spec"]["serviceAccountName"]
        path = f"{ACCOUNTS.format(self.test.namespace)}/{account}/token"
        answer = self.test.api.request("POST", path, {"spec": {"expirationSeconds": 3600, "boundObjectRef": {
            "apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}}})
        return answer["status"]["token"]

    def start(self):
        """Its container, anew if it had one."""
        self.container = container(self)
        return self.container

    def set_status(self, **status):
        self.test.api.request("PATCH", self.path + "/status", {"status": status},
                              kind="application/merge-patch+json")

    def delete(self):
        """As kubectl delete: the Pod ends, with its grace period."""
        self.test.api.request("DELETE", self.path)

    def vanish(self):
        """As the kubelet tells it once the containers have ended."""
        assert not self.container or self.container.process.poll() is not None, "a container of it still runs"
        self.test.api.request("DELETE", self.path, {"gracePeriodSeconds": 0})


class TestCase(unittest.TestCase):
    mode = "life"
    with_rights = True  # those of the manifest

    @classmethod
    def setUpClass(cls):
        install_crd()
        cls.deployment = manifest("deployment.yaml")[0]

    def setUp(self):
        self.api = support.cluster().api
        folder = tempfile.TemporaryDirectory(prefix="k8sleader-operator-")
        self.addCleanup(folder.cleanup)
        self.folder, self.containers = folder.name, []
        self.namespace = self.make_namespace()
        self.addCleanup(self.clear_away)
        if self.with_rights:
            kubectl("apply", "-n", self.namespace, "-f", os.path.join(DEPLOY, f"rbac-{self.mode}.yaml"))

    def make_namespace(self):
        name = "operator-" + uuid.uuid4().hex[:8]
        self.api.create_namespace(name)
        # A Pod of no Node is soon collected.
        self.api.request("POST", "/api/v1/nodes", {"metadata": {"name": name}})
        self.addCleanup(self.drop_namespace, name)
        return name

    def drop_namespace(self, name):
        for path in (f"/api/v1/nodes/{name}", f"/api/v1/namespaces/{name}"):
            self.api.request("DELETE", path)

    def clear_away(self):
        for container in self.containers:
            container.clear_away()
        result = self._outcome.result  # unittest's own; there is no other way to know
        if any(test is self for test, _ in result.failures + result.errors):
            for container in self.containers:
                print(f"\n{self.id()}: {container.name}\n  " + "\n  ".join(container.lines), file=sys.stderr)
        for container in self.containers:
            for line in container.lines:
                self.assertNotIn("Sanitizer", line)

    def pod(self, name, **change):
        return Pod(self, name, **change)

    # ---- Memcached objects ----

    def want(self, name, size):
        """There is to be such a Memcached."""
        body = {"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached", "metadata": {"name": name},
                "spec": {"size": size}}
        path = MEMCACHEDS.format(self.namespace)
        try:
            return self.api.request("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise
            return self.api.patch(f"{path}/{name}", {"spec": {"size": size}})

    def deployment_of(self, name):
        return self.api.request("GET", f"{DEPLOYMENTS.format(self.namespace)}/{name}")

    def memcached(self, name):
        return self.api.request("GET", f"{MEMCACHEDS.format(self.namespace)}/{name}")

    def await_size(self, name, size, token=None):
        """The Deployment, once it is so big, and both objects carry the token."""
        def is_so(deployment):
            status = self.memcached(name).get("status", {})
            stamps = {deployment["metadata"].get("annotations", {}).get(TOKEN), status.get("fencingToken")}
            return deployment["spec"]["replicas"] == size and (token is None or stamps == {str(token)})

        return await_answer(lambda: self.deployment_of(name), is_so,
                            f"{name} has {size} replicas by the term {token}")


def main():
    if not os.environ.get("K8SLEADER_TEST_CLUSTER_DIR"):
        print("skipped: K8SLEADER_TEST_CLUSTER_DIR is not set (the folder of a cluster of scripts/cluster)")
        sys.exit(SKIPPED)
    if not containers_can_be_made():
        print("skipped: nothing can be run as a container here (unshare --map-root-user --mount)")
        sys.exit(SKIPPED)
    if PROGRAM.endswith("python_operator") and not os.path.exists(PYTHON):
        print("skipped: there is no Python environment (scripts/test-python makes it)")
        sys.exit(SKIPPED)
    if not os.path.exists(PROGRAM):
        print(f"skipped: there is no {PROGRAM} (scripts/test-go --build makes the one in Go)")
        sys.exit(SKIPPED)
    if PROGRAM.endswith("lua_operator") and not os.path.exists(LUA):
        print("skipped: the Lua module is not built (scripts/test-lua builds it)")
        sys.exit(SKIPPED)
    os.environ.pop("K8SLEADER_TEST_KUBECONFIG", None)  # of another cluster, perhaps
    since = time.monotonic()
    result = unittest.main(exit=False, verbosity=2).result
    print(f"{result.testsRun} tests ran in {time.monotonic() - since:.0f} s, {len(result.skipped)} skipped")
    sys.exit(0 if result.wasSuccessful() else 1)
