/* The worker thread's side of an election: inputs to its machine, and what follows from them. */
#ifndef KL_WORKER_H
#define KL_WORKER_H

#include "client_object.h"

/* Starts the client's worker thread. Errors: NO_MEMORY. */
int kl_worker_start(k8sleader_client *client, k8sleader_error **err);

/*
 * Gives an input to the election's machine and does what follows. input->now is set here. lock: the object
 * the input is about, or NULL; taken over (and cleared) when the machine adopts it. error: what to tell for
 * an input that failed.
 */
void kl_worker_step(k8sleader_election *election, struct kl_input *input, struct kl_lock *lock,
                    const k8sleader_error *error);

/* Decodes an object and gives it to the machine as something seen by a watch or a list. */
void kl_worker_seen(k8sleader_election *election, struct json_object *object);

struct kl_version kl_version_of(const char *resource_version);

/* In [0, bound]. */
int64_t kl_worker_random(k8sleader_client *client, int64_t bound);

#endif
