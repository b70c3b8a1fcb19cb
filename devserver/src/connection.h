/*
 * A client's connection, below HTTP: it can be reset, and it can be made to fall silent. All functions are
 * called with the server's lock held.
 */
#ifndef DS_CONNECTION_H
#define DS_CONNECTION_H

#include <microhttpd.h>
#include <stdint.h>

struct devserver;

struct ds_connection {
    struct devserver *server;
    struct MHD_Connection *http;
    int socket;
    uint64_t cookie;
    int observed; /* the clock tells when the peer hangs up */
    int hung_up;
    int frozen; /* nothing is read from it, nothing sent on it, ever again */
    int parked; /* its request waits, suspended */
    int asked;  /* a request came that could be read */
    struct ds_connection *next;
    struct ds_connection **link;
};

struct ds_connection *ds_connection_open(struct devserver *server, struct MHD_Connection *http);
void ds_connection_close(struct ds_connection *connection);

void ds_connection_asked(struct ds_connection *connection);

/* Suspends the request that is being handled. 0: it must not be, the server is closing. */
int ds_connection_park(struct ds_connection *connection);
void ds_connection_wake(struct ds_connection *connection);

void ds_connection_freeze(struct ds_connection *connection);
void ds_connection_reset(struct ds_connection *connection); /* the peer gets a RST, at once */
void ds_connection_push(struct ds_connection *connection);  /* what was sent leaves now */

void ds_connections_freeze(struct devserver *server);
void ds_connections_wake(struct devserver *server); /* whatever waits looks again whether it still has to */
void ds_connections_release(struct devserver *server, int reset); /* before the HTTP daemon stops */
void ds_connections_hung_up(void *server, uint64_t cookie);       /* for the clock */

#endif
