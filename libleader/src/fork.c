#include "fork.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_uint generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Only an atomic addition: all that is safe in the child of a program with threads. */
static void in_child(void)
{
    (void)atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void install(void)
{
    (void)pthread_atfork(NULL, NULL, in_child);
}

unsigned kl_fork_generation(void)
{
    (void)pthread_once(&once, install);
    return atomic_load_explicit(&generation, memory_order_relaxed);
}
