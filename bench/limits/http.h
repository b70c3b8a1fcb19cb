/* Requests to one API server by libcurl and nothing else: what any client has to pay. */
#ifndef LIMITS_HTTP_H
#define LIMITS_HTTP_H

#include <curl/curl.h>
#include <stddef.h>

struct text {
    char *data;
    size_t length, room;
};

struct request {
    CURL *easy;
    char url[512];
    struct text body, answer;
    long status;
    int done;
    int lines;       /* that have come so far: a watch's events */
    double since_ms; /* when it was sent, by now_ms() */
};

struct http {
    CURLM *multi;
    struct curl_slist *headers;
    const char *server, *authority, *namespace_;
};

/* Where the cluster is comes from the environment: the token must not be seen in a list of processes. */
void http_open(struct http *http);
void http_close(struct http *http);

/* The URL of a lease, or with name NULL of all of them; query is "" or "?...". */
void request_init(const struct http *http, struct request *request, const char *name, const char *query);
void request_free(struct request *request);

/* The body is the request's own: http_body() makes it. */
void http_send(struct http *http, struct request *request, const char *method);
/* Goes on until something has been read or written, or for that long. */
void http_step(struct http *http, int timeout_ms);
/* Until the answer is there; dies unless the status is the expected one. */
void http_finish(struct http *http, struct request *request, long expected);

/* A Lease as a candidate writes it; version "" is one to create. */
void http_body(struct request *request, const char *name, const char *version, const char *holder);
/* The resourceVersion in an answer. */
void http_version(const struct text *answer, char *version, size_t size);

double now_ms(void);
void die(const char *what, const char *why) __attribute__((noreturn));

#endif
