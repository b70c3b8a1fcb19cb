/* The request log: one JSON object a line for each request. */
#ifndef DS_REQUESTLOG_H
#define DS_REQUESTLOG_H

#include "request.h"

struct ds_requestlog;

struct ds_requestlog *ds_requestlog_open(const char *path); /* NULL: errno tells */
void ds_requestlog_close(struct ds_requestlog *log);

/* status 0: not answered. fault NULL: none struck. */
void ds_requestlog_write(struct ds_requestlog *log, const char *method, const char *path,
                         const struct ds_request *request, int status, const char *fault);

#endif
