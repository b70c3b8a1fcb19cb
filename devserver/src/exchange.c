#include "exchange.h"

#include <stdlib.h>
#include <string.h>

#include "protobuf.h"
#include "tree.h"

enum { LARGEST_BODY = 3 * 1024 * 1024 };

int ds_struck_by(const struct ds_exchange *exchange, enum devserver_action action)
{
    return exchange->fault != NULL && exchange->fault->is.action == action;
}

static void wake(void *data)
{
    struct ds_exchange *exchange = data;
    ds_connection_wake(exchange->connection);
}

static struct ds_exchange *begin(struct devserver *server, struct MHD_Connection *http, const char *method,
                                 const char *path)
{
    struct ds_exchange *exchange = ds_alloc(sizeof *exchange);
    exchange->server = server;
    exchange->connection = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    exchange->method = ds_copy(method);
    exchange->path = ds_copy(path);
    exchange->timer.fire = wake;
    exchange->timer.data = exchange;
    pthread_mutex_lock(&server->lock);
    ds_connection_asked(exchange->connection);
    pthread_mutex_unlock(&server->lock);
    return exchange;
}

static void receive(struct ds_exchange *exchange, const char *bytes, size_t size)
{
    /* The rest of too large a body is read and forgotten, so that the client gets to see the answer. */
    if (exchange->received.length + size > LARGEST_BODY) {
        exchange->too_large = 1;
        ds_text_free(&exchange->received);
    }
    if (!exchange->too_large)
        ds_text_add(&exchange->received, bytes, size);
}

static const char *parameter(struct MHD_Connection *http, const char *name)
{
    return MHD_lookup_connection_value(http, MHD_GET_ARGUMENT_KIND, name);
}

static void read_parameters(struct MHD_Connection *http, struct ds_parameters *parameters)
{
    *parameters = (struct ds_parameters){
        .watch = parameter(http, "watch"),
        .resource_version = parameter(http, "resourceVersion"),
        .resource_version_match = parameter(http, "resourceVersionMatch"),
        .send_initial_events = parameter(http, "sendInitialEvents"),
        .allow_watch_bookmarks = parameter(http, "allowWatchBookmarks"),
        .timeout_seconds = parameter(http, "timeoutSeconds"),
        .field_selector = parameter(http, "fieldSelector"),
        .label_selector = parameter(http, "labelSelector"),
        .limit = parameter(http, "limit"),
        .continue_ = parameter(http, "continue"),
        .grace_period_seconds = parameter(http, "gracePeriodSeconds"),
        .propagation_policy = parameter(http, "propagationPolicy"),
        .orphan_dependents = parameter(http, "orphanDependents"),
        .field_validation = parameter(http, "fieldValidation"),
    };
}

/* The body is parsed before the lock is taken. A body that is no JSON is answered when the verb is known to
 * want one. */
static void understand(struct ds_exchange *exchange)
{
    struct ds_request *request = &exchange->request;
    struct MHD_Connection *http = exchange->connection->http;
    char *problem = NULL;
    read_parameters(http, &request->parameters);
    ds_request_route(request, exchange->method, exchange->path);
    request->content_type = MHD_lookup_connection_value(http, MHD_HEADER_KIND, "Content-Type");
    if (exchange->received.length > 0 && ds_is_protobuf(request->content_type))
        request->body = ds_protobuf_parse(exchange->received.bytes, exchange->received.length, &problem);
    else if (exchange->received.length > 0)
        request->body = ds_tree_parse(exchange->received.bytes, exchange->received.length, &problem);
    if (problem != NULL && request->kind == DS_PATH_OBJECTS) {
        char *message = ds_format("couldn't get version/kind; parse error: %s", problem);
        ds_answer_bad_request(&exchange->answer, message);
        free(message);
    }
    free(problem);
}

enum step { STEP_WAIT, STEP_DELIVER, STEP_CLOSE };

static enum step next_step(struct ds_exchange *exchange)
{
    struct ds_connection *connection = exchange->connection;
    if (exchange->outcome == DS_UNDECIDED && !connection->frozen)
        ds_decide(exchange);
    if (exchange->server->closing || connection->hung_up)
        return STEP_CLOSE;
    if (exchange->outcome == DS_SILENCED)
        ds_connection_freeze(connection);
    if (exchange->fault != NULL && exchange->fault->removed)
        ds_timer_disarm(exchange->server->clock, &exchange->timer);
    if (connection->frozen || exchange->timer.place != 0)
        return ds_connection_park(connection) ? STEP_WAIT : STEP_CLOSE;
    if (exchange->outcome == DS_RESET)
        ds_connection_reset(connection);
    return exchange->outcome == DS_ANSWERED ? STEP_DELIVER : STEP_CLOSE;
}

enum MHD_Result ds_handle(void *data, struct MHD_Connection *http, const char *url, const char *method,
                          const char *version, const char *upload, size_t *upload_size, void **context)
{
    struct devserver *server = data;
    struct ds_exchange *exchange = *context;
    (void)version;
    if (exchange == NULL) {
        *context = begin(server, http, method, url);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        receive(exchange, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (exchange->outcome == DS_UNDECIDED && exchange->request.name == NULL)
        understand(exchange);
    pthread_mutex_lock(&server->lock);
    enum step step = next_step(exchange);
    pthread_mutex_unlock(&server->lock);
    if (step == STEP_WAIT)
        return MHD_YES;
    return step == STEP_DELIVER ? ds_deliver(exchange) : MHD_NO;
}

void ds_completed(void *data, struct MHD_Connection *http, void **context,
                  enum MHD_RequestTerminationCode code)
{
    struct devserver *server = data;
    struct ds_exchange *exchange = *context;
    (void)http;
    (void)code;
    if (exchange == NULL)
        return;
    *context = NULL;
    pthread_mutex_lock(&server->lock);
    ds_timer_disarm(server->clock, &exchange->timer);
    ds_timer_disarm(server->clock, &exchange->bookmark);
    ds_timer_disarm(server->clock, &exchange->deadline);
    if (exchange->answer.watch != NULL) {
        ds_hub_close(server->core.hub, exchange->answer.watch);
        server->watches[exchange->answer.watch->resource->id]--;
        ds_watch_free(exchange->answer.watch);
        ds_tell_news(server);
    }
    ds_fault_unref(exchange->fault);
    pthread_mutex_unlock(&server->lock);
    ds_answer_clear(&exchange->answer);
    ds_request_clear(&exchange->request);
    ds_text_free(&exchange->received);
    free(exchange->method);
    free(exchange->path);
    free(exchange);
}

void ds_connection_changed(void *data, struct MHD_Connection *http, void **context,
                           enum MHD_ConnectionNotificationCode code)
{
    struct devserver *server = data;
    pthread_mutex_lock(&server->lock);
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        *context = ds_connection_open(server, http);
    else
        ds_connection_close(*context);
    pthread_mutex_unlock(&server->lock);
}
