#include "watch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "memory.h"

/* A reader that lets this many lines pile up has its watch ended, and resumes it when it is ready to read
 * again. */
enum { LONGEST_QUEUE = 100000 };

static const char closing[] = "}\n";

static const char *const openings[] = {
    [DS_ADDED] = "{\"type\":\"ADDED\",\"object\":",
    [DS_MODIFIED] = "{\"type\":\"MODIFIED\",\"object\":",
    [DS_DELETED] = "{\"type\":\"DELETED\",\"object\":",
};

struct ds_watch *ds_watch_new(const struct ds_resource *resource, const char *namespace_)
{
    struct ds_watch *watch = ds_alloc(sizeof *watch);
    watch->resource = resource;
    watch->namespace_ = ds_copy(namespace_);
    return watch;
}

static void clear(struct ds_line *line)
{
    ds_version_unref(line->version);
    ds_blob_unref(line->whole);
    *line = (struct ds_line){0};
}

static struct ds_line *first_line(const struct ds_watch *watch)
{
    return &watch->queue[watch->first];
}

static void drop_first(struct ds_watch *watch)
{
    clear(first_line(watch));
    watch->first = (watch->first + 1) % watch->capacity;
    watch->length--;
    watch->sent = 0;
}

void ds_watch_free(struct ds_watch *watch)
{
    if (watch == NULL)
        return;
    while (watch->length > 0)
        drop_first(watch);
    free(watch->queue);
    ds_selector_free(&watch->selector);
    free(watch->namespace_);
    free(watch->name);
    free(watch);
}

static void make_room(struct ds_watch *watch)
{
    if (watch->length < watch->capacity)
        return;
    size_t capacity = watch->capacity == 0 ? 4 : 2 * watch->capacity;
    struct ds_line *queue = ds_alloc(capacity * sizeof *queue);
    for (size_t i = 0; i < watch->length; i++)
        queue[i] = watch->queue[(watch->first + i) % watch->capacity];
    free(watch->queue);
    watch->queue = queue;
    watch->capacity = capacity;
    watch->first = 0;
}

static void wake(struct ds_watch *watch)
{
    if (watch->wake != NULL)
        watch->wake(watch->data);
}

static void append(struct ds_watch *watch, struct ds_line line)
{
    if (watch->silent || watch->ended || watch->length == LONGEST_QUEUE) {
        watch->ended |= watch->length == LONGEST_QUEUE;
        clear(&line);
        return;
    }
    make_room(watch);
    watch->queue[(watch->first + watch->length) % watch->capacity] = line;
    watch->length++;
    wake(watch);
}

void ds_watch_queue(struct ds_watch *watch, enum ds_event_type type, struct ds_version *version)
{
    for (int times = watch->repeats ? 2 : 1; times > 0; times--)
        append(watch, (struct ds_line){.opening = openings[type], .version = ds_version_ref(version)});
}

void ds_watch_queue_raw(struct ds_watch *watch, const char *line)
{
    append(watch, (struct ds_line){.whole = ds_blob_of_string(line)});
}

void ds_watch_queue_bookmark(struct ds_watch *watch, uint64_t number, int initial_events_end)
{
    char *line =
        ds_format("{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":"
                  "{\"resourceVersion\":\"%" PRIu64 "\"%s}%s}}\n",
                  watch->resource->kind, watch->resource->api_version, number,
                  initial_events_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "",
                  watch->resource->id == DS_LEASES ? ",\"spec\":{}" : "");
    ds_watch_queue_raw(watch, line);
    free(line);
}

void ds_watch_queue_error(struct ds_watch *watch, struct ds_blob *status)
{
    char *line = ds_format("{\"type\":\"ERROR\",\"object\":%s}\n", status->bytes);
    ds_watch_queue_raw(watch, line);
    free(line);
}

void ds_watch_queue_expired(struct ds_watch *watch, const char *message)
{
    struct ds_answer expired = {0};
    ds_answer_failure(&expired, 410, "Expired", NULL, NULL, "%s", message);
    ds_watch_queue_error(watch, expired.body);
    ds_answer_clear(&expired);
}

void ds_watch_end(struct ds_watch *watch)
{
    watch->ended = 1;
    wake(watch);
}

static size_t copy_part(const char *part, size_t part_length, size_t *skip, char *buffer, size_t size)
{
    if (*skip >= part_length) {
        *skip -= part_length;
        return 0;
    }
    size_t length = part_length - *skip;
    if (length > size)
        length = size;
    memcpy(buffer, part + *skip, length);
    *skip = 0;
    return length;
}

static size_t line_length(const struct ds_line *line)
{
    if (line->version == NULL)
        return line->whole->length;
    return strlen(line->opening) + line->version->json->length + strlen(closing);
}

static size_t copy_line(const struct ds_line *line, size_t skip, char *buffer, size_t size)
{
    if (line->version == NULL)
        return copy_part(line->whole->bytes, line->whole->length, &skip, buffer, size);
    size_t done = copy_part(line->opening, strlen(line->opening), &skip, buffer, size);
    done +=
        copy_part(line->version->json->bytes, line->version->json->length, &skip, buffer + done, size - done);
    return done + copy_part(closing, strlen(closing), &skip, buffer + done, size - done);
}

size_t ds_watch_read(struct ds_watch *watch, char *buffer, size_t size)
{
    size_t done = 0;
    while (watch->length > 0 && done < size) {
        size_t copied = copy_line(first_line(watch), watch->sent, buffer + done, size - done);
        done += copied;
        watch->sent += copied;
        if (watch->sent == line_length(first_line(watch)))
            drop_first(watch);
    }
    return done;
}

size_t ds_watch_rest_of_line(const struct ds_watch *watch)
{
    return watch->length == 0 ? 0 : line_length(first_line(watch)) - watch->sent;
}
