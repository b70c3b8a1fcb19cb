#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "certificate.h"
#include "connection.h"
#include "exchange.h"
#include "listen.h"

enum {
    HTTP_THREADS = 2,
    MOST_CONNECTIONS = 40000,
    DEFAULT_BOOKMARK_PERIOD_MS = 60000,
    DEFAULT_HISTORY = 10000,
    DEFAULT_GC_PERIOD_MS = 100,
    DEFAULT_LIFETIME_S = 24 * 3600,
    LARGEST_PEM = 1024 * 1024,
    FAREWELL_S = 1
};

static char *read_file(const char *path, char **error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        *error = ds_format("%s: %s", path, strerror(errno));
        return NULL;
    }
    char *bytes = ds_alloc(LARGEST_PEM + 1);
    size_t length = fread(bytes, 1, LARGEST_PEM, file);
    fclose(file);
    bytes[length] = '\0';
    return bytes;
}

static int take_certificate(struct devserver *server, const struct devserver_config *config, const char *host,
                            char **error)
{
    if (config->plain_http) {
        server->ca = ds_copy("");
        return 0;
    }
    if (!ds_empty(config->cert_file)) {
        server->certificate = read_file(config->cert_file, error);
        if (server->certificate != NULL)
            server->key = read_file(config->key_file == NULL ? "" : config->key_file, error);
        server->ca = ds_copy(server->certificate);
        return server->key != NULL ? 0 : -1;
    }
    struct ds_certificate made;
    int64_t lifetime_s = config->cert_lifetime_s == 0 ? DEFAULT_LIFETIME_S : config->cert_lifetime_s;
    int result = ds_empty(config->cert_host)
                     ? ds_certificate_make(&made, host, "localhost", lifetime_s)
                     : ds_certificate_make(&made, config->cert_host, NULL, lifetime_s);
    server->certificate = made.certificate;
    server->key = made.key;
    server->ca = made.ca;
    if (result != 0)
        *error = ds_copy("cannot make a certificate");
    return result;
}

/* A thousand watches and their clients in one process want more descriptors than the usual soft limit has. */
static void allow_many_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int start_http(struct devserver *server, char **error)
{
    int listener = ds_listen(&server->address, &server->address_length, error);
    if (listener < 0)
        return -1;
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->key},
        {MHD_OPTION_END, 0, NULL},
    };
    if (server->plain_http)
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    else
        flags |= MHD_USE_TLS;
    pthread_mutex_lock(&server->lock);
    server->closing = 0;
    pthread_mutex_unlock(&server->lock);
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, ds_handle, server, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)HTTP_THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)MOST_CONNECTIONS, MHD_OPTION_NOTIFY_COMPLETED, ds_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, ds_connection_changed, server, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (server->daemon != NULL)
        return 0;
    *error = ds_copy("cannot start the HTTP daemon (a bad certificate or key?)");
    close(listener);
    return -1;
}

/*
 * libmicrohttpd (0.9.75) takes no response any more once it is told to stop, not even its own to a request
 * that can't be read, and crashes in sending that one. So those whose first request is awaited are given a
 * moment to send it, or to go.
 */
static void stop_http(struct devserver *server, int reset)
{
    struct timespec until;
    int timed_out = 0;
    if (server->daemon == NULL)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FAREWELL_S;
    pthread_mutex_lock(&server->lock);
    server->waiting++;
    while (server->mute_connections > 0 && !timed_out)
        timed_out = pthread_cond_timedwait(&server->news, &server->lock, &until) == ETIMEDOUT;
    server->waiting--;
    ds_connections_release(server, reset);
    pthread_mutex_unlock(&server->lock);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}

static void collect(void *data)
{
    struct devserver *server = data;
    ds_collect(&server->core);
    ds_timer_arm(server->clock, &server->collector, server->gc_period_ms);
}

void ds_set_gc(struct devserver *server, int enabled)
{
    server->gc_enabled = enabled && server->gc_period_ms > 0;
    if (server->gc_enabled)
        ds_timer_arm(server->clock, &server->collector, server->gc_period_ms);
    else
        ds_timer_disarm(server->clock, &server->collector);
}

void ds_set_token(struct devserver *server, const char *token)
{
    server->nobody = token == NULL;
    if (token == NULL)
        return;
    struct ds_token *newest = ds_alloc(sizeof *newest + strlen(token) + 1);
    strcpy(newest->value, token);
    newest->older = server->tokens;
    server->tokens = newest;
}

enum ds_standing ds_authenticate(struct devserver *server, const char *authorization, const char **user)
{
    static const char scheme[] = "Bearer ";
    *user = NULL;
    /* Another scheme than a bearer token's says nothing. */
    int told = !ds_empty(authorization) && strncmp(authorization, scheme, strlen(scheme)) == 0;
    if (!told && server->anonymous)
        return DS_ADMINISTRATOR;
    if (!told) {
        *user = DS_ANONYMOUS;
        return DS_NOBODY;
    }
    const char *token = authorization + strlen(scheme);
    if (!server->nobody && strcmp(token, server->tokens->value) == 0)
        return DS_ADMINISTRATOR;
    for (struct ds_user *one = server->users; one != NULL; one = one->next) {
        if (strcmp(token, one->token) == 0) {
            *user = one->name;
            return DS_LIMITED;
        }
    }
    return DS_UNKNOWN;
}

const char *ds_token_of_user(struct devserver *server, const char *name)
{
    struct ds_user *user = server->users;
    while (user != NULL && strcmp(user->name, name) != 0)
        user = user->next;
    if (user == NULL) {
        user = ds_alloc(sizeof *user);
        user->name = ds_copy(name);
        ds_random_token(user->token);
        user->next = server->users;
        server->users = user;
    }
    return user->token;
}

static void set_token_of_config(struct devserver *server, const char *token)
{
    char made[DS_TOKEN_SIZE];
    ds_random_token(made);
    ds_set_token(server, ds_empty(token) ? made : token);
}

static int start_threads(struct devserver *server, const struct devserver_config *config, char **error)
{
    server->clock = ds_clock_start(&server->lock, ds_connections_hung_up, server);
    if (server->clock == NULL) {
        *error = ds_copy("cannot start a thread");
        return -1;
    }
    pthread_mutex_lock(&server->lock);
    server->core.clock = server->clock;
    ds_core_start(&server->core, config->watch_history > 0 ? config->watch_history : DEFAULT_HISTORY);
    server->collector.fire = collect;
    server->collector.data = server;
    ds_set_gc(server, 1);
    pthread_mutex_unlock(&server->lock);
    return start_http(server, error);
}

static int open_log(struct devserver *server, const char *path, char **error)
{
    if (ds_empty(path))
        return 0;
    server->log = ds_requestlog_open(path);
    if (server->log == NULL)
        *error = ds_format("%s: %s", path, strerror(errno));
    return server->log == NULL ? -1 : 0;
}

static struct devserver *new_server(const struct devserver_config *config)
{
    struct devserver *server = ds_alloc(sizeof *server);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&server->lock, NULL);
    server->faults = ds_faults_new();
    server->plain_http = config->plain_http;
    server->anonymous = config->anonymous;
    server->core.pod_termination_ms = config->pod_termination_ms;
    server->gc_period_ms = config->gc_period_ms == 0 ? DEFAULT_GC_PERIOD_MS : config->gc_period_ms;
    server->bookmark_period_ms =
        config->bookmark_period_ms > 0 ? config->bookmark_period_ms : DEFAULT_BOOKMARK_PERIOD_MS;
    set_token_of_config(server, config->token);
    return server;
}

int devserver_start(const struct devserver_config *config, struct devserver **out, char **error)
{
    static const struct devserver_config defaults;
    char *problem = NULL;
    char *host = NULL;
    if (config == NULL)
        config = &defaults;
    struct devserver *server = new_server(config);
    const char *where = ds_empty(config->listen) ? "127.0.0.1:0" : config->listen;
    *out = NULL;
    allow_many_descriptors();
    if (ds_listen_parse(where, &server->address, &server->address_length, &host, &problem) == 0 &&
        take_certificate(server, config, host, &problem) == 0 &&
        open_log(server, config->request_log, &problem) == 0 &&
        start_threads(server, config, &problem) == 0) {
        server->url = ds_listen_url(&server->address, host, server->plain_http);
        *out = server;
    } else {
        devserver_stop(server);
    }
    free(host);
    if (error != NULL)
        *error = problem;
    else
        free(problem);
    return *out == NULL ? -1 : 0;
}

void devserver_stop(struct devserver *server)
{
    if (server == NULL)
        return;
    stop_http(server, 0);
    ds_clock_stop(server->clock);
    ds_core_free(&server->core);
    ds_faults_free(server->faults);
    ds_requestlog_close(server->log);
    while (server->tokens != NULL) {
        struct ds_token *token = server->tokens;
        server->tokens = token->older;
        free(token);
    }
    while (server->users != NULL) {
        struct ds_user *user = server->users;
        server->users = user->next;
        free(user->name);
        free(user);
    }
    free(server->certificate);
    free(server->key);
    free(server->ca);
    free(server->url);
    pthread_cond_destroy(&server->news);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

void devserver_suspend(struct devserver *server)
{
    stop_http(server, 1);
}

int devserver_resume(struct devserver *server, char **error)
{
    char *problem = NULL;
    int result = server->daemon != NULL ? 0 : start_http(server, &problem);
    if (error != NULL)
        *error = problem;
    else
        free(problem);
    return result;
}
