/* k8sleader status: who leads, as the server says it once. */
#include "events.h"
#include "options.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 8, NO_TIME_LENGTH = 24 };

struct table {
    char *(*rows)[COLUMNS];
    size_t count;
};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * "held", "free", or "expired?": the question mark since the renewal has the holder's time, which is compared
 * with ours here; candidates never do.
 */
static const char *state_of(const k8sleader_lock_list *list, size_t index)
{
    int64_t renewed = k8sleader_lock_list_renew_time_us(list, index);
    int64_t duration_ms = k8sleader_lock_list_lease_duration_ms(list, index);
    if (!*k8sleader_lock_list_holder(list, index))
        return "free";
    if (renewed == INT64_MIN || duration_ms == 0)
        return "held";
    return now_us() - renewed > duration_ms * 1000 ? "expired?" : "held";
}

/* ---- for programs: one object a line ---- */

static void add_time(struct json_object *row, const char *key, int64_t time_us)
{
    char text[40];
    struct json_object *time = NULL;
    if (time_us != INT64_MIN) {
        int64_t part = time_us % 1000000;
        (void)snprintf(text, sizeof text, "%lld.%06lld", (long long)(time_us / 1000000),
                       (long long)(part < 0 ? 0 : part));
        time = json_object_new_double_s((double)time_us / 1e6, text);
    }
    (void)json_object_object_add(row, key, time);
}

static void print_row(struct json_object *row)
{
    (void)puts(json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)json_object_put(row);
}

static struct json_object *new_row(const char *name, const char *namespace_, const char *state)
{
    struct json_object *row = json_object_new_object();
    (void)json_object_object_add(row, "name", json_object_new_string(name));
    (void)json_object_object_add(row, "namespace", namespace_ ? json_object_new_string(namespace_) : NULL);
    (void)json_object_object_add(row, "state", json_object_new_string(state));
    return row;
}

static void print_json(const k8sleader_lock_list *list, size_t index)
{
    struct json_object *row = new_row(k8sleader_lock_list_name(list, index),
                                      k8sleader_lock_list_namespace(list, index), state_of(list, index));
    int64_t duration_ms = k8sleader_lock_list_lease_duration_ms(list, index);
    (void)json_object_object_add(row, "holder",
                                 json_object_new_string(k8sleader_lock_list_holder(list, index)));
    add_time(row, "acquire_time", k8sleader_lock_list_acquire_time_us(list, index));
    add_time(row, "renew_time", k8sleader_lock_list_renew_time_us(list, index));
    (void)json_object_object_add(row, "lease_duration_seconds",
                                 duration_ms ? json_object_new_int64(duration_ms / 1000) : NULL);
    (void)json_object_object_add(row, "transitions",
                                 json_object_new_int64(k8sleader_lock_list_transitions(list, index)));
    print_row(row);
}

/* The same fields, as null. */
static void print_missing(const char *name, const char *namespace_)
{
    static const char *const fields[] = {"holder", "acquire_time", "renew_time", "lease_duration_seconds",
                                         "transitions"};
    struct json_object *row = new_row(name, namespace_, "none");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        (void)json_object_object_add(row, fields[i], NULL);
    print_row(row);
}

/* ---- for people: a table ---- */

/* "4d3h", "2h5m", "1m30s", "12s", "0.8s": the two largest units. */
static void write_span(char *text, size_t size, int64_t us)
{
    long long seconds = (long long)(us / 1000000);
    if (us < 0)
        (void)snprintf(text, size, "ahead"); /* the holder's clock is before ours */
    else if (seconds < 10)
        (void)snprintf(text, size, "%.1fs", (double)us / 1e6);
    else if (seconds < 60)
        (void)snprintf(text, size, "%llds", seconds);
    else if (seconds < 3600)
        (void)snprintf(text, size, "%lldm%llds", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        (void)snprintf(text, size, "%lldh%lldm", seconds / 3600, seconds / 60 % 60);
    else
        (void)snprintf(text, size, "%lldd%lldh", seconds / 86400, seconds / 3600 % 24);
}

static char *since(int64_t time_us)
{
    char text[NO_TIME_LENGTH] = "-";
    if (time_us != INT64_MIN)
        write_span(text, sizeof text, now_us() - time_us);
    return strdup(text);
}

static char *number(const char *format, long long value)
{
    char text[32];
    (void)snprintf(text, sizeof text, *format == 's' ? "%llds" : "%lld", value);
    return strdup(text);
}

/* A new row; NULL without memory. */
static char **add_row(struct table *table)
{
    char *(*rows)[COLUMNS] = realloc(table->rows, (table->count + 1) * sizeof *rows);
    if (!rows)
        return NULL;
    table->rows = rows;
    memset(rows[table->count], 0, sizeof *rows);
    return rows[table->count++];
}

static void add_texts(struct table *table, const char *const *texts)
{
    char **row = add_row(table);
    for (int i = 0; row && i < COLUMNS; i++)
        row[i] = strdup(texts[i]);
}

static void add_lock(struct table *table, const k8sleader_lock_list *list, size_t index)
{
    char **row = add_row(table);
    if (!row)
        return;
    const char *holder = k8sleader_lock_list_holder(list, index);
    int64_t duration_ms = k8sleader_lock_list_lease_duration_ms(list, index);
    row[0] = strdup(k8sleader_lock_list_name(list, index));
    row[1] = strdup(k8sleader_lock_list_namespace(list, index));
    row[2] = cli_printable(*holder ? holder : "-");
    row[3] = since(*holder ? k8sleader_lock_list_acquire_time_us(list, index) : INT64_MIN);
    row[4] = since(k8sleader_lock_list_renew_time_us(list, index));
    row[5] = duration_ms ? number("s", duration_ms / 1000) : strdup("-");
    row[6] = number("", k8sleader_lock_list_transitions(list, index));
    row[7] = strdup(state_of(list, index));
}

static void print_table(struct table *table)
{
    int widths[COLUMNS] = {0};
    for (size_t i = 0; i < table->count; i++)
        for (int column = 0; column < COLUMNS; column++)
            if (table->rows[i][column] && (int)strlen(table->rows[i][column]) > widths[column])
                widths[column] = (int)strlen(table->rows[i][column]);
    for (size_t i = 0; i < table->count; i++)
        for (int column = 0; column < COLUMNS; column++) {
            const char *text = table->rows[i][column] ? table->rows[i][column] : "";
            if (column + 1 < COLUMNS)
                (void)printf("%-*s   ", widths[column], text);
            else
                (void)printf("%s\n", text);
        }
}

static void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        for (int column = 0; column < COLUMNS; column++)
            free(table->rows[i][column]);
    free(table->rows);
}

/* ---- asking ---- */

/* One name, or with NULL all there are. */
static int ask(const struct cli_settings *settings, k8sleader_client *client, const char *name,
               struct table *table)
{
    const char *namespace_ = settings->values[CLI_NAMESPACE];
    k8sleader_lock_list *list = NULL;
    k8sleader_error *error = NULL;
    if (k8sleader_client_list_locks(client, settings->values[CLI_LOCK_RESOURCE], namespace_, name, -1, &list,
                                    &error) != 0)
        return cli_failed(error);
    size_t count = k8sleader_lock_list_count(list);
    for (size_t i = 0; i < count; i++)
        if (settings->json)
            print_json(list, i);
        else
            add_lock(table, list, i);
    k8sleader_lock_list_free(list);
    if (count > 0 || !name)
        return CLI_OK;
    if (settings->json)
        print_missing(name, namespace_);
    else
        add_texts(table, (const char *const[COLUMNS]){name, namespace_ ? namespace_ : "-", "-", "-", "-", "-",
                                                      "-", "none"});
    return CLI_FAILURE;
}

static int ask_all(const struct cli_settings *settings)
{
    struct table table = {0};
    k8sleader_client *client = NULL;
    int result = cli_connect(settings, &client);
    if (result != 0)
        return result;
    add_texts(&table, (const char *const[COLUMNS]){"NAME", "NAMESPACE", "HOLDER", "AGE", "RENEWED",
                                                   "DURATION", "TRANSITIONS", "STATE"});
    for (int i = 0; i < settings->rest_count || i == 0; i++) {
        int code = ask(settings, client, settings->rest_count ? settings->rest[i] : NULL, &table);
        if (result == CLI_OK)
            result = code;
        if (code == CLI_USAGE)
            break; /* the same would be said of every name */
    }
    if (!settings->json && table.count > 1)
        print_table(&table);
    else if (!settings->json && result == CLI_OK)
        cli_say("there are no Leases in that namespace");
    table_clear(&table);
    k8sleader_client_free(client);
    if (fflush(stdout) != 0) {
        cli_say("standard output: %s", strerror(errno));
        return CLI_FAILURE;
    }
    return result;
}

int cli_status(int argc, char **argv)
{
    struct cli_settings settings;
    int code = cli_read_settings(&settings, CLI_STATUS, argc, argv);
    if (code < 0)
        code = ask_all(&settings);
    cli_clear_settings(&settings);
    return code;
}
