/* The URL paths of locks. Malloc'd; NULL without memory. */
#ifndef KL_PATH_H
#define KL_PATH_H

#include "kube/lock.h"

/* Of a namespace's locks, or of one of them (name not NULL). query: as it is, with its `?`; NULL for none. */
char *kl_lock_path(const struct kl_resource *resource, const char *namespace_, const char *name,
                   const char *query);

/* One page of a list of a namespace's locks. continue_token: where the last page ended; "" for the first. */
char *kl_lock_page_path(const struct kl_resource *resource, const char *namespace_,
                        const char *continue_token);

#endif
