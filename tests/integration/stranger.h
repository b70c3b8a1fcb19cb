/* A TCP server that is no API server: it answers whatever comes with the same bytes, and counts. */
#ifndef STRANGER_H
#define STRANGER_H

#include <stddef.h>

struct stranger;

/* Listens on a free port of 127.0.0.1. Sends `bytes` to whoever connects and says something, then closes;
 * with NULL it resets the connection instead: at once, or with a size when something was said. */
struct stranger *stranger_start(const char *bytes, size_t size);

/* Ends it; its port is free again. */
void stranger_stop(struct stranger *stranger);

int stranger_port(const struct stranger *stranger);

/* How many connections it has answered. */
int stranger_count(struct stranger *stranger);

#endif
