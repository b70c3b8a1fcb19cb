/*
 * kubeconfig files: what is accepted can be used as it is, what is refused is said in one line that names the
 * file, and the YAML reader keeps its bounds.
 */
#include "fuzz.h"

#include "config/cluster.h"
#include "config/text.h"
#include "config/token.h"
#include "config/url.h"
#include "config/yaml.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A message for people: one line of text. */
static void is_a_line(const k8sleader_error *error)
{
    const char *message = k8sleader_error_message(error);
    REQUIRE(message[0]);
    for (const char *at = message; *at; at++)
        REQUIRE((unsigned char)*at >= 0x20 && *at != 0x7f);
}

/* Aliases are ways to one node, and all ways too many to walk: each node is looked at once, by itself. */
static void check_node(const struct kl_yaml_node *node)
{
    REQUIRE(node->line >= 1);
    if (node->type != KL_YAML_SEQUENCE && node->type != KL_YAML_MAPPING) {
        REQUIRE(node->text && strlen(node->text) == node->length);
        return;
    }
    REQUIRE(!node->text);
    REQUIRE(node->type == KL_YAML_SEQUENCE || node->count % 2 == 0);
    for (size_t i = 0; i < node->count; i++) {
        REQUIRE(node->items[i]);
        if (node->type == KL_YAML_MAPPING && i % 2 == 0)
            REQUIRE(kl_yaml_get(node, node->items[i]->text) ==
                    node->items[i + 1]); /* no key is there twice */
    }
}

/* The name of its current context, NULL when there is none; malloc'd. */
static char *check_yaml(const uint8_t *data, size_t size)
{
    struct kl_yaml yaml;
    k8sleader_error *error = NULL;
    char *text = fuzz_text(data, size);
    char *context = NULL;
    int code = kl_yaml_parse(&yaml, text, size, "input", &error);
    REQUIRE(k8sleader_error_code(error) == code);
    if (code) {
        REQUIRE(code == K8SLEADER_ERR_CONFIG);
        is_a_line(error);
        REQUIRE(strncmp(k8sleader_error_message(error), "input:", 6) == 0);
    } else {
        size_t nodes = 0;
        for (const struct kl_yaml_node *node = yaml.nodes; node; node = node->next, nodes++)
            check_node(node);
        REQUIRE(nodes == yaml.count && nodes <= KL_YAML_MAX_NODES);
        const struct kl_yaml_node *current = yaml.root ? kl_yaml_get(yaml.root, "current-context") : NULL;
        if (current && current->text && current->text[0])
            context = strdup(current->text);
        kl_yaml_clear(&yaml);
    }
    k8sleader_error_free(error);
    free(text);
    return context;
}

static int same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void is_usable(const struct kl_cluster *cluster)
{
    char *again = NULL;
    const char *problem = NULL;
    REQUIRE(cluster->source == KL_SOURCE_KUBECONFIG && cluster->server);
    REQUIRE(kl_server_url(cluster->server, "again", &again, NULL) == 0);
    REQUIRE(strcmp(again, cluster->server) == 0);
    free(again);
    REQUIRE(!cluster->tls_server_name || kl_is_host_name(cluster->tls_server_name));
    REQUIRE(!cluster->insecure_skip_tls_verify || !cluster->ca.bytes);
    REQUIRE(!cluster->certificate.bytes == !cluster->key.bytes);
    REQUIRE(!cluster->namespace_ || kl_check_dns_label("it", cluster->namespace_, NULL) == 0);
    if (cluster->token) {
        REQUIRE(kl_token_copy(cluster->token, &again, &problem) == 0);
        REQUIRE(strcmp(again, cluster->token) == 0);
        free(again);
    }
}

static void check_kubeconfig(int fd, const char *current)
{
    char path[64];
    struct kl_cluster cluster = {0}, named = {0};
    k8sleader_error *error = NULL;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int code = kl_kubeconfig_load(&cluster, path, NULL, &error);
    REQUIRE(k8sleader_error_code(error) == code);
    if (code) {
        REQUIRE(code == K8SLEADER_ERR_CONFIG || code == K8SLEADER_ERR_UNSUPPORTED ||
                code == K8SLEADER_ERR_FILE);
        is_a_line(error);
        REQUIRE(strstr(k8sleader_error_message(error), path));
        REQUIRE(!cluster.server && !cluster.token && !cluster.key.bytes);
        k8sleader_error_free(error);
        return;
    }
    is_usable(&cluster);
    REQUIRE(!cluster.namespace_from_explicit_context);
    /* The current context by its name is the same place. */
    REQUIRE(current);
    REQUIRE(kl_kubeconfig_load(&named, path, current, NULL) == 0);
    REQUIRE(named.namespace_from_explicit_context);
    REQUIRE(same_text(named.server, cluster.server) && same_text(named.token, cluster.token));
    REQUIRE(same_text(named.token_file, cluster.token_file) &&
            same_text(named.namespace_, cluster.namespace_));
    kl_cluster_clear(&named);
    kl_cluster_clear(&cluster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *current = check_yaml(data, size);
    int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    REQUIRE(write(fd, data, size) == (ssize_t)size);
    check_kubeconfig(fd, current);
    (void)close(fd);
    free(current);
    return 0;
}
