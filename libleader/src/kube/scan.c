#include "kube/scan.h"

#include <limits.h>
#include <string.h>

/* Where a number (RFC 8259 section 6) or a word (true, false, null: json-c checks which) has got to. */
enum place {
    OUTSIDE,
    MINUS,
    ZERO,
    WHOLE,
    POINT,
    FRACTION,
    EXPONENT_MARK,
    EXPONENT_SIGN,
    EXPONENT,
    WORD,
    BAD
};

static enum place next_place(enum place place, char c)
{
    int digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'z', mark = c == 'e' || c == 'E';
    switch (place) {
    case OUTSIDE:
        if (c == '-')
            return MINUS;
        return letter ? WORD : next_place(MINUS, c);
    case MINUS:
        return c == '0' ? ZERO : digit ? WHOLE : BAD;
    case WHOLE:
        return digit ? WHOLE : next_place(ZERO, c);
    case ZERO:
        return c == '.' ? POINT : mark ? EXPONENT_MARK : BAD;
    case POINT:
        return digit ? FRACTION : BAD;
    case FRACTION:
        return digit ? FRACTION : mark ? EXPONENT_MARK : BAD;
    case EXPONENT_MARK:
        return digit ? EXPONENT : c == '-' || c == '+' ? EXPONENT_SIGN : BAD;
    case EXPONENT_SIGN:
    case EXPONENT:
        return digit ? EXPONENT : BAD;
    case WORD:
        return letter ? WORD : BAD;
    case BAD:
        break;
    }
    return BAD;
}

static int may_end(enum place place)
{
    return place == OUTSIDE || place == ZERO || place == WHOLE || place == FRACTION || place == EXPONENT ||
           place == WORD;
}

enum key { NO_KEY, METADATA, MANAGED_FIELDS };

static const struct {
    const char *text;
    size_t length;
} keys[] = {[METADATA] = {"metadata", 8}, [MANAGED_FIELDS] = {"managedFields", 13}};

/* A string begins: is it one of the two keys, at its place? */
static void begin_string(struct kl_json_scan *scan)
{
    scan->in_string = 1;
    scan->key = NO_KEY;
    if (scan->expects_key && scan->object_level) {
        if (scan->depth == scan->object_level)
            scan->key = METADATA;
        else if (scan->in_metadata && scan->depth == scan->object_level + 1)
            scan->key = MANAGED_FIELDS;
    }
    scan->matched = 0;
    scan->expects_key = 0;
}

/* Over a string's characters, to its end or the bytes' end. Returns how many of them are good. */
static size_t scan_string(struct kl_json_scan *scan, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (!scan->key && !scan->escaped)
            while (c != '"' && c != '\\' && c != '\0' && i + 1 < size) /* most characters of most strings */
                c = bytes[++i];
        if (c == '\0') {
            scan->wrong = "a NUL byte";
            return i;
        }
        if (scan->escaped) {
            scan->escaped = 0;
        } else if (c == '"') {
            scan->in_string = 0;
            if (scan->key && scan->matched != keys[scan->key].length)
                scan->key = NO_KEY;
            return i + 1;
        } else if (c == '\\') {
            scan->escaped = 1;
            scan->key = NO_KEY;
        } else if (scan->key) { /* the text's NUL is no character of a string's */
            if (keys[scan->key].text[scan->matched] == c)
                scan->matched++;
            else
                scan->key = NO_KEY;
        }
    }
    return size;
}

static void open_bracket(struct kl_json_scan *scan, int is_object)
{
    if (is_object && scan->key == METADATA)
        scan->in_metadata = 1;
    scan->key = NO_KEY;
    scan->depth++;
    if (scan->depth < sizeof scan->are_objects * CHAR_BIT) {
        unsigned bit = 1U << scan->depth;
        scan->are_objects = is_object ? scan->are_objects | bit : scan->are_objects & ~bit;
    }
    scan->expects_key = is_object;
}

/* Of the brackets themselves json-c says whether they fit. */
static enum kl_scanned close_bracket(struct kl_json_scan *scan)
{
    scan->expects_key = 0;
    if (scan->depth)
        scan->depth--;
    if (scan->depth == 0) {
        *scan = (struct kl_json_scan){.object_level = scan->object_level};
        return KL_SCAN_DOCUMENT_ENDS;
    }
    if (scan->depth == scan->object_level)
        scan->in_metadata = 0;
    if (scan->dropping && scan->depth == scan->object_level + 1) {
        scan->dropping = 0;
        return KL_SCAN_DROP_ENDS;
    }
    return KL_SCAN_ALL;
}

static enum kl_scanned scan_structure(struct kl_json_scan *scan, char c)
{
    switch (c) {
    case '"':
        begin_string(scan);
        break;
    case ',':
        scan->key = NO_KEY;
        scan->expects_key =
            scan->depth < sizeof scan->are_objects * CHAR_BIT && (scan->are_objects >> scan->depth & 1U);
        break;
    case '{':
    case '[':
        open_bracket(scan, c == '{');
        break;
    case '}':
    case ']':
        return close_bracket(scan);
    default: /* blanks and colons */
        break;
    }
    return KL_SCAN_ALL;
}

static int is_structure(char c)
{
    switch (c) {
    case '"':
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case ',':
    case ':':
    case '[':
    case ']':
    case '{':
    case '}':
        return 1;
    default:
        return 0;
    }
}

/* In or at a number or a word. */
static const char *scan_scalar(struct kl_json_scan *scan, char c)
{
    if (c == '\0')
        return "a NUL byte";
    scan->place = (int)next_place((enum place)scan->place, c);
    if (scan->place == BAD)
        return "not JSON";
    return ++scan->length > KL_JSON_NUMBER_MAX ? "a number too long" : NULL;
}

enum kl_scanned kl_json_scan(struct kl_json_scan *scan, const char *bytes, size_t size, size_t *good)
{
    size_t i = 0;
    scan->wrong = NULL;
    while (i < size && !scan->wrong) {
        char c = bytes[i];
        if (scan->in_string) {
            i += scan_string(scan, bytes + i, size - i);
            continue;
        }
        if (!is_structure(c)) {
            scan->wrong = scan_scalar(scan, c);
            i += !scan->wrong;
            continue;
        }
        if (!may_end((enum place)scan->place)) {
            scan->wrong = "not JSON";
            break;
        }
        scan->place = OUTSIDE;
        scan->length = 0;
        *good = i;
        if (c == '[' && scan->key == MANAGED_FIELDS && !scan->dropping) {
            scan->dropping = 1;
            return KL_SCAN_DROP_BEGINS;
        }
        enum kl_scanned scanned = scan_structure(scan, c);
        *good = ++i;
        if (scanned != KL_SCAN_ALL)
            return scanned;
    }
    *good = i;
    return scan->wrong ? KL_SCAN_WRONG : KL_SCAN_ALL;
}
