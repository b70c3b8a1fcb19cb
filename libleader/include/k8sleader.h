/*
 * k8sleader.h: leader election for Kubernetes programs in any language.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Conventions that hold for every function here, said once:
 *
 *   Handles     are opaque. NULL is refused with K8SLEADER_ERR_ARGUMENT; functions that free accept NULL.
 *   Results     A function that can fail returns 0, or a negative K8SLEADER_ERR_*. Where it takes `k8sleader_error **err`,
 *               that may be NULL; on failure it is set to a new error, to be freed with k8sleader_error_free(), or to NULL
 *               without memory for one; on success it is left alone. "Errors" names the codes to be expected today: any
 *               function may return others, also ones that are new. A handle that *out is to get is NULL on failure.
 *   Durations   are int64_t milliseconds and say so in their names: _ms. A timeout_ms of 0 does not wait, -1 waits for ever,
 *               less than that is refused with K8SLEADER_ERR_ARGUMENT; where it is otherwise, the function says so.
 *   Strings     are UTF-8 and end with NUL; names and messages that others wrote are passed on as they are. What is passed
 *               in is copied. A returned `const char *` lives as long as the object it was asked of.
 *   Threads     "Any thread" means: from any thread, at any time, also inside a callback, also while other threads use
 *               the same handle. "One thread" means: callers serialise their calls on that handle. A free may be called
 *               while calls on that handle are under way; none may begin once it was called.
 *   After fork  the child may not use the parent's configs, clients and elections: calls with them return
 *               K8SLEADER_ERR_FORKED (or false, or 0, as their type allows), their frees do nothing, and destroy(user) of
 *               the parent's elections is never called; only an election's identity, lock and user can still be read. Errors, options, callbacks,
 *               events and lock lists are values, of which the child has its own copy: they work, and freeing them
 *               touches nothing of the parent's. The child may make handles of its own. A child that is forked in a
 *               callback may return from it: dispatch() then returns K8SLEADER_ERR_FORKED (and the library's own
 *               dispatcher thread ends).
 *   Time        of elections is CLOCK_BOOTTIME: it goes on while the machine is suspended. It does not see a paused
 *               hypervisor or a restored snapshot; there the fencing token is the defence. A caller's own timeout_ms is
 *               CLOCK_MONOTONIC: a suspension stretches it.
 *   A term      ends at the shorter of renewDeadline and 90 % of leaseDuration after its last renewal was sent. That is what
 *               "the term's deadline" means below.
 */
#ifndef K8SLEADER_H
#define K8SLEADER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(K8SLEADER_STATIC)
#define K8SLEADER_API
#elif defined(__GNUC__)
#define K8SLEADER_API __attribute__((visibility("default")))
#else
#define K8SLEADER_API
#endif

/* ---- version ---------------------------------------------------------------------------------------------------- */

#define K8SLEADER_VERSION_MAJOR 1
#define K8SLEADER_VERSION_MINOR 0
#define K8SLEADER_VERSION_PATCH 0
#define K8SLEADER_VERSION       "1.0.0"

/**
 * The version of the library in use, which may be newer than the header a program was compiled with.
 * Returns: "MAJOR.MINOR.PATCH", static. Threads: any. Errors: none. Since: 1.0.
 */
K8SLEADER_API const char *k8sleader_version(void);

/* ---- constants -------------------------------------------------------------------------------------------------- */

/** Result and error codes. New ones may be added; treat an unknown negative code as a failure. Since: 1.0. */
enum {
    K8SLEADER_OK = 0,

    /* how the library was called */
    K8SLEADER_ERR_ARGUMENT  = -1, /**< a NULL handle, or a value that the function's comment rules out */
    K8SLEADER_ERR_NO_MEMORY = -2, /**< memory, a thread or a file descriptor could not be had */
    K8SLEADER_ERR_FORKED    = -3, /**< the handle was made by the parent process */
    K8SLEADER_ERR_CLOSED    = -4, /**< the client or election has ended; nothing more will come */
    K8SLEADER_ERR_TIMEOUT   = -5, /**< the caller's own timeout passed */
    K8SLEADER_ERR_WOKEN     = -6, /**< k8sleader_client_wake() ended the wait */
    K8SLEADER_ERR_BUSY      = -7, /**< another thread, or the dispatcher, already takes the events */

    /* where the cluster is */
    K8SLEADER_ERR_NO_CONFIG   = -20, /**< not in a Pod, and no kubeconfig found */
    K8SLEADER_ERR_FILE        = -21, /**< a file could not be read */
    K8SLEADER_ERR_CONFIG      = -22, /**< a kubeconfig or credential file is malformed: file, line and field are named */
    K8SLEADER_ERR_UNSUPPORTED = -23, /**< a setting this version does not support, by name */

    /* what to stand for */
    K8SLEADER_ERR_OPTION       = -40, /**< no such option, or a value that can't be read */
    K8SLEADER_ERR_DURATION     = -41, /**< durations that do not fit each other, or are out of range */
    K8SLEADER_ERR_NAME         = -42, /**< the lock's name is no DNS subdomain (RFC 1123), or too long */
    K8SLEADER_ERR_IDENTITY     = -43, /**< an empty or over-long identity */
    K8SLEADER_ERR_NAMESPACE    = -44, /**< the namespace's name is no DNS label (RFC 1123), or too long */
    K8SLEADER_ERR_NO_NAMESPACE = -45, /**< no namespace given, and none to be found */

    /* talking to the API server */
    K8SLEADER_ERR_RESOLVE             = -60, /**< the server's name has no address */
    K8SLEADER_ERR_CONNECT             = -61, /**< no connection: refused, unreachable, reset */
    K8SLEADER_ERR_REQUEST_TIMEOUT     = -62, /**< no answer in time */
    K8SLEADER_ERR_TLS                 = -63, /**< TLS failed for another reason than the next three */
    K8SLEADER_ERR_TLS_UNTRUSTED       = -64, /**< the server's certificate is not signed by the configured CA */
    K8SLEADER_ERR_TLS_EXPIRED         = -65, /**< the server's certificate is expired or not yet valid */
    K8SLEADER_ERR_TLS_HOST            = -66, /**< the server's certificate is for another name */
    K8SLEADER_ERR_UNAUTHORIZED        = -67, /**< 401: the server does not accept the credentials */
    K8SLEADER_ERR_FORBIDDEN           = -68, /**< 403: RBAC does not allow it; the message says what to allow */
    K8SLEADER_ERR_NAMESPACE_NOT_FOUND = -69, /**< 404: there is no such namespace */
    K8SLEADER_ERR_THROTTLED           = -70, /**< 429: the server asks to come back later */
    K8SLEADER_ERR_SERVER              = -71, /**< 5xx, or another status that was not to be expected */
    K8SLEADER_ERR_NOT_KUBERNETES      = -72, /**< what answers there is not the Kubernetes API */
    K8SLEADER_ERR_PROTOCOL            = -73, /**< an answer that could not be read */
    K8SLEADER_ERR_TOO_LARGE           = -74, /**< an answer beyond the library's bounds */
    K8SLEADER_ERR_INVALID             = -75, /**< 400 or 422: the server refused the object */

    /* about an election */
    K8SLEADER_ERR_DUPLICATE_IDENTITY = -90, /**< another process writes the lock under this identity */
    K8SLEADER_ERR_COORDINATED        = -91, /**< the Lease is a coordinated one (strategy or preferredHolder set) */
    K8SLEADER_ERR_FENCING_TOKEN      = -92, /**< the server's resource versions are no 64-bit numbers: no token */
    K8SLEADER_ERR_NOT_LEADER         = -93, /**< asked for something that only the leader has */
    K8SLEADER_ERR_WATCH_FORBIDDEN    = -94, /**< the lock may not be watched: it is polled instead (said once) */
    K8SLEADER_ERR_TIGHT_DURATIONS    = -95, /**< a warning: the measured round trip leaves too few renewal attempts */
    K8SLEADER_ERR_FOREIGN_LOCK       = -96, /**< the lock object belongs to another kind of election */
    K8SLEADER_ERR_NO_POD             = -97, /**< leader-for-life: which Pod we are is not known, or it is no more */
    K8SLEADER_ERR_POD_ENDING         = -98, /**< leader-for-life: our own Pod is being deleted or has ended: it does not stand */
    K8SLEADER_ERR_LOCK_OWNER         = -99, /**< leader-for-life: the lock has no owner, several, or one that is no Pod */
    K8SLEADER_ERR_PODS_FORBIDDEN     = -100 /**< leader-for-life: Pods or nodes may not be read: whether a leader has ended can't be seen (said once) */
};

/** Modes of election. Since: 1.0. */
enum {
    K8SLEADER_LEASE    = 1, /**< leader-with-lease: a coordination.k8s.io/v1 Lease that the leader renews */
    K8SLEADER_FOR_LIFE = 2  /**< leader-for-life: a ConfigMap that the leader's Pod owns, until that Pod is gone */
};

/**
 * Types of event. New ones may be added; ignore those you do not know. Of what nobody takes, NEW_LEADER and ERROR events that
 * a later one makes stale are dropped, LOG lines beyond a thousand, and of an election's whole terms the oldest beyond eight.
 * Since: 1.0.
 */
enum {
    K8SLEADER_EVENT_STARTED_LEADING   = 1, /**< a term has begun; token is set */
    K8SLEADER_EVENT_STOPPED_LEADING   = 2, /**< the term has ended, or is to end; token and reason are set */
    K8SLEADER_EVENT_NEW_LEADER        = 3, /**< somebody, perhaps we, leads now; leader is set */
    K8SLEADER_EVENT_ERROR             = 4, /**< something is wrong, the election goes on; error is set */
    K8SLEADER_EVENT_LOG               = 5, /**< a log line, if asked for as events; message and level are set */
    K8SLEADER_EVENT_CLOSED            = 6, /**< the election's last event. It does not wait for work: after
                                                LOST_DURING_DRAIN, or when stopped behind a loss that was not handed
                                                back, that may run until k8sleader_election_grace_left_ms() is 0 */
    K8SLEADER_EVENT_LOST_DURING_DRAIN = 7  /**< after STOPPED with reason STOP: the lock was lost before the drain ended;
                                                token and reason are set */
};

/** Why leading stopped. New ones may be added: each means that the term is over or, with STOP, ends. Since: 1.0. */
enum {
    K8SLEADER_REASON_NONE             = 0,
    K8SLEADER_REASON_STOP             = 1, /**< k8sleader_election_stop() or k8sleader_client_close(): drain, the lock is still held */
    K8SLEADER_REASON_LOST_DEADLINE    = 2, /**< not renewed by the term's deadline */
    K8SLEADER_REASON_LOST_HOLDER      = 3, /**< the lock names another holder, or none, that we did not write */
    K8SLEADER_REASON_LOST_LOCK        = 4, /**< the lock was deleted, and another was first to create it */
    K8SLEADER_REASON_LOST_DUPLICATE   = 5, /**< another process uses our identity */
    K8SLEADER_REASON_LOST_COORDINATED = 6, /**< the Lease was turned into a coordinated one */
    K8SLEADER_REASON_DRAIN_TIMEOUT    = 7, /**< (LOST_DURING_DRAIN) the drain took longer than its bound: renewals stopped */
    K8SLEADER_REASON_LOST_POD         = 8  /**< leader-for-life: our own Pod is gone from the API, or said to have ended */
};

/** Log levels: a level includes those above it. Since: 1.0. */
enum {
    K8SLEADER_LOG_NONE    = 0,
    K8SLEADER_LOG_ERROR   = 1,
    K8SLEADER_LOG_WARNING = 2, /**< the default */
    K8SLEADER_LOG_INFO    = 3,
    K8SLEADER_LOG_DEBUG   = 4
};

/** What a callback returns; other values are reserved, and count as PENDING. Since: 1.0. */
enum {
    K8SLEADER_DONE    = 0, /**< from on_stopped_leading: the work of that term has ended (the same as k8sleader_election_drained) */
    K8SLEADER_PENDING = 1  /**< from on_stopped_leading: the work still ends elsewhere, k8sleader_election_drained() will follow */
};

/* ---- handles ---------------------------------------------------------------------------------------------------- */

typedef struct k8sleader_error k8sleader_error;             /**< what went wrong */
typedef struct k8sleader_config k8sleader_config;           /**< where the cluster is and how to log in */
typedef struct k8sleader_client k8sleader_client;           /**< one cluster, one worker thread, any number of elections */
typedef struct k8sleader_options k8sleader_options;         /**< what to stand for */
typedef struct k8sleader_option_info k8sleader_option_info; /**< what an option is */
typedef struct k8sleader_callbacks k8sleader_callbacks;     /**< whom to tell */
typedef struct k8sleader_election k8sleader_election;       /**< one candidate for one lock */
typedef struct k8sleader_event k8sleader_event;             /**< something happened: immutable, reference-counted */
typedef struct k8sleader_lock_list k8sleader_lock_list;     /**< who holds which lock, as the server said it once */

/**
 * A callback: called by k8sleader_client_dispatch() on the caller's thread or by the library's dispatcher thread, never
 * with a lock held. The election and the event live at least until it returns; it may call any function, also those that
 * stop or free the election or close the client.
 * Returns: K8SLEADER_DONE, or from on_stopped_leading K8SLEADER_PENDING. Since: 1.0.
 */
typedef int (*k8sleader_callback)(k8sleader_election *election, const k8sleader_event *event, void *user);

/* ---- errors ----------------------------------------------------------------------------------------------------- */

/** The K8SLEADER_ERR_* code; 0 for NULL. Threads: any (an error is immutable). Errors: none. Since: 1.0. */
K8SLEADER_API int k8sleader_error_code(const k8sleader_error *error);

/**
 * One line for a person: what went wrong and what to do about it. Never holds a credential.
 * Returns: owned by the error; "" for NULL. Threads: any. Errors: none. Since: 1.0.
 */
K8SLEADER_API const char *k8sleader_error_message(const k8sleader_error *error);

/** The HTTP status behind it, or 0 when there was none. Threads: any. Errors: none. Since: 1.0. */
K8SLEADER_API int k8sleader_error_http_status(const k8sleader_error *error);

/** 1 when waiting or trying again may mend it; 0 when somebody has to change something, or that is not known. Threads: any. Since: 1.0. */
K8SLEADER_API int k8sleader_error_retriable(const k8sleader_error *error);

/** Frees an error that a function set. Not for those owned by an event. NULL is fine. Threads: any. Since: 1.0. */
K8SLEADER_API void k8sleader_error_free(k8sleader_error *error);

/**
 * The name of a code, without the prefix: "FORBIDDEN" for K8SLEADER_ERR_FORBIDDEN, "OK" for 0.
 * Returns: static; "UNKNOWN" for a number that is none. Threads: any. Errors: none. Since: 1.0.
 */
K8SLEADER_API const char *k8sleader_error_name(int code);

/* ---- config: where the cluster is ------------------------------------------------------------------------------- */

/**
 * A new configuration. Left as it is, k8sleader_client_new() looks by itself: inside a Pod (KUBERNETES_SERVICE_HOST is
 * set) the service account, else the kubeconfig (KUBECONFIG, or ~/.kube/config).
 * Returns: a new config, to be freed with k8sleader_config_free() unless a client took it; NULL without memory.
 * Threads: any; the config itself: one thread. Since: 1.0.
 */
K8SLEADER_API k8sleader_config *k8sleader_config_new(void);

/**
 * Reads a kubeconfig. path NULL: the file that KUBECONFIG names, else ~/.kube/config. context NULL: its current-context.
 * Supported: server, certificate-authority(-data), insecure-skip-tls-verify, tls-server-name, token, tokenFile,
 * client-certificate(-data), client-key(-data), namespace; relative paths count from the file's folder. Anything else
 * that would change how to connect (exec, auth-provider, proxy-url, impersonation, a KUBECONFIG list) is refused by name.
 * Replaces what was loaded or set before.
 * Threads: one. Errors: NO_CONFIG (path NULL, and no file), FILE, CONFIG (with file, line, field), UNSUPPORTED, NO_MEMORY, FORKED,
 * ARGUMENT. Since: 1.0.
 * Source: k8s.io/client-go tools/clientcmd/api/v1.
 */
K8SLEADER_API int k8sleader_config_load_kubeconfig(k8sleader_config *config, const char *path, const char *context,
                                                   k8sleader_error **err);

/**
 * Reads what a Pod is given: KUBERNETES_SERVICE_HOST and _PORT, and the service account's token, CA and namespace below
 * /var/run/secrets/kubernetes.io/serviceaccount. The token is read again each minute and after a 401, the CA with it.
 * Replaces what was loaded or set before.
 * Threads: one. Errors: NO_CONFIG (not in a Pod), FILE (no mount), CONFIG, NO_MEMORY, FORKED, ARGUMENT. Since: 1.0.
 * Source: kubernetes.io/docs/tasks/run-application/access-api-from-pod.
 */
K8SLEADER_API int k8sleader_config_load_incluster(k8sleader_config *config, k8sleader_error **err);

/**
 * The API server's address: https://HOST[:PORT][/PATH], or http:// for an unencrypted one.
 * Threads: one. Errors: CONFIG (no such URL), NO_MEMORY, FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_config_set_server(k8sleader_config *config, const char *url);

/** The bearer token to log in with; wiped when the client is freed. Threads: one. Errors: CONFIG, NO_MEMORY, FORKED, ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_config_set_token(k8sleader_config *config, const char *token);

/** The file that holds the bearer token; read again each minute and after a 401. Threads: one. Errors: NO_MEMORY, FORKED, ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_config_set_token_file(k8sleader_config *config, const char *path);

/** The certificate authorities to trust, PEM, instead of the system's. size in bytes. Threads: one. Errors: CONFIG, NO_MEMORY, FORKED, ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_config_set_ca_pem(k8sleader_config *config, const void *pem, size_t size);

/** The certificate and key to log in with, both PEM; sizes in bytes. Threads: one. Errors: CONFIG, NO_MEMORY, FORKED, ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_config_set_client_certificate_pem(k8sleader_config *config, const void *certificate,
                                                              size_t certificate_size, const void *key,
                                                              size_t key_size);

/** The name to expect in the server's certificate, instead of the URL's host. Threads: one. Errors: NO_MEMORY, FORKED, ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_config_set_tls_server_name(k8sleader_config *config, const char *name);

/**
 * What to log: level is a K8SLEADER_LOG_*; as_events 1 delivers lines as K8SLEADER_EVENT_LOG, 0 writes them to stderr.
 * Threads: one. Errors: FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_config_set_log_level(k8sleader_config *config, int level, int as_events);

/**
 * Why the setter that was called last failed: a k8sleader_config_set_* has no error of its own to give.
 * Returns: owned by the config, until its next setter or its end; NULL when that setter did not fail. Threads: one. Errors: none. Since: 1.0.
 */
K8SLEADER_API const k8sleader_error *k8sleader_config_error(const k8sleader_config *config);

/** Frees a config that no client took; credentials are wiped. NULL is fine. Threads: one. Since: 1.0. */
K8SLEADER_API void k8sleader_config_free(k8sleader_config *config);

/* ---- client ----------------------------------------------------------------------------------------------------- */

/**
 * A new client with its worker thread. Does not wait for the server: that is not needed to stand as candidate.
 * config: NULL as if new; consumed on success only. *out: free with k8sleader_client_free(). Outside a cluster (see
 * k8sleader_become) and without a kubeconfig it succeeds all the same, for elections that are skipped there; what
 * needs a server fails then with NO_CONFIG.
 * Threads: any. Errors: NO_CONFIG, FILE, CONFIG, UNSUPPORTED, NO_MEMORY, FORKED (the config), ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_client_new(k8sleader_config *config, k8sleader_client **out, k8sleader_error **err);

/**
 * Stops every election as k8sleader_election_stop() does, and takes no new ones. Returns at once. Each election still
 * drains, releases and ends with its CLOSED event; after the last one next_event and dispatch return ERR_CLOSED. Questions
 * (k8sleader_client_list_locks()) are answered until the client is freed.
 * Threads: any. Errors: none. Since: 1.0.
 */
K8SLEADER_API void k8sleader_client_close(k8sleader_client *client);

/**
 * Ends the client and joins its worker. An election that leads and was not drained is abandoned: its lock is *not*
 * released but runs out, since its work may still run. A release already handed back, or by the on_stopped_leading that
 * runs meanwhile, gets up to two seconds. Waits for callbacks and destroy(user) that run on other threads; inside a
 * callback it does not wait, the rest is done when the callback returns. Elections and events still held stay valid but
 * are over. NULL is fine.
 * Threads: any, once. Since: 1.0.
 */
K8SLEADER_API void k8sleader_client_free(k8sleader_client *client);

/**
 * A file descriptor that is readable while next_event would not wait (level-triggered): for events, a wake, and for ever
 * after the end, when that returns CLOSED. For poll, epoll, asyncio and the like.
 * Never read, write or close it: next_event and dispatch keep it.
 * Returns: the descriptor, owned by the client. Threads: any. Errors: ARGUMENT, FORKED. Since: 1.0.
 */
K8SLEADER_API int k8sleader_client_get_fd(k8sleader_client *client);

/**
 * Takes the next event. timeout_ms: 0 does not wait, -1 waits for ever. Calls no callbacks.
 * *out: a new reference, give it back with k8sleader_event_unref(); set to NULL when none came.
 * Threads: any (each event is taken once). Errors: TIMEOUT, CLOSED, WOKEN, BUSY (a dispatcher runs), FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_client_next_event(k8sleader_client *client, int64_t timeout_ms, k8sleader_event **out);

/**
 * Takes the next event and calls its election's callback for it, here. timeout_ms as above.
 * A LOG line of the client's own has no election, and is written to stderr.
 * Returns: 0 after one event; CLOSED also when the client was freed meanwhile, in the callback or by another thread: it may
 * not be used any more. Threads: any, one at a time. Errors: TIMEOUT, CLOSED, WOKEN, BUSY, FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_client_dispatch(k8sleader_client *client, int64_t timeout_ms);

/**
 * Starts a thread of the library's own that dispatches until the client is closed. From then on next_event and dispatch
 * return BUSY, also those that wait already. Threads: any. Errors: BUSY (it runs already, or a dispatch() does, its callback
 * included), NO_MEMORY, CLOSED, FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_client_start_dispatcher(k8sleader_client *client);

/** Makes one blocked (or else the next) next_event or dispatch return WOKEN. Threads: any. Errors: FORKED, ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_client_wake(k8sleader_client *client);

/* ---- options: what to stand for --------------------------------------------------------------------------------- */

/**
 * Options for one lock. mode: K8SLEADER_LEASE or K8SLEADER_FOR_LIFE. name: a DNS subdomain (RFC 1123, 253 bytes at most), checked when the
 * election starts. Returns: to be freed with k8sleader_options_free(); NULL without memory or for an unknown mode.
 * Threads: any; the options themselves: one thread. They may be used for several elections. Since: 1.0.
 */
K8SLEADER_API k8sleader_options *k8sleader_options_new(int mode, const char *name);

/**
 * The lock's namespace. Default: POD_NAMESPACE, then the service account's, then (only with a kubeconfig context named
 * explicitly) the context's. Threads: one. Errors: ARGUMENT, NO_MEMORY. Since: 1.0.
 */
K8SLEADER_API int k8sleader_options_set_namespace(k8sleader_options *options, const char *name);

/**
 * Who we are: must be unique among the candidates; used as it is, 255 bytes at most. Default: HOSTNAME_UUID, made anew for
 * each election. Threads: one. Errors: ARGUMENT, NO_MEMORY. Since: 1.0.
 */
K8SLEADER_API int k8sleader_options_set_identity(k8sleader_options *options, const char *identity);

/**
 * What holds the record: "leases" (default), or "configmaps": the annotation control-plane.alpha.kubernetes.io/leader of a
 * ConfigMap, as older programs have it. Threads: one. Errors: ARGUMENT (neither). Since: 1.0.
 * Source: k8s.io/client-go tools/leaderelection/resourcelock.
 */
K8SLEADER_API int k8sleader_options_set_lock_resource(k8sleader_options *options, const char *plural);

/** How long a lock that is not renewed stays taken; default 15,000, written rounded up to whole seconds. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_options_set_lease_duration_ms(k8sleader_options *options, int64_t ms);

/** How long a leader goes on without a renewal, 90 % of the lease duration at the most; default 10,000; less than the lease duration. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_options_set_renew_deadline_ms(k8sleader_options *options, int64_t ms);

/** How often a leader renews; default 2,000; 1.2 times it must be less than the renew deadline. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_options_set_retry_period_ms(k8sleader_options *options, int64_t ms);

/**
 * How long a drain may take, default 30,000. When it passes the lock is not released: renewals stop, LOST_DURING_DRAIN
 * is delivered, and the lock runs out. Threads: one. Errors: ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_options_set_drain_timeout_ms(k8sleader_options *options, int64_t ms);

/** Whether to stand again. 1 (default): after a loss was handed back. 0: the election closes. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_options_set_rejoin(k8sleader_options *options, int enabled);

/**
 * Whether to go on where an earlier process ended. 1: a lock found at the start under our own identity is taken at once, as a new term. 0 (default): it is waited out like
 * anybody's. Only safe when the earlier process is known to be dead. Threads: one. Errors: ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_options_set_resume(k8sleader_options *options, int enabled);

/**
 * Whether to delete Pods. 1: a leader's Pod that has ended but is still there (Failed, Evicted, Preempting, Succeeded) is deleted
 * together with its lock, as operator-lib does. 0 (default): delete the lock alone. leader-for-life only. Threads: one. Errors: ARGUMENT. Since: 1.0.
 * Source: github.com/operator-framework/operator-lib leader.
 */
K8SLEADER_API int k8sleader_options_set_delete_leader_pod(k8sleader_options *options, int enabled);

/**
 * Whether to take over from a Pod on a node that is not Ready. 0 (default): wait until the Pod is gone. 1: take over. A node that is not Ready may
 * still run its containers, so this can let two lead; hand out the fencing token. leader-for-life only.
 * Threads: one. Errors: ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_options_set_take_from_lost_node(k8sleader_options *options, int enabled);

/** A label for the lock object, written when it is acquired; others' labels are kept. Threads: one. Errors: ARGUMENT, NO_MEMORY. Since: 1.0. */
K8SLEADER_API int k8sleader_options_set_label(k8sleader_options *options, const char *key, const char *value);

/**
 * Any option by its name, as text: durations as "15s", "1m30s", "500ms"; switches as "true" or "false"; labels as
 * "KEY=VALUE". The names are those of k8sleader_options_list().
 * Threads: one. Errors: OPTION, ARGUMENT, NO_MEMORY. Since: 1.0.
 */
K8SLEADER_API int k8sleader_options_set(k8sleader_options *options, const char *option, const char *value,
                                        k8sleader_error **err);

/**
 * All options there are. New ones, and new types of them, may be added; k8sleader_options_set() takes each as text. Returns: *count pointers, static. Threads: any. Errors: none. Since: 1.0.
 */
K8SLEADER_API const k8sleader_option_info *const *k8sleader_options_list(size_t *count);

/** An option's name, as for k8sleader_options_set(): "lease-duration". Static. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_option_info_name(const k8sleader_option_info *info);

/** Its type: "duration", "string", "boolean", "label", or one that is new. Static. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_option_info_type(const k8sleader_option_info *info);

/** Its default as text, "" for none. Static. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_option_info_default(const k8sleader_option_info *info);

/** One line on what it does. Static. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_option_info_help(const k8sleader_option_info *info);

/** Frees options. NULL is fine. Threads: one. Since: 1.0. */
K8SLEADER_API void k8sleader_options_free(k8sleader_options *options);

/* ---- callbacks: whom to tell ------------------------------------------------------------------------------------ */

/** An empty set of callbacks. Returns: to be freed with k8sleader_callbacks_free(); NULL without memory. Threads: any; the set: one. Since: 1.0. */
K8SLEADER_API k8sleader_callbacks *k8sleader_callbacks_new(void);

/** What to call when a term begins. Start the work elsewhere and return: while this runs no other event is dispatched. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_callbacks_set_on_started_leading(k8sleader_callbacks *callbacks, k8sleader_callback fn);

/**
 * What to call when a term is to end (reason STOP: the lock is still held) or has ended. End the work and return DONE, or return PENDING and
 * call k8sleader_election_drained() when it has ended. Without this callback and on_event the work counts as ended when the
 * event is dispatched. Threads: one. Errors: ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_callbacks_set_on_stopped_leading(k8sleader_callbacks *callbacks, k8sleader_callback fn);

/** What to call when somebody leads; k8sleader_event_leader() says who. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_callbacks_set_on_new_leader(k8sleader_callbacks *callbacks, k8sleader_callback fn);

/** What to call for every event whose callback above is not set: ERROR, LOST_DURING_DRAIN, LOG, CLOSED, future ones, and those above left unset; its answer to STOPPED_LEADING counts as on_stopped_leading's. Threads: one. Errors: ARGUMENT. Since: 1.0. */
K8SLEADER_API int k8sleader_callbacks_set_on_event(k8sleader_callbacks *callbacks, k8sleader_callback fn);

/** Frees the set; elections that were started with it have their copy. NULL is fine. Threads: one. Since: 1.0. */
K8SLEADER_API void k8sleader_callbacks_free(k8sleader_callbacks *callbacks);

/* ---- election: one candidate for one lock ----------------------------------------------------------------------- */

/**
 * Stands as a candidate. Returns at once; what happens comes as events. callbacks may be NULL (events are then taken with
 * next_event, and the hand-back is k8sleader_election_drained()). destroy(user) is called exactly once: inside this call
 * when it fails, else by the dispatch of CLOSED, or inside k8sleader_election_free() or k8sleader_client_free(). As CLOSED it
 * does not wait for work: what work that is lost still uses must not be freed by it.
 * *out: to be freed with k8sleader_election_free(). It may be set after the first callback on another thread has begun.
 * Threads: any. Errors: OPTION, DURATION, NAME, IDENTITY, NAMESPACE, NO_NAMESPACE, NO_CONFIG, NO_POD, CLOSED, NO_MEMORY, FORKED,
 * ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_start(k8sleader_client *client, const k8sleader_options *options,
                                           const k8sleader_callbacks *callbacks, void *user,
                                           void (*destroy)(void *user), k8sleader_election **out,
                                           k8sleader_error **err);

/**
 * Blocks until this Pod is the leader for life of lock_name, as leader.Become does; the same as an election with mode
 * K8SLEADER_FOR_LIFE and k8sleader_election_wait(), but also ends at the first error that waiting does not mend.
 *
 * Who we are comes from the environment: POD_NAME, POD_UID and POD_NAMESPACE, by the downward API. Outside a cluster (no
 * KUBERNETES_SERVICE_HOST, no POD_NAME, and no namespace by any of its sources) the election is skipped: this returns at
 * once, leading, with one log line, and the STARTED event says k8sleader_event_skipped().
 *
 * The promise: no two lead while Pods vanish from the API only after their containers have ended. Force deletion, the
 * clean-up of lost nodes and edits of the lock by hand break that; so does a candidate that starts while the lock is gone
 * and its last owner, which that candidate has never seen, still ends (kubectl delete --cascade=foreground).
 *
 * timeout_ms: 1 at least, or -1, which waits for ever. Another thread ends the wait by k8sleader_client_close() (CLOSED). After
 * TIMEOUT or CLOSED the Pod may have got the lock all the same, and keeps it: the next call leads at once.
 * *out: to be freed with k8sleader_election_free(); a loss comes as STOPPED_LEADING on the client. Neither that nor a stop
 * gives the lock back: it is the Pod's until that is gone.
 * Threads: any; not in a callback. Errors: TIMEOUT, CLOSED, NO_POD, POD_ENDING, FOREIGN_LOCK, NAME, NAMESPACE, NO_NAMESPACE,
 * NO_CONFIG, those of a request that are not retriable, NO_MEMORY, FORKED, ARGUMENT. Since: 1.0.
 * Source: github.com/operator-framework/operator-lib leader.
 */
K8SLEADER_API int k8sleader_become(k8sleader_client *client, const char *lock_name, int64_t timeout_ms,
                                   k8sleader_election **out, k8sleader_error **err);

/**
 * May new work be started? By the clock, not by events: false from k8sleader_election_stop() on, and from the term's
 * deadline on, even if nobody has pumped an event. Returns: 1 or 0. Threads: any, lock-free. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_is_leader(const k8sleader_election *election);

/**
 * k8sleader_election_is_leader() for one term: 1 only while the term named by token leads. A thread that slept through a loss and a new term is
 * not fooled. 0 always where versions are no numbers (FENCING_TOKEN). Returns: 1 or 0. Threads: any, lock-free. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_holds(const k8sleader_election *election, uint64_t token);

/**
 * May work of this term that was begun be finished? 1 while the lock is held in the term named by token, by the clock and
 * also during a drain, when k8sleader_election_holds() is 0 already: what a drain still has to write is guarded by this.
 * 0 always where versions are no numbers. Returns: 1 or 0. Threads: any, lock-free. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_may_finish(const k8sleader_election *election, uint64_t token);

/** The time until the term's deadline, while the lock is held, also during a drain; 0 when it is not; INT64_MAX in leader-for-life, which has no deadline. Threads: any, lock-free. Errors: ARGUMENT, FORKED. Since: 1.0. */
K8SLEADER_API int64_t k8sleader_election_time_left_ms(const k8sleader_election *election);

/**
 * The time until guarded work must have ended: leaseDuration less 10 % after the last renewal was sent. Counts on after a loss;
 * of no use after a hand-back, when no work runs.
 * leader-for-life: INT64_MAX while it leads or drains, 0 after a loss.
 * Returns: ms, 0 when it has passed. Threads: any, lock-free. Errors: ARGUMENT, FORKED. Since: 1.0.
 */
K8SLEADER_API int64_t k8sleader_election_grace_left_ms(const k8sleader_election *election);

/**
 * The fencing token of the current term: the resourceVersion of the write that acquired the lock. It grows with every
 * acquisition; hand it to whatever the leader writes to, and let that refuse smaller ones. leader-for-life: a restarted
 * container of the same Pod has the same token, unless the lock was edited; a skipped election has 0.
 * Threads: any. Errors: NOT_LEADER, FENCING_TOKEN, FORKED, ARGUMENT. Since: 1.0.
 * Source: KEP-5504 (resource versions of one resource are comparable).
 */
K8SLEADER_API int k8sleader_election_fencing_token(const k8sleader_election *election, uint64_t *token,
                                                   k8sleader_error **err);

/**
 * The identity of the last known leader, "" for none, into identity (size bytes, always ended with NUL, cut if too long);
 * our own from the moment that we lead. A release does not change it: who led last is known until somebody else does.
 * Returns: its length in bytes, as snprintf. Threads: any. Errors: ARGUMENT, FORKED. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_leader(const k8sleader_election *election, char *identity, size_t size);

/** Who we are in this election. Returns: owned by the election; "" for NULL. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_election_identity(const k8sleader_election *election);

/** The lock, as "NAMESPACE/NAME"; "NAME" when the election was skipped. Returns: owned by the election; "" for NULL. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_election_lock(const k8sleader_election *election);

/** What was given to k8sleader_election_start(). Returns: user; NULL for NULL. Threads: any. Since: 1.0. */
K8SLEADER_API void *k8sleader_election_user(const k8sleader_election *election);

/**
 * Waits until it leads. Takes no events. timeout_ms: 0 only asks, -1 waits for ever.
 * Returns: 1 leads, 0 the time passed, negative when it never will. Threads: any. Errors: CLOSED, FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_wait(k8sleader_election *election, int64_t timeout_ms);

/**
 * Ends the candidacy. leader-for-life gives nothing back: the lock stays the Pod's. A leader with lease: STOPPED (reason STOP) comes while the lock is still held and renewed; when the work was
 * handed back the lock is released; then CLOSED. A standby: CLOSED. Returns at once; again is fine.
 * Threads: any. Errors: FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_stop(k8sleader_election *election);

/**
 * Hands a term back: the work of the term named by token has ended. After a stop the lock is released now; after a loss the
 * candidate may stand again. Before any stop it does nothing. A token of an older term is ignored; where
 * versions are no numbers every term's is 0, and the program has to tell them apart.
 * Threads: any, idempotent. Errors: FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_election_drained(k8sleader_election *election, uint64_t token);

/**
 * Gives the handle back. An election that still runs is ended without a release, except one already handed back, or by the
 * on_stopped_leading that runs meanwhile, in which this may be called: when that returns DONE, the lock is released. No
 * callback starts after this returns, its events that nobody took are dropped, CLOSED included, and destroy(user) has
 * returned: if one of them runs on another thread, this waits for it. Inside its own callback it does not wait, and destroy(user) is called when that returns; nor does it inside
 * destroy(user). NULL is fine. Threads: any, once. Since: 1.0.
 */
K8SLEADER_API void k8sleader_election_free(k8sleader_election *election);

/* ---- events ----------------------------------------------------------------------------------------------------- */

/** A K8SLEADER_EVENT_*; 0 for NULL. Threads: any (events are immutable). Since: 1.0. */
K8SLEADER_API int k8sleader_event_type(const k8sleader_event *event);

/** An event type's name, as in `k8sleader elect --output json`: "started_leading". Static; "unknown" for a number that is none. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_event_type_name(int type);

/** The election it is about, borrowed: valid while the event is; NULL for a LOG line of the client's own. Threads: any. Since: 1.0. */
K8SLEADER_API k8sleader_election *k8sleader_event_election(const k8sleader_event *event);

/** When it happened: microseconds since 1970 on CLOCK_REALTIME. Threads: any. Since: 1.0. */
K8SLEADER_API int64_t k8sleader_event_time_us(const k8sleader_event *event);

/** The term's token, as in k8sleader_election_drained(); 0 when there is no fencing token. Threads: any. Since: 1.0. */
K8SLEADER_API uint64_t k8sleader_event_token(const k8sleader_event *event);

/** A K8SLEADER_REASON_*. Threads: any. Since: 1.0. */
K8SLEADER_API int k8sleader_event_reason(const k8sleader_event *event);

/** A reason's name: "stop", "lost_deadline". Static. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_reason_name(int reason);

/** Whether a STARTED_LEADING comes without an election: 1 for leader-for-life outside a cluster, else 0. Threads: any. Since: 1.0. */
K8SLEADER_API int k8sleader_event_skipped(const k8sleader_event *event);

/** Who leads, of a NEW_LEADER. Returns: owned by the event; "" for other types. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_event_leader(const k8sleader_event *event);

/** What an ERROR is about. Returns: owned by the event; NULL for other types, and without memory. Threads: any. Since: 1.0. */
K8SLEADER_API const k8sleader_error *k8sleader_event_error(const k8sleader_event *event);

/** The line of a LOG. Returns: owned by the event; "" for other types. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_event_message(const k8sleader_event *event);

/** The K8SLEADER_LOG_* level of a LOG. Threads: any. Since: 1.0. */
K8SLEADER_API int k8sleader_event_log_level(const k8sleader_event *event);

/** One more reference, so that an event outlives its callback. Returns: the event; NULL for NULL. Threads: any. Since: 1.0. */
K8SLEADER_API k8sleader_event *k8sleader_event_ref(const k8sleader_event *event);

/** One reference less. Only frees: it never means "drained". NULL is fine. Threads: any. Since: 1.0. */
K8SLEADER_API void k8sleader_event_unref(k8sleader_event *event);

/* ---- who holds which lock --------------------------------------------------------------------------------------- */

/**
 * Asks the server once who holds the locks of a namespace. lock_resource: "leases" (also for NULL) or "configmaps" (those with
 * a leader's record; not the locks of leader-for-life). name NULL: all there are. namespace_ NULL: as for an election.
 * timeout_ms: -1 uses a default, now ten seconds; a day at the most.
 * *out: to be freed with k8sleader_lock_list_free(). Threads: any; blocks, so not in a callback that must be quick.
 * Errors: any of the request's, TIMEOUT, NO_NAMESPACE, NAMESPACE, NAME, NO_CONFIG, CLOSED (freed), NO_MEMORY, FORKED, ARGUMENT. Since: 1.0.
 */
K8SLEADER_API int k8sleader_client_list_locks(k8sleader_client *client, const char *lock_resource,
                                              const char *namespace_, const char *name, int64_t timeout_ms,
                                              k8sleader_lock_list **out, k8sleader_error **err);

/** How many locks it holds. Threads: any (a list is immutable). Since: 1.0. */
K8SLEADER_API size_t k8sleader_lock_list_count(const k8sleader_lock_list *list);

/** The lock's name. Owned by the list; "" beyond the end. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_lock_list_name(const k8sleader_lock_list *list, size_t index);

/** The lock's namespace. Owned by the list; "" beyond the end. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_lock_list_namespace(const k8sleader_lock_list *list, size_t index);

/** The recorded holder, "" for none. Owned by the list. It may be dead: see renew_time. Threads: any. Since: 1.0. */
K8SLEADER_API const char *k8sleader_lock_list_holder(const k8sleader_lock_list *list, size_t index);

/** When it was acquired, by the holder's clock: microseconds since 1970; INT64_MIN when not recorded. Threads: any. Since: 1.0. */
K8SLEADER_API int64_t k8sleader_lock_list_acquire_time_us(const k8sleader_lock_list *list, size_t index);

/** When it was renewed, by the holder's clock: microseconds since 1970; INT64_MIN when not recorded. Threads: any. Since: 1.0. */
K8SLEADER_API int64_t k8sleader_lock_list_renew_time_us(const k8sleader_lock_list *list, size_t index);

/** The recorded lease duration in ms; 0 when not recorded. Threads: any. Since: 1.0. */
K8SLEADER_API int64_t k8sleader_lock_list_lease_duration_ms(const k8sleader_lock_list *list, size_t index);

/** How often it changed hands; 0 when not recorded. Threads: any. Since: 1.0. */
K8SLEADER_API int64_t k8sleader_lock_list_transitions(const k8sleader_lock_list *list, size_t index);

/** Frees a list. NULL is fine. Threads: any, once. Since: 1.0. */
K8SLEADER_API void k8sleader_lock_list_free(k8sleader_lock_list *list);

#ifdef __cplusplus
}
#endif

#endif /* K8SLEADER_H */
