/* JSON text and values: see json.h. */
#include "kube/json.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void kl_text_start(struct kl_text *text, char *storage, size_t room)
{
    *text = (struct kl_text){.bytes = storage, .room = room};
}

void kl_text_reserve(struct kl_text *text, size_t more)
{
    if (text->failed || more <= text->room - text->size)
        return;
    size_t room = text->size + more;
    if (text->room > 0) /* it has been guessed too small before: make each byte's copying rare */
        room *= 2;
    char *bytes = realloc(text->on_heap ? text->bytes : NULL, room);
    if (!bytes) {
        text->failed = 1;
        return;
    }
    if (!text->on_heap && text->size > 0)
        memcpy(bytes, text->bytes, text->size);
    text->bytes = bytes;
    text->room = room;
    text->on_heap = 1;
}

void kl_text_put(struct kl_text *text, const char *bytes, size_t size)
{
    kl_text_reserve(text, size);
    if (text->failed || size == 0)
        return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void kl_text_puts(struct kl_text *text, const char *string)
{
    kl_text_put(text, string, strlen(string));
}

void kl_text_close(struct kl_text *text, char bracket)
{
    if (text->size > 0 && text->bytes[text->size - 1] == ',')
        text->size--;
    kl_text_put(text, &bracket, 1);
}

static void put_unsigned(struct kl_text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    kl_text_put(text, digits + at, sizeof digits - at);
}

void kl_text_integer(struct kl_text *text, int64_t number)
{
    if (number < 0)
        kl_text_put(text, "-", 1);
    put_unsigned(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

static void put_escape(struct kl_text *text, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char named[] =
        "\"\"\\\\\bb\ff\nn\rr\tt"; /* the character, then the letter that stands for it */
    for (const char *pair = named; *pair; pair += 2)
        if ((unsigned char)pair[0] == c) {
            kl_text_put(text, (const char[]){'\\', pair[1]}, 2);
            return;
        }
    kl_text_put(text, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

void kl_text_string(struct kl_text *text, const char *bytes, size_t size)
{
    kl_text_reserve(text, size + 2);
    kl_text_put(text, "\"", 1);
    size_t plain = 0; /* where the bytes begin that need no escape and are not yet put */
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        kl_text_put(text, bytes + plain, i - plain);
        put_escape(text, c);
        plain = i + 1;
    }
    kl_text_put(text, bytes + plain, size - plain);
    kl_text_put(text, "\"", 1);
}

static void put_integer_value(struct kl_text *text, struct json_object *value)
{
    int64_t number = json_object_get_int64(value);
    if (number == INT64_MAX) /* also what json-c gives for everything above */
        put_unsigned(text, json_object_get_uint64(value));
    else
        kl_text_integer(text, number);
}

static void put_object(struct kl_text *text, struct json_object *value)
{
    kl_text_put(text, "{", 1);
    struct lh_entry *entry;
    lh_foreach(json_object_get_object(value), entry)
        kl_text_member(text, lh_entry_k(entry), lh_entry_v(entry));
    kl_text_close(text, '}');
}

static void put_array(struct kl_text *text, struct json_object *value)
{
    kl_text_put(text, "[", 1);
    size_t count = json_object_array_length(value);
    for (size_t i = 0; i < count; i++) {
        kl_text_value(text, json_object_array_get_idx(value, i));
        kl_text_put(text, ",", 1);
    }
    kl_text_close(text, ']');
}

/* Recurses as deep as the parser let the document be: KL_JSON_DEPTH. */
void kl_text_value(struct kl_text *text, struct json_object *value)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        kl_text_puts(text, "null");
        break;
    case json_type_boolean:
        kl_text_puts(text, json_object_get_boolean(value) ? "true" : "false");
        break;
    case json_type_int:
        put_integer_value(text, value);
        break;
    case json_type_double: {
        const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;
        const char *number = json_object_to_json_string_ext(value, flags);
        if (number)
            kl_text_puts(text, number);
        else
            text->failed = 1;
        break;
    }
    case json_type_string:
        kl_text_string(text, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        break;
    case json_type_object:
        put_object(text, value);
        break;
    case json_type_array:
        put_array(text, value);
        break;
    }
}

void kl_text_member(struct kl_text *text, const char *key, struct json_object *value)
{
    kl_text_string(text, key, strlen(key));
    kl_text_put(text, ":", 1);
    kl_text_value(text, value);
    kl_text_put(text, ",", 1);
}

void kl_text_free(struct kl_text *text)
{
    if (text->on_heap)
        free(text->bytes);
    kl_text_start(text, NULL, 0);
}

/* ---- reading ---- */

int kl_json_reader_start(struct kl_json_reader *reader, unsigned object_level)
{
    *reader = (struct kl_json_reader){.scan = {.object_level = object_level}};
    reader->tokener = json_tokener_new_ex(KL_JSON_DEPTH);
    if (!reader->tokener)
        return -1;
    return 0;
}

void kl_json_reader_end(struct kl_json_reader *reader)
{
    if (reader->tokener)
        json_tokener_free(reader->tokener);
    reader->tokener = NULL;
}

static int is_ascii(char c)
{
    return (unsigned char)c < 0x80;
}

/* How many of the first bytes are all ASCII, or all not. */
static size_t run_of(const char *bytes, size_t size)
{
    size_t run = 1;
    while (run < size && is_ascii(bytes[run]) == is_ascii(*bytes))
        run++;
    return run;
}

/* Gives json-c the next bytes, which are all ASCII, or all not. Returns how many of them are good: all,
 * unless something is wrong. json-c 0.18, when strict, takes others than ASCII for control characters where
 * char has a sign. What is lenient begins with ASCII, so nothing else is let in by not being strict with
 * them. */
static size_t parse_run(struct kl_json_reader *reader, const char *bytes, size_t size,
                        struct json_object **value)
{
    int strict = is_ascii(*bytes) ? JSON_TOKENER_STRICT : 0;
    json_tokener_set_flags(reader->tokener, strict | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    *value = json_tokener_parse_ex(reader->tokener, bytes, (int)size);
    enum json_tokener_error state = json_tokener_get_error(reader->tokener);
    size_t end = json_tokener_get_parse_end(reader->tokener);
    if (state == json_tokener_continue || (state == json_tokener_success && end == size))
        return size;
    reader->wrong = state == json_tokener_error_depth ? KL_JSON_TOO_DEEP : "not JSON";
    return end;
}

/* The same for any bytes. */
static size_t parse(struct kl_json_reader *reader, const char *bytes, size_t size, struct json_object **value)
{
    size_t at = 0;
    while (at < size && !reader->wrong)
        at += parse_run(reader, bytes + at, run_of(bytes + at, size - at), value);
    return at;
}

struct json_object *kl_json_read(struct kl_json_reader *reader, const char *bytes, size_t size, size_t *taken)
{
    struct json_object *value = NULL;
    size_t at = 0;
    reader->wrong = NULL;
    if (size > INT_MAX) /* json-c counts in int */
        size = INT_MAX;
    for (;;) {
        size_t good;
        int dropped = reader->scan.dropping;
        enum kl_scanned scanned = kl_json_scan(&reader->scan, bytes + at, size - at, &good);
        at += dropped ? good : parse(reader, bytes + at, good, &value);
        if (scanned == KL_SCAN_DROP_BEGINS && !reader->wrong)
            (void)parse(reader, "[]", 2, &value);
        else if (scanned == KL_SCAN_WRONG && !reader->wrong)
            reader->wrong = reader->scan.wrong;
        else if ((scanned == KL_SCAN_DOCUMENT_ENDS) != (value != NULL) && !reader->wrong)
            reader->wrong = "not JSON"; /* a string or a number, where an object or an array is to be */
        *taken = at;
        if (reader->wrong) {
            json_object_put(value);
            return NULL;
        }
        if (scanned == KL_SCAN_DOCUMENT_ENDS || scanned == KL_SCAN_ALL)
            return value;
    }
}

static struct json_object *parse_whole(const char *bytes, size_t size, unsigned object_level)
{
    struct kl_json_reader reader;
    struct json_object *value = NULL;
    size_t taken = 0;
    if (size > 0 && kl_json_reader_start(&reader, object_level) == 0) {
        value = kl_json_read(&reader, bytes, size, &taken);
        kl_json_reader_end(&reader);
    }
    while (value && taken < size)
        if (!kl_json_is_blank(bytes[taken++])) {
            json_object_put(value);
            value = NULL;
        }
    return value;
}

struct json_object *kl_json_parse(const char *bytes, size_t size)
{
    return parse_whole(bytes, size, 1);
}

struct json_object *kl_json_parse_list(const char *bytes, size_t size)
{
    return parse_whole(bytes, size, 3);
}

struct json_object *kl_json_member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    (void)json_object_object_get_ex(object, key, &value);
    return value;
}

const char *kl_json_string(struct json_object *value)
{
    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *string = json_object_get_string(value);
    return strlen(string) == (size_t)json_object_get_string_len(value) ? string : NULL;
}

int kl_json_integer(struct json_object *value, int64_t *number)
{
    if (json_object_is_type(value, json_type_int)) {
        *number = json_object_get_int64(value);
        return *number != INT64_MAX || json_object_get_uint64(value) == INT64_MAX;
    }
    if (!json_object_is_type(value, json_type_double))
        return 0;
    double real = json_object_get_double(value);
    /* cppcheck-suppress incorrectLogicOperator ; it does not read hexadecimal floats */
    if (!(real >= -0x1p63 && real < 0x1p63)) /* so written, it is true of a NaN too */
        return 0;
    *number = (int64_t)real;
    return (double)*number == real;
}

size_t kl_utf8_cut(const char *text, size_t size, size_t limit)
{
    if (size <= limit)
        return size;
    size_t cut = limit;
    while (cut > 0 && limit - cut < 3 && ((unsigned char)text[cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}

uint64_t kl_hash(const char *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3U;
    return hash;
}

void kl_json_quote(char quote[KL_JSON_QUOTE_SIZE], const char *bytes, size_t size)
{
    const size_t most = KL_JSON_QUOTE_SIZE - 1;
    size_t shown = size <= most ? size : most - 3;
    for (size_t i = 0; i < shown; i++)
        quote[i] = (char)(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '?');
    if (size > most)
        memcpy(quote + shown, "...", 3);
    quote[size > most ? most : size] = '\0';
}
