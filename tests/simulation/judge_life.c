/*
 * What must hold of leader-for-life whatever goes wrong: design section 5.
 *
 * The exception that the contract knows: a candidate that never saw the lock owned by a Pod can't wait for
 * it. Where a hand or a foreground deletion removes a lock under a running Pod, such a candidate may create
 * its own; who leads unawares then is no longer counted (`superseded`).
 */
#include "world.h"

/* Locks may go while their Pod runs. */
static int locks_go(const struct world *w)
{
    return w->theme == LIFE_FOREGROUND || w->theme == LIFE_HANDS || w->theme == LIFE_FORBIDDEN;
}

void judge_life_leaders(struct world *w)
{
    const struct node *leader = NULL;
    for (unsigned i = 0; i < w->nodes; i++) {
        const struct node *n = &w->node[i];
        if (!judge_leads(w, n) || n->superseded)
            continue;
        if (leader && w->theme != LIFE_FORBIDDEN)
            wrong(w, "two lead at once: %s and %s", leader->name, n->name);
        leader = n;
    }
}

void judge_life_step(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    const struct kl_life *m = &n->pod_machine;
    if (m->lock == KL_LIFE_LOCK_PRESENT && m->kind == KL_OWNER_POD && m->version.number >= n->superseded)
        n->superseded = 0;
}

/* What it asked for has landed late: another had the lock since, and ends, as it knows, but has not ended. */
void judge_life_started(struct world *w, struct node *n)
{
    if (n->last_other && n->sent_for && w->theme != LIFE_FORBIDDEN) {
        const struct node *other = &w->node[n->last_other - 1];
        if (n->told[n->last_other - 1] == KL_POD_DELETING && other->running)
            wrong(w, "%s leads while %s, which had the lock, ends", n->name, other->name);
    }
    n->last_other = 0;
}

void judge_life_sent(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    enum kl_pod_state known = n->pod_machine.own_state;
    n->sent_for |= n->pod_machine.request.verb == KL_LIFE_CREATE;
    if (n->last_owner == 1 + node) /* it had the lock itself since */
        n->last_other = 0;
    if (n->pod_machine.request.verb == KL_LIFE_CREATE &&
        (known == KL_POD_DELETING || known == KL_POD_TERMINAL))
        wrong(w, "%s stands though it knows that its Pod ends", n->name);
}

static void judge_creation(struct world *w, const struct happening *request)
{
    const struct node *creator = &w->node[request->node];
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        int saw = request->last_owner == 1 + i;
        if (i == request->node || n->ended || (saw && w->theme != LIFE_FORBIDDEN))
            continue;
        int leads = judge_leads(w, n);
        if (leads && !locks_go(w))
            wrong(w, "%s creates the lock while %s leads", creator->name, n->name);
        w->superseded += leads && !n->superseded;
        n->superseded = locks_go(w) ? w->revision + 1 : 0;
    }
    w->node[request->node].superseded = 0;
}

void judge_life_written(struct world *w, const struct happening *request)
{
    const struct object *lock = &w->lock;
    const char *who = w->node[request->node].name;
    if (request->verb == KL_LIFE_CREATE)
        judge_creation(w, request);
    else if (request->verb == KL_LIFE_DELETE &&
             (lock->owner_kind != KL_OWNER_POD || !w->node[lock->owner].ended))
        wrong(w, "%s deletes the lock of a running Pod", who);
    else if (request->verb == KL_LIFE_DELETE_POD && !w->node[request->about].ended)
        wrong(w, "%s deletes a running Pod", who);
}
