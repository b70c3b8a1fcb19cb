/*
 * Memory, descriptors and threads that run out when told to, for one thread at a time. What allocates is
 * wrapped by the linker (memory.cmake), for all that is linked into the test: the library's objects, not its
 * dependencies.
 */
#ifndef SCARCE_H
#define SCARCE_H

enum scarce_whom {
    SCARCE_CALLER, /* the thread that calls scarce_from() */
    SCARCE_WORKER  /* the threads of clients */
};

/* Of the allocations from now on the nth (from 1) and those that follow fail, `count` of them. */
void scarce_from(enum scarce_whom whom, long nth, long count);

/* All succeed again. Returns how many have failed. */
long scarce_end(void);

#endif
