/* What an HTTP answer, or its absence, means for an election: whether a write may have been applied, and what
 * to tell. */
#ifndef KL_ANSWER_H
#define KL_ANSWER_H

#include "k8sleader.h"
#include "machine/lease.h"
#include "transport/http.h"

struct kl_verdict {
    enum kl_outcome outcome;
    k8sleader_error *error; /* owned; NULL when the outcome is OK, and without memory */
    int64_t retry_after;
    struct json_object *object; /* owned; the answer's body, when the outcome is OK */
};

/* `doing` starts the message: "renewing Lease default/web". */
void kl_answer_judge(const struct kl_http *http, const char *doing, const struct kl_http_result *result,
                     struct kl_verdict *verdict);

/* The same for a Status that came as a watch's ERROR event. */
k8sleader_error *kl_answer_status_error(const struct kl_http *http, const char *doing,
                                        struct json_object *object, int *http_status);

/* 0, or what the error says, also where there was no memory for it. */
int kl_verdict_code(const struct kl_verdict *verdict);

void kl_verdict_clear(struct kl_verdict *verdict);

#endif
