/* What a request is answered with: an object's JSON, a Status, or a watch. */
#ifndef DS_ANSWER_H
#define DS_ANSWER_H

#include <json-c/json.h>

#include "memory.h"
#include "resource.h"

struct ds_watch;

struct ds_answer {
    int status;
    struct ds_blob *body;
    char *content_type; /* NULL: application/json */
    char *header;       /* more header lines, "\n" between them; NULL: none */
    int retry_after_s;
    struct ds_watch *watch; /* instead of a body */
};

void ds_answer_clear(struct ds_answer *answer);
void ds_answer_blob(struct ds_answer *answer, int status, struct ds_blob *body);     /* takes the reference */
void ds_answer_tree(struct ds_answer *answer, int status, struct json_object *tree); /* takes the tree */
void ds_answer_text(struct ds_answer *answer, int status, const char *text);

/* A failure Status. The resource and the name (NULL: none) go into its details. */
void ds_answer_failure(struct ds_answer *answer, int code, const char *reason,
                       const struct ds_resource *resource, const char *name, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Adds a cause to the details of the failure. */
void ds_answer_cause(struct ds_answer *answer, const char *reason, const char *message, const char *field);

/* As a header and in the details of the failure. */
void ds_answer_retry_after(struct ds_answer *answer, int seconds);

void ds_answer_no_resource(struct ds_answer *answer);
void ds_answer_not_found(struct ds_answer *answer, const struct ds_resource *resource, const char *name);
void ds_answer_conflict(struct ds_answer *answer, const struct ds_resource *resource, const char *name,
                        const char *why);
/* A deletion whose preconditions don't hold: the one answer that calls the kind, not the resource. */
void ds_answer_stale_deletion(struct ds_answer *answer, const struct ds_resource *resource, const char *name,
                              const char *why);
void ds_answer_bad_request(struct ds_answer *answer, const char *message);

/* A success Status, the answer to a deletion. */
void ds_answer_deleted(struct ds_answer *answer, const struct ds_resource *resource, const char *name,
                       const char *uid);

/* The usual reason for an HTTP status: "Conflict" for 409. */
const char *ds_reason_of(int code);

/* 422 with what is wrong with which field. Collect first, then answer. */
struct ds_complaints {
    struct json_object *causes; /* NULL while there are none */
    struct ds_text message;
};

void ds_complain(struct ds_complaints *complaints, const char *type, const char *field, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
int ds_complaints_any(const struct ds_complaints *complaints);
/* Answers 422 and frees the complaints. `kind` is qualified ("Lease.coordination.k8s.io"). */
void ds_answer_invalid(struct ds_answer *answer, const char *group, const char *kind, const char *name,
                       struct ds_complaints *complaints);

#endif
