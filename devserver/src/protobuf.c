#include "protobuf.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memory.h"
#include "tree.h"

enum field_type {
    FIELD_STRING,
    FIELD_NUMBER,
    FIELD_BOOLEAN,
    FIELD_TIME,
    FIELD_MICRO_TIME,
    FIELD_MESSAGE,
    FIELD_STRINGS,
    FIELD_MESSAGES,
    FIELD_STRING_MAP,
    FIELD_BYTES_MAP
};

struct field {
    unsigned number;
    const char *name;
    enum field_type type;
    const struct field *fields; /* of a message; ended by one with number 0 */
};

/* The numbers are those of the generated.proto files of k8s.io/api and k8s.io/apimachinery. */

static const struct field owner_reference[] = {{1, "kind", FIELD_STRING, NULL},
                                               {3, "name", FIELD_STRING, NULL},
                                               {4, "uid", FIELD_STRING, NULL},
                                               {5, "apiVersion", FIELD_STRING, NULL},
                                               {6, "controller", FIELD_BOOLEAN, NULL},
                                               {7, "blockOwnerDeletion", FIELD_BOOLEAN, NULL},
                                               {0}};

static const struct field object_meta[] = {{1, "name", FIELD_STRING, NULL},
                                           {2, "generateName", FIELD_STRING, NULL},
                                           {3, "namespace", FIELD_STRING, NULL},
                                           {5, "uid", FIELD_STRING, NULL},
                                           {6, "resourceVersion", FIELD_STRING, NULL},
                                           {8, "creationTimestamp", FIELD_TIME, NULL},
                                           {11, "labels", FIELD_STRING_MAP, NULL},
                                           {12, "annotations", FIELD_STRING_MAP, NULL},
                                           {13, "ownerReferences", FIELD_MESSAGES, owner_reference},
                                           {14, "finalizers", FIELD_STRINGS, NULL},
                                           {0}};

static const struct field lease_spec[] = {
    {1, "holderIdentity", FIELD_STRING, NULL},   {2, "leaseDurationSeconds", FIELD_NUMBER, NULL},
    {3, "acquireTime", FIELD_MICRO_TIME, NULL},  {4, "renewTime", FIELD_MICRO_TIME, NULL},
    {5, "leaseTransitions", FIELD_NUMBER, NULL}, {6, "strategy", FIELD_STRING, NULL},
    {7, "preferredHolder", FIELD_STRING, NULL},  {0}};

static const struct field lease[] = {
    {1, "metadata", FIELD_MESSAGE, object_meta}, {2, "spec", FIELD_MESSAGE, lease_spec}, {0}};

static const struct field configmap[] = {{1, "metadata", FIELD_MESSAGE, object_meta},
                                         {2, "data", FIELD_STRING_MAP, NULL},
                                         {3, "binaryData", FIELD_BYTES_MAP, NULL},
                                         {4, "immutable", FIELD_BOOLEAN, NULL},
                                         {0}};

static const struct field namespace_[] = {{1, "metadata", FIELD_MESSAGE, object_meta}, {0}};

static const struct field preconditions[] = {
    {1, "uid", FIELD_STRING, NULL}, {2, "resourceVersion", FIELD_STRING, NULL}, {0}};

static const struct field delete_options[] = {{1, "gracePeriodSeconds", FIELD_NUMBER, NULL},
                                              {2, "preconditions", FIELD_MESSAGE, preconditions},
                                              {3, "orphanDependents", FIELD_BOOLEAN, NULL},
                                              {4, "propagationPolicy", FIELD_STRING, NULL},
                                              {0}};

static const struct field type_meta[] = {
    {1, "apiVersion", FIELD_STRING, NULL}, {2, "kind", FIELD_STRING, NULL}, {0}};

static const struct field seconds_and_nanos[] = {
    {1, "seconds", FIELD_NUMBER, NULL}, {2, "nanos", FIELD_NUMBER, NULL}, {0}};

static const struct field map_entry[] = {
    {1, "key", FIELD_STRING, NULL}, {2, "value", FIELD_STRING, NULL}, {0}};

static const struct {
    const char *kind;
    const struct field *fields;
} kinds[] = {
    {"Lease", lease}, {"ConfigMap", configmap}, {"Namespace", namespace_}, {"DeleteOptions", delete_options}};

struct reader {
    const unsigned char *at;
    const unsigned char *end;
};

/* One member of a message: a number, or a run of bytes. */
struct element {
    unsigned number;
    int is_bytes;
    uint64_t value;
    struct reader bytes;
};

static int read_varint(struct reader *reader, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 1;
    }
    return 0;
}

static int read_element(struct reader *reader, struct element *element)
{
    enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };
    uint64_t tag;
    uint64_t length;
    if (!read_varint(reader, &tag))
        return 0;
    *element = (struct element){.number = (unsigned)(tag >> 3), .is_bytes = (tag & 7) == WIRE_BYTES};
    if ((tag & 7) == WIRE_VARINT)
        return read_varint(reader, &element->value);
    if (!element->is_bytes || !read_varint(reader, &length) || length > (uint64_t)(reader->end - reader->at))
        return 0;
    element->bytes = (struct reader){reader->at, reader->at + length};
    reader->at += length;
    return 1;
}

static struct json_object *read_message(struct reader reader, const struct field *fields);

static struct json_object *new_string(struct reader bytes)
{
    union {
        const unsigned char *bytes;
        const char *text;
    } both = {.bytes = bytes.at};
    return json_object_new_string_len(both.text, (int)(bytes.end - bytes.at));
}

static struct json_object *new_base64(struct reader bytes)
{
    size_t length = (size_t)(bytes.end - bytes.at);
    unsigned char *encoded = ds_alloc(4 * ((length + 2) / 3) + 1);
    EVP_EncodeBlock(encoded, bytes.at, (int)length);
    struct reader text = {encoded, encoded + 4 * ((length + 2) / 3)};
    struct json_object *result = new_string(text);
    free(encoded);
    return result;
}

/* NULL for the zero time, which is no time. */
static struct json_object *new_time(struct reader bytes, int micro)
{
    struct json_object *parts = read_message(bytes, seconds_and_nanos);
    time_t seconds = (time_t)json_object_get_int64(ds_tree_get(parts, "seconds"));
    long nanos = (long)json_object_get_int64(ds_tree_get(parts, "nanos"));
    int is_set = json_object_is_type(parts, json_type_object) && json_object_object_length(parts) > 0;
    json_object_put(parts);
    if (!is_set)
        return NULL;
    struct tm utc;
    char date[32];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    char *text = micro ? ds_format("%s.%06ldZ", date, nanos / 1000) : ds_format("%sZ", date);
    struct json_object *result = json_object_new_string(text);
    free(text);
    return result;
}

/* The member of that name, made when it is not there yet: repeated fields come one by one. */
static struct json_object *collection(struct json_object *object, const char *name, enum json_type type)
{
    struct json_object *found = ds_tree_get(object, name);
    if (found == NULL) {
        found = type == json_type_array ? json_object_new_array() : json_object_new_object();
        json_object_object_add(object, name, found);
    }
    return found;
}

static int add_map_entry(struct json_object *map, struct reader bytes, int is_binary)
{
    struct json_object *entry = read_message(bytes, map_entry);
    struct element element;
    if (entry == NULL)
        return 0;
    struct json_object *value = json_object_get(ds_tree_get(entry, "value"));
    while (is_binary && read_element(&bytes, &element)) {
        if (element.number != 2 || !element.is_bytes)
            continue;
        json_object_put(value);
        value = new_base64(element.bytes);
    }
    json_object_object_add(map, ds_tree_string(entry, "key"),
                           value != NULL ? value : json_object_new_string(""));
    json_object_put(entry);
    return 1;
}

static int add_message(struct json_object *object, const struct field *field, struct reader bytes)
{
    struct json_object *message = read_message(bytes, field->fields);
    if (message == NULL)
        return 0;
    if (field->type == FIELD_MESSAGES)
        json_object_array_add(collection(object, field->name, json_type_array), message);
    else
        json_object_object_add(object, field->name, message);
    return 1;
}

static int add_element(struct json_object *object, const struct field *field, const struct element *element)
{
    int wants_number = field->type == FIELD_NUMBER || field->type == FIELD_BOOLEAN;
    if (wants_number == element->is_bytes)
        return 0;
    switch (field->type) {
    case FIELD_NUMBER:
        json_object_object_add(object, field->name, json_object_new_int64((int64_t)element->value));
        return 1;
    case FIELD_BOOLEAN:
        json_object_object_add(object, field->name, json_object_new_boolean(element->value != 0));
        return 1;
    case FIELD_STRING:
        json_object_object_add(object, field->name, new_string(element->bytes));
        return 1;
    case FIELD_TIME:
    case FIELD_MICRO_TIME:
        json_object_object_add(object, field->name,
                               new_time(element->bytes, field->type == FIELD_MICRO_TIME));
        return 1;
    case FIELD_STRINGS:
        json_object_array_add(collection(object, field->name, json_type_array), new_string(element->bytes));
        return 1;
    case FIELD_MESSAGE:
    case FIELD_MESSAGES:
        return add_message(object, field, element->bytes);
    case FIELD_STRING_MAP:
    case FIELD_BYTES_MAP:
        return add_map_entry(collection(object, field->name, json_type_object), element->bytes,
                             field->type == FIELD_BYTES_MAP);
    }
    return 0;
}

/* Fields that are not known are passed over. NULL: damaged. */
static struct json_object *read_message(struct reader reader, const struct field *fields)
{
    struct json_object *object = json_object_new_object();
    struct element element;
    while (reader.at < reader.end) {
        int good = read_element(&reader, &element);
        const struct field *field = fields;
        while (good && field->number != 0 && field->number != element.number)
            field++;
        if (!good || (field->number != 0 && !add_element(object, field, &element))) {
            json_object_put(object);
            return NULL;
        }
    }
    return object;
}

static const struct field *fields_of(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].fields;
    return NULL;
}

int ds_is_protobuf(const char *content_type)
{
    static const char protobuf[] = "application/vnd.kubernetes.protobuf";
    return content_type != NULL && strncmp(content_type, protobuf, strlen(protobuf)) == 0;
}

/* After four bytes of magic, an envelope: field 1 tells the kind, field 2 is the object. */
struct json_object *ds_protobuf_parse(const char *bytes, size_t length, char **problem)
{
    static const char magic[] = {'k', '8', 's', '\0'};
    enum { ENVELOPE_TYPE = 1, ENVELOPE_OBJECT = 2 };
    union {
        const char *text;
        const unsigned char *bytes;
    } start = {.text = bytes};
    struct reader object = {0};
    struct json_object *type = NULL;
    struct json_object *result = NULL;
    struct element element;
    int whole = length >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
    struct reader envelope = {start.bytes + (whole ? sizeof magic : length), start.bytes + length};
    while (whole && envelope.at < envelope.end) {
        whole = read_element(&envelope, &element);
        if (whole && element.number == ENVELOPE_TYPE && element.is_bytes && type == NULL)
            type = read_message(element.bytes, type_meta);
        else if (whole && element.number == ENVELOPE_OBJECT && element.is_bytes)
            object = element.bytes;
    }
    const struct field *fields = fields_of(ds_tree_string(type, "kind"));
    if (whole && fields != NULL)
        result = read_message(object, fields);
    if (result != NULL && fields != delete_options) {
        ds_tree_set_string(result, "kind", ds_tree_string(type, "kind"));
        ds_tree_set_string(result, "apiVersion", ds_tree_string(type, "apiVersion"));
    }
    *problem = NULL;
    if (result == NULL && whole && fields == NULL)
        *problem = ds_format("protobuf of kind \"%s\" is not served", ds_tree_string(type, "kind"));
    else if (result == NULL)
        *problem = ds_copy("damaged protobuf");
    json_object_put(type);
    return result;
}
