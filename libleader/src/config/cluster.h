/*
 * Where the cluster is and how to log in, as values: what in-cluster files, a kubeconfig or the setters give,
 * and what the transport takes. Owns its strings; secrets are wiped when it is cleared.
 */
#ifndef KL_CLUSTER_H
#define KL_CLUSTER_H

#include <stddef.h>

#include "k8sleader.h"

enum kl_cluster_source { KL_SOURCE_NONE, KL_SOURCE_INCLUSTER, KL_SOURCE_KUBECONFIG, KL_SOURCE_SETTERS };

struct kl_pem {
    char *bytes; /* NUL-ended for convenience; NULL when not set */
    size_t size;
};

struct kl_cluster {
    enum kl_cluster_source source;
    char *server;          /* "https://host:port/path", no slash at the end; NULL when not set */
    char *tls_server_name; /* NULL: the server's host */
    int insecure_skip_tls_verify;
    struct kl_pem ca;          /* not set: ca_file, else the system's authorities */
    char *ca_file;             /* read anew for each connection generation; only in-cluster */
    struct kl_pem certificate; /* the client's, with key */
    struct kl_pem key;
    char *token;                         /* fixed token, or NULL */
    char *token_file;                    /* read again each minute and on 401, or NULL; wins over token */
    char *namespace_;                    /* what this source says of the namespace, or NULL */
    int namespace_from_explicit_context; /* kubeconfig, and the caller named the context */
    /* There is no cluster, and why: the server above is none. Only a skipped election can do without. */
    k8sleader_error *missing;
};

/* A cluster with nothing set is all zero. Clearing wipes token and key and leaves it all zero. */
void kl_cluster_clear(struct kl_cluster *cluster);

/*
 * Fills *cluster from the service account of the Pod. Replaces what it held, on success only. `root` is put
 * before the paths below /var/run/secrets (for tests; "" otherwise).
 */
int kl_incluster_load(struct kl_cluster *cluster, const char *root, k8sleader_error **err);

/* 1 when KUBERNETES_SERVICE_HOST is set and not empty. */
int kl_incluster_detect(void);

/*
 * Fills *cluster from a kubeconfig, as above. path NULL or "": KUBECONFIG, else ~/.kube/config; context NULL
 * or "": current-context. With a tokenFile a token beside it is left out (client-go would fall back to it).
 * Errors: NO_CONFIG (no path given and no ~/.kube/config), FILE, CONFIG, UNSUPPORTED, NO_MEMORY.
 */
int kl_kubeconfig_load(struct kl_cluster *cluster, const char *path, const char *context,
                       k8sleader_error **err);

/*
 * Checks and tidies a server URL: scheme http or https, host, port, path; no query, fragment or user. `where`
 * starts the message. *out is malloc'd. Errors: CONFIG, NO_MEMORY.
 */
int kl_server_url(const char *url, const char *where, char **out, k8sleader_error **err);

/*
 * The namespace by the contract: option, POD_NAMESPACE, service-account file, and only for an explicit
 * kubeconfig context that context's. *out is malloc'd. option NULL: not given; "" is refused, since it is
 * most likely an unset variable. Errors: NAMESPACE, NO_NAMESPACE (names the option that sets it; also when
 * the mounted file cannot be read), NO_MEMORY.
 */
int kl_namespace_resolve(const struct kl_cluster *cluster, const char *option, const char *root, char **out,
                         k8sleader_error **err);

/*
 * Names, checked as the API server does (k8s.io/apimachinery pkg/util/validation). `what` starts the message.
 * Errors, in this order: NAME, NAMESPACE, OPTION, IDENTITY.
 */
int kl_check_dns_subdomain(const char *what, const char *name, k8sleader_error **err);
int kl_check_dns_label(const char *what, const char *name, k8sleader_error **err);
int kl_check_label(const char *key, const char *value, k8sleader_error **err);
int kl_check_identity(const char *identity, k8sleader_error **err);

/* Reads a whole file, at most `limit` bytes. Errors: FILE (says why and which), TOO_LARGE, NO_MEMORY. */
int kl_file_read(const char *path, size_t limit, struct kl_pem *out, k8sleader_error **err);

/*
 * Reads a token file, 64 KiB at most; white space around the token is trimmed. *out is malloc'd:
 * kl_secret_free() it. Errors: FILE, CONFIG (empty, too large, control characters inside), NO_MEMORY.
 */
int kl_token_read(const char *path, char **out, k8sleader_error **err);

/* Overwrites before freeing, in a way the compiler keeps. NULL is fine. */
void kl_secret_free(char *secret, size_t size);

#endif
