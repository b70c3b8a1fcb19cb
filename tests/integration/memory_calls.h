/* Every public function as a call that can be made again and again: see test_memory_calls.c. */
#ifndef MEMORY_CALLS_H
#define MEMORY_CALLS_H

#include "authority.h"
#include "support.h"

/* What the calls are made with. */
struct memory_bed {
    struct world world;
    struct authority *authority;
    char *cert, *key;
    char kubeconfig[64];
    k8sleader_config *config;
    k8sleader_options *options;
    k8sleader_callbacks *callbacks;
    k8sleader_election *leader;
    k8sleader_event *event;
    k8sleader_lock_list *list;
    uint64_t token;
    int destroyed;
    k8sleader_config *spare_config; /* for one more client of the server; a client that is made takes it */
};

extern struct memory_bed bed;

struct call {
    const char *name;
    int (*call)(void);
    int expected; /* with plenty of memory */
};

extern const struct call memory_calls[];
extern const size_t memory_call_count;

#endif
