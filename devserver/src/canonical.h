/*
 * Objects as the API server's typed decoding leaves them: members in a fixed order, unknown ones gone, wrong
 * types refused, times normalised.
 */
#ifndef DS_CANONICAL_H
#define DS_CANONICAL_H

#include <json-c/json.h>

#include "answer.h"
#include "resource.h"

/* A new tree; NULL when a member has the wrong type, with *problem set to a malloc'd message. */
struct json_object *ds_canonical(const struct ds_resource *resource, struct json_object *body,
                                 char **problem);

/* The paths of members that are not known and will be lost, "spec.unknown", each with a newline; "": none. */
void ds_unknown_members(const struct ds_resource *resource, struct json_object *body, struct ds_text *paths);

/* Takes out the members of features that are switched off, unless the stored object (NULL: none) has them. */
void ds_prune_disabled(const struct ds_resource *resource, struct json_object *tree,
                       struct json_object *stored);

/* Collects what is wrong with its values. */
void ds_validate(const struct ds_resource *resource, struct json_object *tree,
                 struct ds_complaints *complaints);

/* What the API server fills in when an object is created. */
void ds_set_defaults(const struct ds_resource *resource, struct json_object *tree);

/* metav1.Time of now plus that many seconds: "2006-01-02T15:04:05Z". */
void ds_timestamp(char out[32], int64_t seconds_ahead);

#endif
