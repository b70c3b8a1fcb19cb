/*
 * A Status object (metav1.Status): what the API server says when it refuses. Members of the wrong type are
 * missing ones; in all texts control characters are replaced by blanks.
 */
#ifndef KL_STATUS_H
#define KL_STATUS_H

#include <stddef.h>

struct json_object;

struct kl_status {
    int code;                /* HTTP status as the body has it; 0 when missing, negative, or no number */
    char reason[64];         /* "Conflict", "AlreadyExists", "Expired"; "" when missing; cut if longer */
    char message[512];       /* cut at a UTF-8 boundary if longer */
    char kind[64];           /* details.kind: "namespaces", "leases" */
    char name[256];          /* details.name */
    int retry_after_seconds; /* details.retryAfterSeconds; 0 likewise; at most 3600 */
};

/* 1 when the parsed object is a Status and *status is filled; 0 when not, and *status is all zero. */
int kl_status_decode(struct json_object *object, struct kl_status *status);

/* The same for a response body, which may be no JSON at all (a proxy's page): depth 32 at most. */
int kl_status_decode_text(const char *body, size_t size, struct kl_status *status);

#endif
