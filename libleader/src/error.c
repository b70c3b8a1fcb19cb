/* The public object k8sleader_error: a code, a line for a person, an HTTP status. */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct k8sleader_error {
    int code;
    int http_status;
    int retriable;
    char message[]; /* flexible: one allocation an error */
};

__attribute__((format(printf, 2, 0))) static k8sleader_error *error_new_v(int code, const char *format,
                                                                          va_list args)
{
    va_list again;
    va_copy(again, args);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): of a copy, if another file came before */
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        return NULL;
    k8sleader_error *error = calloc(1, sizeof *error + (size_t)length + 1);
    if (!error)
        return NULL;
    error->code = code;
    error->retriable =
        code == K8SLEADER_ERR_TIMEOUT || code == K8SLEADER_ERR_NO_MEMORY || code == K8SLEADER_ERR_NOT_LEADER;
    (void)vsnprintf(error->message, (size_t)length + 1, format, args);
    return error;
}

k8sleader_error *kl_error_new(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    k8sleader_error *error = error_new_v(code, format, args);
    va_end(args);
    return error;
}

void kl_error_set_http(k8sleader_error *error, int http_status, int retriable)
{
    if (!error)
        return;
    error->http_status = http_status;
    error->retriable = retriable;
}

k8sleader_error *kl_error_copy(const k8sleader_error *error)
{
    if (!error)
        return NULL;
    size_t size = sizeof *error + strlen(error->message) + 1;
    k8sleader_error *copy = malloc(size);
    if (copy)
        memcpy(copy, error, size);
    return copy;
}

int kl_fail_as(k8sleader_error **err, const k8sleader_error *error)
{
    if (err)
        *err = kl_error_copy(error);
    return k8sleader_error_code(error);
}

int(kl_fail)(k8sleader_error **err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        *err = error_new_v(code, format, args);
        va_end(args);
    }
    return code;
}

int k8sleader_error_code(const k8sleader_error *error)
{
    return error ? error->code : 0;
}

const char *k8sleader_error_message(const k8sleader_error *error)
{
    return error ? error->message : "";
}

int k8sleader_error_http_status(const k8sleader_error *error)
{
    return error ? error->http_status : 0;
}

int k8sleader_error_retriable(const k8sleader_error *error)
{
    return error ? error->retriable : 0;
}

void k8sleader_error_free(k8sleader_error *error)
{
    free(error);
}

const char *k8sleader_error_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {K8SLEADER_OK, "OK"},
#define NAMED(name) {K8SLEADER_ERR_##name, #name}
        NAMED(ARGUMENT),
        NAMED(NO_MEMORY),
        NAMED(FORKED),
        NAMED(CLOSED),
        NAMED(TIMEOUT),
        NAMED(WOKEN),
        NAMED(BUSY),
        NAMED(NO_CONFIG),
        NAMED(FILE),
        NAMED(CONFIG),
        NAMED(UNSUPPORTED),
        NAMED(OPTION),
        NAMED(DURATION),
        NAMED(NAME),
        NAMED(IDENTITY),
        NAMED(NAMESPACE),
        NAMED(NO_NAMESPACE),
        NAMED(RESOLVE),
        NAMED(CONNECT),
        NAMED(REQUEST_TIMEOUT),
        NAMED(TLS),
        NAMED(TLS_UNTRUSTED),
        NAMED(TLS_EXPIRED),
        NAMED(TLS_HOST),
        NAMED(UNAUTHORIZED),
        NAMED(FORBIDDEN),
        NAMED(NAMESPACE_NOT_FOUND),
        NAMED(THROTTLED),
        NAMED(SERVER),
        NAMED(NOT_KUBERNETES),
        NAMED(PROTOCOL),
        NAMED(TOO_LARGE),
        NAMED(INVALID),
        NAMED(DUPLICATE_IDENTITY),
        NAMED(COORDINATED),
        NAMED(FENCING_TOKEN),
        NAMED(NOT_LEADER),
        NAMED(WATCH_FORBIDDEN),
        NAMED(TIGHT_DURATIONS),
        NAMED(FOREIGN_LOCK),
        NAMED(NO_POD),
        NAMED(POD_ENDING),
        NAMED(LOCK_OWNER),
        NAMED(PODS_FORBIDDEN),
#undef NAMED
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].code == code)
            return names[i].name;
    return "UNKNOWN";
}
