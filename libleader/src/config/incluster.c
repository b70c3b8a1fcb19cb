/*
 * What a Pod is given to reach its cluster. The files are read here only to say at once what is wrong with
 * them: the transport reads them again, since the kubelet replaces them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/cluster.h"
#include "config/pem.h"
#include "config/serviceaccount.h"
#include "error.h"

#define MOUNT_HINT "does the Pod or its service account set automountServiceAccountToken: false?"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

int kl_incluster_detect(void)
{
    return variable("KUBERNETES_SERVICE_HOST") != NULL;
}

static int load_server(struct kl_cluster *cluster, k8sleader_error **err)
{
    const char *host = variable("KUBERNETES_SERVICE_HOST");
    const char *port = variable("KUBERNETES_SERVICE_PORT");
    if (!host || !port)
        return kl_fail(err, K8SLEADER_ERR_NO_CONFIG, "not in a Pod: %s is not set in the environment",
                       host ? "KUBERNETES_SERVICE_PORT" : "KUBERNETES_SERVICE_HOST");
    if (strpbrk(host, "/?#@") || strspn(port, "0123456789") != strlen(port))
        return kl_fail(err, K8SLEADER_ERR_CONFIG,
                       "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are no host and no port");
    char *url = NULL;
    int bare_ipv6 = strchr(host, ':') && host[0] != '[';
    if (asprintf(&url, bare_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port) < 0)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the server's URL");
    int result =
        kl_server_url(url, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT", &cluster->server, err);
    free(url);
    return result;
}

/* Copies what went wrong with a mounted file, with what to do about it. */
static int mount_failed(k8sleader_error **err, int code, k8sleader_error *why)
{
    if (code == K8SLEADER_ERR_FILE)
        (void)kl_fail(err, code, "%s; " MOUNT_HINT, k8sleader_error_message(why));
    else if (code == K8SLEADER_ERR_NO_MEMORY)
        (void)kl_fail(err, code, "%s", k8sleader_error_message(why));
    else
        code = kl_fail(err, K8SLEADER_ERR_CONFIG, "%s", k8sleader_error_message(why));
    k8sleader_error_free(why);
    return code;
}

static int load_token(struct kl_cluster *cluster, const char *root, k8sleader_error **err)
{
    k8sleader_error *why = NULL;
    char *token = NULL;
    if (asprintf(&cluster->token_file, "%s" KL_SERVICEACCOUNT "/token", root) < 0) {
        cluster->token_file = NULL;
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the token");
    }
    int result = kl_token_read(cluster->token_file, &token, &why);
    if (result)
        return mount_failed(err, result, why);
    kl_secret_free(token, strlen(token));
    return 0;
}

static int load_ca(struct kl_cluster *cluster, const char *root, k8sleader_error **err)
{
    k8sleader_error *why = NULL;
    struct kl_pem ca = {0};
    if (asprintf(&cluster->ca_file, "%s" KL_SERVICEACCOUNT "/ca.crt", root) < 0) {
        cluster->ca_file = NULL;
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the certificate authority");
    }
    int result = kl_file_read(cluster->ca_file, KL_FILE_LIMIT, &ca, &why);
    if (result)
        return mount_failed(err, result, why);
    const char *problem = kl_pem_ca_problem(&ca);
    kl_pem_clear(&ca);
    return problem ? kl_fail(err, K8SLEADER_ERR_CONFIG, "%s: %s", cluster->ca_file, problem) : 0;
}

int kl_incluster_load(struct kl_cluster *cluster, const char *root, k8sleader_error **err)
{
    struct kl_cluster loaded = {.source = KL_SOURCE_INCLUSTER};
    int result = load_server(&loaded, err);
    if (!result)
        result = load_token(&loaded, root, err);
    if (!result)
        result = load_ca(&loaded, root, err);
    if (!result) {
        k8sleader_error *why = NULL;
        result = kl_serviceaccount_namespace(root, &loaded.namespace_, &why);
        if (result)
            result = mount_failed(err, result, why);
    }
    if (result) {
        kl_cluster_clear(&loaded);
        return result;
    }
    kl_cluster_clear(cluster);
    *cluster = loaded;
    return 0;
}
