#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (memory == NULL) {
        fputs("devserver: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *ds_alloc(size_t size)
{
    return checked(calloc(1, size > 0 ? size : 1));
}

void *ds_grow(void *memory, size_t size)
{
    return checked(realloc(memory, size > 0 ? size : 1));
}

char *ds_copy(const char *text)
{
    return text == NULL ? NULL : checked(strdup(text));
}

char *ds_copy_bytes(const char *bytes, size_t length)
{
    return checked(strndup(bytes, length));
}

char *ds_format(const char *format, ...)
{
    char *result = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&result, format, arguments);
    va_end(arguments);
    return checked(length < 0 ? NULL : result);
}

int ds_empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}

int ds_same(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

void ds_text_add(struct ds_text *text, const char *bytes, size_t length)
{
    if (text->length + length + 1 > text->capacity) {
        text->capacity = (text->length + length + 1) * 2;
        text->bytes = ds_grow(text->bytes, text->capacity);
    }
    if (length > 0)
        memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void ds_text_puts(struct ds_text *text, const char *string)
{
    ds_text_add(text, string, strlen(string));
}

void ds_text_printf(struct ds_text *text, const char *format, ...)
{
    char *piece = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&piece, format, arguments);
    va_end(arguments);
    checked(length < 0 ? NULL : piece);
    ds_text_add(text, piece, (size_t)length);
    free(piece);
}

void ds_text_free(struct ds_text *text)
{
    free(text->bytes);
    *text = (struct ds_text){0};
}

struct ds_blob *ds_blob_new(const char *bytes, size_t length)
{
    struct ds_blob *blob = ds_alloc(sizeof *blob + length + 1);
    atomic_init(&blob->references, 1);
    blob->length = length;
    if (length > 0)
        memcpy(blob->bytes, bytes, length);
    blob->bytes[length] = '\0';
    return blob;
}

struct ds_blob *ds_blob_of_string(const char *string)
{
    return ds_blob_new(string, strlen(string));
}

struct ds_blob *ds_blob_ref(struct ds_blob *blob)
{
    atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
    return blob;
}

void ds_blob_unref(struct ds_blob *blob)
{
    if (blob != NULL && atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) == 1)
        free(blob);
}
