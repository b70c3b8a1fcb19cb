/* Scripted faults: which there are, and which one strikes a request. All functions are called with the
 * server's lock held. */
#ifndef DS_FAULTS_H
#define DS_FAULTS_H

#include <json-c/json.h>

#include "k8sleader-devserver.h"
#include "request.h"

struct ds_faults; /* the script */

/* Strings are owned; shared by the script and the requests that it struck. */
struct ds_fault {
    size_t references;
    struct devserver_fault is;
    int64_t number;
    int64_t seen;
    int64_t hits;
    int removed; /* from the script: it delays nothing any more */
    struct ds_fault *next;
};

struct ds_faults *ds_faults_new(void);
void ds_faults_free(struct ds_faults *faults);

int64_t ds_faults_add(struct ds_faults *faults, const struct devserver_fault *fault);
int64_t ds_faults_hits(const struct ds_faults *faults, int64_t number);
void ds_faults_remove(struct ds_faults *faults, int64_t number);
void ds_faults_clear(struct ds_faults *faults);

/* Counts the request and gives the fault that strikes it, referenced; NULL: none. */
struct ds_fault *ds_faults_strike(struct ds_faults *faults, const struct ds_request *request);
void ds_fault_unref(struct ds_fault *fault);

/* A fault as JSON, under the header's names. */
struct json_object *ds_faults_list(const struct ds_faults *faults);
/* The strings belong to the tree. -1: no such action, or no JSON of that kind. */
int ds_fault_parse(struct json_object *tree, struct devserver_fault *fault);

const char *ds_action_name(enum devserver_action action);

#endif
