/* The watches of locks: over one election's lock, or over all locks of a scope, and what they say given to
   those concerned. Worker thread only. */
#ifndef KL_LOCK_WATCH_H
#define KL_LOCK_WATCH_H

#include "watcher.h"

/* NULL without memory. */
struct kl_watch *kl_lock_watch_own(k8sleader_election *election);

/* From a version on. NULL without memory. */
struct kl_watch *kl_lock_watch_shared(k8sleader_client *client, struct kl_scope *scope,
                                      const struct kl_resource *resource, const char *namespace_,
                                      const char *version);

#endif
