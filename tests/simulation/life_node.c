/* A Pod's process that stands for a ConfigMap. */
#include "world.h"

#include "../unit/life_script.h"

#include <stdio.h>
#include <string.h>

void life_node_init(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    struct kl_life_config config = {.pod = n->pod,
                                    .retry_period = 2 * KL_SECOND,
                                    .drain_timeout = 8 * KL_SECOND,
                                    .rejoin = 1,
                                    .delete_pod = w->delete_pod};
    kl_life_init(&n->pod_machine, &config, dice(w, UINT64_MAX));
    n->superseded = 0;
    n->pods_last = 0;
    n->observed[0] = '\0';
    n->last_owner = n->last_other = 0;
    n->sent_for = 0;
    memset(n->told, 0, sizeof n->told);
    plan(w, POD_OPEN, node, within(w, 20))->about = node;
}

int life_node_send(struct world *w, unsigned node, struct happening *request)
{
    static const char *const verbs[] = {"reads", "creates", "deletes the lock", "deletes the Pod"};
    struct node *n = &w->node[node];
    struct kl_life_request wanted;
    if (!kl_life_send(&n->pod_machine, node_clock(w, n), &wanted))
        return 0;
    const char *broken = life_guard_sent(&n->guard, &n->pod_machine, &wanted);
    if (broken)
        wrong(w, "%s: %s", n->name, broken);
    request->verb = wanted.verb;
    request->last_owner = n->last_owner;
    request->base = n->pod_machine.version.number;
    for (unsigned i = 0; i < w->nodes; i++)
        if (strcmp(w->node[i].pod.uid, n->pod_machine.owner.uid) == 0)
            request->about = i;
    tell(w, "%s %s", n->name, verbs[wanted.verb]);
    return 1;
}

/* It looks after the Pod that its machine wants to know of. */
void life_node_observe(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    const struct kl_pod_ref *observed = kl_life_observed(&n->pod_machine);
    if (strcmp(observed ? observed->uid : "", n->observed) == 0)
        return;
    (void)snprintf(n->observed, sizeof n->observed, "%s", observed ? observed->uid : "");
    for (unsigned i = 0; i < w->nodes && observed; i++)
        if (strcmp(w->node[i].pod.uid, observed->uid) == 0)
            plan(w, POD_OPEN, node, within(w, trouble(w, FAULT_DELAY) ? 9000 : 20))->about = i;
}
