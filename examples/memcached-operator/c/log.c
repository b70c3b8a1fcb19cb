#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define LINE_MOST       1024
#define REMEMBERED      64
#define SAID_AGAIN_IN_S 60

static void write_line(char *text)
{
    for (char *c = text; *c; c++) /* a server's words may have several lines */
        if ((unsigned char)*c < ' ')
            *c = ' ';
    char line[LINE_MOST + 64];
    char stamp[32];
    struct timespec now;
    struct tm utc;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(line, sizeof line, "%s.%03ldZ %s\n", stamp, now.tv_nsec / 1000000, text);
    (void)fputs(line, stderr); /* one call, so that lines of two threads do not mix */
}

void log_line(const char *format, ...)
{
    char text[LINE_MOST];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    write_line(text);
}

/* A line is known by its hash: that two share one costs a line, and only for a minute. */
static int was_said(const char *text)
{
    static struct {
        uint64_t hash;
        int64_t at;
    } said[REMEMBERED];
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        hash = (hash ^ *c) * UINT64_C(1099511628211);
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)pthread_mutex_lock(&mutex);
    size_t place = hash % REMEMBERED;
    int known = said[place].hash == hash && now.tv_sec - said[place].at < SAID_AGAIN_IN_S;
    if (!known) {
        said[place].hash = hash;
        said[place].at = now.tv_sec;
    }
    (void)pthread_mutex_unlock(&mutex);
    return known;
}

void log_problem(const char *format, ...)
{
    char text[LINE_MOST];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!was_said(text))
        write_line(text);
}
