#include "http.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench-limits: %s: %s\n", what, why);
    exit(1);
}

double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static const char *needed(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        die(name, "is not set");
    return value;
}

void http_open(struct http *http)
{
    char authorization[4096];
    http->server = needed("LIMITS_SERVER");
    http->authority = needed("LIMITS_AUTHORITY");
    http->namespace_ = needed("LIMITS_NAMESPACE");
    (void)snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", needed("LIMITS_TOKEN"));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(http->multi = curl_multi_init()))
        die("libcurl", "can't be used");
    http->headers = curl_slist_append(NULL, authorization);
    http->headers = curl_slist_append(http->headers, "Content-Type: application/json");
    http->headers = curl_slist_append(http->headers, "Accept: application/json");
    /* One connection, as our library has it: what is in flight are streams. */
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 1L);
}

void http_close(struct http *http)
{
    (void)curl_multi_cleanup(http->multi);
    curl_slist_free_all(http->headers);
    curl_global_cleanup();
}

static size_t take(char *data, size_t size, size_t count, void *user)
{
    struct request *request = user;
    struct text *answer = &request->answer;
    size_t length = size * count;
    if (answer->length + length + 1 > answer->room) {
        answer->room = (answer->length + length + 1) * 2;
        answer->data = realloc(answer->data, answer->room);
        if (!answer->data)
            die("answer", "no memory");
    }
    memcpy(answer->data + answer->length, data, length);
    answer->length += length;
    answer->data[answer->length] = '\0';
    for (size_t i = 0; i < length; i++)
        request->lines += data[i] == '\n';
    return length;
}

void request_init(const struct http *http, struct request *request, const char *name, const char *query)
{
    memset(request, 0, sizeof *request);
    (void)snprintf(request->url, sizeof request->url,
                   "%s/apis/coordination.k8s.io/v1/namespaces/%s/leases%s%s%s", http->server,
                   http->namespace_, name ? "/" : "", name ? name : "", query);
    CURL *easy = request->easy = curl_easy_init();
    if (!easy)
        die("libcurl", "no handle");
    (void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
    (void)curl_easy_setopt(easy, CURLOPT_CAINFO, http->authority);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, http->headers);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    (void)curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
}

void request_free(struct request *request)
{
    curl_easy_cleanup(request->easy);
    free(request->body.data);
    free(request->answer.data);
}

void http_send(struct http *http, struct request *request, const char *method)
{
    request->answer.length = 0;
    request->done = request->lines = 0;
    (void)curl_easy_setopt(request->easy, CURLOPT_CUSTOMREQUEST, method);
    if (strcmp(method, "GET") != 0) {
        (void)curl_easy_setopt(request->easy, CURLOPT_POSTFIELDSIZE, (long)request->body.length);
        (void)curl_easy_setopt(request->easy, CURLOPT_POSTFIELDS, request->body.data);
    }
    request->since_ms = now_ms();
    if (curl_multi_add_handle(http->multi, request->easy) != CURLM_OK)
        die(request->url, "can't be sent");
}

static void collect(struct http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result;
        struct request *request = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &request);
        if (result != CURLE_OK)
            die(request->url, curl_easy_strerror(result));
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &request->status);
        (void)curl_multi_remove_handle(http->multi, easy);
        request->done = 1;
    }
}

void http_step(struct http *http, int timeout_ms)
{
    int running;
    /* In this order: what the perform has brought is looked at before anything is waited for again. */
    if (curl_multi_poll(http->multi, NULL, 0, timeout_ms, NULL) != CURLM_OK ||
        curl_multi_perform(http->multi, &running) != CURLM_OK)
        die("libcurl", "a transfer can't go on");
    collect(http);
}

void http_finish(struct http *http, struct request *request, long expected)
{
    while (!request->done)
        http_step(http, 1000);
    if (request->status != expected)
        die(request->url, request->answer.data ? request->answer.data : "no answer");
}

void http_body(struct request *request, const char *name, const char *version, const char *holder)
{
    static const size_t room = 1024;
    struct timespec now;
    struct tm parts;
    char time_[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)strftime(time_, sizeof time_, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &parts));
    if (!request->body.data && !(request->body.data = malloc(room)))
        die("body", "no memory");
    request->body.length = (size_t)snprintf(
        request->body.data, room,
        "{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\"metadata\":{\"name\":\"%s\"%s%s%s},"
        "\"spec\":{\"holderIdentity\":\"%s\",\"leaseDurationSeconds\":15,\"renewTime\":\"%s.%06ldZ\"}}",
        name, *version ? ",\"resourceVersion\":\"" : "", version, *version ? "\"" : "", holder, time_,
        now.tv_nsec / 1000);
}

void http_version(const struct text *answer, char *version, size_t size)
{
    static const char key[] = "\"resourceVersion\":\"";
    const char *found = answer->data ? strstr(answer->data, key) : NULL;
    if (!found)
        die("an answer without a resourceVersion", answer->data ? answer->data : "");
    found += sizeof key - 1;
    (void)snprintf(version, size, "%.*s", (int)strcspn(found, "\""), found);
}
