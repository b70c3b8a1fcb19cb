/* An HTTP server that means harm: it answers whatever comes with as much as it is let send. Counts what was
 * taken. */
#ifndef FLOOD_H
#define FLOOD_H

#include <stddef.h>
#include <stdint.h>

struct flood;

/* `head` once, then `unit` so many times (0: without end), with a rest before each. */
struct flood_script {
    const char *head;
    const char *unit;
    size_t unit_size; /* 0: as long as its text */
    int64_t count;
    int rest_ms;
};

/* Listens on a free port of 127.0.0.1. */
struct flood *flood_start(const struct flood_script *script);

/* Ends it; its port is free again. */
void flood_stop(struct flood *flood);

int flood_port(const struct flood *flood);

/* Connections answered; the most bytes that were taken on one of them. */
int flood_connections(struct flood *flood);
int64_t flood_most_taken(struct flood *flood);

/* 1 when a request held this text. */
int flood_was_asked(struct flood *flood, const char *text);

#endif
