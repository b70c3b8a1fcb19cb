/* Members of a body that this server does not know: what the request's fieldValidation makes of them. */
#ifndef DS_FIELDS_H
#define DS_FIELDS_H

#include "answer.h"
#include "request.h"

/* Answers 400 when there are some and the request is strict about it: 0. */
int ds_fields_pass(const struct ds_request *request, struct ds_answer *answer);

/* Adds a warning for each to an answer that is there, unless the request does not care. */
void ds_fields_warn(const struct ds_request *request, struct ds_answer *answer);

#endif
