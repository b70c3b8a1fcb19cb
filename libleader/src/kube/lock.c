/* Lock objects, Leases and ConfigMaps: see lock.h. */
#include "kube/lock.h"

#include "error.h"
#include "kube/json.h"
#include "kube/time.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* client-go tools/leaderelection/resourcelock: LeaderElectionRecordAnnotationKey. */
#define LEADER_ANNOTATION "control-plane.alpha.kubernetes.io/leader"

const struct kl_resource kl_leases = {
    .plural = "leases",
    .kind = "Lease",
    .api_version = "coordination.k8s.io/v1",
    .path = "/apis/coordination.k8s.io/v1",
    .transitions = "leaseTransitions",
    .put_creates = 1,
};

const struct kl_resource kl_configmaps = {
    .plural = "configmaps",
    .kind = "ConfigMap",
    .api_version = "v1",
    .path = "/api/v1",
    .transitions = "leaderTransitions",
    .in_annotation = 1,
};

const struct kl_resource *kl_resource_named(const char *plural)
{
    return strcmp(plural, kl_leases.plural) == 0       ? &kl_leases
           : strcmp(plural, kl_configmaps.plural) == 0 ? &kl_configmaps
                                                       : NULL;
}

/* Locks are some hundred bytes: most are put together on the stack, and then allocated in one piece of the
 * right size. */
#define USUAL_SIZE 2048

/* What one pass over an object's members finds besides the text; all borrowed from the object. */
struct parts {
    struct json_object *metadata;
    struct json_object *spec;
    struct json_object *labels;
    struct json_object *annotations;
    struct json_object *owners;
    struct json_object *name;
    struct json_object *uid;
    struct json_object *resource_version;
};

/* ---- reading ---- */

static void put_string_member(struct kl_text *text, const char *key, const char *value)
{
    kl_text_string(text, key, strlen(key));
    kl_text_put(text, ":", 1);
    kl_text_string(text, value, strlen(value));
    kl_text_put(text, ",", 1);
}

static int refuse(const struct kl_resource *resource, k8sleader_error **err, const char *member,
                  struct json_object *value)
{
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
    char quote[KL_JSON_QUOTE_SIZE];
    kl_json_quote(quote, text ? text : "", text ? strlen(text) : 0);
    return kl_fail(err, K8SLEADER_ERR_PROTOCOL, "no readable %s: %s is %s", resource->kind, member, quote);
}

/* null is missing, and so is "", as in Go. */
static int is_missing_or(struct json_object *value, const char *expected)
{
    const char *string = kl_json_string(value);
    return !value || (string && (!*string || strcmp(string, expected) == 0));
}

static int is_missing_or_type(struct json_object *value, enum json_type type)
{
    return !value || json_object_is_type(value, type);
}

/* "" for null, missing, and whatever kl_json_string() does not take. */
static const char *string_or_empty(struct json_object *value)
{
    const char *string = kl_json_string(value);
    return string ? string : "";
}

static void put_type(struct kl_text *text, const struct kl_resource *resource)
{
    put_string_member(text, "apiVersion", resource->api_version);
    put_string_member(text, "kind", resource->kind);
}

static int read_top(const struct kl_resource *resource, struct json_object *object, struct parts *parts,
                    struct kl_text *text, k8sleader_error **err)
{
    struct lh_entry *entry;
    put_type(text, resource);
    lh_foreach(json_object_get_object(object), entry)
    {
        const char *key = lh_entry_k(entry);
        struct json_object *value = lh_entry_v(entry);
        if (strcmp(key, "metadata") == 0)
            parts->metadata = value;
        else if (strcmp(key, "spec") == 0 && !resource->in_annotation)
            parts->spec = value;
        else if (strcmp(key, "apiVersion") == 0) {
            if (!is_missing_or(value, resource->api_version))
                return refuse(resource, err, key, value);
        } else if (strcmp(key, "kind") == 0) {
            if (!is_missing_or(value, resource->kind))
                return refuse(resource, err, key, value);
        } else
            kl_text_member(text, key, value);
    }
    kl_text_put(text, "", 1);
    if (!json_object_is_type(parts->metadata, json_type_object))
        return refuse(resource, err, "metadata", parts->metadata);
    if (!is_missing_or_type(parts->spec, json_type_object))
        return refuse(resource, err, "spec", parts->spec);
    return 0;
}

static int read_metadata(const struct kl_resource *resource, struct parts *parts, struct kl_text *text,
                         k8sleader_error **err)
{
    struct lh_entry *entry;
    lh_foreach(json_object_get_object(parts->metadata), entry)
    {
        const char *key = lh_entry_k(entry);
        struct json_object *value = lh_entry_v(entry);
        if (strcmp(key, "uid") == 0)
            parts->uid = value;
        else if (strcmp(key, "resourceVersion") == 0)
            parts->resource_version = value;
        else if (strcmp(key, "labels") == 0)
            parts->labels = value;
        else if (strcmp(key, "annotations") == 0 && resource->in_annotation)
            parts->annotations = value;
        else if (strcmp(key, "managedFields") != 0) {
            if (strcmp(key, "name") == 0)
                parts->name = value;
            if (strcmp(key, "ownerReferences") == 0)
                parts->owners = value;
            kl_text_member(text, key, value);
        }
    }
    kl_text_put(text, "", 1);
    if (!*string_or_empty(parts->name))
        return refuse(resource, err, "metadata.name", parts->name);
    if (parts->uid && !kl_json_string(parts->uid))
        return refuse(resource, err, "metadata.uid", parts->uid);
    if (parts->resource_version && !kl_json_string(parts->resource_version))
        return refuse(resource, err, "metadata.resourceVersion", parts->resource_version);
    if (!is_missing_or_type(parts->labels, json_type_object))
        return refuse(resource, err, "metadata.labels", parts->labels);
    if (!is_missing_or_type(parts->annotations, json_type_object))
        return refuse(resource, err, "metadata.annotations", parts->annotations);
    return 0;
}

/* The members of labels or annotations, but for one that is held elsewhere. */
static void read_members(struct json_object *members, const char *but, struct kl_text *text)
{
    struct lh_entry *entry;
    if (members)
        lh_foreach(json_object_get_object(members), entry) if (strcmp(lh_entry_k(entry), but) != 0)
            kl_text_member(text, lh_entry_k(entry), lh_entry_v(entry));
    kl_text_put(text, "", 1);
}

/* A Pod owns it: a leader-for-life lock, which nobody may renew. */
static int is_owned_by_a_pod(struct json_object *owners)
{
    size_t count = json_object_is_type(owners, json_type_array) ? json_object_array_length(owners) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *owner = json_object_array_get_idx(owners, i);
        struct json_object *kind = NULL;
        if (json_object_is_type(owner, json_type_object) && json_object_object_get_ex(owner, "kind", &kind) &&
            strcmp(string_or_empty(kind), "Pod") == 0)
            return 1;
    }
    return 0;
}

/* The record in its annotation; *record is owned by the caller then, NULL when there is none. */
static int parse_annotation(const struct kl_resource *resource, const struct parts *parts,
                            struct kl_lock *lock, struct json_object **record, k8sleader_error **err)
{
    struct json_object *value = NULL;
    if (parts->annotations)
        (void)json_object_object_get_ex(parts->annotations, LEADER_ANNOTATION, &value);
    const char *text = string_or_empty(value);
    if (!*text || strcmp(text, "null") == 0) { /* null is missing, here too */
        if (is_owned_by_a_pod(parts->owners))
            lock->barred = K8SLEADER_ERR_FOREIGN_LOCK;
        return 0;
    }
    *record = kl_json_parse(text, strlen(text));
    if (!json_object_is_type(*record, json_type_object)) {
        json_object_put(*record);
        *record = NULL;
        return refuse(resource, err, "the annotation " LEADER_ANNOTATION, value);
    }
    return 0;
}

/* A holder too long to keep, or that C text would cut, is made another that differs whenever the whole
 * differs. */
static void set_holder(char holder[KL_IDENTITY_MAX + 1], const char *text, size_t size)
{
    const size_t tail = 1 + 16;
    size_t visible = strnlen(text, size);
    if (size <= KL_IDENTITY_MAX && visible == size) {
        memcpy(holder, text, size);
        return;
    }
    size_t keep = kl_utf8_cut(text, visible, KL_IDENTITY_MAX - tail);
    memcpy(holder, text, keep);
    holder[keep] = '~';
    uint64_t hash = kl_hash(text, size);
    for (size_t i = keep + tail - 1; i > keep; i--, hash >>= 4)
        holder[i] = "0123456789abcdef"[hash & 15];
}

/* Another program's time: text that cannot be read, or no text, still gives a stamp that changes when it
 * does. */
static kl_stamp read_time(struct json_object *value)
{
    const char *string = kl_json_string(value);
    return kl_time_parse(string || !value ? string
                                          : json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

static int64_t read_integer(struct json_object *value)
{
    int64_t number;
    if (kl_json_integer(value, &number))
        return number;
    const char *string = string_or_empty(value);
    if (!strchr("-0123456789", string[0])) /* strtoll() would pass over blanks and take a plus */
        return 0;
    char *end;
    errno = 0;
    number = strtoll(string, &end, 10);
    return *end == '\0' && errno == 0 ? number : 0;
}

/* The record's members, of a Lease's spec or of the annotation. */
static int read_record(const struct kl_resource *resource, struct json_object *spec, struct kl_lock *lock,
                       struct kl_text *text, k8sleader_error **err)
{
    struct lh_entry *entry = spec ? lh_table_head(json_object_get_object(spec)) : NULL;
    for (; entry; entry = lh_entry_next(entry)) {
        const char *key = lh_entry_k(entry);
        struct json_object *value = lh_entry_v(entry);
        if (strcmp(key, "holderIdentity") == 0) {
            if (!is_missing_or_type(value, json_type_string))
                return refuse(resource, err,
                              resource->in_annotation ? "the record's holderIdentity" : "spec.holderIdentity",
                              value);
            if (value)
                set_holder(lock->record.holder, json_object_get_string(value),
                           (size_t)json_object_get_string_len(value));
        } else if (strcmp(key, "renewTime") == 0)
            lock->record.renew_time = read_time(value);
        else if (strcmp(key, "acquireTime") == 0)
            lock->record.acquire_time = read_time(value);
        else if (strcmp(key, "leaseDurationSeconds") == 0)
            lock->record.duration_s = read_integer(value);
        else if (strcmp(key, resource->transitions) == 0)
            lock->record.transitions = read_integer(value);
        else {
            if (strcmp(key, "strategy") == 0 || strcmp(key, "preferredHolder") == 0)
                if (json_object_is_type(value, json_type_string) && json_object_get_string_len(value) > 0)
                    lock->barred = K8SLEADER_ERR_COORDINATED;
            kl_text_member(text, key, value);
        }
    }
    kl_text_put(text, "", 1);
    return 0;
}

/* Moves the texts, each with its NUL, into one block. Their order is the order they were written in. */
static int keep_texts(const struct kl_resource *resource, struct kl_lock *lock, const struct kl_text *text,
                      k8sleader_error **err)
{
    char *at = text->failed ? NULL : malloc(text->size);
    if (!at)
        return kl_fail(err, K8SLEADER_ERR_NO_MEMORY, "no memory for a %s", resource->kind);
    memcpy(at, text->bytes, text->size);
    char **const texts[] = {&lock->other_top,       &lock->other_metadata, &lock->labels,
                            &lock->annotations,     &lock->other_record,   &lock->uid,
                            &lock->resource_version};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = at;
        at += strlen(at) + 1;
    }
    return 0;
}

static int read_parts(const struct kl_resource *resource, const struct parts *parts, struct kl_lock *lock,
                      struct kl_text *text, k8sleader_error **err)
{
    struct json_object *annotated = NULL;
    int code = 0;
    read_members(parts->labels, "", text);
    read_members(parts->annotations, LEADER_ANNOTATION, text);
    if (resource->in_annotation)
        code = parse_annotation(resource, parts, lock, &annotated, err);
    if (!code)
        code = read_record(resource, resource->in_annotation ? annotated : parts->spec, lock, text, err);
    json_object_put(annotated);
    return code;
}

static int decode(const struct kl_resource *resource, struct json_object *object, struct kl_lock *lock,
                  struct kl_text *text, k8sleader_error **err)
{
    struct parts parts = {0};
    if (!json_object_is_type(object, json_type_object))
        return refuse(resource, err, "the object", object);
    int code = read_top(resource, object, &parts, text, err);
    if (!code)
        code = read_metadata(resource, &parts, text, err);
    if (!code)
        code = read_parts(resource, &parts, lock, text, err);
    if (code)
        return code;
    kl_text_puts(text, string_or_empty(parts.uid));
    kl_text_put(text, "", 1);
    kl_text_puts(text, string_or_empty(parts.resource_version));
    kl_text_put(text, "", 1);
    code = keep_texts(resource, lock, text, err);
    if (!code)
        lock->version = kl_version_number(lock->resource_version);
    return code;
}

int kl_lock_decode(const struct kl_resource *resource, struct json_object *object, struct kl_lock *lock,
                   k8sleader_error **err)
{
    char storage[USUAL_SIZE];
    struct kl_text text;
    kl_text_start(&text, storage, sizeof storage);
    *lock = (struct kl_lock){.record = {.acquire_time = KL_STAMP_NONE, .renew_time = KL_STAMP_NONE}};
    int code = decode(resource, object, lock, &text, err);
    kl_text_free(&text);
    if (code)
        kl_lock_clear(lock);
    return code;
}

int kl_object_is_lock(const struct kl_resource *resource, struct json_object *object)
{
    struct json_object *metadata = NULL;
    struct json_object *annotations = NULL;
    return !resource->in_annotation || (json_object_object_get_ex(object, "metadata", &metadata) &&
                                        json_object_object_get_ex(metadata, "annotations", &annotations) &&
                                        json_object_object_get_ex(annotations, LEADER_ANNOTATION, NULL));
}

static const char *metadata_string(struct json_object *object, const char *key)
{
    struct json_object *metadata = NULL, *value = NULL;
    if (json_object_is_type(object, json_type_object) &&
        json_object_object_get_ex(object, "metadata", &metadata) &&
        json_object_is_type(metadata, json_type_object))
        json_object_object_get_ex(metadata, key, &value);
    return kl_json_string(value);
}

const char *kl_object_name(struct json_object *object)
{
    return metadata_string(object, "name");
}

const char *kl_object_namespace(struct json_object *object)
{
    return metadata_string(object, "namespace");
}

void kl_lock_clear(struct kl_lock *lock)
{
    free(lock->other_top);
    memset(lock, 0, sizeof *lock);
}

uint64_t kl_version_number(const char *resource_version)
{
    if (!resource_version || *resource_version == '0')
        return 0;
    uint64_t number = 0;
    for (const char *at = resource_version; *at; at++) {
        uint64_t digit = (uint64_t)(unsigned char)*at - '0'; /* what is below '0' wraps to something large */
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}

/* ---- writing ---- */

static void put_time_member(struct kl_text *text, const char *key, kl_stamp stamp)
{
    char time[KL_TIME_TEXT_SIZE];
    kl_time_format(stamp, time);
    if (*time) {
        put_string_member(text, key, time);
        return;
    }
    kl_text_string(text, key, strlen(key));
    kl_text_puts(text, ":null,");
}

static void put_integer_member(struct kl_text *text, const char *key, int64_t number)
{
    kl_text_string(text, key, strlen(key));
    kl_text_put(text, ":", 1);
    kl_text_integer(text, number);
    kl_text_put(text, ",", 1);
}

/* The character after a JSON string. */
static const char *end_of_string(const char *quote)
{
    const char *at = quote + 1;
    while (*at && *at != '"')
        at += at[0] == '\\' && at[1] ? 2 : 1;
    return *at ? at + 1 : at;
}

/* The character after the comma that ends the first of some members. */
static const char *end_of_member(const char *members)
{
    int depth = 0;
    const char *at = members;
    while (*at) {
        if (*at == '"') {
            at = end_of_string(at);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        else if (*at == ',' && depth == 0)
            return at + 1;
        at++;
    }
    return at;
}

/* 1 when one of the labels has this key, given as JSON text. Both were escaped by the same rules, so text
 * tells. */
static int has_label(struct kl_text *text, const struct kl_label *labels, size_t count, const char *key,
                     size_t size)
{
    int found = 0;
    for (size_t i = 0; i < count && !found; i++) {
        char storage[512];
        struct kl_text label;
        kl_text_start(&label, storage, sizeof storage);
        kl_text_string(&label, labels[i].key, strlen(labels[i].key));
        found = label.size == size && memcmp(label.bytes, key, size) == 0;
        text->failed |= label.failed;
        kl_text_free(&label);
    }
    return found;
}

/* The labels there are, less those set anew, then the new ones; of two with one key the last counts. */
static void put_labels(struct kl_text *text, const char *existing, const struct kl_label *labels,
                       size_t count)
{
    if (!*existing && count == 0)
        return;
    kl_text_puts(text, "\"labels\":{");
    for (const char *member = existing, *end; *member; member = end) {
        end = end_of_member(member);
        if (!has_label(text, labels, count, member, (size_t)(end_of_string(member) - member)))
            kl_text_put(text, member, (size_t)(end - member));
    }
    for (size_t i = 0; i < count; i++) {
        int set_again = 0;
        for (size_t later = i + 1; later < count; later++)
            set_again |= strcmp(labels[later].key, labels[i].key) == 0;
        if (!set_again)
            put_string_member(text, labels[i].key, labels[i].value);
    }
    kl_text_close(text, '}');
    kl_text_put(text, ",", 1);
}

static void put_annotations(struct kl_text *text, const struct kl_lock *base, const struct kl_text *record)
{
    kl_text_puts(text, "\"annotations\":{");
    if (base)
        kl_text_puts(text, base->annotations);
    kl_text_puts(text, "\"" LEADER_ANNOTATION "\":");
    kl_text_string(text, record->bytes, record->size);
    kl_text_put(text, "},", 2);
}

/* annotation: the record, where that is its place; else NULL. */
static void put_metadata(struct kl_text *text, const struct kl_lock *base, const char *namespace_,
                         const char *name, const struct kl_label *labels, size_t count,
                         const struct kl_text *annotation)
{
    kl_text_puts(text, "\"metadata\":{");
    if (base) {
        kl_text_puts(text, base->other_metadata);
        if (*base->uid)
            put_string_member(text, "uid", base->uid);
        if (*base->resource_version)
            put_string_member(text, "resourceVersion", base->resource_version);
    } else {
        put_string_member(text, "name", name);
        put_string_member(text, "namespace", namespace_);
    }
    put_labels(text, base ? base->labels : "", labels, count);
    if (annotation)
        put_annotations(text, base, annotation);
    kl_text_close(text, '}');
}

static void put_record(const struct kl_resource *resource, struct kl_text *text, const struct kl_lock *base,
                       const struct kl_record *record)
{
    kl_text_put(text, "{", 1);
    if (base)
        kl_text_puts(text, base->other_record);
    put_string_member(text, "holderIdentity", record->holder);
    put_integer_member(text, "leaseDurationSeconds", record->duration_s);
    put_time_member(text, "acquireTime", record->acquire_time);
    put_time_member(text, "renewTime", record->renew_time);
    put_integer_member(text, resource->transitions, record->transitions);
    kl_text_close(text, '}');
}

/* Room for all but unusual labels and escapes, so that one allocation does. */
static size_t usual_size(const struct kl_lock *base)
{
    const size_t own = 768; /* the members put by name, with the longest holder and numbers */
    if (!base)
        return own;
    return own + strlen(base->other_top) + strlen(base->other_metadata) + strlen(base->labels) +
           strlen(base->annotations) + strlen(base->other_record) + strlen(base->uid) +
           strlen(base->resource_version);
}

char *kl_lock_encode(const struct kl_resource *resource, const struct kl_lock *base, const char *namespace_,
                     const char *name, const struct kl_record *record, const struct kl_label *labels,
                     size_t count, size_t *size)
{
    char storage[USUAL_SIZE];
    struct kl_text annotation;
    struct kl_text text;
    kl_text_start(&annotation, storage, sizeof storage);
    kl_text_start(&text, NULL, 0);
    kl_text_reserve(&text, usual_size(base));
    kl_text_put(&text, "{", 1);
    if (base)
        kl_text_puts(&text, base->other_top);
    else
        put_type(&text, resource);
    if (resource->in_annotation)
        put_record(resource, &annotation, base, record);
    put_metadata(&text, base, namespace_, name, labels, count, resource->in_annotation ? &annotation : NULL);
    if (!resource->in_annotation) {
        kl_text_puts(&text, ",\"spec\":");
        put_record(resource, &text, base, record);
    }
    kl_text_put(&text, "}", 2); /* with the NUL */
    text.failed |= annotation.failed;
    kl_text_free(&annotation);
    if (text.failed) {
        kl_text_free(&text);
        return NULL;
    }
    *size = text.size - 1;
    return text.bytes;
}
