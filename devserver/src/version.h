/*
 * One version of one object: its JSON, made once and then shared by every answer and watch event that carries
 * it, and what selectors ask about it.
 */
#ifndef DS_VERSION_H
#define DS_VERSION_H

#include <json-c/json.h>
#include <stdatomic.h>
#include <stdint.h>

#include "memory.h"
#include "resource.h"

struct ds_version {
    atomic_size_t references;
    const struct ds_resource *resource;
    uint64_t number; /* the resourceVersion */
    char *namespace_;
    char *name;
    char *node_name; /* a Pod's; "" elsewhere */
    char *phase;
    size_t label_count;
    char **labels; /* key, value, key, value, … */
    struct ds_blob *json;
    size_t bare; /* in the JSON, what follows kind and apiVersion: list items go without */
};

/* The tree is canonical (see canonical.h) and carries its resourceVersion. */
struct ds_version *ds_version_new(const struct ds_resource *resource, struct json_object *tree);

/* The same object under another resourceVersion, as DELETED events have it. */
struct ds_version *ds_version_renumbered(const struct ds_version *version, uint64_t number);

struct ds_version *ds_version_ref(struct ds_version *version);
void ds_version_unref(struct ds_version *version); /* NULL is fine */

const char *ds_version_label(const struct ds_version *version, const char *key); /* NULL: not set */

#endif
