/*
 * Status objects: what is shown to people is text within its bounds, without control characters; and a Status
 * made of what was read is read the same.
 */
#include "fuzz.h"

#include "kube/json.h"
#include "kube/status.h"

#include <string.h>

static void is_clean(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    REQUIRE(length < room);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        REQUIRE(c >= 0x20 && c != 0x7f);
        REQUIRE(!(c == 0xC2 && ((unsigned char)text[i + 1] & 0xE0) == 0x80));
    }
}

static void put(struct kl_text *text, const char *key, const char *value)
{
    kl_text_string(text, key, strlen(key));
    kl_text_puts(text, ":");
    kl_text_string(text, value, strlen(value));
    kl_text_puts(text, ",");
}

static void put_number(struct kl_text *text, const char *key, int value)
{
    kl_text_string(text, key, strlen(key));
    kl_text_puts(text, ":");
    kl_text_integer(text, value);
    kl_text_puts(text, ",");
}

static void read_again(const struct kl_status *status)
{
    struct kl_status again;
    struct kl_text text;
    kl_text_start(&text, NULL, 0);
    kl_text_puts(&text, "{");
    put(&text, "kind", "Status");
    put(&text, "reason", status->reason);
    put(&text, "message", status->message);
    put_number(&text, "code", status->code);
    kl_text_puts(&text, "\"details\":{");
    put(&text, "kind", status->kind);
    put(&text, "name", status->name);
    put_number(&text, "retryAfterSeconds", status->retry_after_seconds);
    kl_text_close(&text, '}');
    kl_text_puts(&text, "}");
    REQUIRE(!text.failed);
    REQUIRE(kl_status_decode_text(text.bytes, text.size, &again) == 1);
    REQUIRE(memcmp(&again, status, sizeof again) == 0);
    kl_text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct kl_status nothing;
    struct kl_status status;
    if (!kl_status_decode_text((const char *)data, size, &status)) {
        REQUIRE(memcmp(&status, &nothing, sizeof status) == 0);
        return 0;
    }
    REQUIRE(status.code >= 0);
    REQUIRE(status.retry_after_seconds >= 0 && status.retry_after_seconds <= 3600);
    is_clean(status.reason, sizeof status.reason);
    is_clean(status.message, sizeof status.message);
    is_clean(status.kind, sizeof status.kind);
    is_clean(status.name, sizeof status.name);
    read_again(&status);
    return 0;
}
