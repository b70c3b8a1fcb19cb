/* What happened, told to users' threads: by the clock, and as events. Worker thread only. */
#ifndef KL_TELL_H
#define KL_TELL_H

#include "client_object.h"

/* What any thread may ask, from the election's view. */
void kl_publish(k8sleader_election *election);

/* One event of the machine's. error: what an ERROR carries. */
void kl_tell(k8sleader_election *election, const struct kl_event *happened, const k8sleader_error *error);

#endif
