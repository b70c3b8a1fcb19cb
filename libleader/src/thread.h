#ifndef KL_THREAD_H
#define KL_THREAD_H

#include <pthread.h>

/*
 * A thread of the library's own: every signal is blocked in it, for they are the program's business. name: 15
 * bytes at most. 0, or K8SLEADER_ERR_NO_MEMORY.
 */
int kl_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *user);

#endif
