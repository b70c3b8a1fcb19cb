#include "selector.h"

#include <stdlib.h>
#include <string.h>

static char *trimmed(const char *start, const char *end)
{
    while (start < end && *start == ' ')
        start++;
    while (end > start && end[-1] == ' ')
        end--;
    return ds_copy_bytes(start, (size_t)(end - start));
}

/* "key=value", "key==value", "key!=value"; for labels also "key" and "!key". */
static int parse_one(const char *start, const char *end, int bare_keys, struct ds_requirement *out)
{
    const char *equals = memchr(start, '=', (size_t)(end - start));
    *out = (struct ds_requirement){0};
    if (equals == NULL) {
        if (!bare_keys)
            return -1;
        out->negated = *start == '!';
        out->key = trimmed(start + out->negated, end);
        return 0;
    }
    out->negated = equals > start && equals[-1] == '!';
    out->key = trimmed(start, equals - out->negated);
    const char *value = equals + 1;
    if (value < end && *value == '=')
        value++;
    out->value = trimmed(value, end);
    return 0;
}

static int parse_all(const char *text, int bare_keys, struct ds_requirement **list, size_t *count)
{
    while (!ds_empty(text)) {
        const char *end = strchrnul(text, ',');
        if (strpbrk(text, "()") != NULL)
            return -1;
        *list = ds_grow(*list, (*count + 1) * sizeof **list);
        if (parse_one(text, end, bare_keys, &(*list)[*count]) != 0)
            return -1;
        (*count)++;
        text = *end == ',' ? end + 1 : end;
    }
    return 0;
}

static int is_known_field(const struct ds_resource *resource, const char *field)
{
    if (strcmp(field, "metadata.name") == 0 ||
        (resource->namespaced && strcmp(field, "metadata.namespace") == 0))
        return 1;
    if (resource->id == DS_PODS &&
        (strcmp(field, "spec.nodeName") == 0 || strcmp(field, "status.phase") == 0))
        return 1;
    return resource->id == DS_NAMESPACES && strcmp(field, "status.phase") == 0;
}

/* Resources with selectable fields of their own word their refusal in another way. */
static int is_unusual(const struct ds_resource *resource)
{
    return resource->id == DS_PODS || resource->id == DS_NODES || resource->id == DS_EVENTS ||
           resource->id == DS_NAMESPACES;
}

int ds_selector_parse(struct ds_selector *selector, const struct ds_resource *resource, const char *fields,
                      const char *labels, char **problem)
{
    *selector = (struct ds_selector){0};
    *problem = NULL;
    if (parse_all(fields, 0, &selector->fields, &selector->field_count) != 0)
        *problem = ds_format("invalid field selector: %s", fields);
    else if (parse_all(labels, 1, &selector->labels, &selector->label_count) != 0)
        *problem =
            ds_format("unable to parse requirement: %s: only =, ==, !=, key and !key are served", labels);
    for (size_t i = 0; *problem == NULL && i < selector->field_count; i++)
        if (!is_known_field(resource, selector->fields[i].key))
            *problem = is_unusual(resource)
                           ? ds_format("field label not supported: %s", selector->fields[i].key)
                           : ds_format("\"%s\" is not a known field selector: only \"metadata.name\"%s",
                                       selector->fields[i].key,
                                       resource->namespaced ? ", \"metadata.namespace\"" : "");
    if (*problem == NULL)
        return 0;
    ds_selector_free(selector);
    return -1;
}

static void free_requirements(struct ds_requirement *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].key);
        free(list[i].value);
    }
    free(list);
}

void ds_selector_free(struct ds_selector *selector)
{
    free_requirements(selector->fields, selector->field_count);
    free_requirements(selector->labels, selector->label_count);
    *selector = (struct ds_selector){0};
}

static const char *field_of(const struct ds_version *version, const char *field)
{
    if (strcmp(field, "metadata.name") == 0)
        return version->name;
    if (strcmp(field, "metadata.namespace") == 0)
        return version->namespace_;
    return strcmp(field, "spec.nodeName") == 0 ? version->node_name : version->phase;
}

static int is_met(const struct ds_requirement *requirement, const char *value)
{
    int equal = value != NULL && (requirement->value == NULL || strcmp(value, requirement->value) == 0);
    return equal != requirement->negated;
}

int ds_selector_matches(const struct ds_selector *selector, const struct ds_version *version)
{
    for (size_t i = 0; i < selector->field_count; i++)
        if (!is_met(&selector->fields[i], field_of(version, selector->fields[i].key)))
            return 0;
    for (size_t i = 0; i < selector->label_count; i++)
        if (!is_met(&selector->labels[i], ds_version_label(version, selector->labels[i].key)))
            return 0;
    return 1;
}

const char *ds_selector_exact(const struct ds_selector *selector, const char *field)
{
    for (size_t i = 0; i < selector->field_count; i++)
        if (!selector->fields[i].negated && strcmp(selector->fields[i].key, field) == 0)
            return selector->fields[i].value;
    return NULL;
}
