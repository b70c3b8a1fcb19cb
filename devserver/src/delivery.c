#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"

enum { BLOCK = 16 * 1024 };

static ssize_t park(struct ds_exchange *exchange)
{
    return ds_connection_park(exchange->connection) ? 0 : MHD_CONTENT_READER_END_WITH_ERROR;
}

/* DEVSERVER_WATCH_RESET: half of the line that is due, if there is one, then the reset. */
static ssize_t reset(struct ds_exchange *exchange, char *buffer, size_t size)
{
    size_t half = ds_watch_rest_of_line(exchange->answer.watch) / 2;
    if (half > 0 && !exchange->broken_off) {
        exchange->broken_off = 1;
        return (ssize_t)ds_watch_read(exchange->answer.watch, buffer, half < size ? half : size);
    }
    ds_connection_reset(exchange->connection);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_watch(struct ds_exchange *exchange, char *buffer, size_t size)
{
    size_t length = ds_watch_read(exchange->answer.watch, buffer, size);
    if (length > 0)
        return (ssize_t)length;
    return exchange->answer.watch->ended ? MHD_CONTENT_READER_END_OF_STREAM : park(exchange);
}

static ssize_t read_blob(const struct ds_blob *body, uint64_t position, char *buffer, size_t size)
{
    if (position >= body->length)
        return MHD_CONTENT_READER_END_OF_STREAM;
    size_t length = body->length - (size_t)position;
    if (length > size)
        length = size;
    memcpy(buffer, body->bytes + position, length);
    return (ssize_t)length;
}

static ssize_t read_piece(struct ds_exchange *exchange, uint64_t position, char *buffer, size_t size)
{
    if (ds_struck_by(exchange, DEVSERVER_ENDLESS)) {
        memset(buffer, 'x', size);
        return (ssize_t)size;
    }
    if (exchange->answer.watch != NULL)
        return read_watch(exchange, buffer, size);
    return read_blob(exchange->answer.body, position, buffer, size);
}

static ssize_t read_struck(struct ds_exchange *exchange, uint64_t position, char *buffer, size_t size)
{
    const struct devserver_fault *fault = &exchange->fault->is;
    size_t bytes = (size_t)fault->bytes;
    if (fault->action == DEVSERVER_TRUNCATE) {
        if (position >= bytes)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        size_t left = bytes - (size_t)position;
        return read_piece(exchange, position, buffer, left < size ? left : size);
    }
    if (fault->action == DEVSERVER_SLOW) {
        if (exchange->timer.place != 0)
            return park(exchange);
        ssize_t length = read_piece(exchange, position, buffer, bytes < size ? bytes : size);
        if (length > 0)
            ds_timer_arm(exchange->server->clock, &exchange->timer, fault->delay_ms);
        return length;
    }
    return read_piece(exchange, position, buffer, size);
}

static ssize_t read_due(struct ds_exchange *exchange, uint64_t position, char *buffer, size_t size)
{
    struct ds_connection *connection = exchange->connection;
    if (exchange->server->closing || connection->hung_up)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    /* The daemon holds headers back until some of the body follows, which on a watch may be never. */
    if (!exchange->pushed)
        ds_connection_push(connection);
    if (!exchange->pushed && ds_struck_by(exchange, DEVSERVER_HALF_OPEN))
        ds_connection_freeze(connection);
    exchange->pushed = 1;
    if (connection->frozen)
        return park(exchange);
    if (exchange->reset_due)
        return reset(exchange, buffer, size);
    if (exchange->fault != NULL)
        return read_struck(exchange, position, buffer, size);
    return read_piece(exchange, position, buffer, size);
}

static ssize_t read_body(void *data, uint64_t position, char *buffer, size_t size)
{
    struct ds_exchange *exchange = data;
    pthread_mutex_lock(&exchange->server->lock);
    ssize_t result = read_due(exchange, position, buffer, size);
    pthread_mutex_unlock(&exchange->server->lock);
    return result;
}

static void unref_blob(void *blob)
{
    ds_blob_unref(blob);
}

static struct MHD_Response *new_response(struct ds_exchange *exchange)
{
    struct ds_blob *body = exchange->answer.body;
    if (exchange->answer.watch != NULL || ds_struck_by(exchange, DEVSERVER_ENDLESS))
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_body, exchange, NULL);
    if (ds_struck_by(exchange, DEVSERVER_TRUNCATE) || ds_struck_by(exchange, DEVSERVER_SLOW))
        return MHD_create_response_from_callback(body->length, BLOCK, read_body, exchange, NULL);
    return MHD_create_response_from_buffer_with_free_callback_cls(body->length, body->bytes, unref_blob,
                                                                  ds_blob_ref(body));
}

/* "Name: value" lines, as they are. */
static void add_lines(struct MHD_Response *response, const char *lines)
{
    char *copy = ds_copy(lines);
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        char *colon = strchr(line, ':');
        if (colon == NULL)
            continue;
        *colon = '\0';
        MHD_add_response_header(response, line, colon + 1 + strspn(colon + 1, " "));
    }
    free(copy);
}

enum MHD_Result ds_deliver(struct ds_exchange *exchange)
{
    const struct ds_answer *answer = &exchange->answer;
    struct MHD_Response *response = new_response(exchange);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            answer->content_type == NULL ? "application/json" : answer->content_type);
    MHD_add_response_header(response, "Cache-Control", "no-cache, private");
    if (answer->retry_after_s > 0) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", answer->retry_after_s);
        MHD_add_response_header(response, "Retry-After", seconds);
    }
    if (answer->header != NULL)
        add_lines(response, answer->header);
    enum MHD_Result result =
        MHD_queue_response(exchange->connection->http, (unsigned int)answer->status, response);
    MHD_destroy_response(response);
    return result;
}
