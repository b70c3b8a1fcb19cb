#include "due.h"

#include <stdlib.h>

#define CAPACITY_FIRST 16

static int before(const struct kl_due_entry *a, const struct kl_due_entry *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->by < b->by;
}

static void place(struct kl_due *due, size_t index, struct kl_due_entry *entry)
{
    due->entries[index] = entry;
    entry->slot = index + 1;
}

/* Puts the entry where it belongs, from this place on, up or down. */
static void sift(struct kl_due *due, size_t index, struct kl_due_entry *entry)
{
    while (index > 0 && before(entry, due->entries[(index - 1) / 2])) {
        place(due, index, due->entries[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= due->count)
            break;
        if (child + 1 < due->count && before(due->entries[child + 1], due->entries[child]))
            child++;
        if (!before(due->entries[child], entry))
            break;
        place(due, index, due->entries[child]);
        index = child;
    }
    place(due, index, entry);
}

static int has_room(struct kl_due *due)
{
    if (due->count < due->capacity)
        return 1;
    size_t capacity = due->capacity ? 2 * due->capacity : CAPACITY_FIRST;
    struct kl_due_entry **entries = realloc(due->entries, capacity * sizeof(struct kl_due_entry *));
    if (!entries)
        return 0;
    due->entries = entries;
    due->capacity = capacity;
    return 1;
}

int kl_due_put(struct kl_due *due, struct kl_due_entry *entry, int rank, int64_t by)
{
    if (!entry->slot && !has_room(due))
        return -1;
    entry->rank = rank;
    entry->by = by;
    sift(due, entry->slot ? entry->slot - 1 : due->count++, entry);
    return 0;
}

void kl_due_remove(struct kl_due *due, struct kl_due_entry *entry)
{
    if (!entry->slot)
        return;
    size_t index = entry->slot - 1;
    entry->slot = 0;
    struct kl_due_entry *last = due->entries[--due->count];
    if (last != entry)
        sift(due, index, last);
}

struct kl_due_entry *kl_due_first(const struct kl_due *due)
{
    return due->count ? due->entries[0] : NULL;
}

void kl_due_free(struct kl_due *due)
{
    free(due->entries);
    *due = (struct kl_due){NULL, 0, 0};
}
