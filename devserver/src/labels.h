/* Labels and annotations: what their keys and values may be. */
#ifndef DS_LABELS_H
#define DS_LABELS_H

#include <json-c/json.h>

#include "answer.h"

void ds_labels_validate(struct json_object *metadata, struct ds_complaints *complaints);

int ds_is_dns_subdomain(const char *name);

#endif
