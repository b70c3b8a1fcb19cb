/* One request and its answer on their way through the HTTP daemon, with the fault that struck it. */
#ifndef DS_EXCHANGE_H
#define DS_EXCHANGE_H

#include "connection.h"
#include "server.h"

/* What comes once the timer has run out, or at once without one. */
enum ds_outcome { DS_UNDECIDED, DS_ANSWERED, DS_DROPPED, DS_RESET, DS_SILENCED };

struct ds_exchange {
    struct devserver *server;
    struct ds_connection *connection;
    char *method;
    char *path;
    struct ds_text received; /* the request's body */
    int too_large;

    struct ds_request request;
    struct ds_answer answer;
    struct ds_fault *fault; /* NULL: none */
    enum ds_outcome outcome;
    struct ds_timer timer; /* of a fault: until the outcome, then between the pieces of the body */

    struct ds_timer bookmark;
    struct ds_timer deadline;
    int64_t ends_us; /* of a watch, by its timeoutSeconds */
    int pushed;      /* the answer's header has left */
    int reset_due;   /* DEVSERVER_WATCH_RESET: now */
    int broken_off;
};

/* The callbacks of the HTTP daemon; `server` is the server. */
enum MHD_Result ds_handle(void *server, struct MHD_Connection *http, const char *url, const char *method,
                          const char *version, const char *upload, size_t *upload_size, void **context);
void ds_completed(void *server, struct MHD_Connection *http, void **context,
                  enum MHD_RequestTerminationCode code);
void ds_connection_changed(void *server, struct MHD_Connection *http, void **context,
                           enum MHD_ConnectionNotificationCode code);

/* delivery.c: hands the answer to the HTTP daemon. Without the lock. */
enum MHD_Result ds_deliver(struct ds_exchange *exchange);

/* strike.c: decides what becomes of a request, applies it where that is due. With the lock. */
void ds_decide(struct ds_exchange *exchange);

/* control.c: /_devserver/…; with the lock. */
void ds_control(struct ds_exchange *exchange);

/* discovery.c */
void ds_discover(const char *path, struct ds_answer *answer);

int ds_struck_by(const struct ds_exchange *exchange, enum devserver_action action);

#endif
