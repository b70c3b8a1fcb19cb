/*
 * Fencing: each object that this operator writes carries the token of the term that wrote it last, and none
 * is written over a greater one. The library sees to it that two do not lead at once; this is for the rest: a
 * request that was under way for long, a machine that slept, a hand that edited the lock.
 *
 * It needs two things of every write: the token is looked at in the very version that the write is meant for
 * (resourceVersion is its precondition), and a new leader writes its token to every object before all else,
 * so that whatever an older leader has read by then is out of date.
 */
#ifndef FENCE_H
#define FENCE_H

#include <stdint.h>

#define FENCE_ANNOTATION "cache.example.com/fencing-token"

enum fence {
    FENCE_OURS,  /* our token is on it */
    FENCE_OLDER, /* none, or an earlier term's: to be claimed */
    FENCE_NEWER  /* hands off: said in the log */
};

/* what: "Deployment cache-1". stamped: what is on it, "" for nothing. */
enum fence fence_look(const char *what, const char *stamped, uint64_t token);

#endif
