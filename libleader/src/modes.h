/* The modes of election, for the worker: what lies between it and a machine. Worker thread only. */
#ifndef KL_MODES_H
#define KL_MODES_H

#include "answer.h"
#include "client_object.h"

struct kl_standing;

struct kl_mode {
    /* A machine for what was resolved from the options. */
    void (*init)(k8sleader_election *election, const struct kl_standing *standing);

    /* The machine's step, and what else belongs to it. */
    void (*step)(k8sleader_election *election, const struct kl_input *input, struct kl_effects *effects);
    void (*view)(const k8sleader_election *election, struct kl_view *view);
    const char *(*leader)(const k8sleader_election *election);

    /* A watch or a list shows the lock. */
    void (*seen)(k8sleader_election *election, struct json_object *object);

    /*
     * The request to send now. 1: *request and *path (malloc'd, the caller frees it) are set; 0: none is
     * wanted; -1: it can't be made for lack of memory. After 1 and -1 an answer must follow.
     */
    int (*build)(k8sleader_election *election, struct kl_http_request *request, char **path);

    /* What the request under way does, for messages: "renewing Lease default/web". */
    void (*doing)(const k8sleader_election *election, char *text, size_t size);

    void (*answered)(k8sleader_election *election, struct kl_verdict *verdict);

    /* Words for one of the machine's own findings. */
    k8sleader_error *(*note)(const k8sleader_election *election, int code);

    /* What the machine asks for beside requests may have changed; NULL: nothing ever. */
    void (*settle)(k8sleader_election *election);

    /* The election is over: frees what is the mode's own. */
    void (*leave)(k8sleader_election *election);
};

extern const struct kl_mode kl_mode_lease;
extern const struct kl_mode kl_mode_life;

#endif
