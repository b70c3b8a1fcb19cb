/*
 * What an API server does with requests on objects. All functions are called with the server's lock held;
 * requests come in with their bodies parsed, and what is to be answered goes out.
 */
#ifndef DS_CORE_H
#define DS_CORE_H

#include <stdint.h>

#include "answer.h"
#include "clock.h"
#include "hub.h"
#include "request.h"
#include "store.h"

struct ds_termination; /* a Pod on its way out */

struct ds_core {
    struct ds_hub *hub;
    struct ds_store *store;
    struct ds_clock *clock;
    int64_t pod_termination_ms; /* 0: no kubelet */
    struct ds_termination *terminations;
    uint64_t collected_at; /* the ownership changes that the collector has seen */
};

void ds_core_start(struct ds_core *core, int64_t history); /* with the namespaces that a new cluster has */
void ds_core_free(struct ds_core *core);

void ds_serve(struct ds_core *core, const struct ds_request *request,
              struct ds_answer *answer); /* any verb */

/* verbs.c */
void ds_serve_get(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);
void ds_serve_create(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);
void ds_serve_update(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);
void ds_serve_patch(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);

/* list.c */
void ds_serve_list(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);
/* Answers a read that wants to be newer than anything there is. */
int ds_is_of_the_future(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);
void ds_serve_watch(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);

/* delete.c */
enum ds_propagation { DS_PROPAGATION_DEFAULT, DS_BACKGROUND, DS_FOREGROUND, DS_ORPHAN };

struct ds_delete_options {
    int64_t grace_s; /* negative: the object's own */
    enum ds_propagation propagation;
};

void ds_serve_delete(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);

/* Begins or completes a deletion. NULL when the object stays, being deleted; else its last version, to be
 * unreferenced. */
struct ds_version *ds_delete(struct ds_core *core, struct ds_object *object,
                             const struct ds_delete_options *options);

/* Takes the object out of the store, and its namespace with it when that only waited for it. As
 * ds_store_remove(). */
struct ds_version *ds_remove(struct ds_core *core, struct ds_object *object);

/* Has a change left an object that is being deleted with nothing to wait for? */
int ds_is_finished(struct json_object *tree);

/* gc.c: one look at all objects that have owners or wait for their dependents. */
void ds_collect(struct ds_core *core);

#endif
