/*
 * A watch stream, decoded as its bytes arrive: JSON objects {"type": …, "object": …} one after the other,
 * usually a line each (kubernetes.io/docs/reference/using-api/api-concepts, "Efficient detection of
 * changes").
 */
#ifndef KL_WATCH_H
#define KL_WATCH_H

#include <stddef.h>

#include "k8sleader.h"

struct json_object;

enum kl_watch_event_type {
    KL_WATCH_ADDED,
    KL_WATCH_MODIFIED,
    KL_WATCH_DELETED,
    KL_WATCH_BOOKMARK,
    KL_WATCH_ERROR /* object is a Status; the stream ends with it */
};

/* `object` is borrowed: take a reference (json_object_get) to keep it. */
typedef void (*kl_watch_handler)(void *user, enum kl_watch_event_type type, struct json_object *object);

struct kl_watch_decoder;

/* max_event: the most bytes one event may have. NULL without memory. */
struct kl_watch_decoder *kl_watch_decoder_new(size_t max_event, kl_watch_handler handler, void *user);

/*
 * Takes the next bytes, split anywhere, also inside a UTF-8 sequence, and calls the handler for each event
 * that is complete. The handler must neither feed nor free the decoder. Returns 0, or once and for all
 * PROTOCOL (no JSON, no such event, more than 32 levels of values, a NUL byte, a number of more than 1024
 * characters) or TOO_LARGE; after a failure every call returns the same code and message. What comes before
 * the fault is handled first. An event of an unknown type is passed over. White space between events counts
 * for none of them.
 */
int kl_watch_decoder_feed(struct kl_watch_decoder *decoder, const char *bytes, size_t size,
                          k8sleader_error **err);

/* 1 when the stream may end here: nothing but white space since the last event, and no failure. */
int kl_watch_decoder_at_boundary(const struct kl_watch_decoder *decoder);

void kl_watch_decoder_free(struct kl_watch_decoder *decoder);

#endif
