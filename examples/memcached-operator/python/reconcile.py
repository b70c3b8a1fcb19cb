"""One Memcached. Every write carries the term's token, is for the one version that was looked at, and is asked for first."""

import re

from log import log_line, log_problem
from memcached import TOKEN

WRITE_S = 10  # two of them fit into the drain timeout


def reconcile(cluster, namespace, term, memcached, deployment):
    """Whether all is as it should be."""
    if memcached.is_ending:
        return True
    write = Write(cluster, namespace, term)
    if deployment is None:
        done = _create(write, memcached)
    else:
        done = _mend(write, memcached, deployment)
    # The status says what is so, not what should be.
    return done and _mend_status(write, memcached, deployment)


class Write:
    def __init__(self, cluster, namespace, term):
        self.cluster, self.namespace, self.term = cluster, namespace, term

    def seconds(self, what):
        """The time a write may take, 0 for none; true during a drain, too."""
        if not self.term.may_finish:
            log_line(f"{what}: not written, the lock is no longer ours")
            return 0
        # By then another may lead: nothing of ours may still be waiting for an answer. (For life: no limit.)
        return min(self.term.grace_left, WRITE_S)

    def create(self, what, body):
        seconds = self.seconds(what)
        return seconds > 0 and self.cluster.create(self.namespace, "deployments", body, seconds)

    def patch(self, what, plural, name, body, status=False):
        seconds = self.seconds(what)
        done = seconds > 0 and self.cluster.patch(self.namespace, plural, name, body, seconds, status)
        if done is None:
            log_problem(f"{what}: changed, or was created, by another hand meanwhile: it is looked at again")
        return bool(done)


def is_newer(what, stamped, token):
    """A newer leader has written: hands off, though we lead, and it is said."""
    if not stamped:
        return False
    if not isinstance(stamped, str) or not re.fullmatch("[0-9]{1,20}", stamped):
        log_problem(f"{what}: the fencing token on it, {str(stamped)[:40]!r}, is no number: left alone; when no other operator "
                    "writes to it, remove it")
        return True
    if int(stamped) > token:
        # The other way to get here is an etcd that was restored from a backup, since which versions count from lower.
        log_problem(f"{what}: written with the fencing token {stamped}, ours is {token}: a newer leader is at work, "
                    "it is left alone")
        return True
    return False


def _create(write, memcached):
    what, token = f"Deployment {memcached.name}", write.term.fencing_token
    done = write.create(what, memcached.deployment(token))
    if done is None:  # not among those with our label
        log_problem(f"{what}: there is one already, and not one of ours as far as can be seen: left alone")
    elif done:
        log_line(f"{what}: created with {memcached.size} replicas (token {token})")
    return bool(done)


def _mend(write, memcached, deployment):
    what, token = f"Deployment {memcached.name}", write.term.fencing_token
    metadata, replicas = deployment["metadata"], deployment["spec"].get("replicas")
    stamped = metadata.get("annotations", {}).get(TOKEN)
    if all(owner["uid"] != memcached.uid for owner in metadata.get("ownerReferences", [])):
        log_problem(f"{what}: belongs to another Memcached of that name, or to nobody: left alone until it is gone")
        return False
    if "deletionTimestamp" in metadata or is_newer(what, stamped, token):
        return False
    if stamped == str(token) and replicas == memcached.size:
        return True
    body = {"metadata": {"resourceVersion": metadata["resourceVersion"], "annotations": {TOKEN: str(token)}},
            "spec": {"replicas": memcached.size}}
    done = write.patch(what, "deployments", memcached.name, body)
    if done and replicas != memcached.size:
        log_line(f"{what}: from {replicas} to {memcached.size} replicas (token {token})")
    elif done:
        log_line(f"{what}: taken over (token {token})")
    return done


def _mend_status(write, memcached, deployment):
    what, token = f"status of Memcached {memcached.name}", write.term.fencing_token
    if is_newer(what, memcached.status.get("fencingToken"), token):
        return False
    found = (deployment or {}).get("status", {})
    status = {"fencingToken": str(token), "observedGeneration": memcached.generation, "replicas": found.get("replicas", 0),
              "readyReplicas": found.get("readyReplicas", 0)}
    if all(memcached.status.get(key) == value for key, value in status.items()):
        return True
    body = {"metadata": {"resourceVersion": memcached.version}, "status": status}
    return write.patch(what, "memcacheds", memcached.name, body, status=True)
