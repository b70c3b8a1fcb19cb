/*
 * One open watch: what it looks at, and the queue of lines that are due on its stream. All functions but new
 * are called with the server's lock held.
 */
#ifndef DS_WATCH_H
#define DS_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "selector.h"
#include "version.h"

enum ds_event_type { DS_ADDED, DS_MODIFIED, DS_DELETED };

struct ds_line {
    const char *opening;        /* {"type":"ADDED","object": */
    struct ds_version *version; /* NULL: a line made for this watch alone, in `whole` */
    struct ds_blob *whole;
};

struct ds_watch {
    const struct ds_resource *resource;
    char *namespace_; /* NULL: all */
    char *name;       /* NULL: all */
    struct ds_selector selector;
    uint64_t after; /* only changes newer than this one */
    int bookmarks;
    int64_t timeout_s;
    int silent;  /* nothing is ever sent on it */
    int repeats; /* each event is sent twice */
    int ended;   /* once the queue is empty */

    void (*wake)(void *data); /* a line came, or it ended */
    void *data;

    struct ds_line *queue; /* a ring */
    size_t first;
    size_t length;
    size_t capacity;
    size_t sent; /* bytes of the first line */

    struct ds_watch *next; /* in the hub */
    struct ds_watch **link;
};

struct ds_watch *ds_watch_new(const struct ds_resource *resource, const char *namespace_);
void ds_watch_free(struct ds_watch *watch);

void ds_watch_queue(struct ds_watch *watch, enum ds_event_type type, struct ds_version *version);
void ds_watch_queue_bookmark(struct ds_watch *watch, uint64_t number, int initial_events_end);
void ds_watch_queue_expired(struct ds_watch *watch, const char *message); /* an ERROR event with a 410 */
void ds_watch_queue_error(struct ds_watch *watch, struct ds_blob *status);
void ds_watch_queue_raw(struct ds_watch *watch, const char *line);
void ds_watch_end(struct ds_watch *watch);

/* Moves bytes that are due into the buffer; gives how many. */
size_t ds_watch_read(struct ds_watch *watch, char *buffer, size_t size);

/* The bytes of the first line that are not yet sent; 0: none is due. */
size_t ds_watch_rest_of_line(const struct ds_watch *watch);

#endif
