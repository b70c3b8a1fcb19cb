/* A process that stands for a Lease. */
#include "world.h"

#include "../unit/lease_script.h"

void lease_node_init(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    kl_lease_init(&n->lease, &n->lease_config, dice(w, UINT64_MAX));
}

/* Wall clocks mean nothing to the others: each is off by its own hours, and one may stand still for a
 * process's life. */
static int64_t wall(const struct world *w, const struct node *n)
{
    int64_t off = (int64_t)n->name[0] * 3600 * 1000000;
    return off + (n->wall_stands ? (int64_t)n->life * 1000000 : w->time.now / 1000);
}

int lease_node_send(struct world *w, unsigned node, struct happening *request)
{
    struct node *n = &w->node[node];
    if (!kl_lease_send(&n->lease, node_clock(w, n), wall(w, n), &request->lease))
        return 0;
    static const char *const verbs[] = {"reads", "creates", "creates by PUT", "updates"};
    const char *broken = lease_guard_sent(&n->guard, &n->lease, &request->lease);
    if (broken)
        wrong(w, "%s: %s", n->name, broken);
    request->base = n->lease.request_base.number;
    tell(w, "%s %s%s", n->name, verbs[request->lease.verb], request->lease.acquires ? " to acquire" : "");
    return 1;
}
