/*
 * What is due, most pressing first: a heap of entries that stand inside their owners, so that to take one
 * out, or to move it, asks for no search and no memory.
 */
#ifndef KL_DUE_H
#define KL_DUE_H

#include <stddef.h>
#include <stdint.h>

struct kl_due_entry {
    int rank;    /* goes before a higher one … */
    int64_t by;  /* … and of the same rank, before a later one */
    size_t slot; /* 1 + place in the heap; 0: not there */
};

/* All zeros is an empty one. */
struct kl_due {
    struct kl_due_entry **entries;
    size_t count, capacity;
};

/* Adds the entry, or moves it when it is there already. -1 without memory, and only when it was not there. */
int kl_due_put(struct kl_due *due, struct kl_due_entry *entry, int rank, int64_t by);

/* Nothing when it is not there. */
void kl_due_remove(struct kl_due *due, struct kl_due_entry *entry);

/* NULL when nothing is due. */
struct kl_due_entry *kl_due_first(const struct kl_due *due);

/* Frees the heap's own memory. */
void kl_due_free(struct kl_due *due);

#endif
