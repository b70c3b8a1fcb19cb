/* A TCP relay to a server on 127.0.0.1: it can make new connections slow, and cut those there are. */
#ifndef RELAY_H
#define RELAY_H

struct relay;

/* Listens on a free port of 127.0.0.1 and relays to another. */
struct relay *relay_start(int target_port);
void relay_stop(struct relay *relay);
int relay_port(const struct relay *relay);

/* From now on a new connection is taken, but nothing is relayed on it for so long. */
void relay_delay(struct relay *relay, int ms);

/* Resets all connections. */
void relay_cut(struct relay *relay);

/* How many connections were taken. */
int relay_count(struct relay *relay);

#endif
