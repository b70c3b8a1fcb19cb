/* Handles made by the parent are refused in a child after fork(): its worker thread is not there, its locks
 * may be held. */
#ifndef KL_FORK_H
#define KL_FORK_H

/* A number that a child has one higher than its parent. Any thread; cheap. */
unsigned kl_fork_generation(void);

#endif
