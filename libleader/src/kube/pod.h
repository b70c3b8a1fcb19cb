/* Pods and Nodes, as far as leader-for-life asks about them. */
#ifndef KL_KUBE_POD_H
#define KL_KUBE_POD_H

#include "machine/pod.h"

struct json_object;

/* Keeps a uid, a longer one by its beginning, '~' and a hash of the whole. */
void kl_pod_set_uid(struct kl_pod_ref *pod, const char *uid);

/*
 * Reads a Pod: its name and UID, whether it is LIVE, DELETING (metadata.deletionTimestamp) or TERMINAL
 * (status.phase Failed or Succeeded; Evicted and Preempting are reasons of Failed), and spec.nodeName,
 * borrowed
 * ("" when it has none). 0, or -1 when it has no name or UID.
 * Source: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle.
 */
int kl_pod_decode(struct json_object *object, struct kl_pod_sighting *sighting, const char **node);

/* 1 when a Node's condition Ready is there and not True. Source:
 * kubernetes.io/docs/reference/node/node-status. */
int kl_node_is_lost(struct json_object *object);

#endif
