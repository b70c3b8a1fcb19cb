/*
 * A probe: the user data of an election that notes what its callbacks are told, on which thread, and when it
 * is destroyed. For the tests of callbacks and of frees.
 */
#ifndef PROBE_H
#define PROBE_H

#include "support.h"

#include <pthread.h>

#define TYPES_MOST 8

/* A lock that does not run out on a slow machine, renewed often all the same. */
k8sleader_options *lasting_options(const char *name, const char *identity);

struct probe;
typedef int (*reaction)(struct probe *probe, k8sleader_election *election, const k8sleader_event *event);

struct probe {
    struct world *world;
    int pump; /* by whom */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int counts[TYPES_MOST];
    int total;
    uint64_t token; /* of the last STARTED or STOPPED */
    int reason;
    pthread_t thread; /* of the last callback */
    int destroyed;
    pthread_t destroyed_on;
    int destroyed_on_worker;
    int running;
    reaction react; /* NULL: DONE */
    int react_to;   /* the type; 0: any */
    k8sleader_election *other;
    int reacted;
};

enum { PUMP_CALLER, PUMP_LIBRARY };

void probe_init(struct probe *probe, struct world *world, int pump);
void probe_end(struct probe *probe);

/* All callbacks are on_any, and on_destroy is the probe's end. */
int on_any(k8sleader_election *election, const k8sleader_event *event, void *user);
void on_destroy(void *user);
k8sleader_election *stand_with(struct probe *probe, k8sleader_options *options);

/* How many events of this type (0: destructions) there were. */
int count_of(struct probe *probe, int type);

/* Until so many of them were there. The caller's thread pumps if that is how it is done. */
void until(struct probe *probe, int type, int count);

/* What the callback for this type (0: any) does from now on. */
void react(struct probe *probe, int type, reaction how);

/* A world that is pumped by the caller or by the library. */
void pumped_world(struct world *world, int pump);
void both_ways(void (*test)(int pump));

void assert_holder(struct world *world, const char *expected);

/* Somebody's hand on the lock: it names another holder now, and shortly nobody. */
void let_it_be_lost(struct world *world);
void let_it_be_free(struct world *world);

#endif
