/* Typed members of JSON objects, taken over one by one with a check, as decoding into a Go struct does it. */
#ifndef DS_MEMBER_H
#define DS_MEMBER_H

#include <json-c/json.h>
#include <stddef.h>

enum ds_member_type {
    DS_STRING,
    DS_BOOLEAN,
    DS_INT32,
    DS_INT64,
    DS_MICRO_TIME,
    DS_OBJECT,
    DS_STRING_MAP,
    DS_STRING_ARRAY,
    DS_OBJECT_ARRAY
};

struct ds_member {
    const char *name;
    enum ds_member_type type;
};

/* Copies the known members that are set from one object into another. 0 when one has the wrong type: *problem
 * is set. */
int ds_members_take(const struct ds_member *members, size_t count, const char *owner,
                    struct json_object *from, struct json_object *into, char **problem);

/* Calls for each member that is none of those. */
void ds_members_unknown(const struct ds_member *members, size_t count, struct json_object *from,
                        void (*call)(void *data, const char *name), void *data);

int ds_members_check_type(const char *owner, const char *name, struct json_object *value,
                          enum ds_member_type type, char **problem);

#endif
