/*
 * What the machines of both modes, lease.h and life.h, have in common: what they are told, and what they
 * tell.
 *
 * A machine is pure: no I/O, no clock, no allocation, no globals.
 *
 *   step(input)  something happened: the machine changes its state and says what follows: events, and whether
 *                a request is due
 *   send(now)    a request of this election can be sent now: the machine says which, or that none is wanted
 *
 * Times are int64_t nanoseconds on one steady clock (CLOCK_BOOTTIME).
 */
#ifndef KL_MACHINE_H
#define KL_MACHINE_H

#include <stdint.h>

#include "machine/steady.h"

struct kl_lease_object;
struct kl_life_object;
struct kl_pod_sighting;

/* Nothing that fails, and nothing that is put right against a foreign hand, is tried again sooner. */
#define KL_BACK_OFF_FIRST (50 * KL_MILLISECOND)

/* However long a server asks to be left alone: it may be wrong, and a candidate gone for an hour is no
 * standby. */
#define KL_RETRY_AFTER_MOST (30 * KL_SECOND)

/* The object's resourceVersion. Unordered ones (no number) can only be compared for equality: number is then
 * a hash. */
struct kl_version {
    uint64_t number;
    int ordered;
};

/* For unordered ones: another. */
static inline int kl_version_newer(const struct kl_version *version, const struct kl_version *than)
{
    if (version->ordered && than->ordered)
        return version->number > than->number;
    return version->number != than->number || version->ordered != than->ordered;
}

enum kl_phase {
    KL_PHASE_CANDIDATE, /* does not lead; would like to */
    KL_PHASE_LEADING,
    KL_PHASE_DRAINING,  /* stopped, the work still ends: the lock is held on to */
    KL_PHASE_RELEASING, /* the work has ended: the lock is given back (leader-with-lease only) */
    KL_PHASE_LOST,      /* the term is over, its STOPPED not yet handed back */
    KL_PHASE_CLOSED
};

enum kl_input_type {
    KL_INPUT_START,
    KL_INPUT_TICK,         /* time has passed: wake_at, or nothing in particular */
    KL_INPUT_SEEN,         /* the watch (or a list) shows the object */
    KL_INPUT_GONE,         /* there is none as of `version`: deleted, or not in a list */
    KL_INPUT_WATCH_OPENED, /* the watch is live; `fresh`: without a version, so what was deleted before goes
                              unsaid */
    KL_INPUT_WATCH_FORBIDDEN, /* the lock may not be watched */
    KL_INPUT_WATCH_FAILED,    /* the watch could not be opened, or not be read (error_code) */
    KL_INPUT_WATCH_SOUND,     /* something came on it that could be read, a bookmark perhaps */
    KL_INPUT_ANSWER,          /* the request in flight came to an end */
    KL_INPUT_STOP,
    KL_INPUT_DRAINED, /* the work of the term named by `token` has ended */
    KL_INPUT_ABANDON, /* end without a release, except one already handed back */
    /* leader-for-life only: what became of … */
    KL_INPUT_OWN_POD,   /* … the Pod we are */
    KL_INPUT_OWNER_POD, /* … the Pod that owns the lock, or owned it last */
    KL_INPUT_NODE       /* … the node it runs on */
};

/* How a request ended. What matters is whether it may have been applied. */
enum kl_outcome {
    KL_OUTCOME_OK,           /* `object` is the answer's */
    KL_OUTCOME_CONFLICT,     /* 409: not the version it was based on, or it exists already */
    KL_OUTCOME_NOT_FOUND,    /* 404: there is no such object */
    KL_OUTCOME_NO_NAMESPACE, /* 404: there is no such namespace */
    KL_OUTCOME_FORBIDDEN,    /* 403 */
    KL_OUTCOME_THROTTLED,    /* 429, perhaps with retry_after */
    KL_OUTCOME_REFUSED,      /* 400, 401, 422 and other answers that say: not applied */
    KL_OUTCOME_NOT_SENT,     /* no connection: surely not applied */
    KL_OUTCOME_TIMED_OUT,    /* sent, no answer in time: may have been applied, may still be */
    KL_OUTCOME_AMBIGUOUS     /* sent, connection broken or 5xx: the same */
};

/* Where an observation comes from: a read that was sent after the last adoption outranks versions. */
enum kl_source { KL_FROM_WATCH, KL_FROM_READ, KL_FROM_WRITE };

struct kl_input {
    enum kl_input_type type;
    int64_t now;
    const struct kl_lease_object *object;   /* SEEN, ANSWER with OK: of the lease machine */
    const struct kl_life_object *ownership; /* the same: of the life machine */
    struct kl_version version;              /* GONE: of the deletion, or the list's */
    enum kl_outcome outcome;                /* ANSWER */
    int64_t retry_after;                    /* ANSWER with THROTTLED; 0: not said */
    int error_code;                    /* ANSWER that failed, WATCH_FAILED: what to report, K8SLEADER_ERR_* */
    int fresh;                         /* WATCH_OPENED */
    uint64_t token;                    /* DRAINED */
    const struct kl_pod_sighting *pod; /* OWN_POD, OWNER_POD; NODE: the Pod that runs on it (its state is not
                                          looked at) */
    int node_lost;                     /* NODE */
};

enum kl_event_type {
    KL_EVENT_STARTED,
    KL_EVENT_STOPPED,
    KL_EVENT_LOST_DRAIN, /* lost during the drain */
    KL_EVENT_NEW_LEADER, /* whom the machine names as the leader */
    KL_EVENT_ERROR,      /* what this input carried */
    KL_EVENT_NOTE,       /* one of the machine's own findings: `code` */
    KL_EVENT_CLOSED
};

struct kl_event {
    enum kl_event_type type;
    int reason;     /* K8SLEADER_REASON_* */
    int code;       /* K8SLEADER_ERR_* */
    uint64_t token; /* of the term */
};

/* What kind of request is wanted: which goes first when many wait. */
/* Most pressing first. A renewal whose deadline is still far yields to the others for a while: where a
 * thousand locks are handed over at once, what would be renewed meanwhile would only make that last. */
enum kl_urgency {
    KL_URGENCY_NONE,
    KL_URGENCY_RENEW,
    KL_URGENCY_RELEASE,
    KL_URGENCY_ACQUIRE,
    KL_URGENCY_RENEW_EARLY
};

#define KL_EVENTS_MOST 6

struct kl_effects {
    int adopted;       /* the input's object is now the one writes are based on: keep its document */
    int watch_suspect; /* the watch missed something: open it anew */
    unsigned event_count;
    struct kl_event events[KL_EVENTS_MOST];
};

/* What is more than fits is dropped: no machine says so much in one step. */
static inline void kl_emit(struct kl_effects *fx, enum kl_event_type type, int reason, int code,
                           uint64_t token)
{
    if (fx->event_count == KL_EVENTS_MOST)
        return;
    fx->events[fx->event_count++] =
        (struct kl_event){.type = type, .reason = reason, .code = code, .token = token};
}

/* What the caller has to know of a machine after each step and each send. */
struct kl_view {
    enum kl_phase phase;
    uint64_t token;
    int token_known;      /* 0: the server's versions are no numbers */
    int64_t lead_until;   /* while LEADING or DRAINING; KL_NEVER: without a bound */
    int64_t grace_until;  /* when guarded work must be dead */
    enum kl_urgency want; /* due now */
    int lock_known;       /* something is known of it, be it that there is none */
    int64_t want_by;      /* when it is too late for it, or nearly */
    int64_t wake_at;      /* KL_NEVER: only inputs matter */
    int64_t wake_slack;   /* so much later does as well: the caller may wake several at once */
    int skipped;          /* there is no election: no lock to watch, nothing to ask */
};

#endif
