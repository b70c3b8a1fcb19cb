/*
 * What became of a Pod, or how a Node does: watched for as long as somebody wants to know. All observers of
 * one Pod or Node share a watch. Where watching is forbidden it is read every few seconds; where that is
 * forbidden too, those concerned are told so. Worker thread only.
 */
#ifndef KL_OBSERVER_H
#define KL_OBSERVER_H

#include "client_object.h"

/* Called in the worker's rounds, never inside kl_observe_*(). They may free any observer. */
struct kl_observer_handlers {
    /*
     * What became of the Pod with the UID asked for, each time that changes; node: where it runs, "" if not
     * said. KL_POD_ABSENT is certain: its name was looked up, by a consistent read or a watch, after its UID
     * was known to exist. error: with KL_POD_FORBIDDEN.
     */
    void (*pod)(void *user, const struct kl_pod_sighting *sighting, const char *node,
                const k8sleader_error *error);
    /* Whether the Node is lost: its condition Ready is not True. error: it may not be read. */
    void (*node)(void *user, int is_lost, const k8sleader_error *error);
    /* It can't be learnt for now; it is tried again. */
    void (*failed)(void *user, const k8sleader_error *error);
    /* After that: it can. */
    void (*sound)(void *user);
};

/*
 * pod->uid "": whichever Pod has the name now, by a consistent read. The observer begins to look after the
 * call, so a Pod that was known to exist before cannot be missed. NULL without memory.
 */
struct kl_observer *kl_observe_pod(k8sleader_client *client, const char *namespace_,
                                   const struct kl_pod_ref *pod, const struct kl_observer_handlers *handlers,
                                   void *user);
struct kl_observer *kl_observe_node(k8sleader_client *client, const char *name,
                                    const struct kl_observer_handlers *handlers, void *user);
void kl_observer_free(struct kl_observer *observer);

/* Streams that heard nothing since then are opened anew, on other connections. */
void kl_observers_suspect_silent(k8sleader_client *client, int64_t since);

#endif
