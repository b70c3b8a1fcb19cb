#include "labels.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tree.h"

enum { LONGEST_PART = 63, LONGEST_SUBDOMAIN = 253, MOST_ANNOTATION_BYTES = 256 * 1024 };

int ds_is_dns_subdomain(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > LONGEST_SUBDOMAIN)
        return 0;
    for (size_t i = 0; i < length; i++) {
        int alphanumeric = isdigit((unsigned char)name[i]) || islower((unsigned char)name[i]);
        int at_edge = i == 0 || i + 1 == length || name[i - 1] == '.' || name[i + 1] == '.';
        if (!alphanumeric && (at_edge || (name[i] != '-' && name[i] != '.')))
            return 0;
        if (!alphanumeric && name[i] == '.' && name[i - 1] == '-')
            return 0;
    }
    return 1;
}

/* Alphanumeric at both ends, between them also '-', '_' and '.'. */
static int is_part(const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        int inside = i > 0 && i + 1 < length;
        if (!isalnum((unsigned char)text[i]) && !(inside && strchr("-_.", text[i]) != NULL))
            return 0;
    }
    return 1;
}

static void complain(struct ds_complaints *complaints, const char *field, const char *value, const char *why)
{
    ds_complain(complaints, "FieldValueInvalid", field, "Invalid value: \"%s\": %s", value, why);
}

static void validate_key(const char *field, const char *key, struct ds_complaints *complaints)
{
    const char *slash = strchr(key, '/');
    const char *part = slash == NULL ? key : slash + 1;
    char *prefix = slash == NULL ? NULL : ds_copy_bytes(key, (size_t)(slash - key));
    if (strchr(part, '/') != NULL)
        complain(complaints, field, key,
                 "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start "
                 "and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "
                 "used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS "
                 "subdomain prefix and '/' (e.g. 'example.com/MyName')");
    else if (part[0] == '\0')
        complain(complaints, field, key, "name part must be non-empty");
    else if (strlen(part) > LONGEST_PART)
        complain(complaints, field, key, "name part must be no more than 63 bytes");
    else if (!is_part(part))
        complain(
            complaints, field, key,
            "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
            "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
            "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')");
    else if (prefix != NULL && !ds_is_dns_subdomain(prefix))
        complain(complaints, field, key, "prefix part must be a lowercase RFC 1123 subdomain");
    free(prefix);
}

static void validate_value(const char *value, struct ds_complaints *complaints)
{
    if (strlen(value) > LONGEST_PART)
        complain(complaints, "metadata.labels", value, "must be no more than 63 bytes");
    else if (!is_part(value))
        complain(
            complaints, "metadata.labels", value,
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
            "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', "
            " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
}

/* Annotation keys count in lower case. */
static void validate_annotation_key(const char *key, struct ds_complaints *complaints)
{
    char *lower = ds_copy(key);
    for (char *letter = lower; *letter != '\0'; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    validate_key("metadata.annotations", lower, complaints);
    free(lower);
}

static const char *string_of(struct json_object *value)
{
    return value == NULL ? "" : json_object_get_string(value);
}

void ds_labels_validate(struct json_object *metadata, struct ds_complaints *complaints)
{
    struct json_object *labels = ds_tree_get(metadata, "labels");
    struct json_object *annotations = ds_tree_get(metadata, "annotations");
    size_t bytes = 0;
    if (labels != NULL) {
        json_object_object_foreach(labels, key, value)
        {
            validate_key("metadata.labels", key, complaints);
            validate_value(string_of(value), complaints);
        }
    }
    if (annotations != NULL) {
        json_object_object_foreach(annotations, key, value)
        {
            validate_annotation_key(key, complaints);
            bytes += strlen(key) + strlen(string_of(value));
        }
    }
    if (bytes > MOST_ANNOTATION_BYTES)
        ds_complain(complaints, "FieldValueTooLong", "metadata.annotations",
                    "Too long: may not be more than 262144 bytes");
}
