/* What users ask for: a Memcached object, checked. */
#ifndef MEMCACHED_H
#define MEMCACHED_H

#include <json-c/json.h>
#include <stdint.h>

/* Texts belong to the JSON object. */
struct memcached {
    const char *name;
    const char *uid;
    const char *version; /* resourceVersion */
    int64_t generation;
    int size;
    int is_ending;
    /* the status, as it was written last */
    const char *token;
    int64_t observed_generation;
    int64_t replicas;
    int64_t ready;
};

/* 0, or -1 for one that nothing can be made of, with the reason in *why. */
int memcached_read(struct json_object *object, struct memcached *memcached, const char **why);

#endif
