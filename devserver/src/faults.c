#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "tree.h"

static const char *const actions[] = {
    [DEVSERVER_DELAY] = "delay",
    [DEVSERVER_DROP_BEFORE] = "drop_before",
    [DEVSERVER_DROP_AFTER] = "drop_after",
    [DEVSERVER_RESET_BEFORE] = "reset_before",
    [DEVSERVER_RESET_AFTER] = "reset_after",
    [DEVSERVER_HALF_OPEN] = "half_open",
    [DEVSERVER_TRUNCATE] = "truncate",
    [DEVSERVER_GARBAGE] = "garbage",
    [DEVSERVER_SLOW] = "slow",
    [DEVSERVER_STATUS] = "status",
    [DEVSERVER_RAW] = "raw",
    [DEVSERVER_ENDLESS] = "endless",
    [DEVSERVER_WATCH_END] = "watch_end",
    [DEVSERVER_WATCH_RESET] = "watch_reset",
    [DEVSERVER_WATCH_GONE] = "watch_gone",
    [DEVSERVER_WATCH_SILENT] = "watch_silent",
    [DEVSERVER_WATCH_REPEAT] = "watch_repeat",
};

enum { ACTIONS = sizeof actions / sizeof actions[0] };

struct ds_faults {
    struct ds_fault *first;
    int64_t last_number;
};

struct ds_faults *ds_faults_new(void)
{
    return ds_alloc(sizeof(struct ds_faults));
}

/* The strings of a script's fault are its own; the interface has them const for its callers' sake. */
static void free_string(const char *string)
{
    union {
        const char *given;
        char *owned;
    } both = {.given = string};
    free(both.owned);
}

void ds_fault_unref(struct ds_fault *fault)
{
    if (fault == NULL || --fault->references > 0)
        return;
    free_string(fault->is.verb);
    free_string(fault->is.resource);
    free_string(fault->is.namespace_);
    free_string(fault->is.name);
    free_string(fault->is.holder);
    free_string(fault->is.reason);
    free_string(fault->is.message);
    free_string(fault->is.body);
    free_string(fault->is.content_type);
    free_string(fault->is.header);
    free(fault);
}

void ds_faults_clear(struct ds_faults *faults)
{
    while (faults->first != NULL) {
        struct ds_fault *fault = faults->first;
        faults->first = fault->next;
        fault->removed = 1;
        ds_fault_unref(fault);
    }
}

void ds_faults_free(struct ds_faults *faults)
{
    if (faults == NULL)
        return;
    ds_faults_clear(faults);
    free(faults);
}

static int is_good(const struct devserver_fault *fault)
{
    int needs_status = fault->action == DEVSERVER_STATUS || fault->action == DEVSERVER_RAW;
    int needs_bytes = fault->action == DEVSERVER_SLOW;
    if ((int)fault->action < 0 || (int)fault->action >= ACTIONS)
        return 0;
    if (fault->skip < 0 || fault->count < 0 || fault->delay_ms < 0 || fault->bytes < 0)
        return 0;
    if (!ds_empty(fault->verb) && ds_verb_named(fault->verb) == DS_NO_VERB)
        return 0;
    if (!ds_empty(fault->resource) && ds_resource_named(fault->resource) == NULL)
        return 0;
    return !(needs_status && (fault->status < 200 || fault->status > 599)) &&
           !(needs_bytes && fault->bytes == 0);
}

int64_t ds_faults_add(struct ds_faults *faults, const struct devserver_fault *fault)
{
    if (!is_good(fault))
        return -1;
    struct ds_fault *added = ds_alloc(sizeof *added);
    added->references = 1;
    added->number = ++faults->last_number;
    added->is = *fault;
    added->is.verb = ds_copy(fault->verb);
    added->is.resource = ds_copy(fault->resource);
    added->is.namespace_ = ds_copy(fault->namespace_);
    added->is.name = ds_copy(fault->name);
    added->is.holder = ds_copy(fault->holder);
    added->is.reason = ds_copy(fault->reason);
    added->is.message = ds_copy(fault->message);
    added->is.body = ds_copy(fault->body);
    added->is.content_type = ds_copy(fault->content_type);
    added->is.header = ds_copy(fault->header);
    struct ds_fault **end = &faults->first;
    while (*end != NULL)
        end = &(*end)->next;
    *end = added;
    return added->number;
}

int64_t ds_faults_hits(const struct ds_faults *faults, int64_t number)
{
    for (const struct ds_fault *fault = faults->first; fault != NULL; fault = fault->next)
        if (fault->number == number)
            return fault->hits;
    return -1;
}

void ds_faults_remove(struct ds_faults *faults, int64_t number)
{
    for (struct ds_fault **link = &faults->first; *link != NULL; link = &(*link)->next) {
        if ((*link)->number != number)
            continue;
        struct ds_fault *fault = *link;
        *link = fault->next;
        fault->removed = 1;
        ds_fault_unref(fault);
        return;
    }
}

/* The object's name: of the path, of a created object, or what a list or watch selects. */
static int is_about_name(const struct ds_request *request, const char *name)
{
    if (request->name[0] != '\0')
        return strcmp(request->name, name) == 0;
    if (request->verb == DS_CREATE)
        return strcmp(ds_tree_string(ds_tree_get(request->body, "metadata"), "name"), name) == 0;
    const char *selector = request->parameters.field_selector;
    const char *selected = selector == NULL ? NULL : strstr(selector, "metadata.name=");
    if (selected == NULL)
        return 0;
    selected += strlen("metadata.name=");
    selected += *selected == '=';
    return strncmp(selected, name, strlen(name)) == 0 &&
           (selected[strlen(name)] == '\0' || selected[strlen(name)] == ',');
}

static int is_about_holder(const struct ds_request *request, const char *holder)
{
    struct json_object *spec = ds_tree_get(request->body, "spec");
    return ds_tree_is(spec, "holderIdentity", json_type_string) &&
           strcmp(ds_tree_string(spec, "holderIdentity"), holder) == 0;
}

static int matches(const struct devserver_fault *fault, const struct ds_request *request)
{
    if (request->resource == NULL)
        return ds_empty(fault->verb) && ds_empty(fault->resource) && ds_empty(fault->namespace_) &&
               ds_empty(fault->name) && ds_empty(fault->holder) && fault->action < DEVSERVER_WATCH_END;
    if (fault->action >= DEVSERVER_WATCH_END && request->verb != DS_WATCH)
        return 0;
    return (ds_empty(fault->verb) || strcmp(fault->verb, ds_verb_name(request->verb)) == 0) &&
           (ds_empty(fault->resource) || strcmp(fault->resource, request->resource->plural) == 0) &&
           (ds_empty(fault->namespace_) || strcmp(fault->namespace_, request->namespace_) == 0) &&
           (ds_empty(fault->name) || is_about_name(request, fault->name)) &&
           (ds_empty(fault->holder) || is_about_holder(request, fault->holder));
}

struct ds_fault *ds_faults_strike(struct ds_faults *faults, const struct ds_request *request)
{
    for (struct ds_fault *fault = faults->first; fault != NULL; fault = fault->next) {
        if (!matches(&fault->is, request) || (fault->is.count > 0 && fault->hits == fault->is.count))
            continue;
        if (fault->seen++ < fault->is.skip)
            continue;
        fault->hits++;
        fault->references++;
        return fault;
    }
    return NULL;
}

const char *ds_action_name(enum devserver_action action)
{
    return actions[action];
}

static void set_string(struct json_object *tree, const char *key, const char *value)
{
    if (!ds_empty(value))
        ds_tree_set_string(tree, key, value);
}

static void set_number(struct json_object *tree, const char *key, int64_t value)
{
    if (value != 0)
        json_object_object_add(tree, key, json_object_new_int64(value));
}

struct json_object *ds_faults_list(const struct ds_faults *faults)
{
    struct json_object *list = json_object_new_array();
    for (const struct ds_fault *fault = faults->first; fault != NULL; fault = fault->next) {
        struct json_object *tree = json_object_new_object();
        json_object_object_add(tree, "number", json_object_new_int64(fault->number));
        json_object_object_add(tree, "hits", json_object_new_int64(fault->hits));
        set_string(tree, "verb", fault->is.verb);
        set_string(tree, "resource", fault->is.resource);
        set_string(tree, "namespace", fault->is.namespace_);
        set_string(tree, "name", fault->is.name);
        set_string(tree, "holder", fault->is.holder);
        set_string(tree, "action", actions[fault->is.action]);
        set_number(tree, "skip", fault->is.skip);
        set_number(tree, "count", fault->is.count);
        set_number(tree, "delay_ms", fault->is.delay_ms);
        set_number(tree, "bytes", fault->is.bytes);
        set_number(tree, "status", fault->is.status);
        set_number(tree, "retry_after_s", fault->is.retry_after_s);
        set_string(tree, "reason", fault->is.reason);
        set_string(tree, "message", fault->is.message);
        set_string(tree, "body", fault->is.body);
        set_string(tree, "content_type", fault->is.content_type);
        set_string(tree, "header", fault->is.header);
        json_object_array_add(list, tree);
    }
    return list;
}

int ds_fault_parse(struct json_object *tree, struct devserver_fault *fault)
{
    const char *action = ds_tree_string(tree, "action");
    int found = -1;
    for (int i = 0; i < (int)ACTIONS; i++)
        if (strcmp(action, actions[i]) == 0)
            found = i;
    if (found < 0)
        return -1;
    *fault = (struct devserver_fault){
        .verb = ds_tree_string(tree, "verb"),
        .resource = ds_tree_string(tree, "resource"),
        .namespace_ = ds_tree_string(tree, "namespace"),
        .name = ds_tree_string(tree, "name"),
        .holder = ds_tree_string(tree, "holder"),
        .action = (enum devserver_action)found,
        .skip = json_object_get_int64(ds_tree_get(tree, "skip")),
        .count = json_object_get_int64(ds_tree_get(tree, "count")),
        .delay_ms = json_object_get_int64(ds_tree_get(tree, "delay_ms")),
        .bytes = json_object_get_int64(ds_tree_get(tree, "bytes")),
        .status = json_object_get_int(ds_tree_get(tree, "status")),
        .retry_after_s = json_object_get_int(ds_tree_get(tree, "retry_after_s")),
        .reason = ds_tree_string(tree, "reason"),
        .message = ds_tree_string(tree, "message"),
        .body = ds_tree_string(tree, "body"),
        .content_type = ds_tree_string(tree, "content_type"),
        .header = ds_tree_string(tree, "header"),
    };
    return 0;
}
