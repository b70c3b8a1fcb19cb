/* What the files of the life machine share: life.c (inputs, phases), life_sight.c (what the lock and the Pods
   show), life_plan.c (what to send next, and when). */
#ifndef KL_LIFE_INTERNAL_H
#define KL_LIFE_INTERNAL_H

#include "machine/life.h"

/* life.c */
void kl_life_win(struct kl_life *m, struct kl_effects *fx);
void kl_life_lose(struct kl_life *m, int reason, struct kl_effects *fx);
void kl_life_read_at(struct kl_life *m, int64_t when);

/* life_sight.c: 1 when it was adopted, 0 when it said nothing new */
int kl_life_see(struct kl_life *m, const struct kl_life_object *object, enum kl_source source,
                struct kl_effects *fx);
/* A request of ours showed the lock with this version: is it the one adopted? Then that is certain by now. */
int kl_life_confirm(struct kl_life *m, const struct kl_version *version, struct kl_effects *fx);
int kl_life_see_absent(struct kl_life *m, const struct kl_version *version, enum kl_source source);
void kl_life_see_own_pod(struct kl_life *m, const struct kl_pod_sighting *sighting, struct kl_effects *fx);
void kl_life_see_owner_pod(struct kl_life *m, const struct kl_pod_sighting *sighting, struct kl_effects *fx);
void kl_life_see_node(struct kl_life *m, const struct kl_pod_sighting *on_it, int lost);
/* The lock's owner is the Pod we are. */
int kl_life_is_ours(const struct kl_life *m);
/* Our Pod may stand: it is known, and nothing says that it ends. */
int kl_life_may_stand(const struct kl_life *m);
/* The lock is ours and can be led by. */
int kl_life_may_win(const struct kl_life *m);
/* The owner, or last owner, leads no more. */
int kl_life_owner_ended(const struct kl_life *m);
/* Looks whether the lock is there to be taken, by a deletion or a creation. */
void kl_life_weigh(struct kl_life *m);

/* life_plan.c */
void kl_life_plan(struct kl_life *m);
void kl_life_back_off(struct kl_life *m, int64_t least);

static inline int kl_life_leads(const struct kl_life *m)
{
    return m->phase == KL_PHASE_LEADING || m->phase == KL_PHASE_DRAINING;
}

#endif
