/*
 * An HTTP/2 server over TLS that knows nothing but connections and streams: it answers whatever it is asked
 * for with 200, and leaves it open. It counts what a client makes of that.
 */
#ifndef MULTIPLEXER_H
#define MULTIPLEXER_H

struct multiplexer;

/*
 * Listens on a free port of 127.0.0.1. A connection is allowed so many streams at once. changed(user) is
 * called on a thread of its own whenever what the functions below tell has changed.
 */
struct multiplexer *multiplexer_start(int allowed, void (*changed)(void *user), void *user);
void multiplexer_stop(struct multiplexer *multiplexer);
int multiplexer_port(const struct multiplexer *multiplexer);

/* How many connections were taken since the start, or since this was last asked. */
int multiplexer_taken(struct multiplexer *multiplexer);

/* The most streams that were open on one connection. */
int multiplexer_most(struct multiplexer *multiplexer);

/* How many connections, and how many streams on them, are open now. */
int multiplexer_open(struct multiplexer *multiplexer);
int multiplexer_streams(struct multiplexer *multiplexer);

/* Cuts all connections. */
void multiplexer_cut(struct multiplexer *multiplexer);

/* As a server that is about to leave: its connections take no new streams, those there are live on. When it
 * returns each connection has been told. */
void multiplexer_leave(struct multiplexer *multiplexer);

#endif
