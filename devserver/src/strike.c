#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "protobuf.h"
#include "rights.h"

static void apply(struct ds_exchange *exchange)
{
    struct ds_request *request = &exchange->request;
    struct ds_answer *answer = &exchange->answer;
    int writes = request->verb == DS_CREATE || request->verb == DS_UPDATE || request->verb == DS_PATCH;
    if (exchange->too_large)
        ds_answer_failure(answer, 413, "RequestEntityTooLarge", NULL, NULL,
                          "Request entity too large: limit is 3145728");
    else if (request->kind == DS_PATH_HEALTH)
        ds_answer_text(answer, 200, "ok");
    else if (request->kind == DS_PATH_DISCOVERY)
        ds_discover(exchange->path, answer);
    else if (request->kind == DS_PATH_UNKNOWN)
        ds_answer_text(answer, 404, "404 page not found\n");
    else if (request->kind == DS_PATH_NO_RESOURCE)
        ds_answer_no_resource(answer);
    else if (request->kind == DS_PATH_REVIEW && strcmp(exchange->method, "POST") == 0)
        ds_serve_review(&exchange->server->core, request, answer);
    else if (request->kind == DS_PATH_REVIEW)
        ds_serve(&exchange->server->core, request, answer); /* no such method */
    else if (writes && request->verb != DS_PATCH && request->content_type != NULL &&
             strncmp(request->content_type, "application/json", 16) != 0 &&
             !ds_is_protobuf(request->content_type))
        ds_answer_failure(answer, 415, "UnsupportedMediaType", NULL, NULL,
                          "the body of the request was in an unknown format - accepted media types include: "
                          "application/json, application/vnd.kubernetes.protobuf");
    else if (answer->status != 0 && (writes || request->verb == DS_DELETE))
        return; /* the body was no JSON, and the answer says so */
    else if (writes && request->body == NULL)
        ds_answer_bad_request(answer, "the body of the request is empty");
    else
        ds_serve(&exchange->server->core, request, answer);
}

static void answer_fault_status(struct ds_exchange *exchange)
{
    const struct devserver_fault *fault = &exchange->fault->is;
    const struct ds_request *request = &exchange->request;
    const char *reason = ds_empty(fault->reason) ? ds_reason_of(fault->status) : fault->reason;
    ds_answer_failure(&exchange->answer, fault->status, reason, request->resource, request->name, "%s",
                      ds_empty(fault->message) ? "scripted by the test" : fault->message);
    exchange->answer.retry_after_s = fault->retry_after_s;
}

static void answer_fault_raw(struct ds_exchange *exchange)
{
    const struct devserver_fault *fault = &exchange->fault->is;
    ds_answer_blob(&exchange->answer, fault->status,
                   ds_blob_of_string(fault->body == NULL ? "" : fault->body));
    exchange->answer.content_type = ds_copy(ds_empty(fault->content_type) ? NULL : fault->content_type);
    exchange->answer.header = ds_copy(ds_empty(fault->header) ? NULL : fault->header);
}

/* ---- a watch's own timers ---- */

/* One in each period, and one shortly before the watch ends, from which it is resumed. */
static void arm_bookmark(struct ds_exchange *exchange)
{
    enum { BEFORE_THE_END_US = 2000000 };
    struct devserver *server = exchange->server;
    int64_t delay_ms = server->bookmark_period_ms;
    int64_t last_ms = (exchange->ends_us - BEFORE_THE_END_US - ds_now_us()) / 1000;
    if (last_ms > 0 && last_ms < delay_ms)
        delay_ms = last_ms;
    ds_timer_arm(server->clock, &exchange->bookmark, delay_ms);
}

static void send_bookmark(void *data)
{
    struct ds_exchange *exchange = data;
    struct devserver *server = exchange->server;
    ds_watch_queue_bookmark(exchange->answer.watch, ds_store_version(server->core.store), 0);
    arm_bookmark(exchange);
}

static void end_watch(void *data)
{
    struct ds_exchange *exchange = data;
    ds_watch_end(exchange->answer.watch);
}

static void reset_watch(void *data)
{
    struct ds_exchange *exchange = data;
    exchange->reset_due = 1;
    ds_connection_wake(exchange->connection);
}

static void wake_watch(void *data)
{
    struct ds_exchange *exchange = data;
    ds_connection_wake(exchange->connection);
}

static void begin_watch(struct ds_exchange *exchange)
{
    struct devserver *server = exchange->server;
    struct ds_watch *watch = exchange->answer.watch;
    int64_t deadline_ms = watch->timeout_s * 1000;
    server->watches[watch->resource->id]++;
    watch->wake = wake_watch;
    watch->data = exchange;
    exchange->bookmark.fire = send_bookmark;
    exchange->bookmark.data = exchange;
    exchange->deadline.fire = end_watch;
    exchange->deadline.data = exchange;
    if (ds_struck_by(exchange, DEVSERVER_GARBAGE))
        ds_watch_queue_raw(watch, "<html>this is no JSON\n");
    if (ds_struck_by(exchange, DEVSERVER_WATCH_END) || ds_struck_by(exchange, DEVSERVER_WATCH_RESET))
        deadline_ms = exchange->fault->is.delay_ms;
    if (ds_struck_by(exchange, DEVSERVER_WATCH_RESET))
        exchange->deadline.fire = reset_watch;
    exchange->ends_us = ds_now_us() + watch->timeout_s * 1000000;
    if (watch->bookmarks)
        arm_bookmark(exchange);
    if (deadline_ms > 0)
        ds_timer_arm(server->clock, &exchange->deadline, deadline_ms);
    else
        exchange->deadline.fire(exchange);
}

/* ---- what becomes of the request ---- */

static int is_applied(const struct ds_exchange *exchange)
{
    if (exchange->fault == NULL)
        return 1;
    switch (exchange->fault->is.action) {
    case DEVSERVER_DROP_BEFORE:
    case DEVSERVER_RESET_BEFORE:
    case DEVSERVER_STATUS:
    case DEVSERVER_RAW:
    case DEVSERVER_ENDLESS:
        return 0;
    case DEVSERVER_HALF_OPEN:
        return exchange->request.verb == DS_WATCH;
    default:
        return 1;
    }
}

static enum ds_outcome outcome_of(const struct ds_exchange *exchange)
{
    if (exchange->fault == NULL)
        return DS_ANSWERED;
    switch (exchange->fault->is.action) {
    case DEVSERVER_DROP_BEFORE:
    case DEVSERVER_DROP_AFTER:
        return DS_DROPPED;
    case DEVSERVER_RESET_BEFORE:
    case DEVSERVER_RESET_AFTER:
        return DS_RESET;
    case DEVSERVER_HALF_OPEN:
        return exchange->answer.watch != NULL ? DS_ANSWERED : DS_SILENCED;
    default:
        return DS_ANSWERED;
    }
}

static void answer_fault(struct ds_exchange *exchange)
{
    struct ds_answer *answer = &exchange->answer;
    if (ds_struck_by(exchange, DEVSERVER_STATUS))
        answer_fault_status(exchange);
    else if (ds_struck_by(exchange, DEVSERVER_RAW))
        answer_fault_raw(exchange);
    else if (ds_struck_by(exchange, DEVSERVER_ENDLESS))
        ds_answer_text(answer, 200, "");
    else if (ds_struck_by(exchange, DEVSERVER_GARBAGE) && answer->watch == NULL)
        ds_answer_blob(answer, 200, ds_blob_of_string("<html>this is no JSON</html>\n"));
}

static int waits_first(const struct ds_exchange *exchange)
{
    return ds_struck_by(exchange, DEVSERVER_DELAY) || ds_struck_by(exchange, DEVSERVER_DROP_BEFORE) ||
           ds_struck_by(exchange, DEVSERVER_DROP_AFTER);
}

static void set_watch_mode(struct ds_exchange *exchange)
{
    if (ds_struck_by(exchange, DEVSERVER_WATCH_SILENT) || ds_struck_by(exchange, DEVSERVER_HALF_OPEN))
        exchange->request.watch_mode = DS_WATCH_SENDS_NOTHING;
    else if (ds_struck_by(exchange, DEVSERVER_WATCH_REPEAT))
        exchange->request.watch_mode = DS_WATCH_SENDS_TWICE;
    else if (ds_struck_by(exchange, DEVSERVER_WATCH_GONE))
        exchange->request.watch_mode = DS_WATCH_IS_GONE;
}

static void serve(struct ds_exchange *exchange)
{
    struct devserver *server = exchange->server;
    exchange->fault = ds_faults_strike(server->faults, &exchange->request);
    set_watch_mode(exchange);
    if (is_applied(exchange))
        apply(exchange);
    if (exchange->fault != NULL)
        answer_fault(exchange);
    if (exchange->answer.watch != NULL)
        begin_watch(exchange);
    exchange->outcome = outcome_of(exchange);
    if (waits_first(exchange) && exchange->fault->is.delay_ms > 0)
        ds_timer_arm(server->clock, &exchange->timer, exchange->fault->is.delay_ms);
}

static void answer_forbidden_path(struct ds_exchange *exchange)
{
    char *verb = ds_copy(exchange->method);
    for (char *letter = verb; *letter != '\0'; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    ds_answer_failure(&exchange->answer, 403, "Forbidden", NULL, NULL,
                      "forbidden: User \"%s\" cannot %s path \"%s\"", exchange->request.user, verb,
                      exchange->path);
    free(verb);
}

void ds_decide(struct ds_exchange *exchange)
{
    struct devserver *server = exchange->server;
    struct ds_request *request = &exchange->request;
    const char *authorization =
        MHD_lookup_connection_value(exchange->connection->http, MHD_HEADER_KIND, "Authorization");
    enum ds_standing standing = ds_authenticate(server, authorization, &request->user);
    int everybody = request->kind == DS_PATH_HEALTH || ds_same(exchange->path, "/version");
    if (request->kind != DS_PATH_CONTROL)
        ds_count(server, request);
    if (standing == DS_UNKNOWN) {
        ds_answer_failure(&exchange->answer, 401, "Unauthorized", NULL, NULL, "Unauthorized");
        exchange->outcome = DS_ANSWERED;
    } else if ((standing == DS_NOBODY && !everybody && request->kind != DS_PATH_OBJECTS) ||
               (standing == DS_LIMITED && request->kind == DS_PATH_CONTROL)) {
        answer_forbidden_path(exchange);
        exchange->outcome = DS_ANSWERED;
    } else if (request->kind == DS_PATH_CONTROL) {
        ds_control(exchange);
        exchange->outcome = DS_ANSWERED;
    } else {
        serve(exchange);
    }
    if (server->log != NULL && request->kind != DS_PATH_CONTROL)
        ds_requestlog_write(server->log, exchange->method, exchange->path, request,
                            exchange->outcome == DS_ANSWERED ? exchange->answer.status : 0,
                            exchange->fault == NULL ? NULL : ds_action_name(exchange->fault->is.action));
    ds_tell_news(server);
}
