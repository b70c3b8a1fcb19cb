/* The public object k8sleader_config, for those who take it: the client. */
#ifndef KL_CONFIG_OBJECT_H
#define KL_CONFIG_OBJECT_H

#include "config/cluster.h"
#include "k8sleader.h"

struct k8sleader_config {
    struct kl_cluster cluster;
    int log_level;
    int log_as_events;
    k8sleader_error *refused; /* why the last setter failed, if it did */
    unsigned fork_generation; /* of the process that made it: a child after fork() may not use it */
};

/*
 * Makes the config one that can be connected with: when nothing was loaded or set, looks inside the Pod, else
 * for the kubeconfig; then a server must be known. May be called again. Errors: NO_CONFIG, FILE, CONFIG,
 * UNSUPPORTED, NO_MEMORY, FORKED.
 */
int kl_config_resolve(k8sleader_config *config, k8sleader_error **err);

#endif
