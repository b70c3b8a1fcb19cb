/* libcurl's sockets and timers in the worker's loop, a multi handle a generation of connections. */
#include "transport/http_internal.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* Below the 100 streams that kube-apiserver allows on an HTTP/2 connection. */
#define STREAMS_PER_CONNECTION 80L

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

static void collect(struct kl_generation *generation)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(generation->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            kl_transfer_finish(message->easy_handle, message->data.result);
}

/*
 * A socket of its could not be watched, for lack of memory or descriptors: from then on libcurl's multi
 * handle is dead for good. What is on it fails, and the next ones begin anew.
 */
static void give_up(struct kl_generation *generation)
{
    if (generation == generation->http->current[generation->channel])
        kl_generation_retire(generation->http, generation->channel);
    kl_transfers_starve(generation);
}

static void act(struct kl_generation *generation, curl_socket_t fd, int flags)
{
    struct kl_http *http = generation->http;
    int running;
    generation->transfers++; /* stays while its transfers finish */
    http->in_curl++;
    (void)curl_multi_socket_action(generation->multi, fd, flags, &running);
    http->in_curl--;
    collect(generation);
    kl_transfers_sweep(http);
    if (generation->broken)
        give_up(generation);
    kl_generation_release(generation);
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
    struct kl_generation *generation = user;
    struct kl_io *io = socket_data;
    if (what == CURL_POLL_REMOVE) {
        kl_io_free(io);
        return 0;
    }
    if (!io) {
        io = kl_io_new(generation->http->loop, fd, socket_ready, generation);
        if (!io) {
            generation->broken = 1;
            return -1;
        }
        (void)curl_multi_assign(generation->multi, fd, io);
    }
    uint32_t events = 0;
    if (what & CURL_POLL_IN)
        events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        events |= EPOLLOUT;
    if (kl_io_want(io, events) == 0)
        return 0;
    generation->broken = 1;
    return -1;
}

static void timer_fired(void *user)
{
    act(user, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    struct kl_generation *generation = user;
    if (timeout_ms < 0) {
        kl_timer_clear(generation->http->loop, &generation->timer);
        return 0;
    }
    kl_timer_set(generation->http->loop, &generation->timer, kl_now() + timeout_ms * INT64_C(1000000));
    return 0;
}

static struct kl_generation *generation_new(struct kl_http *http, enum kl_channel channel)
{
    struct kl_generation *generation = calloc(1, sizeof *generation);
    if (!generation)
        return NULL;
    generation->http = http;
    generation->channel = channel;
    generation->timer.fire = timer_fired;
    generation->timer.user = generation;
    generation->multi = curl_multi_init();
    if (!generation->multi) {
        free(generation);
        return NULL;
    }
    curl_multi_setopt(generation->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(generation->multi, CURLMOPT_SOCKETDATA, generation);
    curl_multi_setopt(generation->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(generation->multi, CURLMOPT_TIMERDATA, generation);
    curl_multi_setopt(generation->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(generation->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION);
    generation->next = http->generations;
    http->generations = generation;
    return generation;
}

static void generation_free(struct kl_generation *generation)
{
    struct kl_http *http = generation->http;
    for (struct kl_generation **link = &http->generations; *link; link = &(*link)->next)
        if (*link == generation) {
            *link = generation->next;
            break;
        }
    kl_timer_clear(http->loop, &generation->timer);
    (void)curl_multi_cleanup(generation->multi);
    kl_timer_clear(http->loop, &generation->timer);
    free(generation);
}

/* The one that new transfers go to; counts as one more transfer. NULL without memory. */
struct kl_generation *kl_generation_current(struct kl_http *http, enum kl_channel channel)
{
    if (!http->current[channel])
        http->current[channel] = generation_new(http, channel);
    if (http->current[channel])
        http->current[channel]->transfers++;
    return http->current[channel];
}

void kl_generation_release(struct kl_generation *generation)
{
    if (--generation->transfers == 0 && generation->retired)
        generation_free(generation);
}

/* New transfers go to a new generation from now on. */
void kl_generation_retire(struct kl_http *http, enum kl_channel channel)
{
    struct kl_generation *generation = http->current[channel];
    if (!generation)
        return;
    http->current[channel] = NULL;
    generation->retired = 1;
    generation->transfers++;
    kl_generation_release(generation);
}

void kl_generations_free(struct kl_http *http)
{
    for (int channel = 0; channel < KL_CHANNELS; channel++)
        kl_generation_retire(http, (enum kl_channel)channel);
}
