/*
 * kubeconfig files (k8s.io/client-go tools/clientcmd/api/v1). Only what the context in use needs is looked
 * at; there, what is not supported is refused by name, never ignored.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/cluster.h"
#include "config/kubeconfig_entry.h"
#include "config/pem.h"
#include "config/text.h"
#include "config/token.h"
#include "config/url.h"
#include "error.h"

#define NO_PLUGINS                                                                                           \
    "no program is run to log in; use a token, a tokenFile (see kubectl create token) or a client "          \
    "certificate"
#define NO_BASIC         "Kubernetes 1.19 removed basic authentication; use a token or a client certificate"
#define NO_IMPERSONATION "impersonation; use the credentials of the one to act as"

static const struct kl_field context_fields[] = {
    {"cluster", NULL}, {"user", NULL}, {"namespace", NULL}, {"extensions", NULL}, {NULL, NULL}};

static const struct kl_field cluster_fields[] = {
    {"server", NULL},
    {"tls-server-name", NULL},
    {"insecure-skip-tls-verify", NULL},
    {"certificate-authority", NULL},
    {"certificate-authority-data", NULL},
    {"disable-compression", NULL}, /* nothing here asks for compression */
    {"api-version", NULL},         /* in files from before Kubernetes 1.6; client-go ignores it */
    {"extensions", NULL},
    {"proxy-url", "proxies; use a server address that is reached without one"},
    {NULL, NULL}};

static const struct kl_field user_fields[] = {{"client-certificate", NULL},
                                              {"client-certificate-data", NULL},
                                              {"client-key", NULL},
                                              {"client-key-data", NULL},
                                              {"token", NULL},
                                              {"tokenFile", NULL},
                                              {"extensions", NULL},
                                              {"exec", NO_PLUGINS},
                                              {"auth-provider", NO_PLUGINS},
                                              {"username", NO_BASIC},
                                              {"password", NO_BASIC},
                                              {"as", NO_IMPERSONATION},
                                              {"as-uid", NO_IMPERSONATION},
                                              {"as-groups", NO_IMPERSONATION},
                                              {"as-user-extra", NO_IMPERSONATION},
                                              {NULL, NULL}};

static const struct kl_entry_kind context_kind = {"contexts", "context", context_fields};
static const struct kl_entry_kind cluster_kind = {"clusters", "cluster", cluster_fields};
static const struct kl_entry_kind user_kind = {"users", "user", user_fields};

struct loader {
    const char *file;
    char *folder; /* absolute: a token file is read again, perhaps after a chdir */
    struct kl_yaml yaml;
    struct kl_cluster cluster;
    k8sleader_error **err;
};

/* The file to read when the caller names none. *is_home: it is ~/.kube/config, which need not be there. */
static int default_path(char **out, int *is_home, k8sleader_error **err)
{
    const char *list = getenv("KUBECONFIG");
    *is_home = 0;
    if (list && list[strspn(list, ":")]) {
        list += strspn(list, ":"); /* client-go skips empty elements */
        size_t first = strcspn(list, ":");
        if (list[first + strspn(list + first, ":")])
            return kl_fail(
                err, K8SLEADER_ERR_UNSUPPORTED,
                "KUBECONFIG names several files: not supported; name one (kubectl config view --flatten "
                "writes them as one)");
        *out = strndup(list, first);
    } else {
        const char *home = getenv("HOME");
        struct passwd entry;
        struct passwd *user = NULL;
        char buffer[4096];
        if (!home || !*home)
            home =
                getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &user) == 0 && user ? user->pw_dir : "";
        *is_home = 1;
        if (asprintf(out, "%s/.kube/config", home) < 0)
            *out = NULL;
    }
    return *out ? 0 : kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the kubeconfig's path");
}

static int find_folder(struct loader *loader)
{
    errno = 0;
    char *base = loader->file[0] == '/' ? strdup("") : getcwd(NULL, 0);
    const char *slash = strrchr(loader->file, '/');
    int length = slash ? (int)(slash - loader->file) : 0;
    if (base &&
        asprintf(&loader->folder, "%s%s%.*s", base, *base && length ? "/" : "", length, loader->file) < 0)
        loader->folder = NULL;
    int failure = errno;
    free(base);
    if (loader->folder)
        return 0;
    int code = failure == ENOMEM ? K8SLEADER_ERR_NO_MEMORY : K8SLEADER_ERR_FILE;
    return kl_fail(loader->err, code, "%s: its folder cannot be found: %s", loader->file, strerror(failure));
}

/* Another object by mistake, a Secret for example, would otherwise be said to lack a current-context. */
static int check_type(const struct loader *loader, const char *key, const char *wanted)
{
    const struct kl_yaml_node *node = kl_yaml_get(loader->yaml.root, key);
    if (!node || node->type == KL_YAML_NULL || (node->text && strcmp(node->text, wanted) == 0))
        return 0;
    char quote[KL_QUOTE_SIZE];
    return kl_fail(loader->err, K8SLEADER_ERR_CONFIG,
                   "%s:%d: %s: %s is wanted, this is %s; is it a kubeconfig?", loader->file, node->line, key,
                   wanted, node->text ? kl_quote(quote, node->text) : kl_yaml_type_name(node));
}

static int read_document(struct loader *loader)
{
    struct kl_pem text = {0};
    k8sleader_error *why = NULL;
    int result = kl_file_read(loader->file, KL_FILE_LIMIT, &text, &why);
    if (result) {
        if (result == K8SLEADER_ERR_TOO_LARGE)
            result = K8SLEADER_ERR_CONFIG;
        (void)kl_fail(loader->err, result, "kubeconfig %s", k8sleader_error_message(why));
        k8sleader_error_free(why);
        return result;
    }
    result = kl_yaml_parse(&loader->yaml, text.bytes, text.size, loader->file, loader->err);
    kl_pem_clear(&text);
    const struct kl_yaml_node *root = loader->yaml.root;
    if (!result && !root)
        result = kl_fail(loader->err, K8SLEADER_ERR_CONFIG, "%s:1: the file is empty; a kubeconfig is wanted",
                         loader->file);
    if (!result && root->type != KL_YAML_MAPPING)
        result = kl_fail(loader->err, K8SLEADER_ERR_CONFIG, "%s:%d: a kubeconfig is a mapping, this is %s",
                         loader->file, root->line, kl_yaml_type_name(root));
    if (!result)
        result = check_type(loader, "kind", "Config");
    return result ? result : check_type(loader, "apiVersion", "v1");
}

static int find_context(struct loader *loader, const char *name, struct kl_entry *context)
{
    const struct kl_yaml_node *root = loader->yaml.root;
    const struct kl_yaml_node *current = kl_yaml_get(root, "current-context");
    const struct kl_yaml_node *list = kl_yaml_get(root, "contexts");
    if (name)
        return kl_entry_find(context, loader->file, root, &context_kind, name, list ? list->line : root->line,
                             "contexts", loader->err);
    if (!current || current->type == KL_YAML_NULL || (current->text && !*current->text))
        return kl_fail(
            loader->err, K8SLEADER_ERR_CONFIG,
            "%s:%d: current-context: not set; name a context, or choose one with kubectl config use-context",
            loader->file, current ? current->line : root->line);
    if (current->type != KL_YAML_STRING)
        return kl_fail(loader->err, K8SLEADER_ERR_CONFIG,
                       "%s:%d: current-context: a string is wanted, this is %s%s", loader->file,
                       current->line, kl_yaml_type_name(current), current->text ? "; put it in quotes" : "");
    return kl_entry_find(context, loader->file, root, &context_kind, current->text, current->line,
                         "current-context", loader->err);
}

/* A copy of a string field; *out stays NULL when it is not set. */
static int copy_string(const struct kl_entry *entry, const char *field, char **out, k8sleader_error **err)
{
    const char *text = NULL;
    int result = kl_entry_string(entry, field, &text, err);
    if (result || !text)
        return result;
    *out = strdup(text);
    return *out ? 0 : kl_entry_fail(entry, field, err, K8SLEADER_ERR_NO_MEMORY, "no memory");
}

/* The entry that a context names, cluster or user; *named is 0 when it names none. */
static int follow(struct loader *loader, const struct kl_entry *context, const struct kl_entry_kind *kind,
                  struct kl_entry *entry, int *named)
{
    const char *name = NULL;
    char place[64];
    int result = kl_entry_string(context, kind->name, &name, loader->err);
    *named = name != NULL;
    if (result || !name)
        return result;
    (void)snprintf(place, sizeof place, "contexts[%zu].context.%s", context->index, kind->name);
    return kl_entry_find(entry, loader->file, loader->yaml.root, kind, name,
                         kl_entry_line(context, kind->name), place, loader->err);
}

static int load_server(struct loader *loader, const struct kl_entry *entry)
{
    const char *server = NULL;
    int result = kl_entry_string(entry, "server", &server, loader->err);
    if (result)
        return result;
    if (!server)
        return kl_entry_fail(entry, "server", loader->err, K8SLEADER_ERR_CONFIG,
                             "missing; the API server's URL is wanted");
    char *where = NULL;
    if (asprintf(&where, "%s:%d: clusters[%zu].cluster.server", loader->file, kl_entry_line(entry, "server"),
                 entry->index) < 0)
        return kl_entry_fail(entry, "server", loader->err, K8SLEADER_ERR_NO_MEMORY, "no memory");
    result = kl_server_url(server, where, &loader->cluster.server, loader->err);
    free(where);
    return result;
}

static int load_cluster(struct loader *loader, const struct kl_entry *entry)
{
    struct kl_cluster *cluster = &loader->cluster;
    const char *field = NULL;
    int result = load_server(loader, entry);
    if (!result)
        result = copy_string(entry, "tls-server-name", &cluster->tls_server_name, loader->err);
    if (!result && cluster->tls_server_name && !kl_is_host_name(cluster->tls_server_name))
        result = kl_entry_fail(entry, "tls-server-name", loader->err, K8SLEADER_ERR_CONFIG,
                               "a DNS name or an IP address is wanted");
    if (!result)
        result = kl_entry_boolean(entry, "insecure-skip-tls-verify", &cluster->insecure_skip_tls_verify,
                                  loader->err);
    if (!result)
        result = kl_entry_bytes(entry, loader->folder, "certificate-authority-data", "certificate-authority",
                                &cluster->ca, &field, loader->err);
    if (result || !field)
        return result;
    if (cluster->insecure_skip_tls_verify)
        return kl_entry_fail(entry, "insecure-skip-tls-verify", loader->err, K8SLEADER_ERR_CONFIG,
                             "may not be true beside %s; remove one of the two", field);
    const char *problem = kl_pem_ca_problem(&cluster->ca);
    return problem ? kl_entry_fail(entry, field, loader->err, K8SLEADER_ERR_CONFIG, "%s", problem) : 0;
}

static int load_certificate(struct loader *loader, const struct kl_entry *entry)
{
    struct kl_cluster *cluster = &loader->cluster;
    const char *certificate = NULL;
    const char *key = NULL;
    int result = kl_entry_bytes(entry, loader->folder, "client-certificate-data", "client-certificate",
                                &cluster->certificate, &certificate, loader->err);
    if (!result)
        result = kl_entry_bytes(entry, loader->folder, "client-key-data", "client-key", &cluster->key, &key,
                                loader->err);
    if (result || (!certificate && !key))
        return result;
    if (!certificate || !key)
        return kl_entry_fail(entry, certificate ? certificate : key, loader->err, K8SLEADER_ERR_CONFIG,
                             "without a %s; both are needed, or none",
                             certificate ? "client-key or client-key-data"
                                         : "client-certificate or client-certificate-data");
    const char *field = certificate;
    const char *problem = kl_pem_certificate_problem(&cluster->certificate);
    if (!problem) {
        field = key;
        problem = kl_pem_key_problem(&cluster->key);
    }
    if (!problem)
        problem = kl_pem_pair_problem(&cluster->certificate, &cluster->key);
    return problem ? kl_entry_fail(entry, field, loader->err, K8SLEADER_ERR_CONFIG, "%s", problem) : 0;
}

static int load_token(struct loader *loader, const struct kl_entry *entry)
{
    struct kl_cluster *cluster = &loader->cluster;
    const char *token = NULL;
    const char *file = NULL;
    int result = kl_entry_string(entry, "token", &token, loader->err);
    if (!result)
        result = kl_entry_string(entry, "tokenFile", &file, loader->err);
    if (result || (!token && !file))
        return result;
    if (!file) {
        const char *problem = NULL;
        result = kl_token_copy(token, &cluster->token, &problem);
        return result
                   ? kl_entry_fail(entry, "token", loader->err, result, "%s", problem ? problem : "no memory")
                   : 0;
    }
    cluster->token_file = kl_entry_path(loader->folder, file);
    if (!cluster->token_file)
        return kl_entry_fail(entry, "tokenFile", loader->err, K8SLEADER_ERR_NO_MEMORY, "no memory");
    k8sleader_error *why = NULL;
    char *read = NULL;
    result = kl_token_read(cluster->token_file, &read, &why);
    if (result)
        return kl_entry_wrap(entry, "tokenFile", loader->err, result, why);
    kl_secret_free(read, strlen(read));
    return 0;
}

static int load_namespace(struct loader *loader, const struct kl_entry *context)
{
    k8sleader_error *why = NULL;
    int result = copy_string(context, "namespace", &loader->cluster.namespace_, loader->err);
    if (result || !loader->cluster.namespace_)
        return result;
    result = kl_check_dns_label("the namespace", loader->cluster.namespace_, &why);
    return result ? kl_entry_wrap(context, "namespace", loader->err, result, why) : 0;
}

static int load_context(struct loader *loader, const char *name)
{
    struct kl_entry context;
    struct kl_entry cluster;
    struct kl_entry user;
    int named = 0;
    int result = find_context(loader, name, &context);
    if (!result)
        result = load_namespace(loader, &context);
    if (!result)
        result = follow(loader, &context, &cluster_kind, &cluster, &named);
    if (!result && !named)
        result = kl_entry_fail(&context, "cluster", loader->err, K8SLEADER_ERR_CONFIG,
                               "missing; the name of one of the clusters is wanted");
    if (!result)
        result = load_cluster(loader, &cluster);
    if (!result)
        result = follow(loader, &context, &user_kind, &user, &named);
    if (!result && named) /* without a user the server is talked to as nobody */
        result = load_certificate(loader, &user);
    return result || !named ? result : load_token(loader, &user);
}

int kl_kubeconfig_load(struct kl_cluster *cluster, const char *path, const char *context,
                       k8sleader_error **err)
{
    struct loader loader = {.err = err};
    char *found = NULL;
    int is_home = 0;
    int result = 0;
    if (!path || !*path) {
        result = default_path(&found, &is_home, err);
        if (result)
            return result;
    }
    loader.file = found ? found : path;
    if (is_home && access(found, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
        result = kl_fail(
            err, K8SLEADER_ERR_NO_CONFIG,
            "no kubeconfig: KUBECONFIG is not set and there is no %s; set KUBECONFIG, or name a kubeconfig",
            found);
        free(found);
        return result;
    }
    const char *explicit_context = context && *context ? context : NULL;
    loader.cluster.source = KL_SOURCE_KUBECONFIG;
    loader.cluster.namespace_from_explicit_context = explicit_context != NULL;
    result = find_folder(&loader);
    if (!result)
        result = read_document(&loader);
    if (!result)
        result = load_context(&loader, explicit_context);
    kl_yaml_clear(&loader.yaml);
    free(loader.folder);
    free(found);
    if (result) {
        kl_cluster_clear(&loader.cluster);
        return result;
    }
    kl_cluster_clear(cluster);
    *cluster = loader.cluster;
    return 0;
}
