/* What the transport's files share: http.c (the client's connections), generation.c (libcurl's sockets and
   timers), transfer.c (one request or stream). */
#ifndef KL_HTTP_INTERNAL_H
#define KL_HTTP_INTERNAL_H

#include "transport/credentials.h"
#include "transport/http.h"

enum kl_channel { KL_CHANNEL_REQUESTS, KL_CHANNEL_STREAMS, KL_CHANNELS };

/* Connections that are trusted, or distrusted, together: one libcurl multi handle. */
struct kl_generation {
    struct kl_http *http;
    CURLM *multi;
    struct kl_timer timer;
    enum kl_channel channel;
    unsigned transfers;
    unsigned multiplexed; /* open streams on HTTP/2 connections: a request can go beside them */
    int64_t answered_at;  /* when a request on it last got an answer */
    int retired;          /* not the current one any more: freed when its last transfer has gone */
    int broken;           /* libcurl was refused something, and gives all its transfers up */
    struct kl_generation *next;
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
    struct kl_generation *generations; /* all of them */
    struct kl_transfer *transfers;     /* all of them */
    struct kl_transfer *idle;          /* finished ones, kept for their easy handles */
    unsigned idle_count;
    int in_curl;                /* inside a libcurl callback: handles must not be added or removed */
    unsigned dead_count;        /* transfers that were cancelled there, to be swept */
    struct kl_transfer *opener; /* makes a connection that takes longer than requests may last; or NULL */
    void (*suspicion)(void *user, int64_t sent_at);
    void *suspicion_user;
};

/* generation.c */
struct kl_generation *kl_generation_current(struct kl_http *http, enum kl_channel channel);
void kl_generation_retire(struct kl_http *http, enum kl_channel channel);
void kl_generation_release(struct kl_generation *generation);
void kl_generations_free(struct kl_http *http);
int kl_on_socket_created(void *user, curl_socket_t fd, curlsocktype purpose); /* user: the kl_http */

/* transfer.c */
void kl_transfer_finish(CURL *easy, CURLcode result);
void kl_transfers_starve(struct kl_generation *generation); /* all that are on it fail for lack of memory */
void kl_transfers_sweep(struct kl_http *http);
void kl_transfers_free(struct kl_http *http);

#endif
