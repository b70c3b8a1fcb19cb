/*
 * The embedded API server: Leases, ConfigMaps, Pods, Nodes, Events, Namespaces, Roles and RoleBindings in
 * memory, behind the same HTTP API as kube-apiserver's, for demos and for hermetic tests. It is no
 * Kubernetes: nothing is stored, nothing is admitted, and one token may do anything.
 *
 * It is a static library that tests link, and `k8sleader dev-server` for everybody else; not part of the
 * stable ABI.
 *
 * Tests in other languages script it over HTTP, with its token: POST /_devserver/faults with a JSON object of
 * the fields of struct devserver_fault (the action in lower case, "drop_before"; "namespace" without the
 * underscore) gives {"number":N}; GET lists them with their hits; DELETE /_devserver/faults[/N] removes them.
 * POST /_devserver/freeze-connections,
 * /_devserver/compact, /_devserver/token {"token":"…"} (null: nobody) and /_devserver/gc {"enabled":true} do
 * what the functions below do; GET /_devserver/requests?verb=get&resource=leases gives {"count":N}.
 * POST /_devserver/users {"name":"…"} gives {"token":"…"}: of a user who may do what Roles and RoleBindings
 * (rbac.authorization.k8s.io/v1, of one namespace; there are no ClusterRoles) allow, and nothing else.
 */
#ifndef K8SLEADER_DEVSERVER_H
#define K8SLEADER_DEVSERVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct devserver;

/* All zero gives: TLS with a certificate made for the occasion, a free port on 127.0.0.1, one random token.
 */
struct devserver_config {
    const char *listen;    /* "127.0.0.1:6443", "[::1]:0", "127.0.0.1:0" (default): port 0 is a free one */
    int plain_http;        /* no TLS */
    const char *cert_file; /* PEM; with key_file: this certificate instead of one made here */
    const char *key_file;
    const char *cert_host; /* the name or address in the certificate made here; default: the listening one and
                              localhost */
    int64_t cert_lifetime_s; /* of the certificate made here; negative: already expired. Default a day */
    const char *token;       /* the bearer token of its one user; default: random */
    int anonymous;           /* 1: requests without a token may do anything; else they are answered 403 */
    const char
        *request_log; /* a file to which each request is appended as one JSON object a line; NULL: none */
    int64_t bookmark_period_ms; /* default 60000 */
    int64_t watch_history;      /* events kept for resuming watches; older: 410. Default 10000 */
    int64_t
        pod_termination_ms; /* how long a deleted Pod with a node stays terminating, at most its grace period;
                               0: until it is deleted with grace period 0, as where no kubelet runs */
    int64_t gc_period_ms;   /* how often the garbage collector looks; default 100; negative: never */
};

/*
 * Starts it on threads of its own and returns once it answers. 0, or -1 with *error set to a malloc'd
 * message. Raises the process's soft limit of open files to the hard one: every watch takes a descriptor.
 */
int devserver_start(const struct devserver_config *config, struct devserver **out, char **error);

/* Ends it: open connections are closed, all threads joined, everything freed. NULL is fine. */
void devserver_stop(struct devserver *server);

/* Owned by the server: "https://127.0.0.1:40123"; the CA to trust, PEM ("" without TLS); the token. */
const char *devserver_url(const struct devserver *server);
const char *devserver_ca_pem(const struct devserver *server);
const char *devserver_token(const struct devserver *server);

/* A kubeconfig for it (context "dev-server", namespace "default"), written with mode 0600. 0 or -1 with
 * *error. */
int devserver_write_kubeconfig(const struct devserver *server, const char *path, char **error);

/* ---- scripted faults ---- */

enum devserver_action {
    DEVSERVER_DELAY,        /* apply and answer after delay_ms */
    DEVSERVER_DROP_BEFORE,  /* do not apply, never answer, close the connection after delay_ms */
    DEVSERVER_DROP_AFTER,   /* apply, never answer, close the connection after delay_ms */
    DEVSERVER_RESET_BEFORE, /* do not apply, reset the connection */
    DEVSERVER_RESET_AFTER,  /* apply, reset the connection */
    DEVSERVER_HALF_OPEN,    /* this connection falls silent for ever: nothing applied, nothing answered, not
                               closed;    for a watch: opened, then silent */
    DEVSERVER_TRUNCATE,     /* apply; the answer ends after `bytes` bytes of its body, connection closed */
    DEVSERVER_GARBAGE, /* apply; answer 200 with a body that is no JSON; on a watch: a garbage line after what
                          is due */
    DEVSERVER_SLOW,    /* apply; the body goes out `bytes` bytes every delay_ms */
    DEVSERVER_STATUS,  /* do not apply; answer `status` with a Status body (retry_after_s as header when > 0)
                        */
    DEVSERVER_RAW, /* do not apply; answer `status` with `body` (content_type) and `header` lines as they are
                    */
    DEVSERVER_ENDLESS,      /* answer 200 with a body that never ends */
    DEVSERVER_WATCH_END,    /* a watch: answered, then ended cleanly after delay_ms */
    DEVSERVER_WATCH_RESET,  /* a watch: answered, then reset after delay_ms, in the middle of a line if one is
                               due */
    DEVSERVER_WATCH_GONE,   /* a watch: answered with an ERROR event 410 Expired */
    DEVSERVER_WATCH_SILENT, /* a watch: opened and kept open, but no event is ever sent on it */
    DEVSERVER_WATCH_REPEAT  /* a watch: each event is sent twice */
};

/* A fault: what it strikes (NULL or "" is anything), what it does, how often. Strings are copied. */
struct devserver_fault {
    const char *verb;       /* "get", "list", "watch", "create", "update", "patch", "delete" */
    const char *resource;   /* "leases", "configmaps", "pods", "nodes", "events", "namespaces" */
    const char *namespace_; /* of the request's path */
    const char
        *name; /* the object's name (of the path, the body of a create, or field selector of a watch) */
    const char *holder; /* only writes whose spec.holderIdentity is this */
    enum devserver_action action;
    int64_t skip;  /* how many matching requests pass first */
    int64_t count; /* how many are struck; 0: all from then on */
    int64_t delay_ms;
    int64_t bytes;
    int status;
    int retry_after_s;
    const char *reason;  /* DEVSERVER_STATUS: the Status reason; default by status */
    const char *message; /* DEVSERVER_STATUS: the Status message */
    const char *body;
    const char *content_type;
    const char *header; /* DEVSERVER_RAW: one more header, "Location: https://…" */
};

/* Adds a fault behind those there are (the first that matches strikes). Returns its number, > 0, or -1 (bad
 * fault). */
int64_t devserver_add_fault(struct devserver *server, const struct devserver_fault *fault);

/* How often it has struck; -1: no such fault. */
int64_t devserver_fault_hits(struct devserver *server, int64_t number);

/* Waits until it has struck `hits` times. 0, or -1 when timeout_ms passed first. */
int devserver_wait_fault(struct devserver *server, int64_t number, int64_t hits, int64_t timeout_ms);

/* Requests that a removed fault still delays are answered, dropped or closed now. */
void devserver_remove_fault(struct devserver *server, int64_t number);
void devserver_clear_faults(struct devserver *server);

/* Half-open network: every connection that is open now falls silent (nothing read, nothing sent, not closed);
 * new ones work. */
void devserver_freeze_connections(struct devserver *server);

/* Stops listening and resets all connections / listens again on the same port; the objects stay (an API
 * server's restart). */
void devserver_suspend(struct devserver *server);
int devserver_resume(struct devserver *server, char **error);

/* Replaces the token at once (a revoked one); NULL: nobody is let in. */
void devserver_set_token(struct devserver *server, const char *token);

/*
 * The token of a user of that name ("limited", "system:serviceaccount:default:web") who may do what Roles and
 * RoleBindings allow, and nothing else. Owned by the server.
 */
const char *devserver_user(struct devserver *server, const char *name);

/* Stops or restarts the garbage collector. */
void devserver_set_gc(struct devserver *server, int enabled);

/* Forgets the watch history: every watch resumed from an older version is answered 410. */
void devserver_compact(struct devserver *server);

/* ---- looking in ---- */

/* How many requests came since the start, by verb and resource (NULL: any). Struck ones count too. */
int64_t devserver_requests(struct devserver *server, const char *verb, const char *resource);

/* Waits until devserver_requests() is at least `count`. 0, or -1 when timeout_ms passed first. */
int devserver_wait_requests(struct devserver *server, const char *verb, const char *resource, int64_t count,
                            int64_t timeout_ms);

/* How many watches of a resource are open (one whose client has left, until that is noticed). */
int64_t devserver_watches(struct devserver *server, const char *resource);

/* Waits until exactly so many are. 0, or -1 when timeout_ms passed first. */
int devserver_wait_watches(struct devserver *server, const char *resource, int64_t count, int64_t timeout_ms);

/* The stored object as JSON (malloc'd), or NULL. */
char *devserver_get_object(struct devserver *server, const char *resource, const char *namespace_,
                           const char *name);

/*
 * A hand on the store, past HTTP: stores the JSON as a new or changed object (resourceVersion and uid as a
 * PUT without them would have; spec and status alike) / merges a JSON merge patch (RFC 7386) into it /
 * deletes it, a Pod without grace. 0, or -1 when it can't.
 */
int devserver_put_object(struct devserver *server, const char *resource, const char *namespace_,
                         const char *json);
int devserver_patch_object(struct devserver *server, const char *resource, const char *namespace_,
                           const char *name, const char *merge_patch);
int devserver_delete_object(struct devserver *server, const char *resource, const char *namespace_,
                            const char *name);

#ifdef __cplusplus
}
#endif

#endif
