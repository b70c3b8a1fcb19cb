/* Making k8sleader_error objects: what every part of the library reports failures with. */
#ifndef KL_ERROR_H
#define KL_ERROR_H

#include "k8sleader.h"

/* A new error with a formatted message; NULL without memory (callers then report NO_MEMORY by code alone). */
k8sleader_error *kl_error_new(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the HTTP status and whether trying again may help. `error` may be NULL. */
void kl_error_set_http(k8sleader_error *error, int http_status, int retriable);

k8sleader_error *kl_error_copy(const k8sleader_error *error);

/* For `return kl_fail(err, K8SLEADER_ERR_CONFIG, "%s:%d: ...", ...)`: sets *err (when err is not NULL),
 * returns code. */
int kl_fail(k8sleader_error **err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__ /* which does not look into other files */
#define kl_fail(err, code, ...) ((void)(kl_fail)(err, code, __VA_ARGS__), (code))
#endif

/* The same with a copy of an error, and its code. */
int kl_fail_as(k8sleader_error **err, const k8sleader_error *error);

#endif
