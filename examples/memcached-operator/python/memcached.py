"""The two objects: a Memcached as it was read, and the Deployment that it is to have."""

TOKEN = "cache.example.com/fencing-token"
MANAGED_BY = {"app.kubernetes.io/managed-by": "memcached-operator"}
SELECTOR = "app.kubernetes.io/managed-by=memcached-operator"
IMAGE = "docker.io/library/memcached:1.6-alpine"
NAME_MOST = 63  # it becomes a label's value
SIZE_MOST = 100


class Malformed(Exception):
    """The CRD's schema keeps most of this out, as long as nobody edits the CRD."""


class Memcached:
    def __init__(self, item):
        metadata, spec, status = item["metadata"], item.get("spec"), item.get("status")
        self.name, self.uid, self.version = metadata["name"], metadata["uid"], metadata["resourceVersion"]
        self.generation = metadata.get("generation", 0)
        self.is_ending = "deletionTimestamp" in metadata
        self.status = status if isinstance(status, dict) else {}
        self.size = spec.get("size") if isinstance(spec, dict) else None
        if len(self.name) > NAME_MOST:
            raise Malformed("its name is longer than 63 bytes")
        if type(self.size) is not int or not 0 <= self.size <= SIZE_MOST:
            raise Malformed("spec.size is missing, no whole number, or not in 0..100")

    def deployment(self, token):
        labels = {"app.kubernetes.io/name": "memcached", "app.kubernetes.io/instance": self.name}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": self.name,
                "labels": {**MANAGED_BY, **labels},
                "annotations": {TOKEN: str(token)},
                # The garbage collector deletes it after its Memcached: the operator needs no right to delete.
                "ownerReferences": [{"apiVersion": "cache.example.com/v1alpha1", "kind": "Memcached", "name": self.name,
                                     "uid": self.uid, "controller": True}],
            },
            "spec": {
                "replicas": self.size,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "memcached", "image": IMAGE, "args": ["--memory-limit=64"],
                                             "ports": [{"name": "memcached", "containerPort": 11211}]}]},
                },
            },
        }
