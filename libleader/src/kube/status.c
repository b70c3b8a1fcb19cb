/* metav1.Status: see status.h. Nothing in it is relied on, so a member of the wrong type is a missing one. */
#include "kube/status.h"

#include "kube/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <string.h>

#define RETRY_AFTER_MAX 3600

/* C0, DEL, or C1 (two bytes in UTF-8): the length of the control character at the beginning, 0 for none. */
static size_t control_length(const char *text, size_t size)
{
    unsigned char c = (unsigned char)text[0];
    if (c < 0x20 || c == 0x7f)
        return 1;
    return c == 0xC2 && size > 1 && ((unsigned char)text[1] & 0xE0) == 0x80 ? 2 : 0;
}

/* A string member as text for people: cut to room, no control characters. */
static void copy_text(char *to, size_t room, struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, key, &value);
    if (!json_object_is_type(value, json_type_string))
        return;
    const char *from = json_object_get_string(value);
    size_t size = kl_utf8_cut(from, (size_t)json_object_get_string_len(value), room - 1);
    memcpy(to, from, size);
    to[size] = '\0';
    for (size_t i = 0; i < size;) {
        size_t control = control_length(to + i, size - i);
        memset(to + i, ' ', control);
        i += control > 0 ? control : 1;
    }
}

/* An integer member, 0 when missing or below zero, at most `most`. */
static int bounded(struct json_object *object, const char *key, int most)
{
    struct json_object *value = NULL;
    int64_t number;
    json_object_object_get_ex(object, key, &value);
    if (!kl_json_integer(value, &number) || number < 0)
        return 0;
    return number < most ? (int)number : most;
}

int kl_status_decode(struct json_object *object, struct kl_status *status)
{
    memset(status, 0, sizeof *status);
    struct json_object *kind = NULL, *details = NULL;
    if (!json_object_is_type(object, json_type_object))
        return 0;
    json_object_object_get_ex(object, "kind", &kind);
    const char *name = kl_json_string(kind);
    if (!name || strcmp(name, "Status") != 0)
        return 0;
    status->code = bounded(object, "code", INT_MAX);
    copy_text(status->reason, sizeof status->reason, object, "reason");
    copy_text(status->message, sizeof status->message, object, "message");
    json_object_object_get_ex(object, "details", &details);
    if (json_object_is_type(details, json_type_object)) {
        copy_text(status->kind, sizeof status->kind, details, "kind");
        copy_text(status->name, sizeof status->name, details, "name");
        status->retry_after_seconds = bounded(details, "retryAfterSeconds", RETRY_AFTER_MAX);
    }
    return 1;
}

int kl_status_decode_text(const char *body, size_t size, struct kl_status *status)
{
    struct json_object *object = kl_json_parse(body, size);
    int is_status = kl_status_decode(object, status);
    json_object_put(object);
    return is_status;
}
