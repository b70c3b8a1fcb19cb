#include "tree.h"

#include <limits.h>
#include <string.h>

#include "memory.h"

enum { DEEPEST_NESTING = 256 };

struct json_object *ds_tree_get(struct json_object *tree, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_is_type(tree, json_type_object) || !json_object_object_get_ex(tree, key, &value))
        return NULL;
    return value;
}

const char *ds_tree_string(struct json_object *tree, const char *key)
{
    struct json_object *value = ds_tree_get(tree, key);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int ds_tree_is(struct json_object *tree, const char *key, enum json_type type)
{
    struct json_object *value = ds_tree_get(tree, key);
    return value != NULL && json_object_is_type(value, type);
}

void ds_tree_set_string(struct json_object *tree, const char *key, const char *value)
{
    if (value == NULL)
        json_object_object_del(tree, key);
    else
        json_object_object_add(tree, key, json_object_new_string(value));
}

struct json_object *ds_tree_clone(struct json_object *tree)
{
    struct json_object *copy = NULL;
    if (tree != NULL)
        json_object_deep_copy(tree, &copy, NULL);
    return copy;
}

struct json_object *ds_tree_merge(struct json_object *target, struct json_object *patch)
{
    if (!json_object_is_type(patch, json_type_object))
        return ds_tree_clone(patch);
    struct json_object *result =
        json_object_is_type(target, json_type_object) ? ds_tree_clone(target) : json_object_new_object();
    json_object_object_foreach(patch, key, value)
    {
        if (value == NULL)
            json_object_object_del(result, key);
        else
            json_object_object_add(result, key, ds_tree_merge(ds_tree_get(result, key), value));
    }
    return result;
}

/* Gives json-c runs of bytes that are all ASCII, or all not: 0.18, when strict, takes the others for control
 * characters where char has a sign. *end: where it has got to. */
static struct json_object *parse_runs(struct json_tokener *tokener, const char *bytes, size_t length,
                                      size_t *end)
{
    struct json_object *tree = NULL;
    size_t at = 0, run;
    do {
        int ascii = at == length || (unsigned char)bytes[at] < 0x80;
        for (run = 0; at + run < length && ((unsigned char)bytes[at + run] < 0x80) == ascii;)
            run++;
        json_tokener_set_flags(tokener,
                               (ascii ? JSON_TOKENER_STRICT : 0) | JSON_TOKENER_ALLOW_TRAILING_CHARS);
        tree = json_tokener_parse_ex(tokener, bytes + at, (int)run);
        *end = at + json_tokener_get_parse_end(tokener);
        at += run;
    } while (at < length && json_tokener_get_error(tokener) == json_tokener_continue);
    return tree;
}

struct json_object *ds_tree_parse(const char *bytes, size_t length, char **problem)
{
    *problem = NULL;
    if (length > INT_MAX) {
        *problem = ds_copy("too long");
        return NULL;
    }
    struct json_tokener *tokener = json_tokener_new_ex(DEEPEST_NESTING);
    size_t end;
    struct json_object *tree = parse_runs(tokener, bytes, length, &end);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue)
        *problem = ds_copy("unexpected end of JSON input");
    else if (error != json_tokener_success)
        *problem = ds_format("invalid JSON at offset %zu: %s", end, json_tokener_error_desc(error));
    else {
        while (end < length && strchr(" \t\r\n", bytes[end]) != NULL && bytes[end] != '\0')
            end++;
        if (end < length)
            *problem = ds_format("invalid character after top-level value at offset %zu", end);
        else if (!json_object_is_type(tree, json_type_object))
            *problem = ds_copy("cannot unmarshal a value that is no JSON object");
    }
    json_tokener_free(tokener);
    if (*problem != NULL) {
        json_object_put(tree);
        return NULL;
    }
    return tree;
}

int ds_tree_array_has(struct json_object *array, const char *string)
{
    if (!json_object_is_type(array, json_type_array))
        return 0;
    for (size_t i = 0; i < json_object_array_length(array); i++)
        if (ds_same(json_object_get_string(json_object_array_get_idx(array, i)), string))
            return 1;
    return 0;
}
