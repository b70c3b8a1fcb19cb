/* What the transport's files share: http.c (the client's connections), pool.c (libcurl's sockets and timers),
   generation.c (which connections a transfer goes to), transfer.c (one request or stream). */
#ifndef KL_HTTP_INTERNAL_H
#define KL_HTTP_INTERNAL_H

#include "transport/credentials.h"
#include "transport/http.h"

enum kl_channel { KL_CHANNEL_REQUESTS, KL_CHANNEL_STREAMS, KL_CHANNELS };

/* What kube-apiserver allows on an HTTP/2 connection, and what proxies before it do at the least. */
#define KL_STREAMS_MOST 100

/*
 * A libcurl multi handle. It is given no more transfers than belong on one HTTP/2 connection, and is left to
 * open that: of those that come at once, one makes the connection, and the others wait for it
 * (CURLOPT_PIPEWAIT). With more of them each one that finds it full may open another for itself: libcurl 7.88
 * waits for a server's first connection only, 8.14 for others as well. Over HTTP/1.1 it holds a connection
 * for each transfer.
 */
struct kl_pool {
    struct kl_generation *generation;
    CURLM *multi;
    struct kl_timer timer;
    unsigned transfers;
    unsigned multiplexed; /* open streams on HTTP/2 connections: a request can go beside them */
    unsigned sockets;     /* that transfers are on */
    int multiplexes;      /* the server has answered on one of those over HTTP/2 */
    int broken;           /* libcurl was refused something, and gives all its transfers up */
    struct kl_pool *next;
};

/* Connections that are trusted, or distrusted, together. */
struct kl_generation {
    struct kl_http *http;
    enum kl_channel channel;
    struct kl_pool *pools;
    unsigned transfers;  /* of all its pools */
    int64_t answered_at; /* when a request on it last got an answer */
    int retired;         /* not the current one any more: freed when its last transfer has gone */
};

struct kl_http {
    struct kl_loop *loop;
    struct kl_cluster *cluster;
    struct kl_credentials credentials;
    char *base;                    /* the URL up to the path */
    struct curl_slist *connect_to; /* where to connect when tls-server-name stands in the URL; else NULL */
    int64_t dead_peer_ms;
    int multiplexes;              /* the server answered a request over HTTP/2 */
    int requests_used;            /* a request was given the requests' connections */
    int64_t requests_answered_at; /* when one on those was last answered; 0: never */
    int64_t requests_refused_at;  /* when a connection for one could last not be made; 0: never */
    unsigned beside_streams;      /* requests that went beside streams instead, lately */
    int64_t beside_streams_at;    /* the last of them */
    struct kl_generation *current[KL_CHANNELS];
    struct kl_transfer *transfers; /* all of them */
    struct kl_transfer *idle;      /* finished ones, kept for their easy handles */
    unsigned idle_count;
    int in_curl;                /* inside a libcurl callback: handles must not be added or removed */
    unsigned dead_count;        /* transfers that were cancelled there, to be swept */
    struct kl_transfer *opener; /* makes a connection that takes longer than requests may last; or NULL */
    void (*suspicion)(void *user, int64_t sent_at);
    void *suspicion_user;
};

/* pool.c */
struct kl_pool *kl_pool_new(struct kl_generation *generation);
void kl_pool_free(struct kl_pool *pool);
int kl_on_socket_created(void *user, curl_socket_t fd, curlsocktype purpose); /* user: the kl_http */

/* generation.c */

/* Where a new transfer goes; held for it. NULL without memory. */
struct kl_pool *kl_pool_take(struct kl_http *http, enum kl_channel channel, int beside_streams);
/* Where a request can go beside streams; NULL: nowhere. */
struct kl_pool *kl_pool_beside_streams(const struct kl_http *http);
/* Holds it as one more transfer would. The last release of a pool that is no longer needed frees it. */
void kl_pool_hold(struct kl_pool *pool);
void kl_pool_release(struct kl_pool *pool);
/* New transfers go to a new generation from now on. */
void kl_generation_retire(struct kl_http *http, enum kl_channel channel);
void kl_generations_free(struct kl_http *http);

/* transfer.c */
void kl_transfer_finish(CURL *easy, CURLcode result);
void kl_transfers_starve(struct kl_pool *pool); /* all that are on it fail for lack of memory */
void kl_transfers_sweep(struct kl_http *http);
void kl_transfers_free(struct kl_http *http);

#endif
