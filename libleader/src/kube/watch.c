/* A watch stream's decoder: see watch.h. */
#include "kube/watch.h"

#include "error.h"
#include "kube/json.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kl_watch_decoder {
    kl_watch_handler handler;
    void *user;
    size_t max_event;
    struct kl_json_reader reader;
    size_t used; /* bytes of the event that has begun; 0 between events */
    int failed;  /* the code of the failure; 0 for none */
    char message[160];
};

struct kl_watch_decoder *kl_watch_decoder_new(size_t max_event, kl_watch_handler handler, void *user)
{
    struct kl_watch_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return NULL;
    if (kl_json_reader_start(&decoder->reader, 2) != 0) {
        free(decoder);
        return NULL;
    }
    decoder->handler = handler;
    decoder->user = user;
    decoder->max_event = max_event;
    return decoder;
}

static int fail(struct kl_watch_decoder *decoder, int code, const char *what, const char *bytes, size_t size)
{
    char quote[KL_JSON_QUOTE_SIZE];
    kl_json_quote(quote, bytes, size);
    decoder->failed = code;
    (void)snprintf(decoder->message, sizeof decoder->message, "watch stream: %s%s%s", what, size ? ": " : "",
                   quote);
    return code;
}

static int deliver(struct kl_watch_decoder *decoder, struct json_object *event)
{
    static const char *const names[] = {
        [KL_WATCH_ADDED] = "ADDED",       [KL_WATCH_MODIFIED] = "MODIFIED", [KL_WATCH_DELETED] = "DELETED",
        [KL_WATCH_BOOKMARK] = "BOOKMARK", [KL_WATCH_ERROR] = "ERROR",
    };
    struct json_object *type = NULL, *object = NULL;
    json_object_object_get_ex(event, "type", &type);
    json_object_object_get_ex(event, "object", &object);
    const char *name = kl_json_string(type);
    size_t known = 0;
    while (name && known < sizeof names / sizeof names[0] && strcmp(name, names[known]) != 0)
        known++;
    if (name && known == sizeof names / sizeof names[0])
        return 0;
    if (!name || !json_object_is_type(object, json_type_object)) {
        const char *text = json_object_to_json_string_ext(event, JSON_C_TO_STRING_PLAIN);
        return fail(decoder, K8SLEADER_ERR_PROTOCOL, "no event", text, text ? strlen(text) : 0);
    }
    decoder->handler(decoder->user, (enum kl_watch_event_type)known, object);
    return 0;
}

/* Takes bytes of one event, up to its end. */
static int take_event(struct kl_watch_decoder *decoder, const char *bytes, size_t size, size_t *taken)
{
    size_t most = decoder->max_event - decoder->used;
    most = most < size ? most : size;
    struct json_object *event = kl_json_read(&decoder->reader, bytes, most, taken);
    const char *wrong = decoder->reader.wrong;
    if (event) {
        decoder->used = 0;
        int code = deliver(decoder, event);
        json_object_put(event);
        return code;
    }
    decoder->used += *taken;
    if (wrong && strcmp(wrong, KL_JSON_TOO_DEEP) == 0)
        return fail(decoder, K8SLEADER_ERR_PROTOCOL, "an event nested too deep", NULL, 0);
    if (wrong)
        return fail(decoder, K8SLEADER_ERR_PROTOCOL, wrong, bytes + *taken, size - *taken);
    if (decoder->used == decoder->max_event)
        return fail(decoder, K8SLEADER_ERR_TOO_LARGE, "an event beyond the bound on its size", NULL, 0);
    return 0;
}

static int take(struct kl_watch_decoder *decoder, const char *bytes, size_t size)
{
    const char *end = bytes + size;
    while (bytes < end) {
        if (decoder->used == 0 && kl_json_is_blank(*bytes)) {
            bytes++;
            continue;
        }
        if (decoder->used == 0 && *bytes != '{')
            return fail(decoder, K8SLEADER_ERR_PROTOCOL, *bytes ? "not JSON" : "a NUL byte", bytes,
                        (size_t)(end - bytes));
        size_t taken;
        int code = take_event(decoder, bytes, (size_t)(end - bytes), &taken);
        if (code)
            return code;
        bytes += taken;
    }
    return 0;
}

int kl_watch_decoder_feed(struct kl_watch_decoder *decoder, const char *bytes, size_t size,
                          k8sleader_error **err)
{
    if (!decoder->failed)
        (void)take(decoder, bytes, size);
    return decoder->failed ? kl_fail(err, decoder->failed, "%s", decoder->message) : 0;
}

int kl_watch_decoder_at_boundary(const struct kl_watch_decoder *decoder)
{
    return decoder->used == 0 && !decoder->failed;
}

void kl_watch_decoder_free(struct kl_watch_decoder *decoder)
{
    if (!decoder)
        return;
    kl_json_reader_end(&decoder->reader);
    free(decoder);
}
