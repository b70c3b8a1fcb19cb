/*
 * HTTPS to one API server: requests with an answer, and watch streams, on libcurl's multi interface in the
 * worker's loop.
 *
 * Requests and streams have connections of their own (kube-apiserver allows 100 HTTP/2 streams a connection,
 * and a stream that lasts for minutes must not take a renewal's place). Each kind has a current generation of
 * connections, as many as its transfers need. When a request gets no answer in time its generation is
 * suspect: it gets no new requests, and all go to the next one. So a half-open connection costs as many new
 * ones as there were, however many requests waited on the old.
 *
 * One thread only: the loop's.
 */
#ifndef KL_HTTP_H
#define KL_HTTP_H

#include <curl/curl.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cluster.h"
#include "transport/loop.h"

struct kl_http;

/* What became of a request, or of a stream when it ends. */
struct kl_http_result {
    CURLcode curl;
    long verify;         /* OpenSSL's verification result */
    int was_reset;       /* the connection was */
    int sent;            /* 0: surely never reached the server */
    int status;          /* 0: no answer */
    int64_t retry_after; /* ns; 0: not said */
    const char *body;    /* never NULL; NUL-ended */
    size_t size;
    int too_large;       /* stopped because an answer went beyond the bounds */
    const char *message; /* libcurl's words for a failure */
    int64_t sent_at;
};

struct kl_http_request {
    const char *method; /* "GET", "PUT", "POST" */
    const char *path;   /* "/apis/…?…" behind the server's URL */
    char *body;         /* malloc'd, taken over; NULL for none */
    size_t size;
    int64_t timeout; /* ns, from now */
    int opens;       /* it is to make a connection of the requests' own */
};

typedef void (*kl_http_done)(void *user, const struct kl_http_result *result);

/* A request or stream under way. It is gone once done() or ended() is called. */
struct kl_transfer;

/* Sends a request. done is called once, later, unless it is cancelled. NULL without memory (the body is
 * freed). */
struct kl_transfer *kl_http_send(struct kl_http *http, struct kl_http_request *request, kl_http_done done,
                                 void *user);

struct kl_stream_handlers {
    void (*opened)(void *user);                              /* answered 200 */
    int (*data)(void *user, const char *bytes, size_t size); /* of a 200 answer; not 0 ends the stream */
    void (*ended)(void *user,
                  const struct kl_http_result *end); /* body: what an answer other than 200 said */
};

/* Opens a stream that lasts total_timeout (ns) at most. Its handlers are called until `ended`, or until it is
 * cancelled. */
struct kl_transfer *kl_http_stream(struct kl_http *http, const char *path, int64_t total_timeout,
                                   const struct kl_stream_handlers *handlers, void *user);

/* Ends it without a call of its handlers. Also inside a handler. */
void kl_transfer_cancel(struct kl_transfer *transfer);

/* dead_peer_ms: about how long a peer that answers nothing at TCP level may stay unnoticed. */
struct kl_http *kl_http_new(struct kl_loop *loop, struct kl_cluster *cluster, k8sleader_error **err);
void kl_http_set_dead_peer(struct kl_http *http, int64_t dead_peer_ms);

/*
 * How many requests may be under way at once. More than the first number makes an API server slower, not
 * faster; over HTTP/1.1, or before it is known what the server speaks, each needs a connection of its own.
 */
unsigned kl_http_parallel(const struct kl_http *http);

/*
 * 1 when the first request will have to wait for a new connection: none has one of its own yet, and no stream
 * is on HTTP/2 that it could go beside.
 */
int kl_http_is_cold(const struct kl_http *http);

/* Streams that have heard nothing since then are on connections that may be dead: new ones are to use others.
 */
void kl_http_suspect_streams(struct kl_http *http);

/* Called when a request that was sent got no answer in time; sent_at is its time of sending. */
void kl_http_on_suspicion(struct kl_http *http, void (*suspicion)(void *user, int64_t sent_at), void *user);

/* A 401 came: the token file is read again before the next request. */
void kl_http_rejected(struct kl_http *http);

/* Cancels everything without a word and closes all connections. */
void kl_http_free(struct kl_http *http);

/* "https://host:port", for messages. */
const char *kl_http_server(const struct kl_http *http);

#endif
