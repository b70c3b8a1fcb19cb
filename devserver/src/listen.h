/* Where the server listens. */
#ifndef DS_LISTEN_H
#define DS_LISTEN_H

#include <sys/socket.h>

/* "127.0.0.1:6443", "[::1]:0": gives the host ("127.0.0.1", "::1"; malloc'd) and the address. 0, or -1 with
 * *error. */
int ds_listen_parse(const char *text, struct sockaddr_storage *address, socklen_t *length, char **host,
                    char **error);

/* Listens there and puts the port in when it was 0. The socket, or -1 with *error. */
int ds_listen(struct sockaddr_storage *address, socklen_t *length, char **error);

/* "https://127.0.0.1:40123", malloc'd. */
char *ds_listen_url(const struct sockaddr_storage *address, const char *host, int plain_http);

#endif
