#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tree.h"

void ds_answer_clear(struct ds_answer *answer)
{
    ds_blob_unref(answer->body);
    free(answer->content_type);
    free(answer->header);
    *answer = (struct ds_answer){0};
}

void ds_answer_blob(struct ds_answer *answer, int status, struct ds_blob *body)
{
    ds_answer_clear(answer);
    answer->status = status;
    answer->body = body;
}

void ds_answer_tree(struct ds_answer *answer, int status, struct json_object *tree)
{
    size_t length;
    const char *json = json_object_to_json_string_length(tree, DS_JSON_PLAIN, &length);
    ds_answer_blob(answer, status, ds_blob_new(json, length));
    json_object_put(tree);
}

void ds_answer_text(struct ds_answer *answer, int status, const char *text)
{
    ds_answer_blob(answer, status, ds_blob_of_string(text));
    answer->content_type = ds_copy("text/plain; charset=utf-8");
}

static struct json_object *status_tree(const char *status)
{
    struct json_object *tree = json_object_new_object();
    ds_tree_set_string(tree, "kind", "Status");
    ds_tree_set_string(tree, "apiVersion", "v1");
    json_object_object_add(tree, "metadata", json_object_new_object());
    ds_tree_set_string(tree, "status", status);
    return tree;
}

static void set_unless_empty(struct json_object *tree, const char *key, const char *value)
{
    if (!ds_empty(value))
        ds_tree_set_string(tree, key, value);
}

static struct json_object *failure_tree(int code, const char *reason, const char *message,
                                        struct json_object *details)
{
    struct json_object *tree = status_tree("Failure");
    ds_tree_set_string(tree, "message", message);
    set_unless_empty(tree, "reason", reason);
    if (details != NULL)
        json_object_object_add(tree, "details", details);
    json_object_object_add(tree, "code", json_object_new_int(code));
    return tree;
}

void ds_answer_failure(struct ds_answer *answer, int code, const char *reason,
                       const struct ds_resource *resource, const char *name, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        abort();
    va_end(arguments);
    struct json_object *details = NULL;
    /* These two always have details, if only empty ones. */
    if (resource != NULL || !ds_empty(name) || code == 403 || code == 405) {
        details = json_object_new_object();
        set_unless_empty(details, "name", name);
        set_unless_empty(details, "group", resource == NULL ? NULL : resource->group);
        set_unless_empty(details, "kind", resource == NULL ? NULL : resource->plural);
    }
    ds_answer_tree(answer, code, failure_tree(code, reason, message, details));
    free(message);
}

void ds_answer_cause(struct ds_answer *answer, const char *reason, const char *message, const char *field)
{
    struct json_object *tree = json_tokener_parse(answer->body->bytes);
    struct json_object *details = ds_tree_get(tree, "details");
    if (details == NULL) {
        details = json_object_new_object();
        json_object_object_add(tree, "details", details);
    }
    struct json_object *causes = ds_tree_get(details, "causes");
    if (causes == NULL) {
        causes = json_object_new_array();
        json_object_object_add(details, "causes", causes);
    }
    struct json_object *cause = json_object_new_object();
    set_unless_empty(cause, "reason", reason);
    set_unless_empty(cause, "message", message);
    set_unless_empty(cause, "field", field);
    json_object_array_add(causes, cause);
    ds_answer_tree(answer, answer->status, tree);
}

void ds_answer_retry_after(struct ds_answer *answer, int seconds)
{
    struct json_object *tree = json_tokener_parse(answer->body->bytes);
    json_object_object_add(ds_tree_get(tree, "details"), "retryAfterSeconds", json_object_new_int(seconds));
    ds_answer_tree(answer, answer->status, tree);
    answer->retry_after_s = seconds;
}

void ds_answer_no_resource(struct ds_answer *answer)
{
    ds_answer_tree(answer, 404,
                   failure_tree(404, "NotFound", "the server could not find the requested resource",
                                json_object_new_object()));
}

void ds_answer_not_found(struct ds_answer *answer, const struct ds_resource *resource, const char *name)
{
    ds_answer_failure(answer, 404, "NotFound", resource, name, "%s \"%s\" not found", resource->qualified,
                      name);
}

void ds_answer_conflict(struct ds_answer *answer, const struct ds_resource *resource, const char *name,
                        const char *why)
{
    ds_answer_failure(answer, 409, "Conflict", resource, name,
                      "Operation cannot be fulfilled on %s \"%s\": %s", resource->qualified, name, why);
}

void ds_answer_stale_deletion(struct ds_answer *answer, const struct ds_resource *resource, const char *name,
                              const char *why)
{
    int grouped = resource->group[0] != '\0';
    char *message = ds_format("Operation cannot be fulfilled on %s%s%s \"%s\": %s", resource->kind,
                              grouped ? "." : "", resource->group, name, why);
    struct json_object *details = json_object_new_object();
    ds_tree_set_string(details, "name", name);
    set_unless_empty(details, "group", resource->group);
    ds_tree_set_string(details, "kind", resource->kind);
    ds_answer_tree(answer, 409, failure_tree(409, "Conflict", message, details));
    free(message);
}

void ds_answer_bad_request(struct ds_answer *answer, const char *message)
{
    ds_answer_failure(answer, 400, "BadRequest", NULL, NULL, "%s", message);
}

void ds_answer_deleted(struct ds_answer *answer, const struct ds_resource *resource, const char *name,
                       const char *uid)
{
    struct json_object *tree = status_tree("Success");
    struct json_object *details = json_object_new_object();
    ds_tree_set_string(details, "name", name);
    set_unless_empty(details, "group", resource->group);
    ds_tree_set_string(details, "kind", resource->plural);
    set_unless_empty(details, "uid", uid);
    json_object_object_add(tree, "details", details);
    ds_answer_tree(answer, 200, tree);
}

const char *ds_reason_of(int code)
{
    switch (code) {
    case 400:
        return "BadRequest";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "NotFound";
    case 405:
        return "MethodNotAllowed";
    case 409:
        return "Conflict";
    case 410:
        return "Expired";
    case 413:
        return "RequestEntityTooLarge";
    case 415:
        return "UnsupportedMediaType";
    case 422:
        return "Invalid";
    case 429:
        return "TooManyRequests";
    case 500:
        return "InternalError";
    case 503:
        return "ServiceUnavailable";
    case 504:
        return "Timeout";
    default:
        return "";
    }
}

void ds_complain(struct ds_complaints *complaints, const char *type, const char *field, const char *format,
                 ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        abort();
    va_end(arguments);
    if (complaints->causes == NULL)
        complaints->causes = json_object_new_array();
    struct json_object *cause = json_object_new_object();
    ds_tree_set_string(cause, "reason", type);
    ds_tree_set_string(cause, "message", message);
    ds_tree_set_string(cause, "field", field);
    json_object_array_add(complaints->causes, cause);
    ds_text_printf(&complaints->message, "%s%s: %s", complaints->message.length > 0 ? ", " : "", field,
                   message);
    free(message);
}

int ds_complaints_any(const struct ds_complaints *complaints)
{
    return complaints->causes != NULL;
}

void ds_answer_invalid(struct ds_answer *answer, const char *group, const char *kind, const char *name,
                       struct ds_complaints *complaints)
{
    int several = json_object_array_length(complaints->causes) > 1;
    char *message = ds_format("%s%s%s \"%s\" is invalid: %s%s%s", kind, ds_empty(group) ? "" : ".", group,
                              name, several ? "[" : "", complaints->message.bytes, several ? "]" : "");
    struct json_object *details = json_object_new_object();
    set_unless_empty(details, "name", name);
    set_unless_empty(details, "group", group);
    ds_tree_set_string(details, "kind", kind);
    json_object_object_add(details, "causes", complaints->causes);
    ds_answer_tree(answer, 422, failure_tree(422, "Invalid", message, details));
    free(message);
    ds_text_free(&complaints->message);
    complaints->causes = NULL;
}
