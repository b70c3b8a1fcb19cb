#include "cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static int find_in_pod(struct cluster *cluster, const char *host, char *why, size_t size)
{
    char server[512];
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    if (!port || !*port) {
        (void)snprintf(why, size, "KUBERNETES_SERVICE_HOST is set, but KUBERNETES_SERVICE_PORT is not");
        return -1;
    }
    int is_bare_ipv6 = strchr(host, ':') && host[0] != '[';
    (void)snprintf(server, sizeof server, is_bare_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
    cluster->server = strdup(server);
    cluster->ca_file = strdup(ACCOUNT "/ca.crt");
    cluster->token_file = strdup(ACCOUNT "/token");
    if (cluster->server && cluster->ca_file && cluster->token_file)
        return 0;
    (void)snprintf(why, size, "no memory");
    return -1;
}

int cluster_find(struct cluster *cluster, char *why, size_t size)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *kubeconfig = getenv("KUBECONFIG");
    memset(cluster, 0, sizeof *cluster);
    int result = -1;
    if (host && *host)
        result = find_in_pod(cluster, host, why, size);
    else if (kubeconfig && *kubeconfig)
        result = cluster_read_kubeconfig(cluster, kubeconfig, why, size);
    else
        (void)snprintf(why, size, "not in a Pod, and KUBECONFIG is not set");
    if (result != 0)
        cluster_clear(cluster);
    return result;
}

/* Credentials do not stay in memory that is given back. */
static void wipe(char *text, size_t size)
{
    volatile char *byte = text;
    while (text && size-- > 0)
        *byte++ = '\0';
    free(text);
}

void cluster_clear(struct cluster *cluster)
{
    free(cluster->server);
    free(cluster->ca_file);
    free(cluster->token_file);
    wipe(cluster->token, cluster->token ? strlen(cluster->token) : 0);
    free(cluster->ca.bytes);
    free(cluster->certificate.bytes);
    wipe(cluster->key.bytes, cluster->key.size);
    memset(cluster, 0, sizeof *cluster);
}
