/*
 * leader-with-lease (machine.h says what a machine is).
 *
 * A request is asked for only when it can be sent, which keeps a queued write from being stale: it is built
 * on what is known at the time of sending, and that time, not the time of the answer, is what a renewal
 * counts from. Stamps are what is written into records.
 */
#ifndef KL_LEASE_H
#define KL_LEASE_H

#include <stdint.h>

#include "machine/machine.h"
#include "machine/record.h"
#include "machine/spread.h"
#include "machine/told.h"

struct kl_lease_config {
    const char *identity; /* borrowed, outlives the machine; at most KL_IDENTITY_MAX bytes */
    int64_t lease_duration;
    int64_t renew_deadline;
    int64_t retry_period;
    int64_t drain_timeout;
    int rejoin;
    int resume;
    int put_creates; /* this resource can be created by PUT, where POST is forbidden (Leases can, ConfigMaps
                        can't) */
};

/* The lock object as it was read. */
struct kl_lease_object {
    struct kl_version version;
    const struct kl_record *record;
    int barred; /* 0, or the K8SLEADER_ERR_* that says why it is not to be stood for */
};

enum kl_request_verb {
    KL_REQUEST_READ,
    KL_REQUEST_CREATE,
    KL_REQUEST_CREATE_BY_PUT,
    KL_REQUEST_UPDATE /* of the object last adopted, with its uid and resourceVersion */
};

struct kl_lease_request {
    enum kl_request_verb verb;
    int acquires;            /* a write that begins a term: labels are set with it */
    struct kl_record record; /* for writes */
    int64_t timeout;         /* counted from now */
};

/* A write of ours whose traces may be found in the lock. */
struct kl_own_write {
    kl_stamp acquire_time;
    kl_stamp renew_time;
    int64_t transitions;
    int64_t sent_at;
    enum { KL_WRITE_ACQUIRE, KL_WRITE_RENEW, KL_WRITE_RELEASE } kind;
};

/* Writes that were sent and not settled. More than this without one landing: the oldest is forgotten, which
   errs towards losing the lock. */
#define KL_OWN_WRITES_MOST 8

struct kl_lease {
    struct kl_lease_config config;
    enum kl_phase phase;
    int64_t now;
    uint64_t random;

    /* the lock as last adopted */
    enum { KL_LOCK_UNKNOWN, KL_LOCK_ABSENT, KL_LOCK_PRESENT } lock;
    struct kl_version version;
    struct kl_record record;
    int barred;
    int64_t free_at; /* when it may be taken, before jitter: now if free, else when it runs out */
    int64_t jitter;  /* this chance's share of the herd's spread */
    struct kl_spread spread;
    int64_t term_duration; /* the longest duration recorded in the observed term */
    int record_known;      /* `record` was read from the lock; it outlives the object's deletion */
    int record_is_ours;    /* by a write of ours, also of a term we lost */

    /* our term */
    uint64_t token;
    int64_t lead_until;
    int64_t grace_until;
    int64_t drain_until;
    int64_t stop_until;
    int stopping;
    struct kl_own_write held; /* the write that the lock shows, while record_is_ours or leading */
    int held_valid;

    /* requests */
    struct kl_own_write own[KL_OWN_WRITES_MOST];
    unsigned own_count;
    kl_stamp last_stamp;
    int in_flight;
    struct kl_lease_request request; /* in flight */
    struct kl_version request_base;
    int64_t sent_at;
    int news_since_sent;   /* something was adopted while the request was under way */
    int opened_since_sent; /* the watch was opened afresh while it was under way */
    int hinted_since_sent; /* `hint` came while it was under way */
    int must_read;         /* a read has to settle what the lock is */
    int64_t read_at;
    int hinted; /* the watch showed `hint`, a version that can't be told newer or older: a read has to settle
                   it */
    struct kl_version hint;
    int await_news; /* a race was lost: no acquisition until something newer is known */
    int64_t not_before;
    int64_t renew_at;
    unsigned failures[2]; /* in a row, of reads and of writes */
    int create_by_put;
    int64_t round_trip; /* smoothed; 0 before the first answer */
    int told_tight;
    int polling;
    int64_t poll_at;

    /* what was said */
    int told_leader; /* NEW_LEADER was said of record.holder */
    int told_barred;
    int told_duplicate;
    struct kl_told told; /* which errors */

    /* what is wanted next, for the caller's queue and timer */
    enum kl_urgency want; /* due now */
    int64_t want_by;      /* when it is too late for it, or nearly */
    int64_t wake_at;      /* KL_NEVER: only inputs matter */
    int64_t wake_slack;   /* so much later does as well */
};

void kl_lease_init(struct kl_lease *lease, const struct kl_lease_config *config, uint64_t seed);

void kl_lease_step(struct kl_lease *lease, const struct kl_input *input, struct kl_effects *effects);

/*
 * The request to send now; wall_us is CLOCK_REALTIME in microseconds, for the record's times. 1 and *request,
 * or 0: nothing is wanted any more. After a 1 exactly one KL_INPUT_ANSWER must follow.
 */
int kl_lease_send(struct kl_lease *lease, int64_t now, int64_t wall_us, struct kl_lease_request *request);

/* The lock's holder as last seen; "" while there is none. */
const char *kl_lease_leader(const struct kl_lease *lease);

void kl_lease_view(const struct kl_lease *lease, struct kl_view *view);

#endif
