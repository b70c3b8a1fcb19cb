/* Short hands for JSON trees. Absent members and those of another type read as NULL or "". */
#ifndef DS_TREE_H
#define DS_TREE_H

#include <json-c/json.h>
#include <stddef.h>

#define DS_JSON_PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct json_object *ds_tree_get(struct json_object *tree, const char *key);
const char *ds_tree_string(struct json_object *tree, const char *key);
int ds_tree_is(struct json_object *tree, const char *key, enum json_type type);

/* Sets a member; NULL removes it. */
void ds_tree_set_string(struct json_object *tree, const char *key, const char *value);

struct json_object *ds_tree_clone(struct json_object *tree);

/* RFC 7386. Gives a new tree; leaves both arguments as they are. */
struct json_object *ds_tree_merge(struct json_object *target, struct json_object *patch);

/* NULL when it is no JSON object, with *problem set to a malloc'd text. */
struct json_object *ds_tree_parse(const char *bytes, size_t length, char **problem);

/* Is this string in that array of strings? */
int ds_tree_array_has(struct json_object *array, const char *string);

#endif
