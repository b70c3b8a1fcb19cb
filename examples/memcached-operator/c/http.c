#include "http.h"

#include "http_internal.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MOST ((size_t)16 << 20)
#define TOKEN_MOST  16384
#define CONNECT_MS  5000L

int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

size_t http_keep(char *bytes, size_t one, size_t size, void *user)
{
    struct http_answer *answer = user;
    (void)one; /* always 1 */
    if (size > ANSWER_MOST - answer->size)
        return 0;
    char *longer = realloc(answer->body, answer->size + size + 1);
    if (!longer)
        return 0;
    answer->body = longer;
    memcpy(longer + answer->size, bytes, size);
    answer->size += size;
    longer[answer->size] = '\0';
    return size;
}

static void log_in(CURL *easy, const struct cluster *cluster)
{
    char token[TOKEN_MOST] = "";
    if (cluster->token_file) {
        FILE *file = fopen(cluster->token_file, "re");
        if (!file || !fgets(token, sizeof token, file))
            log_problem("the token in %s can't be read", cluster->token_file);
        if (file)
            (void)fclose(file);
        token[strcspn(token, " \t\r\n")] = '\0';
    } else if (cluster->token) {
        (void)snprintf(token, sizeof token, "%s", cluster->token);
    }
    if (token[0]) {
        (void)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        (void)curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, token); /* copied */
    }
}

static void set_pem(CURL *easy, CURLoption option, const struct pem *pem)
{
    struct curl_blob blob = {.data = pem->bytes, .len = pem->size, .flags = CURL_BLOB_COPY};
    if (pem->bytes)
        (void)curl_easy_setopt(easy, option, &blob);
}

CURL *http_request(const struct http *http, const char *path, int64_t timeout_ms)
{
    const struct cluster *cluster = http->cluster;
    char url[2048];
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    (void)snprintf(url, sizeof url, "%s%s", cluster->server, path);
    (void)curl_easy_setopt(easy, CURLOPT_URL, url);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "memcached-operator/0.1");
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    /* A request that gets no answer takes its connection with it; one of HTTP/2 would stay, dead, for the
     * next ones. */
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (cluster->ca_file)
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, cluster->ca_file);
    set_pem(easy, CURLOPT_CAINFO_BLOB, &cluster->ca);
    set_pem(easy, CURLOPT_SSLCERT_BLOB, &cluster->certificate);
    set_pem(easy, CURLOPT_SSLKEY_BLOB, &cluster->key);
    log_in(easy, cluster);
    return easy;
}

struct http *http_new(const struct cluster *cluster, http_refused *refused)
{
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return NULL;
    http->cluster = cluster;
    http->refused = refused;
    http->multi = curl_multi_init();
    for (int i = 0; i < HTTP_WATCHES; i++)
        http->watches[i].http = http;
    if (http->multi)
        return http;
    free(http);
    return NULL;
}

void http_free(struct http *http)
{
    if (!http)
        return;
    for (int i = 0; i < HTTP_WATCHES; i++)
        http_watch_close(&http->watches[i]);
    (void)curl_multi_cleanup(http->multi);
    free(http);
}

void http_send(struct http *http, const char *method, const char *path, const char *content_type,
               const char *body, int64_t timeout_ms, struct http_answer *answer)
{
    char header[128];
    struct curl_slist *headers = NULL;
    CURLcode code = CURLE_FAILED_INIT;
    memset(answer, 0, sizeof *answer);
    CURL *easy = http_request(http, path, timeout_ms);
    if (!easy) {
        (void)snprintf(answer->problem, sizeof answer->problem, "no memory");
        return;
    }
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    if (body) {
        (void)snprintf(header, sizeof header, "Content-Type: %s", content_type);
        headers = curl_slist_append(NULL, header);
        (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_keep);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);
    if (curl_multi_add_handle(http->multi, easy) == CURLM_OK) {
        while (!http_step(http, easy, &code))
            (void)curl_multi_poll(http->multi, NULL, 0, 1000, NULL); /* curl's own timeouts end it earlier */
        (void)curl_multi_remove_handle(http->multi, easy);
    }
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
    if (code != CURLE_OK) { /* half an answer is none */
        answer->status = 0;
        (void)snprintf(answer->problem, sizeof answer->problem, "%s", curl_easy_strerror(code));
    }
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
}

void http_answer_clear(struct http_answer *answer)
{
    free(answer->body);
    memset(answer, 0, sizeof *answer);
}
