/*
 * Short scripts for the life machine (script.h says what a script is). We are the Pod `me`, uid `me`.
 *
 * Inputs, besides what all machines know: seen VERSION OWNER, ok VERSION OWNER (of a read or a creation), ok
 * (of a deletion), own STATE [UID], owner UID STATE, node UID lost|ready.
 *
 * OWNER: the uid of the one Pod that owns it, its name if that is another as NAME/UID; or `none`, `several`,
 * `nopod`, `lease` (the annotation is on it); then perhaps `deleting`.
 *
 * STATE: unknown, live, deleting, terminal, absent, forbidden.
 *
 * Requests: read, create, delete, deletepod.
 *
 * Details: observed= (the uid of the Pod to watch, or `nobody`) base= (version that is deleted) known= (the
 * token: 0 or 1) until= (leads till: 0 or never) leader=
 *
 * `config retry=2000 drain=60000 rejoin=1 deletepod=0 lostnode=0 skipped=0 uid=me queue` may be the first
 * line; `uid=` alone: not known at the start.
 */
#ifndef LIFE_SCRIPT_H
#define LIFE_SCRIPT_H

#include "machine/life.h"
#include "script.h"

extern const struct script_kind life_script;

#define LIFE_RUN(group, rows) script_run_rows(&life_script, group, rows, sizeof(rows) / sizeof((rows)[0]))

/* Where most stories begin: our Pod lives, the watch is live, and what is there is read. */
#define START "0 start => -\n0 own live => -\n0 opened fresh => read\n"
#define HELD  START "0 ok 10 b => leader:b observed=b wake=never\n"
#define LEADS START "0 missing => create\n0 ok 11 me => started:11 leader:me observed=nobody wake=never\n"

/*
 * What must hold whatever happens: NULL, or what is broken. After each step, and after each send that gave a
 * request.
 */
const char *life_guard_step(struct script_guard *guard, const struct kl_life *life,
                            const struct kl_input *input, const struct kl_effects *fx);
const char *life_guard_sent(struct script_guard *guard, const struct kl_life *life,
                            const struct kl_life_request *request);

#endif
