/*
 * Short scripts for the lease machine (script.h says what a script is).
 *
 * Inputs    besides what all machines know: seen VERSION RECORD, ok VERSION RECORD
 * RECORD    w1, w2 ...: what the script's first, second ... write said; or HOLDER RENEWTIME (`-` is the empty
 *           holder); then any of d=SECONDS, acq=STAMP, tr=TRANSITIONS, coord. Foreign records say d=15 acq=1
 *           tr=0 unless told otherwise.
 * Requests  read; create, put or update with /acquire, /renew, /release
 * Details   until= (leads till) grace= timeout= base= (version written upon) tr= holder= d= acq= (`new`: as
 *           renewTime, or wN)
 *
 * `config lease=15000 renew=10000 retry=2000 drain=60000 rejoin=1 resume=0 put=1 wall=run|still|back
 * queue` may be the first line; the identity is `me`.
 */
#ifndef LEASE_SCRIPT_H
#define LEASE_SCRIPT_H

#include "machine/lease.h"
#include "script.h"

extern const struct script_kind lease_script;

#define LEASE_RUN(group, rows) script_run_rows(&lease_script, group, rows, sizeof(rows) / sizeof((rows)[0]))

/* What must hold whatever happens: NULL, or what is broken. After each step, and after each send that gave a
 * request. */
const char *lease_guard_step(struct script_guard *guard, const struct kl_lease *lease,
                             const struct kl_input *input, const struct kl_effects *fx);
const char *lease_guard_sent(struct script_guard *guard, const struct kl_lease *lease,
                             const struct kl_lease_request *request);

#endif
