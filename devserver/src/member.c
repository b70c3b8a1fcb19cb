#include "member.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "tree.h"

static const char *const go_types[] = {
    [DS_STRING] = "string",
    [DS_BOOLEAN] = "bool",
    [DS_INT32] = "int32",
    [DS_INT64] = "int64",
    [DS_MICRO_TIME] = "string",
    [DS_OBJECT] = "struct",
    [DS_STRING_MAP] = "map[string]string",
    [DS_STRING_ARRAY] = "[]string",
    [DS_OBJECT_ARRAY] = "[]struct",
};

static const char *json_type_of(struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_boolean:
        return "bool";
    case json_type_double:
    case json_type_int:
        return "number";
    case json_type_object:
        return "object";
    case json_type_array:
        return "array";
    case json_type_string:
        return "string";
    case json_type_null:
        break;
    }
    return "null";
}

static int all_members_are_strings(struct json_object *map)
{
    json_object_object_foreach(map, key, value)
    {
        (void)key;
        if (value != NULL && !json_object_is_type(value, json_type_string))
            return 0;
    }
    return 1;
}

static int all_elements_are(struct json_object *array, enum json_type type)
{
    for (size_t i = 0; i < json_object_array_length(array); i++)
        if (!json_object_is_type(json_object_array_get_idx(array, i), type))
            return 0;
    return 1;
}

static int is_int32(struct json_object *value)
{
    int64_t number = json_object_get_int64(value);
    return number >= INT32_MIN && number <= INT32_MAX;
}

static int has_type(struct json_object *value, enum ds_member_type type)
{
    switch (type) {
    case DS_STRING:
    case DS_MICRO_TIME:
        return json_object_is_type(value, json_type_string);
    case DS_BOOLEAN:
        return json_object_is_type(value, json_type_boolean);
    case DS_INT32:
        return json_object_is_type(value, json_type_int) && is_int32(value);
    case DS_INT64:
        return json_object_is_type(value, json_type_int);
    case DS_OBJECT:
        return json_object_is_type(value, json_type_object);
    case DS_STRING_MAP:
        return json_object_is_type(value, json_type_object) && all_members_are_strings(value);
    case DS_STRING_ARRAY:
        return json_object_is_type(value, json_type_array) && all_elements_are(value, json_type_string);
    case DS_OBJECT_ARRAY:
        return json_object_is_type(value, json_type_array) && all_elements_are(value, json_type_object);
    }
    return 0;
}

int ds_members_check_type(const char *owner, const char *name, struct json_object *value,
                          enum ds_member_type type, char **problem)
{
    if (has_type(value, type))
        return 1;
    /* A number that is not the kind wanted is quoted. */
    int quoted = (type == DS_INT32 || type == DS_INT64) &&
                 (json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double));
    *problem = ds_format("json: cannot unmarshal %s%s%s into Go struct field %s.%s of type %s",
                         json_type_of(value), quoted ? " " : "", quoted ? json_object_get_string(value) : "",
                         owner, name, go_types[type]);
    return 0;
}

/*
 * "2006-01-02T15:04:05.000000Z07:00" exactly, as Go's time.Parse takes it for a MicroTime: six digits, an
 * offset or Z. Gives it in UTC, or NULL.
 */
static char *normalised_micro_time(const char *text)
{
    struct tm tm = {0};
    int microseconds = 0;
    int end = 0;
    static const char pattern[] = "dddd-dd-ddTdd:dd:dd.dddddd";
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        int digit = text[i] >= '0' && text[i] <= '9';
        /* Go takes a comma for the point. */
        int as_in_pattern = text[i] == pattern[i] || (pattern[i] == '.' && text[i] == ',');
        if (pattern[i] == 'd' ? !digit : !as_in_pattern)
            return NULL;
    }
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%*1[.,]%6d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec, &microseconds, &end) != 7)
        return NULL;
    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
        tm.tm_min > 59 || tm.tm_sec > 59)
        return NULL;
    const char *zone = text + end;
    int hours = 0;
    int minutes = 0;
    int length = 0;
    if (strcmp(zone, "Z") != 0 &&
        ((zone[0] != '+' && zone[0] != '-') || strlen(zone) != 6 ||
         sscanf(zone + 1, "%2d:%2d%n", &hours, &minutes, &length) != 2 || length != 5))
        return NULL;
    int day = tm.tm_mday;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t seconds = timegm(&tm);
    if (tm.tm_mday != day)
        return NULL;
    seconds -= (zone[0] == '-' ? -60 : 60) * (hours * 60 + minutes);
    gmtime_r(&seconds, &tm);
    char date[32];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    return ds_format("%s.%06dZ", date, microseconds);
}

static struct json_object *taken(struct json_object *value, enum ds_member_type type)
{
    if (type != DS_MICRO_TIME)
        return ds_tree_clone(value);
    char *normalised = normalised_micro_time(json_object_get_string(value));
    if (normalised == NULL)
        return NULL;
    struct json_object *result = json_object_new_string(normalised);
    free(normalised);
    return result;
}

int ds_members_take(const struct ds_member *members, size_t count, const char *owner,
                    struct json_object *from, struct json_object *into, char **problem)
{
    for (size_t i = 0; i < count; i++) {
        struct json_object *value = ds_tree_get(from, members[i].name);
        if (value == NULL)
            continue;
        if (!ds_members_check_type(owner, members[i].name, value, members[i].type, problem))
            return 0;
        struct json_object *copy = taken(value, members[i].type);
        if (copy == NULL) {
            *problem =
                ds_format("parsing time \"%s\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse it",
                          json_object_get_string(value));
            return 0;
        }
        json_object_object_add(into, members[i].name, copy);
    }
    return 1;
}

void ds_members_unknown(const struct ds_member *members, size_t count, struct json_object *from,
                        void (*call)(void *data, const char *name), void *data)
{
    if (!json_object_is_type(from, json_type_object))
        return;
    json_object_object_foreach(from, key, value)
    {
        size_t i = 0;
        (void)value;
        while (i < count && strcmp(members[i].name, key) != 0)
            i++;
        if (i == count)
            call(data, key);
    }
}
