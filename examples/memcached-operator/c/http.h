/*
 * HTTPS to the API server, by libcurl: requests that are answered, and watches that only ring: that something
 * has changed is all they say, what it is will be read anew. One thread uses it; http_wake() is for any.
 */
#ifndef HTTP_H
#define HTTP_H

#include "cluster.h"

#include <stddef.h>
#include <stdint.h>

#define HTTP_WATCHES 2

struct http;

struct http_answer {
    long status; /* 0: there was none, problem says why */
    char *body;  /* ends with NUL */
    size_t size;
    char problem[256];
};

/* Told of a watch that was not opened. */
typedef void http_refused(const char *url, const struct http_answer *answer);

/* The cluster must outlive it. NULL without memory. */
struct http *http_new(const struct cluster *cluster, http_refused *refused);
void http_free(struct http *http);

/* Sends, and waits for the answer: timeout_ms at most. body NULL: none. Free with http_answer_clear(). */
void http_send(struct http *http, const char *method, const char *path, const char *content_type,
               const char *body, int64_t timeout_ms, struct http_answer *answer);
void http_answer_clear(struct http_answer *answer);

/* Opens watch number `which` unless it is open: path with its query, to be resumed from. */
void http_watch(struct http *http, int which, const char *path);
/* What rang before this is forgotten; it is called before the state is read anew. */
void http_forget_news(struct http *http);
/* Waits for a watch to ring, for http_wake(), or until the time has passed. */
void http_await_news(struct http *http, int64_t timeout_ms);
/* Waits for http_wake(), or until the time has passed. */
void http_pause(struct http *http, int64_t ms);
/* Ends the wait of the other thread, or else its next one. */
void http_wake(struct http *http);

int64_t now_ms(void);

#endif
