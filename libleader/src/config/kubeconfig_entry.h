/*
 * The named entries of a kubeconfig (clusters[], users[], contexts[]): finding one, and reading its fields so
 * that what is wrong is said as `FILE:LINE: users[2].user.token: ...`.
 */
#ifndef KL_KUBECONFIG_ENTRY_H
#define KL_KUBECONFIG_ENTRY_H

#include <stddef.h>

#include "config/cluster.h"
#include "config/yaml.h"

/* A field that an entry may have. */
struct kl_field {
    const char *name;
    const char *refusal; /* NULL: supported, or harmless; else why it is refused and what to do instead */
};

/* A kind of entry: its list, its name within the list's items, and all fields it may have. */
struct kl_entry_kind {
    const char *list;
    const char *name;
    const struct kl_field *fields; /* ends with a NULL name */
};

struct kl_entry {
    const char *file;
    const struct kl_entry_kind *kind;
    size_t index;
    const struct kl_yaml_node *fields;
    int line;
};

/*
 * Finds the entry called `name` and refuses what its fields may not be. `place` (with `line`) is the field
 * that names it, for the message when it is not there. As in client-go, a name given twice is an error.
 * Errors: CONFIG, UNSUPPORTED.
 */
int kl_entry_find(struct kl_entry *entry, const char *file, const struct kl_yaml_node *root,
                  const struct kl_entry_kind *kind, const char *name, int line, const char *place,
                  k8sleader_error **err);

/* kl_fail() with the field's place before the message. */
int kl_entry_fail(const struct kl_entry *entry, const char *field, k8sleader_error **err, int code,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
#ifdef __clang_analyzer__ /* which does not look into other files */
#define kl_entry_fail(entry, field, err, code, ...)                                                          \
    ((void)(kl_entry_fail)(entry, field, err, code, __VA_ARGS__), (code))
#endif

/*
 * kl_fail() with the field's place before the message of `why`, which is freed. Codes that loading a
 * kubeconfig does not have (TOO_LARGE, NAMESPACE) become CONFIG.
 */
int kl_entry_wrap(const struct kl_entry *entry, const char *field, k8sleader_error **err, int code,
                  k8sleader_error *why);

/* The field's line, or the entry's when it has no such field. */
int kl_entry_line(const struct kl_entry *entry, const char *field);

/* A string, borrowed; *out is NULL when it is missing, null or empty. Errors: CONFIG when it is something
 * else. */
int kl_entry_string(const struct kl_entry *entry, const char *field, const char **out, k8sleader_error **err);

/* A boolean, 0 when it is missing or null. Errors: CONFIG when it is something else. */
int kl_entry_boolean(const struct kl_entry *entry, const char *field, int *out, k8sleader_error **err);

/*
 * The bytes that a pair of fields gives: base64 in `data_field`, which wins, or a file named by `file_field`,
 * whose path counts from `folder`. *field is the one that gave them (for kl_entry_fail), NULL when none did.
 * Errors: CONFIG, FILE, NO_MEMORY.
 */
int kl_entry_bytes(const struct kl_entry *entry, const char *folder, const char *data_field,
                   const char *file_field, struct kl_pem *out, const char **field, k8sleader_error **err);

/* path, or folder/path when it is relative; malloc'd, NULL without memory. */
char *kl_entry_path(const char *folder, const char *path);

#endif
