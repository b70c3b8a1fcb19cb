/*
 * A server for a test and a plain client of it, over TLS unless the test wants otherwise. What fails here
 * fails the test.
 */
#ifndef DEVSERVER_CLIENT_H
#define DEVSERVER_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <json-c/json.h>

#include "k8sleader-devserver.h"

#define LEASES     "/apis/coordination.k8s.io/v1/namespaces/default/leases"
#define CONFIGMAPS "/api/v1/namespaces/default/configmaps"
#define PODS       "/api/v1/namespaces/default/pods"
#define NAMESPACES "/api/v1/namespaces"

enum { PATIENCE_MS = 60000 };

struct reply {
    CURLcode code;
    long status; /* 0: no answer */
    char *body;
    size_t length;
    char *headers;
    struct json_object *json; /* NULL: the body is none */
    long connects;            /* new connections made for it */
    double seconds;
};

struct devserver *server_start(const struct devserver_config *config);

/* An easy handle that knows the server, its CA and its token. */
CURL *client_new(struct devserver *server, const char *path);

/* One request on a connection of its own; a body makes it JSON. Never fails the test: look at the reply. */
struct reply request(struct devserver *server, const char *method, const char *path, const char *body);
struct reply request_on(CURL *easy, const char *method, const char *content_type, const char *body);
struct reply request_with_bytes(CURL *easy, const char *method, const char *content_type, const char *body,
                                size_t length);
void reply_free(struct reply *reply);

/* The same, and the answer must have that status. The JSON is the caller's. */
struct json_object *expect(struct devserver *server, long status, const char *method, const char *path,
                           const char *body);
/* Nothing of the answer but its status is wanted; it is a failure Status with that reason. */
void expect_failure(struct devserver *server, long status, const char *reason, const char *method,
                    const char *path, const char *body);
struct json_object *expect_patch(struct devserver *server, long status, const char *path, const char *patch);
void succeed(struct devserver *server, const char *method, const char *path, const char *body);

/* A member by its path, "metadata.name"; NULL: absent. */
struct json_object *member(struct json_object *tree, const char *path);
const char *text(struct json_object *tree, const char *path); /* absent: "" */

/* A request whose answer comes piece by piece: a watch. */
struct stream;

struct stream *stream_open(struct devserver *server,
                           const char *path); /* returns when the headers are there */
struct stream *stream_begin(struct devserver *server, const char *path); /* returns at once */
/* The next line; NULL when the stream ended or timeout_ms passed. */
char *stream_line(struct stream *stream, int64_t timeout_ms);
/* The next line is an event of that type; its object is the caller's. */
struct json_object *stream_event(struct stream *stream, const char *type);
/* The next line is an event of that type and about that object. */
void stream_expect(struct stream *stream, const char *type, const char *name);
void stream_expect_nothing(struct stream *stream, int64_t for_ms);
int stream_end(struct stream *stream, int64_t timeout_ms); /* a CURLcode; -1: it has not ended by then */
long stream_status(struct stream *stream);
size_t stream_bytes(const struct stream *stream);     /* received so far */
const char *stream_rest(const struct stream *stream); /* received after the last whole line */
void stream_close(struct stream *stream);

int64_t now_ms(void);

#endif
