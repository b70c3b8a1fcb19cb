/* The worker thread's side of an election: inputs to its machine, and what follows from them. */
#ifndef KL_WORKER_H
#define KL_WORKER_H

#include "client_object.h"

/* Starts the client's worker thread. Errors: NO_MEMORY. */
int kl_worker_start(k8sleader_client *client, k8sleader_error **err);

/*
 * Gives an input to the election's machine and does what follows. input->now is set here. error: what to tell
 * for an input that failed. 1 when the machine adopted the input's object.
 */
int kl_worker_step(k8sleader_election *election, struct kl_input *input, const k8sleader_error *error);

struct kl_version kl_version_of(const char *resource_version);

/* After one more failure in a row: 100 ms at first, doubled up to 5 s, half of it by chance. */
int64_t kl_worker_back_off(k8sleader_client *client, unsigned *failures);

/* In [0, bound]. */
int64_t kl_worker_random(k8sleader_client *client, int64_t bound);

#endif
