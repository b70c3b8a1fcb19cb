/*
 * A watch stream: what it says does not depend on the pieces it comes in, an event is what was sent, and a
 * fault is for good.
 */
#include "fuzz.h"

#include "error.h"
#include "kube/json.h"
#include "kube/watch.h"

#include <json-c/json.h>
#include <string.h>

/* What a decoder said: its events as text, and how it ended. */
struct account {
    struct kl_text said;
    int events;
    int code;
    int at_boundary;
    size_t taken; /* bytes fed until the failure was known, all of them without one */
};

static void note(void *user, enum kl_watch_event_type type, struct json_object *object)
{
    struct account *account = user;
    struct kl_text once, again;
    REQUIRE(account->code == 0);
    REQUIRE(json_object_is_type(object, json_type_object));
    kl_text_start(&once, NULL, 0);
    kl_text_value(&once, object);
    REQUIRE(!once.failed);
    /* Written and read back it is the same. */
    struct json_object *copy = kl_json_parse(once.bytes, once.size);
    REQUIRE(copy);
    kl_text_start(&again, NULL, 0);
    kl_text_value(&again, copy);
    REQUIRE(again.size == once.size && memcmp(again.bytes, once.bytes, once.size) == 0);
    json_object_put(copy);
    kl_text_integer(&account->said, (int64_t)type);
    kl_text_put(&account->said, once.bytes, once.size);
    account->events++;
    kl_text_free(&once);
    kl_text_free(&again);
}

/* A failed decoder says the same whatever else it is fed, and calls nobody. */
static void stays_failed(struct kl_watch_decoder *decoder, struct account *account, const char *message)
{
    static const char event[] = "{\"type\":\"ADDED\",\"object\":{}}\n";
    k8sleader_error *error = NULL;
    int events = account->events;
    REQUIRE(kl_watch_decoder_feed(decoder, event, sizeof event - 1, &error) == account->code);
    REQUIRE(k8sleader_error_code(error) == account->code);
    REQUIRE(strcmp(k8sleader_error_message(error), message) == 0);
    REQUIRE(account->events == events);
    k8sleader_error_free(error);
}

/* piece 0: pieces of many sizes. */
static void decode(struct account *account, const char *bytes, size_t size, size_t most, size_t piece)
{
    uint32_t seed = (uint32_t)kl_hash(bytes, size);
    memset(account, 0, sizeof *account);
    kl_text_start(&account->said, NULL, 0);
    struct kl_watch_decoder *decoder = kl_watch_decoder_new(most, note, account);
    REQUIRE(decoder);
    while (account->taken < size && account->code == 0) {
        k8sleader_error *error = NULL;
        size_t left = size - account->taken;
        size_t next = piece ? piece : 1 + fuzz_next(&seed) % 40;
        next = next < left ? next : left;
        char *alone = fuzz_text((const uint8_t *)bytes + account->taken, next);
        int code = kl_watch_decoder_feed(decoder, alone, next, &error);
        free(alone);
        account->taken += next;
        account->code = code;
        REQUIRE(code == 0 || code == K8SLEADER_ERR_PROTOCOL || code == K8SLEADER_ERR_TOO_LARGE);
        REQUIRE(k8sleader_error_code(error) == code);
        if (code) {
            REQUIRE(k8sleader_error_message(error)[0]);
            stays_failed(decoder, account, k8sleader_error_message(error));
        }
        k8sleader_error_free(error);
    }
    account->at_boundary = kl_watch_decoder_at_boundary(decoder);
    REQUIRE(!account->at_boundary || account->code == 0);
    kl_watch_decoder_free(decoder);
}

static void same(const struct account *a, const struct account *b)
{
    REQUIRE(a->events == b->events);
    REQUIRE(a->said.size == b->said.size);
    REQUIRE(a->said.size == 0 || memcmp(a->said.bytes, b->said.bytes, a->said.size) == 0);
    REQUIRE(a->code == b->code);
    REQUIRE(a->at_boundary == b->at_boundary);
}

static void in_any_pieces(const char *bytes, size_t size, size_t most)
{
    struct account whole, single, mixed;
    decode(&whole, bytes, size, most, size ? size : 1);
    decode(&single, bytes, size, most, 1);
    decode(&mixed, bytes, size, most, 0);
    same(&whole, &single);
    same(&whole, &mixed);
    kl_text_free(&whole.said);
    kl_text_free(&single.said);
    kl_text_free(&mixed.said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in_any_pieces((const char *)data, size, (size_t)1 << 20);
    in_any_pieces((const char *)data, size,
                  size / 2 + 1); /* where most inputs hold an event that is too large */
    return 0;
}
