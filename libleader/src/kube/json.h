/* What the files of this folder share: JSON text, values as other programs wrote them, foreign text made
 * safe. */
#ifndef KL_JSON_H
#define KL_JSON_H

#include "kube/scan.h"

#include <stddef.h>
#include <stdint.h>

struct json_object;
struct json_tokener;

/* The most levels of values a document may have; the innermost scalar counts as one. */
#define KL_JSON_DEPTH 32

/*
 * Text that grows. It may begin in storage of the caller's, so that a text of usual size costs no allocation.
 * A failed allocation sets `failed`, and what is put from then on is dropped: the caller checks once, at the
 * end.
 */
struct kl_text {
    char *bytes;
    size_t size;
    size_t room;
    int on_heap;
    int failed;
};

/* storage may be NULL with room 0; then the first byte allocates. */
void kl_text_start(struct kl_text *text, char *storage, size_t room);

/* Makes room for so many more bytes. */
void kl_text_reserve(struct kl_text *text, size_t more);

void kl_text_put(struct kl_text *text, const char *bytes, size_t size);
void kl_text_puts(struct kl_text *text, const char *string);

/* Ends a list of members: the comma after the last one, if there is one, goes. */
void kl_text_close(struct kl_text *text, char bracket);

void kl_text_integer(struct kl_text *text, int64_t number);

/* A JSON string with its quotes; UTF-8 is passed through. */
void kl_text_string(struct kl_text *text, const char *bytes, size_t size);

/* A JSON value in compact form. Numbers keep the text they were read from, as far as json-c keeps it. */
void kl_text_value(struct kl_text *text, struct json_object *value);

/* `"key":value,` */
void kl_text_member(struct kl_text *text, const char *key, struct json_object *value);

void kl_text_free(struct kl_text *text);

/* Reads documents, objects or arrays, from bytes in any pieces: strict, KL_JSON_DEPTH. */
struct kl_json_reader {
    struct json_tokener *tokener;
    struct kl_json_scan scan;
    const char *wrong; /* what is wrong with the next byte; NULL: nothing */
};

#define KL_JSON_TOO_DEEP "nested too deep"

/* object_level: as the scan's. -1 without memory. */
int kl_json_reader_start(struct kl_json_reader *reader, unsigned object_level);
void kl_json_reader_end(struct kl_json_reader *reader);

/*
 * Takes bytes of one document, up to its end. Returns the document when it ends there, to be put by the
 * caller; else NULL, and either all bytes were taken, or `wrong` says what is wrong with the first that was
 * not. After that the reader may only be ended.
 */
struct json_object *kl_json_read(struct kl_json_reader *reader, const char *bytes, size_t size,
                                 size_t *taken);

/* Parses a whole document, an object or an array, and nothing but white space after it; without an object's
 * metadata.managedFields. NULL when it is no such thing. */
struct json_object *kl_json_parse(const char *bytes, size_t size);

/* The same for a list: without the managedFields of its items. */
struct json_object *kl_json_parse_list(const char *bytes, size_t size);

/* A member of an object, borrowed; NULL when it is missing, null, or `object` is none. */
struct json_object *kl_json_member(struct json_object *object, const char *key);

/* The text of a string, borrowed; NULL for any other type, and for a string with a NUL in it, which C text
 * would cut. */
const char *kl_json_string(struct json_object *value);

/* 1 when the value is a number that is whole and fits, however written (15, 15.0, 1.5e1); strings are no
 * numbers. */
int kl_json_integer(struct json_object *value, int64_t *number);

/* The length of the longest beginning of text that has at most limit bytes and splits no UTF-8 sequence. */
size_t kl_utf8_cut(const char *text, size_t size, size_t limit);

/* FNV-1a, 64 bits: tells texts apart that are not kept. Not for keeping anybody out. */
uint64_t kl_hash(const char *bytes, size_t size);

/* Foreign text for a message: at most 60 characters, printable ASCII only, '?' for others, "..." for what is
 * cut. */
#define KL_JSON_QUOTE_SIZE 61
void kl_json_quote(char quote[KL_JSON_QUOTE_SIZE], const char *bytes, size_t size);

#endif
