/* Who holds which lock: single questions to the server, asked by users' threads and answered by the worker.
 */
#ifndef KL_LOCKS_H
#define KL_LOCKS_H

#include "client_object.h"

/* Worker thread: sends those that were asked since / answers all with CLOSED. */
void kl_lookups_start(k8sleader_client *client);
void kl_lookups_end(k8sleader_client *client);

#endif
