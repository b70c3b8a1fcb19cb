/* What users get: the Deployment of a Memcached, as text for the API server. */
#ifndef DEPLOYMENT_H
#define DEPLOYMENT_H

#include "memcached.h"

#include <stddef.h>

#define DEPLOYMENT_BODY_MOST 4096
#define DEPLOYMENT_SELECTOR  "labelSelector=app.kubernetes.io/managed-by=memcached-operator"

/* The whole object, to be created. */
void deployment_write(char *body, size_t size, const struct memcached *memcached, uint64_t token);
/* What differs, for the version of it that was looked at. */
void deployment_write_patch(char *body, size_t size, const char *version, int replicas, uint64_t token);
/* It was made for this Memcached, not for another one of that name, nor by somebody else. */
int deployment_is_of(struct json_object *deployment, const struct memcached *memcached);
/* The fencing token on it, "" for none. */
const char *deployment_token(struct json_object *deployment);

#endif
