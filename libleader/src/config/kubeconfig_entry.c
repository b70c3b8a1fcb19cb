#include "config/kubeconfig_entry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/pem.h"
#include "config/text.h"
#include "error.h"

#define NAMES_SHOWN 10

int kl_entry_line(const struct kl_entry *entry, const char *field)
{
    const struct kl_yaml_node *node = kl_yaml_get(entry->fields, field);
    return node ? node->line : entry->line;
}

int(kl_entry_fail)(const struct kl_entry *entry, const char *field, k8sleader_error **err, int code,
                   const char *format, ...)
{
    char *message = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    va_end(args);
    (void)kl_fail(err, code, "%s:%d: %s[%zu].%s.%s: %s", entry->file, kl_entry_line(entry, field),
                  entry->kind->list, entry->index, entry->kind->name, field, message ? message : "not valid");
    free(message);
    return code;
}

int kl_entry_wrap(const struct kl_entry *entry, const char *field, k8sleader_error **err, int code,
                  k8sleader_error *why)
{
    if (code == K8SLEADER_ERR_TOO_LARGE || code == K8SLEADER_ERR_NAMESPACE)
        code = K8SLEADER_ERR_CONFIG;
    (void)kl_entry_fail(entry, field, err, code, "%s", k8sleader_error_message(why));
    k8sleader_error_free(why);
    return code;
}

/* The names there are, for a message; malloc'd. */
static char *names_in(const struct kl_yaml_node *list)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    size_t shown = 0;
    for (size_t i = 0; list && list->type == KL_YAML_SEQUENCE && i < list->count; i++) {
        char quote[KL_QUOTE_SIZE];
        const struct kl_yaml_node *name = kl_yaml_get(list->items[i], "name");
        if (!name || name->type != KL_YAML_STRING)
            continue;
        if (shown == NAMES_SHOWN) {
            fputs(", ...", out);
            break;
        }
        fprintf(out, "%s%s", shown ? ", " : "there are: ", kl_quote(quote, name->text));
        shown++;
    }
    if (!shown)
        fputs("there is none at all", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* A null field, or an empty string or list, is as good as a missing one (client-go leaves such out when it
 * writes). */
static int is_unset(const struct kl_yaml_node *node)
{
    return node->type == KL_YAML_NULL || (node->type == KL_YAML_STRING && node->length == 0) ||
           (node->type == KL_YAML_SEQUENCE && node->count == 0);
}

/* A field that is not known might say how to connect: it is refused, not ignored. */
static int check_fields(const struct kl_entry *entry, k8sleader_error **err)
{
    for (size_t i = 0; i + 1 < entry->fields->count; i += 2) {
        const char *name = entry->fields->items[i]->text;
        const struct kl_field *field = entry->kind->fields;
        if (is_unset(entry->fields->items[i + 1]))
            continue;
        while (field->name && strcmp(field->name, name) != 0)
            field++;
        if (field->name && field->refusal)
            return kl_entry_fail(entry, name, err, K8SLEADER_ERR_UNSUPPORTED, "not supported: %s",
                                 field->refusal);
        if (!field->name) {
            char quote[KL_QUOTE_SIZE];
            return kl_fail(
                err, K8SLEADER_ERR_UNSUPPORTED,
                "%s:%d: %s[%zu].%s: the field %s is not known; remove it if it does not matter for the "
                "connection",
                entry->file, entry->fields->items[i]->line, entry->kind->list, entry->index,
                entry->kind->name, kl_quote(quote, name));
        }
    }
    return 0;
}

/* Reads list item `index` as an entry; its fields may be missing (an empty user), then `fields` is the null
 * node. */
static int read_item(struct kl_entry *entry, const struct kl_yaml_node *item, k8sleader_error **err)
{
    entry->line = item->line;
    entry->fields = kl_yaml_get(item, entry->kind->name);
    if (!entry->fields)
        return kl_fail(err, K8SLEADER_ERR_CONFIG,
                       "%s:%d: %s[%zu].%s: missing; its fields stand below that key", entry->file,
                       entry->line, entry->kind->list, entry->index, entry->kind->name);
    entry->line = entry->fields->line;
    if (entry->fields->type != KL_YAML_MAPPING && entry->fields->type != KL_YAML_NULL)
        return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s:%d: %s[%zu].%s: a mapping is wanted, this is %s",
                       entry->file, entry->line, entry->kind->list, entry->index, entry->kind->name,
                       kl_yaml_type_name(entry->fields));
    return check_fields(entry, err);
}

int kl_entry_find(struct kl_entry *entry, const char *file, const struct kl_yaml_node *root,
                  const struct kl_entry_kind *kind, const char *name, int line, const char *place,
                  k8sleader_error **err)
{
    const struct kl_yaml_node *list = kl_yaml_get(root, kind->list);
    const struct kl_yaml_node *found = NULL;
    char quote[KL_QUOTE_SIZE];
    *entry = (struct kl_entry){.file = file, .kind = kind};
    if (list && list->type != KL_YAML_SEQUENCE && list->type != KL_YAML_NULL)
        return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s:%d: %s: a list is wanted, this is %s", file, list->line,
                       kind->list, kl_yaml_type_name(list));
    for (size_t i = 0; list && i < list->count; i++) {
        const struct kl_yaml_node *item = list->items[i];
        if (item->type != KL_YAML_MAPPING)
            return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s:%d: %s[%zu]: a mapping is wanted, this is %s", file,
                           item->line, kind->list, i, kl_yaml_type_name(item));
        const struct kl_yaml_node *called = kl_yaml_get(item, "name");
        if (!called || called->type != KL_YAML_STRING)
            return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s:%d: %s[%zu].name: a string is wanted, this is %s%s",
                           file, called ? called->line : item->line, kind->list, i,
                           called ? kl_yaml_type_name(called) : "missing",
                           called && called->type != KL_YAML_NULL ? "; put it in quotes" : "");
        if (strcmp(called->text, name) != 0)
            continue;
        if (found)
            return kl_fail(err, K8SLEADER_ERR_CONFIG,
                           "%s:%d: %s[%zu].name: %s is also %s[%zu]; rename or remove one", file,
                           called->line, kind->list, i, kl_quote(quote, name), kind->list, entry->index);
        found = item;
        entry->index = i;
    }
    if (found)
        return read_item(entry, found, err);
    char *names = names_in(list);
    (void)kl_fail(err, K8SLEADER_ERR_CONFIG, "%s:%d: %s: no %s is called %s; %s", file, line, place,
                  kind->name, kl_quote(quote, name), names ? names : "");
    free(names);
    return K8SLEADER_ERR_CONFIG;
}

int kl_entry_string(const struct kl_entry *entry, const char *field, const char **out, k8sleader_error **err)
{
    const struct kl_yaml_node *node = kl_yaml_get(entry->fields, field);
    *out = NULL;
    if (!node || node->type == KL_YAML_NULL)
        return 0;
    if (node->type != KL_YAML_STRING)
        return kl_entry_fail(entry, field, err, K8SLEADER_ERR_CONFIG, "a string is wanted, this is %s%s",
                             kl_yaml_type_name(node), node->text ? "; put it in quotes" : "");
    if (node->length)
        *out = node->text;
    return 0;
}

int kl_entry_boolean(const struct kl_entry *entry, const char *field, int *out, k8sleader_error **err)
{
    const struct kl_yaml_node *node = kl_yaml_get(entry->fields, field);
    *out = 0;
    if (!node || node->type == KL_YAML_NULL)
        return 0;
    if (node->type != KL_YAML_BOOLEAN)
        return kl_entry_fail(entry, field, err, K8SLEADER_ERR_CONFIG, "true or false is wanted, this is %s",
                             kl_yaml_type_name(node));
    *out = kl_yaml_is_true(node);
    return 0;
}

char *kl_entry_path(const char *folder, const char *path)
{
    char *joined = NULL;
    if (path[0] == '/')
        return strdup(path);
    return asprintf(&joined, "%s/%s", folder, path) < 0 ? NULL : joined;
}

int kl_entry_bytes(const struct kl_entry *entry, const char *folder, const char *data_field,
                   const char *file_field, struct kl_pem *out, const char **field, k8sleader_error **err)
{
    const char *data = NULL;
    const char *file = NULL;
    *field = NULL;
    int result = kl_entry_string(entry, data_field, &data, err);
    if (!result)
        result = kl_entry_string(entry, file_field, &file, err);
    if (result || (!data && !file))
        return result;
    if (data) {
        *field = data_field;
        result = kl_base64_decode(data, strlen(data), out);
        return result ? kl_entry_fail(entry, data_field, err, result, "%s",
                                      result == K8SLEADER_ERR_CONFIG ? "this is no base64" : "no memory")
                      : 0;
    }
    *field = file_field;
    char *path = kl_entry_path(folder, file);
    if (!path)
        return kl_entry_fail(entry, file_field, err, K8SLEADER_ERR_NO_MEMORY, "no memory");
    k8sleader_error *why = NULL;
    result = kl_file_read(path, KL_FILE_LIMIT, out, &why);
    free(path);
    return result ? kl_entry_wrap(entry, file_field, err, result, why) : 0;
}
