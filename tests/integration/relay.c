#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 256 };

struct link {
    struct relay *relay;
    pthread_t thread;
    int near, far; /* -1: not open */
    int delay_ms;
};

struct relay {
    int listener;
    int port, target;
    int ending[2]; /* a pipe: readable from the end on */
    pthread_t thread;
    pthread_mutex_t mutex;
    int delay_ms;
    struct link links[MOST];
    int count;
};

static struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int pass_on(int from, int to)
{
    char bytes[16384];
    ssize_t size = recv(from, bytes, sizeof bytes, 0);
    for (ssize_t sent = 0; size > 0 && sent < size;) {
        ssize_t some = send(to, bytes + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (some <= 0)
            return -1;
        sent += some;
    }
    return size > 0 ? 0 : -1;
}

/* 0 when the time has passed, -1 when its client has gone, or the relay ends. */
static int wait_a_while(struct link *link)
{
    struct pollfd fds[] = {{.fd = link->relay->ending[0], .events = POLLIN},
                           {.fd = link->near, .events = POLLRDHUP}};
    return link->delay_ms > 0 && poll(fds, 2, link->delay_ms) != 0 ? -1 : 0;
}

static void *carry(void *user)
{
    struct link *link = user;
    struct sockaddr_in target = loopback(link->relay->target);
    int is_up = wait_a_while(link) == 0 && connect(link->far, (struct sockaddr *)&target, sizeof target) == 0;
    while (is_up) {
        struct pollfd fds[] = {{.fd = link->relay->ending[0], .events = POLLIN},
                               {.fd = link->near, .events = POLLIN},
                               {.fd = link->far, .events = POLLIN}};
        is_up = poll(fds, 3, -1) > 0 && !fds[0].revents &&
                (!fds[1].revents || pass_on(link->near, link->far) == 0) &&
                (!fds[2].revents || pass_on(link->far, link->near) == 0);
    }
    (void)pthread_mutex_lock(&link->relay->mutex);
    (void)close(link->near);
    (void)close(link->far);
    link->near = link->far = -1;
    (void)pthread_mutex_unlock(&link->relay->mutex);
    return NULL;
}

static void *take(void *user)
{
    struct relay *relay = user;
    for (;;) {
        struct pollfd fds[] = {{.fd = relay->ending[0], .events = POLLIN},
                               {.fd = relay->listener, .events = POLLIN}};
        if (poll(fds, 2, -1) > 0 && fds[0].revents)
            return NULL;
        int near = accept(relay->listener, NULL, NULL);
        if (near < 0)
            continue;
        (void)pthread_mutex_lock(&relay->mutex);
        struct link *link = relay->count < MOST ? &relay->links[relay->count] : NULL;
        if (link) {
            *link = (struct link){relay, 0, near, socket(AF_INET, SOCK_STREAM, 0), relay->delay_ms};
            if (pthread_create(&link->thread, NULL, carry, link) == 0)
                relay->count++;
        } else {
            (void)close(near);
        }
        (void)pthread_mutex_unlock(&relay->mutex);
    }
}

struct relay *relay_start(int target_port)
{
    struct relay *relay = calloc(1, sizeof *relay);
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    if (!relay)
        abort();
    relay->target = target_port;
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (pthread_mutex_init(&relay->mutex, NULL) != 0 || pipe(relay->ending) != 0 ||
        bind(relay->listener, (struct sockaddr *)&address, length) != 0 || listen(relay->listener, 64) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&relay->thread, NULL, take, relay) != 0)
        abort();
    relay->port = ntohs(address.sin_port);
    return relay;
}

int relay_port(const struct relay *relay)
{
    return relay->port;
}

void relay_delay(struct relay *relay, int ms)
{
    (void)pthread_mutex_lock(&relay->mutex);
    relay->delay_ms = ms;
    (void)pthread_mutex_unlock(&relay->mutex);
}

void relay_cut(struct relay *relay)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)pthread_mutex_lock(&relay->mutex);
    for (int i = 0; i < relay->count; i++) {
        if (relay->links[i].near < 0)
            continue;
        (void)setsockopt(relay->links[i].near, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        (void)shutdown(relay->links[i].near, SHUT_RDWR);
        (void)shutdown(relay->links[i].far, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&relay->mutex);
}

int relay_count(struct relay *relay)
{
    (void)pthread_mutex_lock(&relay->mutex);
    int count = relay->count;
    (void)pthread_mutex_unlock(&relay->mutex);
    return count;
}

void relay_stop(struct relay *relay)
{
    (void)close(relay->ending[1]);
    (void)pthread_join(relay->thread, NULL);
    for (int i = 0; i < relay->count; i++)
        (void)pthread_join(relay->links[i].thread, NULL);
    (void)close(relay->ending[0]);
    (void)close(relay->listener);
    (void)pthread_mutex_destroy(&relay->mutex);
    free(relay);
}
