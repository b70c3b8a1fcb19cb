/* What the files of the lease machine share: lease.c (inputs, phases), lease_sight.c (what the lock shows),
   lease_own.c (writes of ours), lease_plan.c (what to send next, and when). */
#ifndef KL_LEASE_INTERNAL_H
#define KL_LEASE_INTERNAL_H

#include "machine/lease.h"

/* lease.c */
void kl_lease_lose(struct kl_lease *m, int reason, struct kl_effects *fx);
void kl_lease_win(struct kl_lease *m, struct kl_effects *fx);
void kl_lease_close(struct kl_lease *m, struct kl_effects *fx);
void kl_lease_extend(struct kl_lease *m);
void kl_lease_read_at(struct kl_lease *m, int64_t when);
int kl_lease_holds_lock(const struct kl_lease *m);

/* lease_sight.c: 1 when it was adopted, 0 when it said nothing new */
int kl_lease_see(struct kl_lease *m, const struct kl_lease_object *object, enum kl_source source,
                 struct kl_effects *fx);
int kl_lease_see_absent(struct kl_lease *m, const struct kl_version *version, enum kl_source source,
                        struct kl_effects *fx);

/* lease_own.c */
void kl_own_add(struct kl_lease *m, const struct kl_own_write *write);
void kl_own_drop_last(struct kl_lease *m);
void kl_own_outdated(struct kl_lease *m);
const struct kl_own_write *kl_own_find(const struct kl_lease *m, const struct kl_record *record);
kl_stamp kl_own_new_stamp(struct kl_lease *m, int64_t wall_us);

/* lease_plan.c */
void kl_lease_plan(struct kl_lease *m);
void kl_lease_back_off(struct kl_lease *m, int64_t least);
int64_t kl_lease_patience(const struct kl_lease *m);
int64_t kl_lease_random(struct kl_lease *m, int64_t bound);

#endif
