#include "multiplexer.h"

#include "support.h"

#include "authority.h"
#include "listener.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* RFC 9113: what of it a server needs that never looks at what it is asked for. */
enum { HEAD = 9, PREFACE = 24, PAYLOAD_MOST = 16384 };
enum { HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7 };
enum { ACK = 1, END_HEADERS = 4, MAX_CONCURRENT_STREAMS = 3, STATUS_200 = 0x88 };

enum { MOST = 1024 };

struct connection {
    struct multiplexer *multiplexer;
    pthread_t thread;
    int fd;
    int orders[2]; /* a socket pair: what it is to do, and that it was done */
    int is_over;
    int streams;
};

struct multiplexer {
    struct authority *authority;
    SSL_CTX *context;
    int listener;
    int port;
    int ending[2]; /* a pipe: readable from the end on */
    pthread_t thread;
    pthread_mutex_t mutex;
    struct connection connections[MOST];
    int count;
    int told; /* of count, by multiplexer_taken() */
    int allowed;
    int most;
    void (*changed)(void *user);
    void *user;
};

/* ---- frames ---- */

static void put(unsigned char *to, unsigned value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, value >>= 8)
        to[i] = (unsigned char)value;
}

static unsigned take(const unsigned char *from, int bytes)
{
    unsigned value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

static int send_frame(SSL *ssl, int type, int flags, unsigned stream, const void *payload, size_t size)
{
    unsigned char frame[HEAD + 16];
    put(frame, (unsigned)size, 3);
    frame[3] = (unsigned char)type;
    frame[4] = (unsigned char)flags;
    put(frame + 5, stream, 4);
    if (size > 0)
        memcpy(frame + HEAD, payload, size);
    return SSL_write(ssl, frame, (int)(HEAD + size)) > 0 ? 0 : -1;
}

static int receive(SSL *ssl, unsigned char *to, int size)
{
    for (int have = 0; have < size;) {
        int some = SSL_read(ssl, to + have, size - have);
        if (some <= 0)
            return -1;
        have += some;
    }
    return 0;
}

static int send_settings(SSL *ssl, int streams)
{
    unsigned char setting[6];
    put(setting, MAX_CONCURRENT_STREAMS, 2);
    put(setting + 2, (unsigned)streams, 4);
    return send_frame(ssl, SETTINGS, 0, 0, setting, sizeof setting);
}

/* All that came so far is served to its end. */
static int send_goaway(SSL *ssl)
{
    unsigned char last_and_error[8] = {0x7f, 0xff, 0xff, 0xff};
    return send_frame(ssl, GOAWAY, 0, 0, last_and_error, sizeof last_and_error);
}

static void count_stream(struct connection *connection, int change)
{
    struct multiplexer *multiplexer = connection->multiplexer;
    (void)pthread_mutex_lock(&multiplexer->mutex);
    connection->streams += change;
    if (connection->streams > multiplexer->most)
        multiplexer->most = connection->streams;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    multiplexer->changed(multiplexer->user);
}

static int serve_frame(struct connection *connection, SSL *ssl)
{
    static const unsigned char ok = STATUS_200;
    unsigned char head[HEAD];
    unsigned char payload[PAYLOAD_MOST];
    if (receive(ssl, head, HEAD) != 0)
        return -1;
    int size = (int)take(head, 3);
    unsigned stream = take(head + 5, 4);
    if (size > PAYLOAD_MOST || receive(ssl, payload, size) != 0)
        return -1;
    switch (head[3]) {
    case HEADERS:
        count_stream(connection, 1);
        return send_frame(ssl, HEADERS, END_HEADERS, stream, &ok, 1);
    case RST_STREAM:
        count_stream(connection, -1);
        return 0;
    case SETTINGS:
        return head[4] & ACK ? 0 : send_frame(ssl, SETTINGS, ACK, 0, NULL, 0);
    case PING:
        return head[4] & ACK ? 0 : send_frame(ssl, PING, ACK, 0, payload, 8);
    default:
        return head[3] == GOAWAY ? -1 : 0;
    }
}

/* ---- connections ---- */

static int obey(struct connection *connection, SSL *ssl)
{
    char order;
    return recv(connection->orders[1], &order, 1, 0) == 1 && send_goaway(ssl) == 0 &&
                   send(connection->orders[1], &order, 1, 0) == 1
               ? 0
               : -1;
}

static void talk(struct connection *connection, SSL *ssl)
{
    unsigned char preface[PREFACE];
    int up = SSL_accept(ssl) == 1 && send_settings(ssl, connection->multiplexer->allowed) == 0 &&
             receive(ssl, preface, PREFACE) == 0;
    while (up) {
        struct pollfd fds[] = {{.fd = connection->fd, .events = POLLIN},
                               {.fd = connection->orders[1], .events = POLLIN}};
        if (SSL_pending(ssl) == 0 && poll(fds, 2, -1) < 0)
            continue;
        if (fds[1].revents)
            up = obey(connection, ssl) == 0;
        if (up && (SSL_pending(ssl) > 0 || fds[0].revents))
            up = serve_frame(connection, ssl) == 0;
    }
}

static void *run(void *user)
{
    struct connection *connection = user;
    struct multiplexer *multiplexer = connection->multiplexer;
    SSL *ssl = SSL_new(multiplexer->context);
    if (ssl && SSL_set_fd(ssl, connection->fd) == 1)
        talk(connection, ssl);
    SSL_free(ssl);
    (void)pthread_mutex_lock(&multiplexer->mutex);
    (void)close(connection->fd);
    (void)close(connection->orders[1]); /* an order that nobody takes any more is answered by this */
    connection->is_over = 1;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    multiplexer->changed(multiplexer->user);
    return NULL;
}

static void take_connection(struct multiplexer *multiplexer)
{
    int fd = accept4(multiplexer->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    (void)pthread_mutex_lock(&multiplexer->mutex);
    struct connection *connection = &multiplexer->connections[multiplexer->count];
    connection->multiplexer = multiplexer;
    connection->fd = fd;
    if (multiplexer->count < MOST &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, connection->orders) == 0 &&
        pthread_create(&connection->thread, NULL, run, connection) == 0)
        multiplexer->count++;
    else
        (void)close(fd);
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    multiplexer->changed(multiplexer->user);
}

static void *listen_on(void *user)
{
    struct multiplexer *multiplexer = user;
    sigset_t pipe_signal; /* OpenSSL writes to clients that have gone; the connections' threads have it from
                             here */
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);
    struct pollfd fds[] = {{.fd = multiplexer->listener, .events = POLLIN},
                           {.fd = multiplexer->ending[0], .events = POLLIN}};
    while (!fds[1].revents)
        if (poll(fds, 2, -1) > 0 && fds[0].revents)
            take_connection(multiplexer);
    return NULL;
}

/* HTTP/2, which its clients are to offer. */
static int choose_protocol(SSL *ssl, const unsigned char **chosen, unsigned char *length,
                           const unsigned char *offered, unsigned offered_length, void *user)
{
    static const unsigned char http2[] = {'h', '2'};
    (void)ssl;
    (void)user;
    *chosen = http2;
    *length = sizeof http2;
    return memmem(offered, offered_length, http2, sizeof http2) ? SSL_TLSEXT_ERR_OK
                                                                : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* ---- for tests ---- */

struct multiplexer *multiplexer_start(int allowed, void (*changed)(void *user), void *user)
{
    struct multiplexer *multiplexer = calloc(1, sizeof *multiplexer);
    assert_non_null(multiplexer);
    multiplexer->allowed = allowed;
    multiplexer->changed = changed;
    multiplexer->user = user;
    multiplexer->authority = authority_new();
    authority_issue(multiplexer->authority, "127.0.0.1", -3600, 3600);
    multiplexer->context = SSL_CTX_new(TLS_server_method());
    assert_non_null(multiplexer->context);
    assert_int_equal(SSL_CTX_use_certificate_file(
                         multiplexer->context, authority_cert_file(multiplexer->authority), SSL_FILETYPE_PEM),
                     1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(
                         multiplexer->context, authority_key_file(multiplexer->authority), SSL_FILETYPE_PEM),
                     1);
    SSL_CTX_set_alpn_select_cb(multiplexer->context, choose_protocol, NULL);
    multiplexer->listener = listen_on_loopback(&multiplexer->port);
    assert_int_equal(pthread_mutex_init(&multiplexer->mutex, NULL), 0);
    assert_int_equal(pipe2(multiplexer->ending, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&multiplexer->thread, NULL, listen_on, multiplexer), 0);
    return multiplexer;
}

void multiplexer_cut(struct multiplexer *multiplexer)
{
    (void)pthread_mutex_lock(&multiplexer->mutex);
    for (int i = 0; i < multiplexer->count; i++)
        if (!multiplexer->connections[i].is_over)
            (void)shutdown(multiplexer->connections[i].fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&multiplexer->mutex);
}

void multiplexer_leave(struct multiplexer *multiplexer)
{
    char order = 'g';
    (void)pthread_mutex_lock(&multiplexer->mutex);
    int count = multiplexer->count;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    for (int i = 0; i < count; i++)
        if (send(multiplexer->connections[i].orders[0], &order, 1, MSG_NOSIGNAL) == 1)
            (void)recv(multiplexer->connections[i].orders[0], &order, 1, 0);
}

void multiplexer_stop(struct multiplexer *multiplexer)
{
    assert_int_equal(write(multiplexer->ending[1], "e", 1), 1);
    assert_int_equal(pthread_join(multiplexer->thread, NULL), 0);
    multiplexer_cut(multiplexer);
    for (int i = 0; i < multiplexer->count; i++) {
        assert_int_equal(pthread_join(multiplexer->connections[i].thread, NULL), 0);
        (void)close(multiplexer->connections[i].orders[0]);
    }
    (void)close(multiplexer->listener);
    (void)close(multiplexer->ending[0]);
    (void)close(multiplexer->ending[1]);
    (void)pthread_mutex_destroy(&multiplexer->mutex);
    SSL_CTX_free(multiplexer->context);
    authority_free(multiplexer->authority);
    free(multiplexer);
}

int multiplexer_port(const struct multiplexer *multiplexer)
{
    return multiplexer->port;
}

int multiplexer_taken(struct multiplexer *multiplexer)
{
    (void)pthread_mutex_lock(&multiplexer->mutex);
    int taken = multiplexer->count - multiplexer->told;
    multiplexer->told = multiplexer->count;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    return taken;
}

int multiplexer_open(struct multiplexer *multiplexer)
{
    int open = 0;
    (void)pthread_mutex_lock(&multiplexer->mutex);
    for (int i = 0; i < multiplexer->count; i++)
        open += !multiplexer->connections[i].is_over;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    return open;
}

int multiplexer_streams(struct multiplexer *multiplexer)
{
    int streams = 0;
    (void)pthread_mutex_lock(&multiplexer->mutex);
    for (int i = 0; i < multiplexer->count; i++)
        streams += multiplexer->connections[i].is_over ? 0 : multiplexer->connections[i].streams;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    return streams;
}

int multiplexer_most(struct multiplexer *multiplexer)
{
    (void)pthread_mutex_lock(&multiplexer->mutex);
    int most = multiplexer->most;
    (void)pthread_mutex_unlock(&multiplexer->mutex);
    return most;
}
