#include "connection.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "memory.h"
#include "server.h"

struct ds_connection *ds_connection_open(struct devserver *server, struct MHD_Connection *http)
{
    struct ds_connection *connection = ds_alloc(sizeof *connection);
    int on = 1;
    connection->server = server;
    connection->http = http;
    connection->socket = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    connection->cookie = ++server->last_cookie;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    server->connections = connection;
    server->mute_connections++;
    return connection;
}

void ds_connection_asked(struct ds_connection *connection)
{
    if (connection->asked)
        return;
    connection->asked = 1;
    connection->server->mute_connections--;
    ds_tell_news(connection->server);
}

void ds_connection_close(struct ds_connection *connection)
{
    if (connection->observed)
        ds_clock_forget(connection->server->clock, connection->socket);
    ds_connection_asked(connection);
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    free(connection);
}

int ds_connection_park(struct ds_connection *connection)
{
    if (connection->server->closing)
        return 0;
    /* A suspended connection is not read from: without the clock nobody would see its peer go. */
    if (!connection->observed) {
        connection->observed = 1;
        ds_clock_observe(connection->server->clock, connection->socket, connection->cookie);
    }
    connection->parked = 1;
    MHD_suspend_connection(connection->http);
    return 1;
}

static void resume(struct ds_connection *connection)
{
    if (!connection->parked)
        return;
    connection->parked = 0;
    MHD_resume_connection(connection->http);
}

void ds_connection_wake(struct ds_connection *connection)
{
    if (!connection->frozen)
        resume(connection);
}

void ds_connection_freeze(struct ds_connection *connection)
{
    /* Every segment that comes in is dropped unseen, so that the peer gets no acknowledgement either. */
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop};
    connection->frozen = 1;
    setsockopt(connection->socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

void ds_connection_reset(struct ds_connection *connection)
{
    /* Disconnecting sends a RST and leaves the descriptor to its owner, the HTTP daemon. */
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    connect(connection->socket, &nowhere, sizeof nowhere);
}

void ds_connection_push(struct ds_connection *connection)
{
    int on = 1;
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void ds_connections_freeze(struct devserver *server)
{
    for (struct ds_connection *connection = server->connections; connection != NULL;
         connection = connection->next)
        ds_connection_freeze(connection);
}

void ds_connections_wake(struct devserver *server)
{
    for (struct ds_connection *connection = server->connections; connection != NULL;
         connection = connection->next)
        ds_connection_wake(connection);
}

void ds_connections_release(struct devserver *server, int reset)
{
    server->closing = 1;
    for (struct ds_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        if (reset || connection->frozen)
            ds_connection_reset(connection);
        resume(connection);
    }
}

void ds_connections_hung_up(void *data, uint64_t cookie)
{
    struct devserver *server = data;
    for (struct ds_connection *connection = server->connections; connection != NULL;
         connection = connection->next) {
        if (connection->cookie != cookie)
            continue;
        connection->hung_up = 1;
        ds_connection_wake(connection);
        return;
    }
}
