/* One request or one stream: a libcurl easy handle with what belongs to it. */
#include "transport/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bounds on what a server can make us keep. An object in etcd has 1.5 MiB at most; a list is asked for in
 * pages. */
#define BODY_MOST         ((size_t)4 << 20)
#define REFUSAL_MOST      ((size_t)64 << 10)
#define HEADER_BYTES_MOST ((size_t)64 << 10)
#define HEADER_LINES_MOST 200U
#define CONNECT_TIMEOUT   INT64_C(10000000000)
#define RETRY_AFTER_MOST  3600L
#define COLD_AFTER        INT64_C(60000000000)
/* For so long after a connection for requests could not be made, they go beside the streams. */
#define REFUSED_FOR INT64_C(1000000000)
/* A standby's first read, its write that takes over, and an answer lost to each. */
#define BESIDE_STREAMS_MOST 4U
/* Easy handles kept for the next requests; each takes some KiB. */
#define IDLE_MOST 100U

enum kind { KIND_REQUEST, KIND_STREAM };

struct kl_transfer {
    struct kl_http *http;
    struct kl_pool *pool;
    CURL *easy;
    enum kind kind;
    struct kl_headers *headers;
    char *body; /* the request's */
    char *text; /* the answer's, as far as it is kept */
    size_t text_size, text_capacity;
    size_t header_bytes;
    unsigned header_lines;
    int too_large;
    int starved; /* no descriptor could be had */
    int opens;   /* as the request's */
    int opened;
    int multiplexed; /* counted in its pool */
    int dead;        /* cancelled or closed inside libcurl: to be swept */
    int64_t sent_at;
    kl_http_done done;
    struct kl_stream_handlers handlers;
    void *user;
    struct kl_transfer *next, *previous;
    char message[CURL_ERROR_SIZE];
};

static int append_text(struct kl_transfer *t, const char *bytes, size_t size, size_t most)
{
    if (size > most - t->text_size) {
        t->too_large = 1;
        return -1;
    }
    if (t->text_size + size + 1 > t->text_capacity) {
        size_t capacity = t->text_capacity ? t->text_capacity : 2048;
        while (capacity < t->text_size + size + 1)
            capacity *= 2;
        char *text = realloc(t->text, capacity);
        if (!text)
            return -1;
        t->text = text;
        t->text_capacity = capacity;
    }
    memcpy(t->text + t->text_size, bytes, size);
    t->text_size += size;
    t->text[t->text_size] = '\0';
    return 0;
}

static int http_status(CURL *easy)
{
    long status = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
    (void)one;
    struct kl_transfer *t = user;
    if (t->dead)
        return 0;
    if (t->kind == KIND_STREAM && t->opened)
        return t->handlers.data(t->user, bytes, size) == 0 && !t->dead ? size : 0;
    size_t most = t->kind == KIND_STREAM ? REFUSAL_MOST : BODY_MOST;
    return append_text(t, bytes, size, most) == 0 ? size : 0;
}

static long http_version(CURL *easy)
{
    long version = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    return version;
}

static void count_multiplexed(struct kl_transfer *t)
{
    t->multiplexed = http_version(t->easy) == CURL_HTTP_VERSION_2_0;
    t->pool->multiplexed += (unsigned)t->multiplexed;
    t->pool->multiplexes |= t->multiplexed;
}

static size_t on_header(char *bytes, size_t one, size_t size, void *user)
{
    (void)one;
    struct kl_transfer *t = user;
    t->header_bytes += size;
    if (t->header_bytes > HEADER_BYTES_MOST || ++t->header_lines > HEADER_LINES_MOST) {
        t->too_large = 1;
        return 0;
    }
    int blank = size <= 2 && (bytes[0] == '\r' || bytes[0] == '\n');
    if (blank && t->kind == KIND_STREAM && !t->opened && !t->dead && http_status(t->easy) == 200) {
        t->opened = 1;
        count_multiplexed(t);
        t->handlers.opened(t->user);
    }
    return t->dead ? 0 : size;
}

/* As libcurl would, but closed when the process runs another program: its child must not keep our connections
 * open. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct kl_transfer *t = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    t->starved |= fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    return fd;
}

/* flags: CURL_BLOB_NOCOPY for what lives as long as the client, CURL_BLOB_COPY for what may be replaced. */
static void set_blob(CURL *easy, CURLoption option, const struct kl_pem *pem, unsigned flags)
{
    struct curl_blob blob = {.data = pem->bytes, .len = pem->size, .flags = flags};
    (void)curl_easy_setopt(easy, option, &blob);
}

/* What never changes from one use of an easy handle to the next. */
static void set_constants(struct kl_transfer *t)
{
    CURL *easy = t->easy;
    struct kl_http *http = t->http;
    const struct kl_cluster *cluster = http->cluster;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* never one from the environment: a token would go there */
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    /* Not without TLS: there only an answer tells that a connection does not multiplex, libcurl wakes one
     * transfer that waits for this at a time, and watches answer nothing more. */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncmp(cluster->server, "https:", 6) == 0 ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, cluster->insecure_skip_tls_verify ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, cluster->insecure_skip_tls_verify ? 0L : 2L);
    curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 30L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN,
                     86400L); /* a standby's idle connection is what makes it fast */
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->message);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, kl_on_socket_created);
    curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, http);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, http->connect_to);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 8192L);
    if (cluster->certificate.bytes) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, &cluster->certificate, CURL_BLOB_NOCOPY);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, &cluster->key, CURL_BLOB_NOCOPY);
    }
}

static void forget(struct kl_transfer *t)
{
    kl_headers_unref(t->headers);
    free(t->body);
    free(t->text);
    if (t->easy)
        curl_easy_cleanup(t->easy);
    free(t);
}

static struct kl_transfer *transfer_new(struct kl_http *http, enum kind kind)
{
    struct kl_transfer *t = NULL;
    if (kind == KIND_REQUEST && http->idle) {
        t = http->idle;
        http->idle = t->next;
        http->idle_count--;
    } else {
        t = calloc(1, sizeof *t);
        if (!t)
            return NULL;
        t->http = http;
        t->kind = kind;
        t->easy = curl_easy_init();
        if (!t->easy) {
            forget(t);
            return NULL;
        }
        set_constants(t);
    }
    t->previous = NULL;
    t->next = http->transfers;
    if (t->next)
        t->next->previous = t;
    http->transfers = t;
    return t;
}

/* Out of the list; kept for the next request if it may be, else freed. */
static void retire(struct kl_transfer *t)
{
    struct kl_http *http = t->http;
    if (t->previous)
        t->previous->next = t->next;
    else
        http->transfers = t->next;
    if (t->next)
        t->next->previous = t->previous;
    if (t->kind != KIND_REQUEST || http->idle_count >= IDLE_MOST) {
        forget(t);
        return;
    }
    kl_headers_unref(t->headers);
    free(t->body);
    free(t->text);
    CURL *easy = t->easy;
    memset(t, 0, sizeof *t);
    t->http = http;
    t->kind = KIND_REQUEST;
    t->easy = easy;
    t->next = http->idle;
    http->idle = t;
    http->idle_count++;
}

static void leave_pool(struct kl_transfer *t)
{
    struct kl_pool *pool = t->pool;
    if (!pool)
        return;
    t->pool = NULL;
    pool->multiplexed -= (unsigned)t->multiplexed;
    t->multiplexed = 0;
    (void)curl_multi_remove_handle(pool->multi, t->easy);
    kl_pool_release(pool);
}

/*
 * A standby sends nothing for hours, and servers close idle connections (kube-apiserver: after 90 s). The
 * request that ends its wait must not wait for TLS, so it goes beside a stream. Only an answer on the
 * requests' own connection makes that one warm: a standby's one read at its start does not keep it open for
 * the write that takes the lock over. Who sends more than a few is given the requests' connection.
 *
 * Where that one can't be made, what is open already has to do: a leader keeps its lease by it.
 */
static enum kl_channel channel_of(const struct kl_transfer *t, int64_t now)
{
    struct kl_http *http = t->http;
    if (t->kind == KIND_STREAM)
        return KL_CHANNEL_STREAMS;
    if (t->opens)
        return KL_CHANNEL_REQUESTS;
    int warm = http->requests_answered_at && now - http->requests_answered_at <= COLD_AFTER;
    int refused = http->requests_refused_at && now - http->requests_refused_at < REFUSED_FOR;
    if (now - http->beside_streams_at > COLD_AFTER)
        http->beside_streams = 0;
    if (kl_pool_beside_streams(http)) {
        if (refused)
            return KL_CHANNEL_STREAMS;
        if (!warm && http->beside_streams < BESIDE_STREAMS_MOST) {
            http->beside_streams++;
            http->beside_streams_at = now;
            return KL_CHANNEL_STREAMS;
        }
    }
    http->requests_used = 1;
    return KL_CHANNEL_REQUESTS;
}

/* What became of a request tells of the connections it was to go on. */
static void learn(const struct kl_transfer *t, const struct kl_http_result *result)
{
    const struct kl_generation *generation = t->pool->generation;
    if (generation->channel != KL_CHANNEL_REQUESTS)
        return;
    if (result->status)
        t->http->requests_answered_at = generation->answered_at;
    else if (!result->sent)
        t->http->requests_refused_at = kl_now();
}

#ifdef K8SLEADER_CA_FILES
/*
 * The system's CAs, for a library that is built once for many distributions: the first of these files that is
 * there. NULL: OpenSSL's own choice, also where its environment variables make one.
 */
static const char *system_ca(char *path, size_t size)
{
    if (getenv("SSL_CERT_FILE") || getenv("SSL_CERT_DIR"))
        return NULL;
    for (const char *next = K8SLEADER_CA_FILES; *next; next += *next == ':') {
        int length = (int)strcspn(next, ":");
        if (snprintf(path, size, "%.*s", length, next) < (int)size && access(path, R_OK) == 0)
            return path;
        next += length;
    }
    return NULL;
}
#endif

static int start(struct kl_transfer *t, const char *path, int64_t timeout)
{
    struct kl_http *http = t->http;
    int64_t now = kl_now();
    enum kl_channel channel = channel_of(t, now);
    if (kl_credentials_refresh(&http->credentials, now)) {
        kl_generation_retire(http, KL_CHANNEL_REQUESTS);
        kl_generation_retire(http, KL_CHANNEL_STREAMS);
    }
    t->headers = kl_credentials_headers(&http->credentials);
    t->pool = kl_pool_take(http, channel, channel == KL_CHANNEL_STREAMS && t->kind == KIND_REQUEST);
    char *url = NULL;
    if (asprintf(&url, "%s%s", http->base, path) < 0)
        url = NULL;
    if (!t->headers || !t->pool || !url) {
        free(url);
        return -1;
    }
    curl_easy_setopt(t->easy, CURLOPT_URL, url);
    free(url);
    if (http->credentials.ca.bytes)
        set_blob(t->easy, CURLOPT_CAINFO_BLOB, &http->credentials.ca, CURL_BLOB_COPY);
    else if (http->cluster->ca.bytes)
        set_blob(t->easy, CURLOPT_CAINFO_BLOB, &http->cluster->ca, CURL_BLOB_NOCOPY);
#ifdef K8SLEADER_CA_FILES
    else {
        char path[256];
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, system_ca(path, sizeof path));
    }
#endif
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers->list);
    /* Rounded up: libcurl counts in ms, and 0 would mean no limit. */
    long total_ms = (long)((timeout + 999999) / 1000000);
    long connect_ms = total_ms;
    if (timeout > CONNECT_TIMEOUT)
        connect_ms = (long)(CONNECT_TIMEOUT / 1000000);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, total_ms);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    t->sent_at = now;
    return curl_multi_add_handle(t->pool->multi, t->easy) == CURLM_OK ? 0 : -1;
}

struct kl_transfer *kl_http_send(struct kl_http *http, struct kl_http_request *request, kl_http_done done,
                                 void *user)
{
    struct kl_transfer *t = transfer_new(http, KIND_REQUEST);
    if (!t) {
        free(request->body);
        return NULL;
    }
    t->body = request->body;
    t->opens = request->opens;
    t->done = done;
    t->user = user;
    if (t->body) {
        curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)request->size);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body);
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, request->method);
    } else {
        curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, NULL);
        curl_easy_setopt(t->easy, CURLOPT_HTTPGET, 1L);
    }
    if (start(t, request->path, request->timeout) != 0) {
        leave_pool(t);
        retire(t);
        return NULL;
    }
    return t;
}

struct kl_transfer *kl_http_stream(struct kl_http *http, const char *path, int64_t total_timeout,
                                   const struct kl_stream_handlers *handlers, void *user)
{
    struct kl_transfer *t = transfer_new(http, KIND_STREAM);
    if (!t)
        return NULL;
    t->handlers = *handlers;
    t->user = user;
    if (start(t, path, total_timeout) != 0) {
        leave_pool(t);
        retire(t);
        return NULL;
    }
    return t;
}

void kl_transfer_cancel(struct kl_transfer *t)
{
    if (!t || t->dead)
        return;
    if (t->http->in_curl) {
        t->dead = 1;
        t->http->dead_count++;
        return;
    }
    leave_pool(t);
    retire(t);
}

static void fill_result(struct kl_transfer *t, CURLcode code, struct kl_http_result *result)
{
    curl_off_t before_sending = 0;
    curl_off_t retry_after = 0;
    long os_errno = 0;
    memset(result, 0, sizeof *result);
    result->curl = code == CURLE_COULDNT_CONNECT && t->starved ? CURLE_OUT_OF_MEMORY : code;
    result->status = http_status(t->easy);
    (void)curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result->verify);
    (void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
    (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &before_sending);
    (void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
    /* A reset is told once; what is tried after it (OpenSSL: to send an alert) finds a broken pipe. */
    result->was_reset = os_errno == ECONNRESET || os_errno == EPIPE || os_errno == ENOTCONN;
    result->sent = before_sending > 0;
    if (retry_after > 0)
        result->retry_after =
            (retry_after < RETRY_AFTER_MOST ? retry_after : RETRY_AFTER_MOST) * INT64_C(1000000000);
    result->body = t->text ? t->text : "";
    result->size = t->text_size;
    /* libcurl says so, too, of a header line beyond its own bound: when nothing was refused to us, it is
     * that. */
    result->too_large = t->too_large || (code == CURLE_OUT_OF_MEMORY && !t->starved && result->sent);
    result->message = t->message[0] ? t->message : curl_easy_strerror(result->curl);
    result->sent_at = t->sent_at;
}

/*
 * A request that got no answer in time says that its connections are dead, unless others on them were
 * answered meanwhile: then the server is slow, and new connections would only make it slower.
 */
static int is_suspicious(struct kl_transfer *t, const struct kl_http_result *result)
{
    if (t->kind != KIND_REQUEST)
        return 0;
    if (result->status) {
        t->pool->generation->answered_at = kl_now();
        t->http->multiplexes = http_version(t->easy) == CURL_HTTP_VERSION_2_0;
        t->pool->multiplexes |= t->http->multiplexes;
        return 0;
    }
    return result->curl == CURLE_OPERATION_TIMEDOUT && result->sent &&
           t->pool->generation->answered_at < t->sent_at;
}

static void on_opener_done(void *user, const struct kl_http_result *result)
{
    struct kl_http *http = user;
    (void)result; /* whatever it was, the connection is there, or can't be made */
    http->opener = NULL;
}

/*
 * libcurl gives up a connection that is being made together with the request that asked for it: where a
 * handshake takes longer than requests may last, none would ever be made. So when a request has timed out
 * before it was sent, one that may last begins the next connection, and those that follow wait for it
 * (CURLOPT_PIPEWAIT).
 */
static void open_patiently(struct kl_http *http)
{
    struct kl_http_request request = {.path = "/version", .timeout = CONNECT_TIMEOUT, .opens = 1};
    if (!http->opener)
        http->opener = kl_http_send(http, &request, on_opener_done, http);
}

void kl_transfer_finish(CURL *easy, CURLcode code)
{
    char *private = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    struct kl_transfer *t = (struct kl_transfer *)(void *)private;
    struct kl_http *http = t->http;
    if (t->dead)
        return; /* the sweep takes it */
    struct kl_http_result result;
    fill_result(t, code, &result);
    int unanswered = is_suspicious(t, &result);
    learn(t, &result);
    enum kl_channel channel = t->pool->generation->channel;
    if (unanswered && t->pool->generation == http->current[channel])
        kl_generation_retire(http, channel);
    leave_pool(t);
    if (t->kind == KIND_REQUEST && code == CURLE_OPERATION_TIMEDOUT && !result.sent && t != http->opener)
        open_patiently(http);
    if (unanswered && http->suspicion)
        http->suspicion(http->suspicion_user, result.sent_at);
    if (t->kind == KIND_STREAM)
        t->handlers.ended(t->user, &result);
    else
        t->done(t->user, &result);
    retire(t);
}

void kl_transfers_starve(struct kl_pool *pool)
{
    struct kl_http *http = pool->generation->http;
    struct kl_transfer *t = http->transfers;
    while (t) {
        int is_meant = t->pool == pool && !t->dead;
        if (is_meant) {
            t->starved = 1;
            kl_transfer_finish(t->easy, CURLE_OUT_OF_MEMORY);
        }
        t = is_meant ? http->transfers : t->next; /* what is told may have ended others */
    }
}

/* Removes those that were cancelled inside libcurl. */
void kl_transfers_sweep(struct kl_http *http)
{
    if (http->in_curl)
        return;
    for (struct kl_transfer *t = http->transfers; t && http->dead_count;) {
        struct kl_transfer *next = t->next;
        if (t->dead) {
            http->dead_count--;
            leave_pool(t);
            retire(t);
        }
        t = next;
    }
}

void kl_transfers_free(struct kl_http *http)
{
    while (http->transfers) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): retire() takes it out of the list */
        leave_pool(http->transfers);
        retire(http->transfers);
    }
    while (http->idle) {
        struct kl_transfer *t = http->idle;
        http->idle = t->next;
        forget(t);
    }
    http->idle_count = 0;
    http->dead_count = 0;
    http->opener = NULL;
}
