/* Options, checked and filled in: what an election is made from. */
#ifndef KL_OPTIONS_H
#define KL_OPTIONS_H

#include "config/cluster.h"
#include "kube/lock.h"
#include "machine/lease.h"

/* Owns its strings until an election takes them over. */
struct kl_standing {
    const struct kl_resource *resource;
    char *namespace_;
    char *name;
    char *lock_name; /* "NAMESPACE/NAME" */
    char *identity;
    struct kl_label *labels;
    size_t label_count;
    struct kl_lease_config machine; /* its identity is the one above */
    uint64_t seed;
};

/* Errors: DURATION, NAME, IDENTITY, NAMESPACE, NO_NAMESPACE, NO_MEMORY; the standing is then all zero. */
int kl_standing_resolve(struct kl_standing *standing, const k8sleader_options *options,
                        const struct kl_cluster *cluster, k8sleader_error **err);
void kl_standing_clear(struct kl_standing *standing);

#endif
