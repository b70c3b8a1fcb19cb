/* The spec of a Lease: its members and their values' limits. */
#ifndef DS_LEASE_H
#define DS_LEASE_H

#include <json-c/json.h>

#include "answer.h"

/* The canonical spec of a Lease object; NULL when a member has the wrong type, with *problem set. */
struct json_object *ds_lease_spec(struct json_object *lease, char **problem);

void ds_lease_validate(struct json_object *spec, struct ds_complaints *complaints);

void ds_lease_unknown_members(struct json_object *lease,
                              struct ds_text *paths); /* see ds_unknown_members() */

/* Without coordinated election its fields are not taken, except where they already are. */
void ds_lease_prune_coordinated(struct json_object *spec, struct json_object *stored);

#endif
