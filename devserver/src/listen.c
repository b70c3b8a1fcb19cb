#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

enum { BACKLOG = 4096 };

int ds_listen_parse(const char *text, struct sockaddr_storage *address, socklen_t *length, char **host,
                    char **error)
{
    const char *start = text;
    const char *end = strrchr(text, ':');
    if (end == NULL) {
        *error = ds_format("listen address \"%s\": want host:port", text);
        return -1;
    }
    const char *port = end + 1;
    if (*start == '[' && end > start && end[-1] == ']') {
        start++;
        end--;
    }
    *host = end == start ? ds_copy("127.0.0.1") : ds_copy_bytes(start, (size_t)(end - start));
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int problem = getaddrinfo(*host, port, &hints, &found);
    if (problem != 0) {
        *error = ds_format("listen address \"%s\": %s", text, gai_strerror(problem));
        free(*host);
        *host = NULL;
        return -1;
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

int ds_listen(struct sockaddr_storage *address, socklen_t *length, char **error)
{
    int on = 1;
    int listener = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(listener, (const struct sockaddr *)address, *length) == 0 && listen(listener, BACKLOG) == 0 &&
        getsockname(listener, (struct sockaddr *)address, length) == 0)
        return listener;
    *error = ds_format("cannot listen: %s", strerror(errno));
    if (listener >= 0)
        close(listener);
    return -1;
}

char *ds_listen_url(const struct sockaddr_storage *address, const char *host, int plain_http)
{
    int is_v6 = address->ss_family == AF_INET6;
    in_port_t port = is_v6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                           : ((const struct sockaddr_in *)address)->sin_port;
    const char *reachable = host;
    if (strcmp(host, "0.0.0.0") == 0)
        reachable = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        reachable = "::1";
    int bracketed = strchr(reachable, ':') != NULL;
    return ds_format("%s://%s%s%s:%d", plain_http ? "http" : "https", bracketed ? "[" : "", reachable,
                     bracketed ? "]" : "", ntohs(port));
}
