/*
 * One watch, kept open: reconnects with back-off and jitter, resumes from the last version it saw, and starts
 * afresh when that is gone. Over one object of a collection, or over all of it. Worker thread only.
 */
#ifndef KL_WATCHER_H
#define KL_WATCHER_H

#include "client_object.h"

struct kl_watch_subject {
    const char *collection; /* its URL path; NULL: no memory for it */
    const char *name;       /* of the one object; NULL: all of the collection */
    const char *version;    /* where to begin; NULL: with what there is now */
    const char *doing;      /* for messages: "watching Lease default/web" */
};

/* Objects, texts and errors are borrowed for the call. None of these may free the watch but those that say
 * so. */
struct kl_watch_handlers {
    /* It is live; fresh: without a version, so that what was deleted before goes unsaid. */
    void (*opened)(void *user, int fresh);
    /* An object is there, new or changed. */
    void (*shown)(void *user, const char *name, struct json_object *object);
    /* version: the deletion's. object: as it was last. */
    void (*deleted)(void *user, const char *name, const char *version, struct json_object *object);
    /* 403. It is tried again every minute or so, unless this frees the watch. */
    void (*forbidden)(void *user, const k8sleader_error *error);
    /* It could not be opened, or not be read; it is tried again. */
    void (*failed)(void *user, const k8sleader_error *error);
    /* Something came that could be read, for the first time since it failed. */
    void (*sound)(void *user);
    /* What came since its last version is lost (410): this frees the watch. NULL: it starts afresh. */
    void (*lost_place)(void *user);
};

/* handlers: static. NULL without memory. */
struct kl_watch *kl_watch_new(k8sleader_client *client, const struct kl_watch_subject *subject,
                              const struct kl_watch_handlers *handlers, void *user);
void kl_watch_free(struct kl_watch *watch);

/* Opens it anew, after a moment's jitter. */
void kl_watch_reopen(struct kl_watch *watch);

/* When it last heard anything. */
int64_t kl_watch_heard_at(const struct kl_watch *watch);

#endif
