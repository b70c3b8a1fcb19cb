#include "requestlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "memory.h"
#include "tree.h"

struct ds_requestlog {
    FILE *file;
};

struct ds_requestlog *ds_requestlog_open(const char *path)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL)
        return NULL;
    struct ds_requestlog *log = ds_alloc(sizeof *log);
    log->file = file;
    return log;
}

void ds_requestlog_close(struct ds_requestlog *log)
{
    if (log == NULL)
        return;
    fclose(log->file);
    free(log);
}

static void set_unless_empty(struct json_object *line, const char *key, const char *value)
{
    if (!ds_empty(value))
        ds_tree_set_string(line, key, value);
}

void ds_requestlog_write(struct ds_requestlog *log, const char *method, const char *path,
                         const struct ds_request *request, int status, const char *fault)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char time[40];
    snprintf(time, sizeof time, "%lld.%06ld", (long long)now.tv_sec, now.tv_nsec / 1000);
    struct json_object *line = json_object_new_object();
    json_object_object_add(line, "time", json_object_new_double_s((double)now.tv_sec, time));
    ds_tree_set_string(line, "method", method);
    ds_tree_set_string(line, "path", path);
    set_unless_empty(line, "verb", ds_verb_name(request->verb));
    set_unless_empty(line, "resource", request->resource == NULL ? NULL : request->resource->plural);
    set_unless_empty(line, "namespace", request->namespace_);
    set_unless_empty(line, "name", request->name);
    json_object_object_add(line, "status", json_object_new_int(status));
    set_unless_empty(line, "fault", fault);
    fprintf(log->file, "%s\n", json_object_to_json_string_ext(line, DS_JSON_PLAIN));
    fflush(log->file);
    json_object_put(line);
}
