#include "hub.h"

#include <stdlib.h>
#include <string.h>

enum { EXACT_BUCKETS = 4096, NAMESPACE_BUCKETS = 256 };

struct change {
    struct ds_version *before;
    struct ds_version *now;
    uint64_t number;
};

/* A ring: the newest `length` changes of one resource end at `next`. */
struct history {
    struct change *ring;
    size_t next;
    size_t length;
    uint64_t oldest; /* everything after this resourceVersion is in the ring */
};

struct ds_hub {
    size_t capacity;
    struct history history[DS_RESOURCES];
    struct ds_watch *exact[EXACT_BUCKETS];
    struct ds_watch *namespaces[NAMESPACE_BUCKETS];
    struct ds_watch *all[DS_RESOURCES];
};

static size_t hash(int resource, const char *namespace_, const char *name)
{
    size_t value = (size_t)resource + 5381;
    for (; *namespace_ != '\0'; namespace_++)
        value = value * 33 ^ (unsigned char)*namespace_;
    value *= 33;
    for (; *name != '\0'; name++)
        value = value * 33 ^ (unsigned char)*name;
    return value;
}

struct ds_hub *ds_hub_new(int64_t history, uint64_t oldest)
{
    struct ds_hub *hub = ds_alloc(sizeof *hub);
    hub->capacity = history < 1 ? 1 : (size_t)history;
    for (int id = 0; id < DS_RESOURCES; id++)
        hub->history[id].oldest = oldest;
    return hub;
}

static void clear(struct change *change)
{
    ds_version_unref(change->before);
    ds_version_unref(change->now);
    *change = (struct change){0};
}

void ds_hub_free(struct ds_hub *hub)
{
    if (hub == NULL)
        return;
    ds_hub_compact(hub, 0);
    for (int id = 0; id < DS_RESOURCES; id++)
        free(hub->history[id].ring);
    free(hub);
}

static void remember(struct ds_hub *hub, const struct change *change)
{
    const struct ds_version *either = change->now != NULL ? change->now : change->before;
    struct history *history = &hub->history[either->resource->id];
    if (history->ring == NULL)
        history->ring = ds_alloc(hub->capacity * sizeof *history->ring);
    struct change *slot = &history->ring[history->next];
    if (history->length == hub->capacity) {
        history->oldest = slot->number;
        clear(slot);
    } else {
        history->length++;
    }
    *slot = *change;
    if (slot->before != NULL)
        ds_version_ref(slot->before);
    if (slot->now != NULL)
        ds_version_ref(slot->now);
    history->next = (history->next + 1) % hub->capacity;
}

static int looks_at(const struct ds_watch *watch, const struct ds_version *version)
{
    return watch->resource == version->resource &&
           (watch->namespace_ == NULL || strcmp(watch->namespace_, version->namespace_) == 0) &&
           (watch->name == NULL || strcmp(watch->name, version->name) == 0);
}

/* An object that comes to match a selector is added for that watch, one that ceases to match is deleted. */
static void offer(struct ds_watch *watch, const struct change *change)
{
    const struct ds_version *either = change->now != NULL ? change->now : change->before;
    if (change->number <= watch->after || !looks_at(watch, either))
        return;
    int matched = change->before != NULL && ds_selector_matches(&watch->selector, change->before);
    int matches = change->now != NULL && ds_selector_matches(&watch->selector, change->now);
    if (matches) {
        ds_watch_queue(watch, matched ? DS_MODIFIED : DS_ADDED, change->now);
    } else if (matched && change->now == NULL) {
        ds_watch_queue(watch, DS_DELETED, change->before);
    } else if (matched) {
        struct ds_version *last = ds_version_renumbered(change->before, change->number);
        ds_watch_queue(watch, DS_DELETED, last);
        ds_version_unref(last);
    }
}

static void offer_all(struct ds_watch *first, const struct change *change)
{
    for (struct ds_watch *watch = first; watch != NULL; watch = watch->next)
        offer(watch, change);
}

void ds_hub_publish(struct ds_hub *hub, struct ds_version *before, struct ds_version *now, uint64_t number)
{
    struct change change = {before, now, number};
    const struct ds_version *either = now != NULL ? now : before;
    int id = either->resource->id;
    remember(hub, &change);
    offer_all(hub->exact[hash(id, either->namespace_, either->name) % EXACT_BUCKETS], &change);
    offer_all(hub->namespaces[hash(id, either->namespace_, "") % NAMESPACE_BUCKETS], &change);
    offer_all(hub->all[id], &change);
}

void ds_hub_open(struct ds_hub *hub, struct ds_watch *watch)
{
    int id = watch->resource->id;
    int exact = watch->name != NULL && (watch->namespace_ != NULL || !watch->resource->namespaced);
    struct ds_watch **list = &hub->all[id];
    if (exact)
        list = &hub->exact[hash(id, watch->namespace_ == NULL ? "" : watch->namespace_, watch->name) %
                           EXACT_BUCKETS];
    else if (watch->namespace_ != NULL)
        list = &hub->namespaces[hash(id, watch->namespace_, "") % NAMESPACE_BUCKETS];
    watch->next = *list;
    watch->link = list;
    if (watch->next != NULL)
        watch->next->link = &watch->next;
    *list = watch;
}

void ds_hub_close(struct ds_hub *hub, struct ds_watch *watch)
{
    (void)hub;
    if (watch->link == NULL)
        return;
    *watch->link = watch->next;
    if (watch->next != NULL)
        watch->next->link = watch->link;
    watch->link = NULL;
    watch->next = NULL;
}

static struct change *nth(struct ds_hub *hub, struct history *history, size_t n)
{
    return &history->ring[(history->next + hub->capacity - history->length + n) % hub->capacity];
}

int ds_hub_replay(struct ds_hub *hub, struct ds_watch *watch, uint64_t since, uint64_t *oldest)
{
    struct history *history = &hub->history[watch->resource->id];
    if (since < history->oldest) {
        *oldest = history->oldest;
        return -1;
    }
    size_t low = 0;
    for (size_t high = history->length; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (nth(hub, history, middle)->number <= since)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < history->length; low++)
        offer(watch, nth(hub, history, low));
    return 0;
}

void ds_hub_compact(struct ds_hub *hub, uint64_t number)
{
    for (int id = 0; id < DS_RESOURCES; id++) {
        struct history *history = &hub->history[id];
        for (size_t n = 0; n < history->length; n++)
            clear(nth(hub, history, n));
        history->length = 0;
        history->oldest = number;
    }
}
