#include "fields.h"

#include <string.h>

#include "canonical.h"

/* Calls for each line. */
static void each(const struct ds_text *paths, struct ds_text *out,
                 void (*call)(struct ds_text *out, const char *path, size_t length))
{
    const char *line = paths->bytes;
    while (line != NULL && *line != '\0') {
        size_t length = strcspn(line, "\n");
        call(out, line, length);
        line += length + 1;
    }
}

static void add_complaint(struct ds_text *out, const char *path, size_t length)
{
    ds_text_printf(out, "%sunknown field \"%.*s\"", out->length > 0 ? ", " : "", (int)length, path);
}

static void add_header(struct ds_text *out, const char *path, size_t length)
{
    ds_text_printf(out, "Warning: 299 - \"unknown field \\\"%.*s\\\"\"\n", (int)length, path);
}

int ds_fields_pass(const struct ds_request *request, struct ds_answer *answer)
{
    struct ds_text paths = {0};
    struct ds_text complaint = {0};
    const struct ds_resource *resource = request->resource;
    if (!ds_same(request->parameters.field_validation, "Strict"))
        return 1;
    ds_unknown_members(resource, request->body, &paths);
    each(&paths, &complaint, add_complaint);
    int passes = complaint.length == 0;
    if (!passes)
        ds_answer_failure(answer, 400, "BadRequest", NULL, NULL,
                          "%s in version \"v1\" cannot be handled as a %s: strict decoding error: %s",
                          resource->kind, resource->kind, complaint.bytes);
    ds_text_free(&paths);
    ds_text_free(&complaint);
    return passes;
}

void ds_fields_warn(const struct ds_request *request, struct ds_answer *answer)
{
    struct ds_text paths = {0};
    struct ds_text header = {0};
    const char *validation = request->parameters.field_validation;
    if (request->by_hand || (!ds_empty(validation) && strcmp(validation, "Warn") != 0))
        return;
    ds_unknown_members(request->resource, request->body, &paths);
    each(&paths, &header, add_header);
    if (header.length > 0)
        answer->header = ds_copy(header.bytes);
    ds_text_free(&paths);
    ds_text_free(&header);
}
