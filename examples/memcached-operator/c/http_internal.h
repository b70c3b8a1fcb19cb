/* What http.c (requests) and http_watch.c (watches, waiting) share. */
#ifndef HTTP_INTERNAL_H
#define HTTP_INTERNAL_H

#include "http.h"

#include <curl/curl.h>
#include <stdatomic.h>

struct watch {
    struct http *http;
    CURL *easy; /* NULL: not open */
    int64_t opened_at;
    struct http_answer said; /* an error's text; of a stream nothing is kept */
};

struct http {
    const struct cluster *cluster;
    http_refused *refused;
    CURLM *multi;
    struct watch watches[HTTP_WATCHES];
    int rung;
    atomic_int woken;
};

/* What all requests have in common. NULL without memory. */
CURL *http_request(const struct http *http, const char *path, int64_t timeout_ms);
/* Appends what came to an answer: a CURLOPT_WRITEFUNCTION. */
size_t http_keep(char *bytes, size_t one, size_t size, void *answer);
/* Goes on with all that is under way. Returns: 1 when `awaited` has ended, with its result in *code. */
int http_step(struct http *http, const CURL *awaited, CURLcode *code);
void http_watch_close(struct watch *watch);

#endif
