/* Options, checked and filled in: what an election is made from. */
#ifndef KL_OPTIONS_H
#define KL_OPTIONS_H

#include "config/cluster.h"
#include "kube/lock.h"
#include "machine/lease.h"
#include "machine/life.h"

struct kl_mode;

/* The recorded duration is an int32 of seconds; a day is more than anybody needs. */
#define KL_DURATION_MOST_MS INT64_C(86400000)

/* What leader-for-life has to be told of the Pod it runs in, to be pasted into its container. */
#define KL_DOWNWARD_API                                                                                      \
    "add to the container: env: ["                                                                           \
    "{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, "                                  \
    "{name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}, "                                    \
    "{name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}]"

struct k8sleader_options {
    int mode;
    const struct kl_resource *resource; /* NULL: the mode's own */
    char *name;
    char *namespace_;
    char *identity;
    int64_t lease_duration_ms;
    int64_t renew_deadline_ms;
    int64_t retry_period_ms;
    int64_t drain_timeout_ms;
    int rejoin;
    int resume;
    int delete_leader_pod;
    int take_from_lost_node;
    struct kl_label *labels;
    size_t label_count;
};

void kl_labels_free(struct kl_label *labels, size_t count);

/* Owns its strings until an election takes them over. */
struct kl_standing {
    const struct kl_resource *resource;
    char *namespace_;
    char *name;
    char *lock_name; /* "NAMESPACE/NAME" */
    char *identity;
    struct kl_label *labels;
    size_t label_count;
    const struct kl_mode *mode;
    struct kl_lease_config lease; /* its identity is the one above */
    struct kl_life_config life;
    int64_t dead_peer_ms;
    uint64_t seed;
};

/*
 * Outside a cluster: no trace of one in the environment or the file system. Anything less is an error, for a
 * Pod that skipped its election would lead, and so would each of its replicas. 1, 0, or NO_MEMORY.
 */
int kl_outside_cluster(void);

/* Errors: NO_CONFIG, DURATION, NAME, IDENTITY, NAMESPACE, NO_NAMESPACE, NO_MEMORY; the standing is then all
 * zero. */
int kl_standing_resolve(struct kl_standing *standing, const k8sleader_options *options,
                        const struct kl_cluster *cluster, k8sleader_error **err);
void kl_standing_clear(struct kl_standing *standing);

#endif
