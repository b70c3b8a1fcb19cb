#include "config/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "config/pem.h"

void kl_cluster_clear(struct kl_cluster *cluster)
{
    free(cluster->server);
    free(cluster->tls_server_name);
    kl_pem_clear(&cluster->ca);
    free(cluster->ca_file);
    kl_pem_clear(&cluster->certificate);
    kl_pem_clear(&cluster->key);
    kl_secret_free(cluster->token, cluster->token ? strlen(cluster->token) : 0);
    free(cluster->token_file);
    free(cluster->namespace_);
    k8sleader_error_free(cluster->missing);
    *cluster = (struct kl_cluster){0};
}
