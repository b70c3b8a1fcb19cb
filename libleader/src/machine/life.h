/*
 * leader-for-life (machine.h says what a machine is).
 *
 * The lock is a ConfigMap with one owner, the leader's Pod. Nobody gives it back: it goes when the garbage
 * collector removes it because that Pod is gone. So whoever holds it leads without a deadline, and nobody
 * else may before that Pod has ended: that rule, and not the ConfigMap's absence alone, keeps two from
 * leading.
 *
 * Besides the lock the machine is told of two Pods, by UID: its own, and the lock's owner or, when the lock
 * is gone, its last owner (kl_life_observed).
 */
#ifndef KL_LIFE_H
#define KL_LIFE_H

#include "machine/machine.h"
#include "machine/pod.h"
#include "machine/spread.h"
#include "machine/told.h"

struct kl_life_config {
    struct kl_pod_ref pod; /* ours; an empty uid: the first sighting of the Pod tells it */
    int64_t retry_period;
    int64_t drain_timeout;
    int rejoin;
    int delete_pod;          /* a leader's Pod that has ended is deleted together with its lock */
    int take_from_lost_node; /* a Pod on a node that is not Ready counts as ended: breaks the promise */
    int skipped;             /* outside a cluster: leads at once, and asks no server */
};

enum kl_owner_kind {
    KL_OWNER_POD,
    KL_OWNER_NONE,
    KL_OWNER_SEVERAL,
    KL_OWNER_NO_POD,
    KL_OWNER_LEASE /* the annotation of leader-with-lease is on it */
};

/* The lock as it was read. */
struct kl_life_object {
    struct kl_version version;
    enum kl_owner_kind kind;
    struct kl_pod_ref owner; /* KL_OWNER_POD */
    int deleting;            /* waits for finalizers */
};

enum kl_life_verb {
    KL_LIFE_READ,
    KL_LIFE_CREATE,     /* with our Pod as the owner */
    KL_LIFE_DELETE,     /* the lock last adopted, with its uid and resourceVersion as preconditions */
    KL_LIFE_DELETE_POD, /* the lock's owner, with its uid as the precondition */
};

struct kl_life_request {
    enum kl_life_verb verb;
    int64_t timeout; /* counted from now */
};

struct kl_life {
    struct kl_life_config config;
    enum kl_phase phase;
    int64_t now;
    uint64_t random;

    /* the lock as last adopted */
    enum { KL_LIFE_LOCK_UNKNOWN, KL_LIFE_LOCK_ABSENT, KL_LIFE_LOCK_PRESENT } lock;
    struct kl_version version;
    enum kl_owner_kind kind;
    int deleting;

    /* whose it is; when it is gone, whose it was */
    struct kl_pod_ref owner;         /* an empty uid: no Pod's so far */
    struct kl_version owner_version; /* of the lock that showed it */
    enum kl_pod_state owner_state;
    int64_t given_until;   /* FORBIDDEN: as good as alive until then */
    int held_back;         /* the lock is ours, but `owner` had it since we sent for it, and has yet to end */
    int owner_pod_deleted; /* the option delete_pod has been served */
    int node_lost;

    enum kl_pod_state own_state;

    /* our term */
    uint64_t token;
    int token_known;
    int64_t drain_until;
    int stopping;

    /* requests */
    int in_flight;
    struct kl_life_request request; /* in flight */
    int64_t sent_at;
    int news_since_sent;   /* something was adopted while the request was under way */
    int doubtful;          /* a creation came to no certain end: it may land at any time */
    int opened_since_sent; /* the watch was opened anew while the request was under way */
    int must_read;         /* a read has to settle what the lock is */
    int64_t read_at;
    int await_news; /* a race was lost: nothing is written until something newer is known */
    int64_t free_at;
    int is_free; /* nothing but its turn keeps us from taking it, since free_at */
    int64_t jitter;
    struct kl_spread spread;
    int64_t not_before;
    unsigned failures[2]; /* in a row, of reads and of writes */
    int polling;
    int64_t poll_at;

    /* what was said */
    struct kl_told told;                  /* which errors */
    char told_leader[KL_POD_UID_MAX + 1]; /* NEW_LEADER was said of it */
    int told_barred;                      /* 1 + the kl_owner_kind that was reported; 0: none */
    int told_own;                         /* the code that says why our Pod can't stand; 0: it can */
    int told_pods_forbidden;

    /* what is wanted next, for the caller's queue and timer */
    enum kl_urgency want;
    int64_t want_by;
    int64_t wake_at;
};

void kl_life_init(struct kl_life *life, const struct kl_life_config *config, uint64_t seed);

void kl_life_step(struct kl_life *life, const struct kl_input *input, struct kl_effects *effects);

/*
 * The request to send now. 1 and *request, or 0: nothing is wanted any more. After a 1 exactly one
 * KL_INPUT_ANSWER must follow.
 */
int kl_life_send(struct kl_life *life, int64_t now, struct kl_life_request *request);

/* The name of the Pod that leads, as last seen; "" while there is none. */
const char *kl_life_leader(const struct kl_life *life);

/* The Pod, besides our own, whose sightings the machine wants to be told; NULL: none. */
const struct kl_pod_ref *kl_life_observed(const struct kl_life *life);

void kl_life_view(const struct kl_life *life, struct kl_view *view);

#endif
