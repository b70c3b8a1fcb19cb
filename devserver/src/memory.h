/* Memory, growing texts, and blobs shared by reference. Out of memory ends the program: a test double has
 * nothing to save. */
#ifndef DS_MEMORY_H
#define DS_MEMORY_H

#include <stdatomic.h>
#include <stddef.h>

void *ds_alloc(size_t size); /* zeroed */
void *ds_grow(void *memory, size_t size);
char *ds_copy(const char *text); /* of NULL: NULL */
char *ds_copy_bytes(const char *bytes, size_t length);
char *ds_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

int ds_same(const char *a, const char *b); /* NULL is the same as NULL and as "" */
int ds_empty(const char *text);

struct ds_text {
    char *bytes; /* always NUL-terminated once something was added */
    size_t length;
    size_t capacity;
};

void ds_text_add(struct ds_text *text, const char *bytes, size_t length);
void ds_text_puts(struct ds_text *text, const char *string);
void ds_text_printf(struct ds_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ds_text_free(struct ds_text *text);

/* Bytes that do not change any more and are shared between the store, watchers and answers of several
 * threads. */
struct ds_blob {
    atomic_size_t references;
    size_t length;
    char bytes[];
};

struct ds_blob *ds_blob_new(const char *bytes, size_t length);
struct ds_blob *ds_blob_of_string(const char *string);
struct ds_blob *ds_blob_ref(struct ds_blob *blob);
void ds_blob_unref(struct ds_blob *blob); /* NULL is fine */

#endif
