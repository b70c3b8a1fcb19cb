/*
 * Short scripts for the lease machine. A row names the rule it tests and plays a story, one input a line:
 *
 *     TIME INPUT [ARGUMENTS] => WHAT FOLLOWS
 *
 * TIME is in ms, or `wake`: when the machine asked to be woken.
 *
 * Inputs    start, tick, opened [fresh], unwatchable (watching is forbidden), watchfail CODE, stop, drained
 * [TOKEN], abandon, gone VERSION, seen VERSION RECORD, and the answers to the request in flight: ok VERSION
 * RECORD, conflict, missing (404), nonamespace, forbidden, throttled [MS], refused, notsent, timeout, broken;
 *           send: the caller has a slot now, after `config queue`
 * RECORD    w1, w2 ...: what the script's first, second ... write said; or HOLDER RENEWTIME (`-` is the empty
 * holder); then any of d=SECONDS, acq=STAMP, tr=TRANSITIONS, coord. Foreign records say d=15 acq=1 tr=0
 * unless told otherwise. A version `"x` is one without a number. Follows   all events and the request that is
 * sent, in their order (`-`: none), then any of the details to check: events    started:TOKEN stopped:REASON
 * lostdrain:REASON leader:HOLDER error:CODE note:CODE closed requests  read; create, put or update with
 * /acquire, /renew, /release details   phase= wake= (ms, a range lo..hi, or never) until= (leads till) grace=
 * timeout= base= (version written upon) tr= holder= d= acq= (`new`: as renewTime, or wN) suspect
 *
 * `config lease=15000 renew=10000 retry=2000 drain=60000 rejoin=1 resume=0 put=1 wall=run|still|back id=me
 * queue` may be the first line; the identity is `me`.
 */
#ifndef LEASE_SCRIPT_H
#define LEASE_SCRIPT_H

#include "machine/lease.h"

#include <stddef.h>

struct lease_row {
    const char *rule;
    const char *script;
};

/* Runs each row as a cmocka test named after its rule. */
int lease_run_rows(const char *group, const struct lease_row *rows, size_t count);
#define LEASE_RUN(group, rows) lease_run_rows(group, rows, sizeof(rows) / sizeof((rows)[0]))

/* What must hold whatever happens. */
struct lease_guard {
    int told_started, closed, in_flight;
    uint64_t token;
};

/* NULL, or what is broken. After each step, and after each send that gave a request. */
const char *lease_guard_step(struct lease_guard *guard, const struct kl_lease *lease,
                             const struct kl_input *input, const struct kl_effects *fx);
const char *lease_guard_sent(struct lease_guard *guard, const struct kl_lease *lease,
                             const struct kl_lease_request *request);

#endif
