/*
 * RBAC, as far as it goes here: Roles and RoleBindings, no ClusterRoles. The administrator may do anything;
 * anybody else what a Role of the request's namespace allows. With the server's lock held.
 */
#ifndef DS_RIGHTS_H
#define DS_RIGHTS_H

#include "core.h"

/* May the user of the request do this? The verb is told apart from the request's, as a PUT may create. */
int ds_may(struct ds_core *core, const struct ds_request *request, enum ds_verb verb);

void ds_answer_forbidden(struct ds_answer *answer, const struct ds_request *request, enum ds_verb verb);

/* A SelfSubjectAccessReview is in the request's body. */
void ds_serve_review(struct ds_core *core, const struct ds_request *request, struct ds_answer *answer);

#endif
