/* One Memcached: its Deployment has the right size, its status tells so, and both carry our token. */
#ifndef RECONCILE_H
#define RECONCILE_H

#include "api.h"
#include "memcached.h"
#include "term.h"

/* deployment NULL: there is none. Returns: 0 all is as it should be, -1 try again. Two requests at most. */
int reconcile(struct api *api, const struct term *term, const struct memcached *memcached,
              struct json_object *deployment);

#endif
