/*
 * Bodies in Kubernetes' protobuf encoding, which Go clients may send for Leases, ConfigMaps, Namespaces and
 * deletions (as `kubectl create configmap` does). Answers are JSON: clients tell by the content type.
 */
#ifndef DS_PROTOBUF_H
#define DS_PROTOBUF_H

#include <json-c/json.h>
#include <stddef.h>

int ds_is_protobuf(const char *content_type);

/* The object as its JSON would be. NULL when it is none of these kinds, or damaged: *problem is set to a
 * malloc'd text. */
struct json_object *ds_protobuf_parse(const char *bytes, size_t length, char **problem);

#endif
