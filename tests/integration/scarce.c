#include "scarce.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static atomic_int armed; /* 1 + whom */
static atomic_long first, last, seen, failed;
static _Thread_local int is_caller;

static int is_meant(void)
{
    char name[16];
    int whom = atomic_load(&armed);
    if (whom != 1 + SCARCE_WORKER)
        return whom && is_caller;
    return prctl(PR_GET_NAME, name) == 0 && strcmp(name, "k8sleader") == 0;
}

static int refuse(void)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed) || !is_meant())
        return 0;
    long number = atomic_fetch_add(&seen, 1) + 1;
    if (number < atomic_load(&first) || number > atomic_load(&last))
        return 0;
    (void)atomic_fetch_add(&failed, 1);
    errno = ENOMEM;
    return 1;
}

void scarce_from(enum scarce_whom whom, long nth, long count)
{
    is_caller = whom == SCARCE_CALLER;
    atomic_store(&seen, 0);
    atomic_store(&failed, 0);
    atomic_store(&first, nth);
    atomic_store(&last, nth + count - 1);
    atomic_store(&armed, 1 + (int)whom);
}

long scarce_end(void)
{
    atomic_store(&armed, 0);
    is_caller = 0;
    return atomic_load(&failed);
}

/* ---- what is wrapped: __real_NAME is what it was ---- */

#define WRAP(result, name, none, parameters, arguments)                                                      \
    result __real_##name parameters;                                                                         \
    result __wrap_##name parameters;                                                                         \
    result __wrap_##name parameters                                                                          \
    {                                                                                                        \
        return refuse() ? (none) : __real_##name arguments;                                                  \
    }

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, NULL, (void *old, size_t size), (old, size))
WRAP(char *, strdup, NULL, (const char *text), (text))
WRAP(char *, strndup, NULL, (const char *text, size_t size), (text, size))
WRAP(int, vasprintf, -1, (char **out, const char *format, va_list args), (out, format, args))
WRAP(char *, getcwd, NULL, (char *place, size_t size), (place, size))
WRAP(FILE *, open_memstream, NULL, (char **place, size_t *size), (place, size))

int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = __wrap_vasprintf(out, format, args);
    va_end(args);
    return length;
}

/* Descriptors, and a thread. */
WRAP(int, eventfd, -1, (unsigned count, int flags), (count, flags))
WRAP(int, epoll_create1, -1, (int flags), (flags))
WRAP(int, timerfd_create, -1, (int clock, int flags), (clock, flags))
WRAP(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, pthread_create, EAGAIN,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *user),
     (thread, attributes, run, user))

/* What the dependencies make for us. */
struct json_tokener;
struct lh_table;
WRAP(CURL *, curl_easy_init, NULL, (void), ())
WRAP(CURLM *, curl_multi_init, NULL, (void), ())
WRAP(CURLU *, curl_url, NULL, (void), ())
WRAP(char *, curl_easy_escape, NULL, (CURL * easy, const char *text, int size), (easy, text, size))
WRAP(struct curl_slist *, curl_slist_append, NULL, (struct curl_slist * list, const char *text), (list, text))
WRAP(struct json_tokener *, json_tokener_new_ex, NULL, (int depth), (depth))
WRAP(struct lh_table *, lh_kchar_table_new, NULL, (int size, void (*free_entry)(void *)), (size, free_entry))
