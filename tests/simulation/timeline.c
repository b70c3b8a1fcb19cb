#include "timeline.h"

#include <string.h>

void timeline_start(struct timeline *t)
{
    t->now = 0;
    t->order = 0;
    t->count = 0;
    t->free_count = 0;
    for (unsigned i = HAPPENINGS_MOST; i > 0; i--)
        t->free[t->free_count++] = i - 1;
}

static int earlier(const struct timeline *t, unsigned a, unsigned b)
{
    const struct happening *x = &t->pool[t->heap[a]], *y = &t->pool[t->heap[b]];
    return x->at < y->at || (x->at == y->at && x->order < y->order);
}

static void swap(struct timeline *t, unsigned a, unsigned b)
{
    unsigned kept = t->heap[a];
    t->heap[a] = t->heap[b];
    t->heap[b] = kept;
}

/* The time is not to be changed after this: it is what the heap is ordered by. */
struct happening *timeline_add(struct timeline *t, enum happening_kind kind, int64_t at)
{
    if (t->free_count == 0)
        return NULL;
    unsigned slot = t->free[--t->free_count], i = t->count++;
    struct happening *h = &t->pool[slot];
    memset(h, 0, sizeof *h);
    h->kind = kind;
    h->at = at > t->now ? at : t->now;
    h->sent_at = t->now;
    h->order = ++t->order;
    t->heap[i] = slot;
    for (; i > 0 && earlier(t, i, (i - 1) / 2); i = (i - 1) / 2)
        swap(t, i, (i - 1) / 2);
    return h;
}

int timeline_next(struct timeline *t, int64_t end, struct happening *next)
{
    if (t->count == 0 || t->pool[t->heap[0]].at >= end) {
        t->now = end;
        return 0;
    }
    unsigned slot = t->heap[0];
    *next = t->pool[slot];
    t->free[t->free_count++] = slot;
    t->heap[0] = t->heap[--t->count];
    for (unsigned i = 0;;) {
        unsigned least = i;
        for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < t->count; child++)
            if (earlier(t, child, least))
                least = child;
        if (least == i)
            break;
        swap(t, i, least);
        i = least;
    }
    t->now = next->at;
    return 1;
}
