#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct bytes {
    char *data;
    size_t length;
};

static size_t collect(char *data, size_t size, size_t count, void *into)
{
    struct bytes *bytes = into;
    size_t length = size * count;
    bytes->data = realloc(bytes->data, bytes->length + length + 1);
    assert_non_null(bytes->data);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
    bytes->data[bytes->length] = '\0';
    return length;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct devserver *server_start(const struct devserver_config *config)
{
    struct devserver *server = NULL;
    char *error = NULL;
    if (devserver_start(config, &server, &error) != 0)
        fail_msg("the server did not start: %s", error);
    assert_null(error);
    return server;
}

CURL *client_new(struct devserver *server, const char *path)
{
    CURL *easy = curl_easy_init();
    char url[1024];
    const char *ca = devserver_ca_pem(server);
    struct curl_blob blob = {.data = NULL, .len = strlen(ca), .flags = CURL_BLOB_COPY};
    union {
        const char *given;
        void *wanted;
    } pem = {.given = ca};
    blob.data = pem.wanted;
    snprintf(url, sizeof url, "%s%s", devserver_url(server), path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    if (ca[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 120000L);
    curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, devserver_token(server));
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    return easy;
}

struct reply request_on(CURL *easy, const char *method, const char *content_type, const char *body)
{
    return request_with_bytes(easy, method, content_type, body, body == NULL ? 0 : strlen(body));
}

struct reply request_with_bytes(CURL *easy, const char *method, const char *content_type, const char *body,
                                size_t length)
{
    struct reply reply = {0};
    struct bytes received = {0};
    struct bytes headers = {0};
    struct curl_slist *lines = NULL;
    char line[128];
    snprintf(line, sizeof line, "Content-Type: %s", content_type);
    lines = curl_slist_append(lines, line);
    lines = curl_slist_append(lines, "Expect:");
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    if (body == NULL)
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &headers);
    reply.code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply.status);
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &reply.connects);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME, &reply.seconds);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(lines);
    reply.body = received.data != NULL ? received.data : strdup("");
    reply.length = received.length;
    reply.headers = headers.data != NULL ? headers.data : strdup("");
    reply.json = reply.length > 0 ? json_tokener_parse(reply.body) : NULL;
    return reply;
}

struct reply request(struct devserver *server, const char *method, const char *path, const char *body)
{
    CURL *easy = client_new(server, path);
    struct reply reply = request_on(easy, method, "application/json", body);
    curl_easy_cleanup(easy);
    return reply;
}

void reply_free(struct reply *reply)
{
    free(reply->body);
    free(reply->headers);
    json_object_put(reply->json);
    *reply = (struct reply){0};
}

static struct json_object *checked(struct reply *reply, long status, const char *method, const char *path)
{
    if (reply->code != CURLE_OK)
        fail_msg("%s %s: %s", method, path, curl_easy_strerror(reply->code));
    if (reply->status != status)
        fail_msg("%s %s: %ld instead of %ld: %s", method, path, reply->status, status, reply->body);
    struct json_object *json = json_object_get(reply->json);
    reply_free(reply);
    return json;
}

struct json_object *expect(struct devserver *server, long status, const char *method, const char *path,
                           const char *body)
{
    struct reply reply = request(server, method, path, body);
    return checked(&reply, status, method, path);
}

void expect_failure(struct devserver *server, long status, const char *reason, const char *method,
                    const char *path, const char *body)
{
    struct json_object *json = expect(server, status, method, path, body);
    assert_string_equal(text(json, "kind"), "Status");
    assert_string_equal(text(json, "apiVersion"), "v1");
    assert_string_equal(text(json, "status"), "Failure");
    assert_string_equal(text(json, "reason"), reason);
    assert_int_equal(json_object_get_int(member(json, "code")), status);
    json_object_put(json);
}

struct json_object *expect_patch(struct devserver *server, long status, const char *path, const char *patch)
{
    CURL *easy = client_new(server, path);
    struct reply reply = request_on(easy, "PATCH", "application/merge-patch+json", patch);
    curl_easy_cleanup(easy);
    return checked(&reply, status, "PATCH", path);
}

void succeed(struct devserver *server, const char *method, const char *path, const char *body)
{
    struct reply reply = request(server, method, path, body);
    if (reply.status != 200 && reply.status != 201)
        fail_msg("%s %s: %ld: %s", method, path, reply.status, reply.body);
    reply_free(&reply);
}

struct json_object *member(struct json_object *tree, const char *path)
{
    char copy[256];
    char *rest = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok_r(copy, ".", &rest); key != NULL; key = strtok_r(NULL, ".", &rest))
        if (!json_object_is_type(tree, json_type_object) || !json_object_object_get_ex(tree, key, &tree))
            return NULL;
    return tree;
}

const char *text(struct json_object *tree, const char *path)
{
    struct json_object *value = member(tree, path);
    return value == NULL ? "" : json_object_get_string(value);
}

struct stream {
    CURLM *multi;
    CURL *easy;
    struct bytes headers;
    struct bytes received;
    size_t taken;
    int ended;
    CURLcode result;
};

struct stream *stream_begin(struct devserver *server, const char *path)
{
    struct stream *stream = calloc(1, sizeof *stream);
    int running;
    assert_non_null(stream);
    stream->multi = curl_multi_init();
    stream->easy = client_new(server, path);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(stream->easy, CURLOPT_WRITEDATA, &stream->received);
    curl_easy_setopt(stream->easy, CURLOPT_HEADERFUNCTION, collect);
    curl_easy_setopt(stream->easy, CURLOPT_HEADERDATA, &stream->headers);
    curl_multi_add_handle(stream->multi, stream->easy);
    curl_multi_perform(stream->multi, &running);
    return stream;
}

/* Lets the transfer go on, and waits for it when nothing came, until then. 0: it is over, or too late. */
static int step(struct stream *stream, int64_t until_ms)
{
    int running;
    int left;
    size_t before = stream->received.length + stream->headers.length;
    curl_multi_perform(stream->multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(stream->multi, &left)) != NULL;) {
        stream->ended = 1;
        stream->result = message->data.result;
    }
    if (stream->ended)
        return 0;
    int64_t wait_ms = until_ms - now_ms();
    if (wait_ms <= 0)
        return 0;
    if (stream->received.length + stream->headers.length == before)
        curl_multi_poll(stream->multi, NULL, 0, (int)wait_ms, NULL);
    return 1;
}

struct stream *stream_open(struct devserver *server, const char *path)
{
    struct stream *stream = stream_begin(server, path);
    int64_t until_ms = now_ms() + PATIENCE_MS;
    while (stream->headers.data == NULL || strstr(stream->headers.data, "\r\n\r\n") == NULL)
        if (!step(stream, until_ms))
            break;
    if (stream->headers.data == NULL)
        fail_msg("%s: no answer", path);
    return stream;
}

char *stream_line(struct stream *stream, int64_t timeout_ms)
{
    int64_t until_ms = now_ms() + timeout_ms;
    for (;;) {
        char *start = stream->received.data == NULL ? NULL : stream->received.data + stream->taken;
        char *end = start == NULL ? NULL : strchr(start, '\n');
        if (end != NULL) {
            stream->taken += (size_t)(end - start) + 1;
            return strndup(start, (size_t)(end - start));
        }
        if (!step(stream, until_ms) &&
            (stream->received.data == NULL || strchr(stream->received.data + stream->taken, '\n') == NULL))
            return NULL;
    }
}

struct json_object *stream_event(struct stream *stream, const char *type)
{
    char *line = stream_line(stream, PATIENCE_MS);
    if (line == NULL)
        fail_msg("no %s event came", type);
    struct json_object *event = json_tokener_parse(line);
    if (strcmp(text(event, "type"), type) != 0)
        fail_msg("instead of %s: %s", type, line);
    struct json_object *object = json_object_get(member(event, "object"));
    json_object_put(event);
    free(line);
    return object;
}

void stream_expect(struct stream *stream, const char *type, const char *name)
{
    struct json_object *object = stream_event(stream, type);
    assert_string_equal(text(object, "metadata.name"), name);
    json_object_put(object);
}

void stream_expect_nothing(struct stream *stream, int64_t for_ms)
{
    char *line = stream_line(stream, for_ms);
    if (line != NULL)
        fail_msg("nothing was to come: %s", line);
}

int stream_end(struct stream *stream, int64_t timeout_ms)
{
    int64_t until_ms = now_ms() + timeout_ms;
    while (!stream->ended && step(stream, until_ms))
        continue;
    return stream->ended ? (int)stream->result : -1;
}

long stream_status(struct stream *stream)
{
    long status = 0;
    curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

size_t stream_bytes(const struct stream *stream)
{
    return stream->received.length;
}

const char *stream_rest(const struct stream *stream)
{
    return stream->received.data == NULL ? "" : stream->received.data + stream->taken;
}

void stream_close(struct stream *stream)
{
    curl_multi_remove_handle(stream->multi, stream->easy);
    curl_easy_cleanup(stream->easy);
    curl_multi_cleanup(stream->multi);
    free(stream->headers.data);
    free(stream->received.data);
    free(stream);
}
