"""Where the cluster is, and requests to it by the official client."""

import json
import os

import urllib3
from kubernetes import client, config
from log import log_problem

LIST_S = 10
GROUPS = {"memcacheds": ("cache.example.com", "v1alpha1"), "deployments": ("apps", "v1")}
ADVICE = {
    401: "; is the service account's token mounted?",
    403: "; does the Role allow it (deploy/rbac-*.yaml)?",
}


class NoCluster(Exception):
    """It is not known where it is."""


class Cluster:
    """Threads: any."""

    def __init__(self):
        self.outside = not os.environ.get("KUBERNETES_SERVICE_HOST")
        configuration = client.Configuration()
        try:
            self._find(configuration)
        except (config.ConfigException, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise NoCluster(f"{error}; in a Pod automountServiceAccountToken must not be false, elsewhere KUBECONFIG is made by "
                            "kubectl config view --minify --flatten --raw -o json") from error
        # What failed is tried again by who knows whether it is still wanted.
        configuration.retries = False
        self.api = client.CustomObjectsApi(client.ApiClient(configuration))

    def _find(self, configuration):
        if not self.outside:
            config.load_incluster_config(client_configuration=configuration)
            return
        kubeconfig = os.environ.get("KUBECONFIG")
        if not kubeconfig:
            raise NoCluster("not in a Pod, and KUBECONFIG is not set")
        config.load_kube_config(kubeconfig, client_configuration=configuration)

    # Deployments are asked for by the same calls as Memcacheds: plain dicts, as the server sends them.

    def list(self, namespace, plural, selector=""):
        """The list, or None: then it was said why."""
        call = self.api.list_namespaced_custom_object
        found = _asked("GET", plural, call, *GROUPS[plural], namespace, plural, label_selector=selector, _request_timeout=LIST_S)
        return found if found is None or isinstance(found.get("items"), list) else None

    def create(self, namespace, plural, body, seconds):
        """Whether that is done; None for a conflict."""
        call = self.api.create_namespaced_custom_object
        return _written("POST", plural, call, *GROUPS[plural], namespace, plural, body, _request_timeout=seconds)

    def patch(self, namespace, plural, name, body, seconds, status=False):
        """The same."""
        call = self.api.patch_namespaced_custom_object_status if status else self.api.patch_namespaced_custom_object
        return _written("PATCH", plural, call, *GROUPS[plural], namespace, plural, name, body, _request_timeout=seconds,
                        _content_type="application/merge-patch+json")


class Conflict(Exception):
    """Another hand has written."""


def _asked(method, plural, call, *arguments, **more):
    try:
        return call(*arguments, **more)
    except client.ApiException as error:
        if error.status == 409:
            raise Conflict from error
        complain(method, plural, error)
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        log_problem(f"{method} {plural}: no answer: {type(error).__name__}")
    return None


def _written(*call, **more):
    try:
        return _asked(*call, **more) is not None
    except Conflict:
        return None


def complain(method, plural, error):
    """What the server said is its own Status object as a rule; a proxy, or a path that is unknown, answers with a text."""
    try:
        message = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        message = error.body or error.reason
    advice = ADVICE.get(error.status, "")
    if error.status == 404 and plural == "memcacheds":
        advice = "; is the CRD there (kubectl apply -f deploy/crd.yaml)?"
    log_problem(f"{method} {plural}: {error.status} {str(message)[:300]}{advice}")
