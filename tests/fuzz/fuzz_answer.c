/*
 * A whole answer as it comes from the server's socket, through libcurl, our header and body callbacks, to
 * what it means for an election: bounded, told once, and the same in whatever pieces it comes.
 *
 * The socket is one end of a pair, made here: socket() and connect() of this program stand before the C
 * library's, for libcurl too. The first input byte chooses: 'S' a watch stream, all others a request.
 */
#include "fuzz.h"

#include "answer.h"
#include "transport/http.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_MOST (4U << 20)

static struct {
    const uint8_t *bytes; /* what the server still sends */
    size_t size;
    size_t piece;
    int fd; /* its end of the connection; -1: none yet */
} server = {.fd = -1};

/* What became of it. */
struct outcome {
    int ended;
    CURLcode curl;
    int status;
    int too_large;
    int64_t retry_after;
    size_t size;
    uint64_t body;
    int opened;
    enum kl_outcome meaning;
    int code;
};

int socket(int domain, int type, int protocol)
{
    int pair[2];
    (void)protocol;
    if (domain != AF_INET || !(type & SOCK_STREAM) || server.fd >= 0 ||
        socketpair(AF_UNIX, type, 0, pair) != 0) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    server.fd = pair[1];
    (void)fcntl(server.fd, F_SETFL, O_NONBLOCK);
    return pair[0];
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    (void)fd;
    (void)address;
    (void)length;
    return 0;
}

/* The server's next piece, and after the last one its end. What it is asked is thrown away. */
static void serve(void)
{
    char asked[4096];
    if (server.fd < 0)
        return;
    while (recv(server.fd, asked, sizeof asked, 0) > 0)
        ;
    size_t next = server.piece < server.size ? server.piece : server.size;
    ssize_t sent = next ? send(server.fd, server.bytes, next, MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        server.bytes += sent;
        server.size -= (size_t)sent;
    }
    if (server.size == 0 || (sent < 0 && errno != EAGAIN))
        (void)shutdown(server.fd, SHUT_WR);
}

static void nothing(void *user)
{
    (void)user;
}

static uint64_t hash_of(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3U;
    return hash;
}

static void note(struct outcome *outcome, const struct kl_http_result *result)
{
    REQUIRE(!outcome->ended++);
    REQUIRE(result->status >= 0 && result->status <= 999);
    REQUIRE(result->retry_after >= 0 && result->retry_after <= INT64_C(3600000000000));
    REQUIRE(result->body && result->body[result->size] == '\0' && result->size <= BODY_MOST);
    REQUIRE(result->curl == CURLE_OK || result->message[0]);
    REQUIRE(!result->too_large || result->curl != CURLE_OK);
    outcome->curl = result->curl;
    outcome->status = result->status;
    outcome->too_large = result->too_large;
    outcome->retry_after = result->retry_after;
    if (!outcome->opened) {
        outcome->size = result->size;
        outcome->body = hash_of(0, result->body, result->size);
    }
}

static struct kl_http *http; /* for what an answer means */

static void on_done(void *user, const struct kl_http_result *result)
{
    struct outcome *outcome = user;
    struct kl_verdict verdict;
    note(outcome, result);
    kl_answer_judge(http, "fuzzing", result, &verdict);
    REQUIRE(!verdict.error == (verdict.outcome == KL_OUTCOME_OK));
    REQUIRE(!verdict.object == (verdict.outcome != KL_OUTCOME_OK));
    REQUIRE(verdict.outcome != KL_OUTCOME_OK || result->status / 100 == 2);
    REQUIRE(verdict.retry_after >= 0 && verdict.retry_after <= KL_RETRY_AFTER_MOST);
    if (verdict.error) {
        REQUIRE(k8sleader_error_code(verdict.error) < 0);
        REQUIRE(k8sleader_error_http_status(verdict.error) == result->status);
        for (const char *at = k8sleader_error_message(verdict.error); *at; at++)
            REQUIRE((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    outcome->meaning = verdict.outcome;
    outcome->code = k8sleader_error_code(verdict.error);
    kl_verdict_clear(&verdict);
}

static void on_opened(void *user)
{
    struct outcome *outcome = user;
    REQUIRE(!outcome->opened++ && !outcome->ended);
}

static int on_data(void *user, const char *bytes, size_t size)
{
    struct outcome *outcome = user;
    REQUIRE(outcome->opened && !outcome->ended);
    outcome->size += size;
    outcome->body = hash_of(outcome->body, bytes, size);
    return 0;
}

static void on_ended(void *user, const struct kl_http_result *end)
{
    struct outcome *outcome = user;
    REQUIRE(!outcome->opened || end->size == 0);
    note(outcome, end);
}

static void ask(struct outcome *outcome, const uint8_t *data, size_t size, size_t piece, int is_stream)
{
    static const struct kl_stream_handlers handlers = {on_opened, on_data, on_ended};
    static char url[] = "http://127.0.0.1:1";
    struct kl_cluster cluster = {.source = KL_SOURCE_SETTERS, .server = url};
    struct kl_timer timer = {.fire = nothing};
    struct kl_http_request request = {.path = "/", .method = "GET", .timeout = INT64_C(60000000000)};
    memset(outcome, 0, sizeof *outcome);
    server.bytes = data;
    server.size = size;
    server.piece = piece;
    struct kl_loop *loop = kl_loop_new();
    http = kl_http_new(loop, &cluster, NULL);
    REQUIRE(loop && http);
    REQUIRE(is_stream ? kl_http_stream(http, "/", request.timeout, &handlers, outcome)
                      : kl_http_send(http, &request, on_done, outcome));
    for (int64_t deadline = kl_now() + INT64_C(50000000000); !outcome->ended;) {
        REQUIRE(kl_now() < deadline);
        kl_timer_set(loop, &timer, kl_now()); /* never waits: the server is on this thread, too */
        kl_loop_run_once(loop);
        serve();
    }
    kl_timer_clear(loop, &timer);
    kl_http_free(http);
    kl_loop_free(loop);
    if (server.fd >= 0)
        (void)close(server.fd);
    server.fd = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, pieces;
    if (size < 1)
        return 0;
    int is_stream = data[0] == 'S';
    data++;
    size--;
    ask(&whole, data, size, size ? size : 1, is_stream);
    REQUIRE(!whole.too_large || size > 400); /* each bound is above: 200 lines, 64 KiB */
    ask(&pieces, data, size, 1 + size / 7, is_stream);
    REQUIRE(whole.status == pieces.status);
    REQUIRE(whole.opened == pieces.opened);
    REQUIRE(whole.too_large == pieces.too_large);
    if (whole.curl == CURLE_OK && pieces.curl == CURLE_OK) {
        REQUIRE(whole.retry_after == pieces.retry_after);
        REQUIRE(whole.size == pieces.size && whole.body == pieces.body);
        REQUIRE(whole.meaning == pieces.meaning && whole.code == pieces.code);
    }
    return 0;
}
