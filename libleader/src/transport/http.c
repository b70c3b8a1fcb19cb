/* The client's connections to one API server, as a whole. */
#include "transport/http.h"

#include "error.h"
#include "transport/http_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready;

static void init_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/*
 * tls-server-name: the certificate is to be for that name, and SNI says it. libcurl takes both from the URL's
 * host, so that name stands in the URL, the connection is made to the real address, and the Host header says
 * the real host.
 */
static int rename_host(struct kl_http *http, const char *name)
{
    CURLU *url = curl_url();
    char *host = NULL;
    char *port = NULL;
    char *renamed = NULL;
    char line[1024];
    int failed = 1;
    if (url && curl_url_set(url, CURLUPART_URL, http->base, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &renamed, 0) == CURLUE_OK) {
        (void)snprintf(line, sizeof line, "%s:%s:%s:%s", name, port, host, port);
        http->connect_to = curl_slist_append(NULL, line);
        (void)snprintf(line, sizeof line, "Host: %s:%s", host, port);
        free(http->base);
        http->base = strdup(renamed);
        size_t length = http->base ? strlen(http->base) : 0;
        if (length && http->base[length - 1] == '/')
            http->base[length - 1] = '\0';
        failed = !http->connect_to || !http->base ||
                 kl_credentials_init(&http->credentials, http->cluster, line) != 0;
    }
    curl_free(host);
    curl_free(port);
    curl_free(renamed);
    curl_url_cleanup(url);
    return failed ? -1 : 0;
}

struct kl_http *kl_http_new(struct kl_loop *loop, struct kl_cluster *cluster, k8sleader_error **err)
{
    (void)pthread_once(&curl_once, init_curl);
    struct kl_http *http = curl_ready == CURLE_OK ? calloc(1, sizeof *http) : NULL;
    if (!http)
        goto no_memory;
    http->loop = loop;
    http->cluster = cluster;
    http->dead_peer_ms = 9000;
    http->base = strdup(cluster->server);
    if (!http->base)
        goto no_memory;
    if (cluster->tls_server_name ? rename_host(http, cluster->tls_server_name) != 0
                                 : kl_credentials_init(&http->credentials, cluster, NULL) != 0)
        goto no_memory;
    return http;
no_memory:
    kl_http_free(http);
    (void)kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for the connection to %s", cluster->server);
    return NULL;
}

void kl_http_set_dead_peer(struct kl_http *http, int64_t dead_peer_ms)
{
    if (dead_peer_ms < http->dead_peer_ms)
        http->dead_peer_ms = dead_peer_ms;
}

#define PARALLEL_MULTIPLEXED 80U /* one HTTP/2 connection's worth */
#define PARALLEL_CONNECTIONS 16U

unsigned kl_http_parallel(const struct kl_http *http)
{
    return http->multiplexes ? PARALLEL_MULTIPLEXED : PARALLEL_CONNECTIONS;
}

int kl_http_is_cold(const struct kl_http *http)
{
    return !http->requests_used && !kl_pool_beside_streams(http);
}

void kl_http_suspect_streams(struct kl_http *http)
{
    kl_generation_retire(http, KL_CHANNEL_STREAMS);
}

void kl_http_on_suspicion(struct kl_http *http, void (*suspicion)(void *user, int64_t sent_at), void *user)
{
    http->suspicion = suspicion;
    http->suspicion_user = user;
}

void kl_http_rejected(struct kl_http *http)
{
    kl_credentials_rejected(&http->credentials);
}

const char *kl_http_server(const struct kl_http *http)
{
    return http->cluster->server;
}

void kl_http_free(struct kl_http *http)
{
    if (!http)
        return;
    kl_transfers_free(http);
    kl_generations_free(http);
    kl_credentials_clear(&http->credentials);
    curl_slist_free_all(http->connect_to);
    free(http->base);
    free(http);
}
