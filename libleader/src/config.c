/* The public object k8sleader_config: where the cluster is and how to log in. */
#include "config_object.h"
#include "fork.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/pem.h"
#include "config/token.h"
#include "config/url.h"
#include "error.h"

k8sleader_config *k8sleader_config_new(void)
{
    k8sleader_config *config = calloc(1, sizeof *config);
    if (!config)
        return NULL;
    config->log_level = K8SLEADER_LOG_WARNING;
    config->fork_generation = kl_fork_generation();
    return config;
}

/* What every function asks first. */
static int check_handle(const k8sleader_config *config, k8sleader_error **err)
{
    if (!config)
        return kl_fail(err, K8SLEADER_ERR_ARGUMENT, "the config is NULL");
    if (config->fork_generation != kl_fork_generation())
        return kl_fail(err, K8SLEADER_ERR_FORKED, "the config was made by the parent process");
    return 0;
}

/* What every setter asks first; from here on a failure is one of this call's. */
static int check_setter(k8sleader_config *config, const void *value)
{
    int result = check_handle(config, NULL);
    if (result)
        return result;
    k8sleader_error_free(config->refused);
    config->refused = NULL;
    return value ? 0 : kl_fail(&config->refused, K8SLEADER_ERR_ARGUMENT, "the value is NULL");
}

/* Keeps why, for k8sleader_config_error(). */
static int refuse(k8sleader_config *config, int code, const char *what, const char *problem)
{
    return kl_fail(&config->refused, code, "%s: %s", what, problem);
}

static int no_memory(k8sleader_config *config)
{
    return kl_fail(&config->refused, K8SLEADER_ERR_NO_MEMORY, "no memory");
}

/* From now on nothing is looked for; what a load gave keeps its source. */
static void mark_set(k8sleader_config *config)
{
    if (config->cluster.source == KL_SOURCE_NONE)
        config->cluster.source = KL_SOURCE_SETTERS;
}

static void replace_secret(char **field, char *value)
{
    kl_secret_free(*field, *field ? strlen(*field) : 0);
    *field = value;
}

int k8sleader_config_load_kubeconfig(k8sleader_config *config, const char *path, const char *context,
                                     k8sleader_error **err)
{
    int result = check_handle(config, err);
    return result ? result : kl_kubeconfig_load(&config->cluster, path, context, err);
}

int k8sleader_config_load_incluster(k8sleader_config *config, k8sleader_error **err)
{
    int result = check_handle(config, err);
    return result ? result : kl_incluster_load(&config->cluster, "", err);
}

int k8sleader_config_set_server(k8sleader_config *config, const char *url)
{
    char *server = NULL;
    int result = check_setter(config, url);
    if (!result)
        result = kl_server_url(url, "server", &server, &config->refused);
    if (result)
        return result;
    free(config->cluster.server);
    config->cluster.server = server;
    mark_set(config);
    return 0;
}

int k8sleader_config_set_token(k8sleader_config *config, const char *token)
{
    char *copy = NULL;
    const char *problem = NULL;
    int result = check_setter(config, token);
    if (result)
        return result;
    result = kl_token_copy(token, &copy, &problem);
    if (result)
        return problem ? kl_fail(&config->refused, result, "%s", problem) : no_memory(config);
    replace_secret(&config->cluster.token, copy);
    free(config->cluster.token_file); /* it would win */
    config->cluster.token_file = NULL;
    mark_set(config);
    return 0;
}

int k8sleader_config_set_token_file(k8sleader_config *config, const char *path)
{
    int result = check_setter(config, path);
    if (result)
        return result;
    if (!*path)
        return refuse(config, K8SLEADER_ERR_ARGUMENT, "the token's file", "its path is empty");
    char *copy = strdup(path);
    if (!copy)
        return no_memory(config);
    free(config->cluster.token_file);
    config->cluster.token_file = copy;
    replace_secret(&config->cluster.token, NULL);
    mark_set(config);
    return 0;
}

int k8sleader_config_set_ca_pem(k8sleader_config *config, const void *pem, size_t size)
{
    struct kl_pem ca = {0};
    int result = check_setter(config, pem);
    if (result)
        return result;
    if (kl_pem_copy(&ca, pem, size) != 0)
        return no_memory(config);
    const char *problem = kl_pem_ca_problem(&ca);
    if (problem) {
        kl_pem_clear(&ca);
        return refuse(config, K8SLEADER_ERR_CONFIG, "the certificate authorities", problem);
    }
    struct kl_cluster *cluster = &config->cluster;
    kl_pem_clear(&cluster->ca);
    cluster->ca = ca;
    free(cluster->ca_file);
    cluster->ca_file = NULL;
    cluster->insecure_skip_tls_verify = 0; /* whoever names authorities wants them asked */
    mark_set(config);
    return 0;
}

/* The last of what two PEM texts have to be asked is whether they belong together. */
static int check_pair(k8sleader_config *config, const struct kl_pem *certificate, const struct kl_pem *key)
{
    const char *problem = kl_pem_certificate_problem(certificate);
    if (problem)
        return refuse(config, K8SLEADER_ERR_CONFIG, "the client certificate", problem);
    problem = kl_pem_key_problem(key);
    if (problem)
        return refuse(config, K8SLEADER_ERR_CONFIG, "the client certificate's key", problem);
    problem = kl_pem_pair_problem(certificate, key);
    return problem ? refuse(config, K8SLEADER_ERR_CONFIG, "the client certificate", problem) : 0;
}

int k8sleader_config_set_client_certificate_pem(k8sleader_config *config, const void *certificate,
                                                size_t certificate_size, const void *key, size_t key_size)
{
    struct kl_pem certificate_copy = {0};
    struct kl_pem key_copy = {0};
    int result = check_setter(config, certificate && key ? certificate : NULL);
    if (result)
        return result;
    if (kl_pem_copy(&certificate_copy, certificate, certificate_size) != 0 ||
        kl_pem_copy(&key_copy, key, key_size) != 0)
        result = no_memory(config);
    if (!result)
        result = check_pair(config, &certificate_copy, &key_copy);
    if (result) {
        kl_pem_clear(&certificate_copy);
        kl_pem_clear(&key_copy);
        return result;
    }
    struct kl_cluster *cluster = &config->cluster;
    kl_pem_clear(&cluster->certificate);
    kl_pem_clear(&cluster->key);
    cluster->certificate = certificate_copy;
    cluster->key = key_copy;
    mark_set(config);
    return 0;
}

int k8sleader_config_set_tls_server_name(k8sleader_config *config, const char *name)
{
    int result = check_setter(config, name);
    if (result)
        return result;
    if (!kl_is_host_name(name))
        return refuse(config, K8SLEADER_ERR_ARGUMENT, "the name in the server's certificate",
                      "it is no host's name");
    char *copy = strdup(name);
    if (!copy)
        return no_memory(config);
    free(config->cluster.tls_server_name);
    config->cluster.tls_server_name = copy;
    mark_set(config);
    return 0;
}

int k8sleader_config_set_log_level(k8sleader_config *config, int level, int as_events)
{
    int result = check_setter(config, "");
    if (result)
        return result;
    if (level < K8SLEADER_LOG_NONE || level > K8SLEADER_LOG_DEBUG || as_events < 0 || as_events > 1)
        return refuse(config, K8SLEADER_ERR_ARGUMENT, "logging",
                      "a K8SLEADER_LOG_* level and as_events 0 or 1 are needed");
    config->log_level = level;
    config->log_as_events = as_events;
    return 0;
}

const k8sleader_error *k8sleader_config_error(const k8sleader_config *config)
{
    return config && config->fork_generation == kl_fork_generation() ? config->refused : NULL;
}

void k8sleader_config_free(k8sleader_config *config)
{
    if (!config || config->fork_generation != kl_fork_generation())
        return;
    kl_cluster_clear(&config->cluster);
    k8sleader_error_free(config->refused);
    free(config);
}

int kl_config_resolve(k8sleader_config *config, k8sleader_error **err)
{
    int result = check_handle(config, err);
    if (result)
        return result;
    if (config->cluster.source == KL_SOURCE_NONE && kl_incluster_detect()) {
        result = kl_incluster_load(&config->cluster, "", err);
    } else if (config->cluster.source == KL_SOURCE_NONE) {
        k8sleader_error *why = NULL;
        result = kl_kubeconfig_load(&config->cluster, NULL, NULL, &why);
        if (result)
            (void)kl_fail(err, result, "%s%s",
                          result == K8SLEADER_ERR_NO_CONFIG
                              ? "not in a Pod (KUBERNETES_SERVICE_HOST is not set), and "
                              : "",
                          k8sleader_error_message(why));
        k8sleader_error_free(why);
    }
    if (result)
        return result;
    if (!config->cluster.server)
        return kl_fail(
            err, K8SLEADER_ERR_CONFIG,
            "no server: something was set in the config but no address; call k8sleader_config_set_server()");
    return 0;
}
