/* The server: what all its rooms share. One lock guards all of it. */
#ifndef DS_SERVER_H
#define DS_SERVER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>

#include "clock.h"
#include "core.h"
#include "faults.h"
#include "k8sleader-devserver.h"
#include "random.h"
#include "requestlog.h"

struct ds_connection;

/* Tokens given out by devserver_token() stay readable when they are replaced. */
struct ds_token {
    struct ds_token *older;
    char value[];
};

/* Somebody who may do what Roles allow. */
struct ds_user {
    struct ds_user *next;
    char *name;
    char token[DS_TOKEN_SIZE];
};

enum ds_standing { DS_UNKNOWN, DS_NOBODY, DS_LIMITED, DS_ADMINISTRATOR };

struct devserver {
    pthread_mutex_t lock;
    pthread_cond_t news; /* a request was counted, a fault struck, or a watch ended */
    int waiting;         /* how many threads wait for news */

    struct ds_core core;
    struct ds_clock *clock;
    struct ds_faults *faults;
    struct ds_timer collector;
    int64_t gc_period_ms; /* negative: never */
    int gc_enabled;
    int64_t bookmark_period_ms;

    _Atomic(struct ds_token *) tokens; /* the newest first; it is the valid one */
    int nobody;                        /* no token of the administrator is valid */
    struct ds_user *users;
    int anonymous;
    int64_t requests[DS_NO_VERB + 1][DS_RESOURCES + 1]; /* by verb and resource; the last: neither */
    int64_t watches[DS_RESOURCES];                      /* open ones */
    struct ds_requestlog *log;

    struct ds_connection *connections;
    unsigned mute_connections; /* on which no request came yet that could be read */
    uint64_t last_cookie;
    int closing; /* no connection may be parked any more */

    struct MHD_Daemon *daemon; /* NULL while suspended */
    struct sockaddr_storage address;
    socklen_t address_length;
    int plain_http;
    char *certificate;
    char *key;
    char *ca;
    char *url;
};

/* With the lock held. */
/* Whose token it is. DS_NOBODY came without one and is DS_ANONYMOUS; DS_UNKNOWN has a wrong one. */
enum ds_standing ds_authenticate(struct devserver *server, const char *authorization, const char **user);
/* The token of the user of that name, who is made when there is none. */
const char *ds_token_of_user(struct devserver *server, const char *name);
void ds_set_token(struct devserver *server, const char *token);
void ds_set_gc(struct devserver *server, int enabled);
void ds_count(struct devserver *server, const struct ds_request *request);
int64_t ds_counted(const struct devserver *server, const char *verb, const char *resource);
void ds_tell_news(struct devserver *server);

#endif
