/*
 * One watch, kept open: reconnects with back-off and jitter, resumes from the last version it saw, and starts
 * afresh when that is gone. Over one lock, or over all of a namespace. Worker thread only.
 */
#ifndef KL_WATCHER_H
#define KL_WATCHER_H

#include "client_object.h"

/* election NULL: over the whole scope, from `version` on. NULL without memory. */
struct kl_watch *kl_watch_new(k8sleader_client *client, struct kl_scope *scope,
                              const struct kl_resource *resource, const char *namespace_,
                              k8sleader_election *election, const char *version);
void kl_watch_free(struct kl_watch *watch);

/* Opens it anew, after a moment's jitter. */
void kl_watch_reopen(struct kl_watch *watch);

/* When it last heard anything. */
int64_t kl_watch_heard_at(const struct kl_watch *watch);

#endif
