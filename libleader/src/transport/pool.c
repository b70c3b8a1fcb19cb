/* libcurl's sockets and timers in the worker's loop: a multi handle with its connections. */
#include "transport/http_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Dead peers are noticed by the kernel: unanswered data by TCP_USER_TIMEOUT, silence by keep-alive probes. */
int kl_on_socket_created(void *user, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct kl_http *http = user;
    int on = 1;
    unsigned user_timeout = (unsigned)http->dead_peer_ms;
    int idle = (int)(http->dead_peer_ms / 2000);
    int interval = (int)(http->dead_peer_ms / 6000);
    int probes = 3;
    idle = idle > 1 ? idle : 1;
    interval = interval > 1 ? interval : 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof user_timeout);
    return CURL_SOCKOPT_OK;
}

static void collect(struct kl_pool *pool)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(pool->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            kl_transfer_finish(message->easy_handle, message->data.result);
}

/*
 * A socket of its that could not be watched, for lack of memory or descriptors, leaves libcurl's multi handle
 * dead for good: what is on it fails, and those that come next go to another.
 */
static void act(struct kl_pool *pool, curl_socket_t fd, int flags)
{
    struct kl_http *http = pool->generation->http;
    int running;
    kl_pool_hold(pool); /* stays while its transfers finish */
    http->in_curl++;
    (void)curl_multi_socket_action(pool->multi, fd, flags, &running);
    http->in_curl--;
    collect(pool);
    kl_transfers_sweep(http);
    if (pool->broken)
        kl_transfers_starve(pool);
    kl_pool_release(pool);
}

static void socket_ready(void *user, int fd, uint32_t events)
{
    int flags = 0;
    if (events & EPOLLIN)
        flags |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        flags |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        flags |= CURL_CSELECT_ERR;
    act(user, fd, flags);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_data)
{
    (void)easy;
    struct kl_pool *pool = user;
    struct kl_io *io = socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (io && --pool->sockets == 0)
            pool->multiplexes = 0;
        kl_io_free(io);
        return 0;
    }
    if (!io) {
        io = kl_io_new(pool->generation->http->loop, fd, socket_ready, pool);
        if (!io) {
            pool->broken = 1;
            return -1;
        }
        pool->sockets++;
        (void)curl_multi_assign(pool->multi, fd, io);
    }
    uint32_t events = 0;
    if (what & CURL_POLL_IN)
        events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        events |= EPOLLOUT;
    if (kl_io_want(io, events) == 0)
        return 0;
    pool->broken = 1;
    return -1;
}

static void timer_fired(void *user)
{
    act(user, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct kl_pool *pool = user;
    if (timeout_ms < 0) {
        kl_timer_clear(pool->generation->http->loop, &pool->timer);
        return 0;
    }
    kl_timer_set(pool->generation->http->loop, &pool->timer, kl_now() + timeout_ms * INT64_C(1000000));
    return 0;
}

struct kl_pool *kl_pool_new(struct kl_generation *generation)
{
    struct kl_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->generation = generation;
    pool->timer.fire = timer_fired;
    pool->timer.user = pool;
    pool->multi = curl_multi_init();
    if (!pool->multi) {
        free(pool);
        return NULL;
    }
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)KL_STREAMS_MOST);
    return pool;
}

void kl_pool_free(struct kl_pool *pool)
{
    struct kl_loop *loop = pool->generation->http->loop;
    kl_timer_clear(loop, &pool->timer);
    (void)curl_multi_cleanup(pool->multi);
    kl_timer_clear(loop, &pool->timer);
    free(pool);
}
