#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "random.h"

/* The continue token tells the version of the first page and the last key it had: "VERSION/NAMESPACE/NAME".
 */
struct position {
    uint64_t version;
    char *namespace_;
    char *name;
};

static int read_position(const char *token, struct position *position)
{
    char *end;
    position->version = strtoull(token, &end, 10);
    const char *slash = *end == '/' ? strchr(end + 1, '/') : NULL;
    if (slash == NULL)
        return -1;
    position->namespace_ = ds_copy_bytes(end + 1, (size_t)(slash - end - 1));
    position->name = ds_copy(slash + 1);
    return 0;
}

static int is_behind(const struct ds_version *version, const struct position *position)
{
    if (position->name == NULL)
        return 1;
    int order = strcmp(version->namespace_, position->namespace_);
    return order > 0 || (order == 0 && strcmp(version->name, position->name) > 0);
}

static int parse_number(const char *text, uint64_t *out)
{
    if (ds_empty(text)) {
        *out = 0;
        return 1;
    }
    char *end;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && text[0] != '-';
}

static int is_number(const char *text)
{
    uint64_t number;
    return text == NULL || parse_number(text[0] == '-' ? text + 1 : text, &number);
}

static void answer_too_large(struct ds_answer *answer, uint64_t wanted, uint64_t current)
{
    ds_answer_failure(answer, 504, "Timeout", NULL, NULL,
                      "Timeout: Too large resource version: %" PRIu64 ", current: %" PRIu64, wanted, current);
    ds_answer_cause(answer, "ResourceVersionTooLarge", "Too large resource version", NULL);
    ds_answer_retry_after(answer, 1);
}

/* Not what one would expect, but what kube-apiserver answers. */
static void answer_bad_version(struct ds_answer *answer, const char *version)
{
    ds_answer_failure(
        answer, 500, NULL, NULL, NULL,
        "resourceVersion: Invalid value: \"%s\": strconv.ParseUint: parsing \"%s\": invalid syntax", version,
        version);
}

static void answer_bad_list_version(struct ds_answer *answer, const char *version)
{
    char *message =
        ds_format("invalid resource version: resourceVersion: Invalid value: \"%s\": strconv.ParseUint: "
                  "parsing \"%s\": invalid syntax",
                  version, version);
    ds_answer_bad_request(answer, message);
    free(message);
}

static void append_item(struct ds_text *items, const struct ds_version *version)
{
    ds_text_puts(items, items->length > 0 ? ",{" : "{");
    ds_text_add(items, version->json->bytes + version->bare, version->json->length - version->bare);
}

static void list(struct ds_core *core, const struct ds_request *request, const struct ds_selector *selector,
                 const struct position *from, struct ds_answer *answer)
{
    const struct ds_resource *resource = request->resource;
    uint64_t limit = 0;
    /* A negative one is none. */
    (void)parse_number(request->parameters.limit, &limit);
    if (request->parameters.limit != NULL && request->parameters.limit[0] == '-')
        limit = 0;
    size_t count;
    struct ds_object **objects = ds_store_sorted(core->store, resource, request->namespace_, &count);
    struct ds_text items = {0};
    const struct ds_version *last = NULL;
    uint64_t taken = 0;
    uint64_t remaining = 0;
    for (size_t i = 0; i < count; i++) {
        const struct ds_version *version = objects[i]->version;
        if (!is_behind(version, from) || !ds_selector_matches(selector, version))
            continue;
        if (limit > 0 && taken == limit) {
            remaining++;
            continue;
        }
        append_item(&items, version);
        last = version;
        taken++;
    }
    uint64_t version = from->name != NULL ? from->version : ds_store_version(core->store);
    struct ds_text text = {0};
    ds_text_printf(
        &text, "{\"kind\":\"%sList\",\"apiVersion\":\"%s\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"",
        resource->kind, resource->api_version, version);
    if (remaining > 0)
        ds_text_printf(&text, ",\"continue\":\"%" PRIu64 "/%s/%s\",\"remainingItemCount\":%" PRIu64, version,
                       last->namespace_, last->name, remaining);
    ds_text_puts(&text, "},\"items\":[");
    ds_text_add(&text, items.bytes, items.length);
    ds_text_puts(&text, "]}");
    ds_answer_blob(answer, 200, ds_blob_new(text.bytes, text.length));
    ds_text_free(&text);
    ds_text_free(&items);
    free(objects);
}

void ds_serve_list(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    struct ds_selector selector;
    struct position from = {0};
    uint64_t wanted;
    char *problem;
    if (!parse_number(request->parameters.resource_version, &wanted)) {
        answer_bad_list_version(answer, request->parameters.resource_version);
    } else if (!is_number(request->parameters.limit)) {
        char *message =
            ds_format("strconv.ParseInt: parsing \"%s\": invalid syntax", request->parameters.limit);
        ds_answer_bad_request(answer, message);
        free(message);
    } else if (wanted > ds_store_version(core->store)) {
        answer_too_large(answer, wanted, ds_store_version(core->store));
    } else if (!ds_empty(request->parameters.continue_) &&
               read_position(request->parameters.continue_, &from) != 0) {
        ds_answer_bad_request(answer, "continue key is not valid");
    } else if (ds_selector_parse(&selector, request->resource, request->parameters.field_selector,
                                 request->parameters.label_selector, &problem) != 0) {
        ds_answer_bad_request(answer, problem);
        free(problem);
    } else {
        list(core, request, &selector, &from, answer);
        ds_selector_free(&selector);
    }
    free(from.namespace_);
    free(from.name);
}

int ds_is_of_the_future(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    uint64_t wanted;
    if (!parse_number(request->parameters.resource_version, &wanted) ||
        wanted <= ds_store_version(core->store))
        return 0;
    answer_too_large(answer, wanted, ds_store_version(core->store));
    return 1;
}

static void queue_existing(struct ds_core *core, struct ds_watch *watch)
{
    if (watch->name != NULL && (watch->namespace_ != NULL || !watch->resource->namespaced)) {
        struct ds_object *object = ds_store_find(
            core->store, watch->resource, watch->namespace_ == NULL ? "" : watch->namespace_, watch->name);
        if (object != NULL && ds_selector_matches(&watch->selector, object->version))
            ds_watch_queue(watch, DS_ADDED, object->version);
        return;
    }
    size_t count;
    struct ds_object **objects = ds_store_sorted(core->store, watch->resource, watch->namespace_, &count);
    for (size_t i = 0; i < count; i++)
        if (ds_selector_matches(&watch->selector, objects[i]->version))
            ds_watch_queue(watch, DS_ADDED, objects[i]->version);
    free(objects);
}

/* What is due when the watch opens. */
static void queue_initial(struct ds_core *core, struct ds_watch *watch, uint64_t since, int all)
{
    uint64_t current = ds_store_version(core->store);
    uint64_t oldest;
    watch->after = since > current ? since : 0;
    if (all) {
        queue_existing(core, watch);
    } else if (ds_hub_replay(core->hub, watch, since, &oldest) != 0) {
        char *message = ds_format("too old resource version: %" PRIu64 " (%" PRIu64 ")", since, oldest);
        ds_watch_queue_expired(watch, message);
        ds_watch_end(watch);
        free(message);
    }
}

/* sendInitialEvents and resourceVersionMatch go together. */
static int is_valid_combination(const struct ds_parameters *parameters, struct ds_answer *answer)
{
    struct ds_complaints complaints = {0};
    if (parameters->send_initial_events != NULL && ds_empty(parameters->resource_version_match))
        ds_complain(&complaints, "FieldValueForbidden", "resourceVersionMatch",
                    "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    else if (parameters->send_initial_events == NULL && !ds_empty(parameters->resource_version_match))
        ds_complain(
            &complaints, "FieldValueForbidden", "resourceVersionMatch",
            "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    else if (!ds_empty(parameters->resource_version_match) &&
             strcmp(parameters->resource_version_match, "NotOlderThan") != 0)
        ds_complain(&complaints, "FieldValueForbidden", "resourceVersionMatch",
                    "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
    if (!ds_complaints_any(&complaints))
        return 1;
    ds_answer_invalid(answer, "meta.k8s.io", "ListOptions", "", &complaints);
    return 0;
}

static int64_t watch_timeout_s(const char *parameter)
{
    enum { SHORTEST_DEFAULT_S = 1800 };
    int64_t given = parameter == NULL ? 0 : strtoll(parameter, NULL, 10);
    return given > 0 ? given : SHORTEST_DEFAULT_S + (int64_t)ds_random_below(SHORTEST_DEFAULT_S);
}

static void open_watch(struct ds_core *core, const struct ds_request *request, struct ds_watch *watch,
                       uint64_t since, struct ds_answer *answer)
{
    const struct ds_parameters *parameters = &request->parameters;
    uint64_t current = ds_store_version(core->store);
    int initial = ds_is_true(parameters->send_initial_events);
    watch->bookmarks = ds_is_true(parameters->allow_watch_bookmarks);
    watch->timeout_s = watch_timeout_s(parameters->timeout_seconds);
    watch->silent = request->watch_mode == DS_WATCH_SENDS_NOTHING;
    watch->repeats = request->watch_mode == DS_WATCH_SENDS_TWICE;
    answer->status = 200;
    answer->watch = watch;
    if (initial && since > current) {
        struct ds_answer too_large = {0};
        answer_too_large(&too_large, since, current);
        ds_watch_queue_error(watch, too_large.body);
        ds_watch_end(watch);
        ds_answer_clear(&too_large);
        return;
    }
    if (request->watch_mode == DS_WATCH_IS_GONE) {
        ds_watch_queue_expired(watch, "too old resource version");
        ds_watch_end(watch);
        return;
    }
    /* sendInitialEvents=false means no synthetic events, not even where a watch without it would have them.
     */
    if (parameters->send_initial_events != NULL && !initial && since == 0)
        since = current;
    queue_initial(core, watch, since, initial || since == 0);
    /* Who asks for bookmarks and names no version, or 0, gets what sendInitialEvents gives. */
    if (watch->bookmarks && (initial || since == 0))
        ds_watch_queue_bookmark(watch, current, 1);
    ds_hub_open(core->hub, watch);
}

void ds_serve_watch(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer)
{
    const struct ds_parameters *parameters = &request->parameters;
    uint64_t since;
    char *problem;
    if (!parse_number(parameters->resource_version, &since)) {
        answer_bad_version(answer, parameters->resource_version);
        return;
    }
    if (!is_valid_combination(parameters, answer))
        return;
    struct ds_watch *watch =
        ds_watch_new(request->resource, ds_empty(request->namespace_) ? NULL : request->namespace_);
    if (ds_selector_parse(&watch->selector, request->resource, parameters->field_selector,
                          parameters->label_selector, &problem) != 0) {
        ds_answer_bad_request(answer, problem);
        free(problem);
        ds_watch_free(watch);
        return;
    }
    watch->name = ds_copy(ds_selector_exact(&watch->selector, "metadata.name"));
    if (watch->namespace_ == NULL)
        watch->namespace_ = ds_copy(ds_selector_exact(&watch->selector, "metadata.namespace"));
    open_watch(core, request, watch, since, answer);
}
