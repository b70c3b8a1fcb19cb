/*
 * What the server and the machine need by themselves: the limits that candidates are measured against.
 *
 * bench-limits write N: N writes of one lease, each on the version the one before left (compare-and-swap)
 *
 * bench-limits read N: N reads
 *
 * bench-limits event N: from sending a write to its event on a watch
 *
 * bench-limits handover N: a write, its event on a watch, a second write: what a handover can't do without
 *
 * bench-limits flood COUNT K: COUNT leases made, then each written once, K in flight
 *
 * bench-limits pace MS: a write each MS until standard input ends, as any other leader's renewals
 *
 * bench-limits idle: connected, doing nothing, until standard input ends
 *
 * One JSON object a line. LIMITS_SERVER, LIMITS_AUTHORITY (a file), LIMITS_TOKEN and LIMITS_NAMESPACE say
 * where.
 */
#include "http.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WARM_UP = 5, VERSION_SIZE = 32, LARGEST_COUNT = 20000, MOST_IN_FLIGHT = 1000 };

static int number(const char *text, int most)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > most)
        die(text, "is no such number");
    return (int)value;
}

/* A lease of its own for each run. Returns its first version. */
static void create(struct http *http, const char *name, char *version)
{
    struct request request;
    request_init(http, &request, NULL, "");
    http_body(&request, name, "", "limits");
    http_send(http, &request, "POST");
    http_finish(http, &request, 201);
    http_version(&request.answer, version, VERSION_SIZE);
    request_free(&request);
}

static void write_once(struct http *http, struct request *request, const char *name, char *version,
                       const char *holder)
{
    http_body(request, name, version, holder);
    http_send(http, request, "PUT");
    http_finish(http, request, 200);
    http_version(&request->answer, version, VERSION_SIZE);
}

static void print_sample(int round, double ms)
{
    if (round >= 0)
        (void)printf("{\"ms\":%.4f}\n", ms);
}

static void measure_writes(struct http *http, const char *name, char *version, int count)
{
    struct request request;
    request_init(http, &request, name, "");
    for (int i = -WARM_UP; i < count; i++) {
        write_once(http, &request, name, version, "limits");
        print_sample(i, now_ms() - request.since_ms);
    }
    request_free(&request);
}

static void measure_reads(struct http *http, const char *name, int count)
{
    struct request request;
    request_init(http, &request, name, "");
    for (int i = -WARM_UP; i < count; i++) {
        http_send(http, &request, "GET");
        http_finish(http, &request, 200);
        print_sample(i, now_ms() - request.since_ms);
    }
    request_free(&request);
}

static void await_lines(struct http *http, const struct request *watch, int lines)
{
    while (watch->lines < lines && !watch->done)
        http_step(http, 1000);
    if (watch->done)
        die(watch->url, "the watch ended");
}

/* With taken, a second write follows the event, as the next leader's. pause_ms: between the rounds, since a
 * server that rests meanwhile takes longer than one that is written to without end. */
static void measure_events(struct http *http, const char *name, char *version, int count, int taken,
                           int pause_ms)
{
    struct request watch, request;
    char query[256];
    (void)snprintf(query, sizeof query, "?watch=1&fieldSelector=metadata.name%%3D%s", name);
    request_init(http, &watch, NULL, query);
    request_init(http, &request, name, "");
    http_send(http, &watch, "GET");
    await_lines(http, &watch, 1);
    for (int i = -WARM_UP; i < count; i++) {
        double since;
        (void)poll(NULL, 0, pause_ms);
        watch.lines = 0;
        watch.answer.length = 0;
        http_body(&request, name, version, taken ? "" : "limits");
        http_send(http, &request, "PUT");
        since = request.since_ms;
        await_lines(http, &watch, 1);
        if (!taken)
            print_sample(i, now_ms() - since);
        http_finish(http, &request, 200);
        http_version(&request.answer, version, VERSION_SIZE);
        if (!taken)
            continue;
        write_once(http, &request, name, version, "limits");
        print_sample(i, now_ms() - since);
        await_lines(http, &watch, 2);
    }
    (void)curl_multi_remove_handle(http->multi, watch.easy);
    request_free(&watch);
    request_free(&request);
}

struct flood {
    struct http *http;
    const char *prefix;
    int count, in_flight;
    char (*versions)[VERSION_SIZE]; /* "" until it was made */
};

/* Each lease once: made where it has no version yet, else written on it. Returns how long all took. */
static double flood_once(const struct flood *flood)
{
    int made = !flood->versions[0][0], sent = 0, answered = 0;
    int *whose = calloc((size_t)flood->in_flight, sizeof *whose);
    struct request *slots = calloc((size_t)flood->in_flight, sizeof *slots);
    if (!whose || !slots)
        die("flood", "no memory");
    double since = now_ms();
    while (answered < flood->count) {
        for (int i = 0; i < flood->in_flight; i++) {
            if (slots[i].easy && slots[i].done) {
                if (slots[i].status != (made ? 201 : 200))
                    die(slots[i].url, slots[i].answer.data);
                http_version(&slots[i].answer, flood->versions[whose[i]], VERSION_SIZE);
                answered++;
                request_free(&slots[i]);
                slots[i].easy = NULL;
            }
            if (!slots[i].easy && sent < flood->count) {
                char name[128];
                (void)snprintf(name, sizeof name, "%s-%d", flood->prefix, sent);
                request_init(flood->http, &slots[i], made ? NULL : name, "");
                http_body(&slots[i], name, flood->versions[sent], "limits");
                http_send(flood->http, &slots[i], made ? "POST" : "PUT");
                whose[i] = sent++;
            }
        }
        if (answered < flood->count)
            http_step(flood->http, 1000);
    }
    free(slots);
    free(whose);
    return now_ms() - since;
}

static double process_cpu_ms(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return 1e3 * (double)used.tv_sec + 1e-6 * (double)used.tv_nsec;
}

static void measure_flood(struct http *http, const char *prefix, int count, int in_flight)
{
    struct flood flood = {http, prefix, count, in_flight, calloc((size_t)count, VERSION_SIZE)};
    if (!flood.versions)
        die("flood", "no memory");
    double create_ms = flood_once(&flood);
    (void)flood_once(&flood); /* warm */
    double cpu_ms = process_cpu_ms(), write_ms = flood_once(&flood);
    cpu_ms = process_cpu_ms() - cpu_ms;
    (void)printf(
        "{\"count\":%d,\"in_flight\":%d,\"create_ms\":%.3f,\"write_ms\":%.3f,\"write_cpu_ms\":%.3f}\n", count,
        in_flight, create_ms, write_ms, cpu_ms);
    free(flood.versions);
}

static int input_ended(int timeout_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char byte;
    return poll(&input, 1, timeout_ms) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void measure_pace(struct http *http, const char *name, char *version, int period_ms)
{
    struct request request;
    request_init(http, &request, name, "");
    (void)printf("{\"event\":\"ready\"}\n");
    for (;;) {
        write_once(http, &request, name, version, "limits");
        double took = now_ms() - request.since_ms;
        print_sample(0, took);
        if (input_ended(took < period_ms ? (int)(period_ms - took) : 0))
            break;
    }
    request_free(&request);
}

static void idle(struct http *http, const char *name)
{
    measure_reads(http, name, 0); /* it is warm, and prints nothing */
    (void)printf("{\"event\":\"ready\"}\n");
    while (!input_ended(-1))
        continue;
}

int main(int argc, char **argv)
{
    struct http http;
    char name[64], version[VERSION_SIZE];
    const char *mode = argc > 1 ? argv[1] : "";
    int arguments = strcmp(mode, "idle") == 0 ? 2 : strcmp(mode, "flood") == 0 ? 4 : 3;
    if (argc != arguments && !(argc == 4 && strcmp(mode, "handover") == 0))
        die("usage", "bench-limits write|read|event N | handover N [PAUSE_MS] | flood COUNT IN_FLIGHT | pace "
                     "MS | idle");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(name, sizeof name, "limits-%s-%d", mode, (int)getpid());
    http_open(&http);
    if (strcmp(mode, "flood") == 0) {
        measure_flood(&http, name, number(argv[2], LARGEST_COUNT), number(argv[3], MOST_IN_FLIGHT));
        http_close(&http);
        return 0;
    }
    create(&http, name, version);
    int count = argc > 2 ? number(argv[2], 1000000) : 0;
    if (strcmp(mode, "write") == 0)
        measure_writes(&http, name, version, count);
    else if (strcmp(mode, "read") == 0)
        measure_reads(&http, name, count);
    else if (strcmp(mode, "event") == 0)
        measure_events(&http, name, version, count, 0, 0);
    else if (strcmp(mode, "handover") == 0)
        measure_events(&http, name, version, count, 1, argc > 3 ? number(argv[3], 10000) : 0);
    else if (strcmp(mode, "pace") == 0)
        measure_pace(&http, name, version, count);
    else if (strcmp(mode, "idle") == 0)
        idle(&http, name);
    else
        die(mode, "is no such mode");
    http_close(&http);
    return 0;
}
