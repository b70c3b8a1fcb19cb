/* Virtual time: what will happen, in order. Two things at the same instant happen in the order they were
 * planned, so that a seed is one story to the letter. */
#ifndef SIM_TIMELINE_H
#define SIM_TIMELINE_H

#include "object.h"

#include "machine/lease.h"
#include "machine/life.h"

enum happening_kind {
    /* of a process: put off while it is paused, void once it has ended */
    WAKE,
    SLOT,        /* a request can be sent */
    ANSWERED,    /* the answer arrives */
    GIVEN_UP,    /* the request's time is over */
    WATCH_OPEN,  /* it opens its watch of the lock */
    WATCH_EVENT, /* the watch shows the lock */
    WATCH_BREAK, /* it learns that its watch is broken */
    POD_OPEN,    /* it looks after a Pod, `about` */
    POD_EVENT,
    WORK_ENDS, /* what it guards has ended: handed back */
    /* of the world */
    SERVED,   /* a request arrives at the server */
    RESTARTS, /* a process starts */
    CONTAINERS_END,
    POD_VANISHES,
    COLLECT, /* the garbage collector looks at the lock */
    MEND,    /* kubectl delete configmap, as the report of a lock without an owner says */
    FAULT    /* something goes wrong */
};

struct happening {
    int64_t at, sent_at;
    uint64_t order;
    enum happening_kind kind;
    unsigned node, life; /* whose, and in which of its lives */
    uint64_t serial;     /* of the request, the stream, or the wake-up */
    unsigned about;      /* a Pod */
    enum kl_pod_state state;
    struct kl_lease_request lease;
    enum kl_life_verb verb;
    uint64_t base;
    unsigned last_owner; /* the Pod, + 1, that the sender saw last as the lock's owner */
    int copied;          /* it arrives twice: what one copy is told says nothing of the other */
    enum kl_outcome outcome;
    int64_t retry_after;
    struct object object;
};

#define HAPPENINGS_MOST 4096

struct timeline {
    int64_t now;
    uint64_t order;
    unsigned count;
    unsigned heap[HAPPENINGS_MOST]; /* of indices, the earliest first */
    unsigned free[HAPPENINGS_MOST], free_count;
    struct happening pool[HAPPENINGS_MOST];
};

void timeline_start(struct timeline *t);
/* A zeroed one, to be filled in by the caller; NULL: too many. */
struct happening *timeline_add(struct timeline *t, enum happening_kind kind, int64_t at);
/* Takes the next one and moves the time; 0: none before `end`, and the time is `end`. */
int timeline_next(struct timeline *t, int64_t end, struct happening *next);

#endif
