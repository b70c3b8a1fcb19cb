/* The way from a candidate to the server and back: what is lost on it, what comes late, and what comes
 * twice. A request without an answer ends by its own time-out; a watch's events come in order. */
#include "world.h"

#include <stdio.h>

struct happening *plan(struct world *w, enum happening_kind kind, unsigned node, int64_t at)
{
    struct happening *h = timeline_add(&w->time, kind, at);
    if (!h)
        wrong(w, "the model is wrong: more happens than fits");
    h->node = node;
    h->life = w->node[node].life;
    h->serial = w->node[node].serial;
    return h;
}

static int64_t arrival(struct world *w)
{
    int late = trouble(w, FAULT_DELAY);
    return within(w, late ? 12000 : 20);
}

static void copy_request(struct happening *to, const struct happening *from)
{
    to->lease = from->lease;
    to->verb = from->verb;
    to->base = from->base;
    to->about = from->about;
    to->last_owner = from->last_owner;
    to->sent_at = from->sent_at;
}

static void fail(struct world *w, unsigned node, int64_t at, enum kl_outcome outcome)
{
    plan(w, ANSWERED, node, at)->outcome = outcome;
}

void network_request(struct world *w, unsigned node, const struct happening *request)
{
    struct node *n = &w->node[node];
    if (w->time.now < n->cut_up_until || w->time.now < w->down_until) {
        /* A new connection is refused, or answered by nobody; an old one is silent. */
        int refused = dice(w, 2) == 0;
        tell(w, "%s: its request %s", n->name, refused ? "finds no connection" : "is lost");
        if (refused)
            fail(w, node, within(w, 20), KL_OUTCOME_NOT_SENT);
        return;
    }
    if (trouble(w, FAULT_LOSS)) {
        static const enum kl_outcome kinds[] = {KL_OUTCOME_NOT_SENT, KL_OUTCOME_AMBIGUOUS};
        uint64_t kind = dice(w, 3);
        tell(w, "%s: its request is lost", n->name);
        if (kind < 2)
            fail(w, node, arrival(w), kinds[kind]);
        return;
    }
    int twice = trouble(w, FAULT_TWICE);
    for (int i = 0; i <= twice; i++) {
        struct happening *copy = plan(w, SERVED, node, arrival(w));
        copy_request(copy, request);
        copy->copied = twice;
    }
}

void network_answer(struct world *w, const struct happening *request, enum kl_outcome outcome,
                    int64_t retry_after)
{
    const struct node *n = &w->node[request->node];
    int lost = w->time.now < n->cut_down_until;
    if (trouble(w, FAULT_LOST_ANSWER)) {
        if (dice(w, 2))
            outcome = KL_OUTCOME_AMBIGUOUS; /* the connection breaks, and that is seen */
        else
            lost = 1;
    }
    if (lost) {
        tell(w, "%s: the answer to it is lost", n->name);
        return;
    }
    struct happening *back = plan(w, ANSWERED, request->node, arrival(w));
    back->life = request->life;
    back->serial = request->serial;
    back->outcome = outcome;
    back->retry_after = retry_after;
    back->object = w->lock;
}

static void event_at(struct world *w, unsigned node, const struct object *object, int64_t at)
{
    struct happening *h = plan(w, WATCH_EVENT, node, at);
    h->serial = w->node[node].stream;
    h->object = *object;
}

void network_event(struct world *w, unsigned node, const struct object *object)
{
    struct node *n = &w->node[node];
    if (w->time.now < n->watch_silent_until)
        return;
    if (w->time.now < n->cut_down_until) { /* a stream that missed something is never whole again */
        node_watch_breaks(w, node, within(w, 30000));
        return;
    }
    if (trouble(w, FAULT_WATCH)) {
        int silent = dice(w, 2) == 0;
        tell(w, "%s: its watch %s", n->name, silent ? "goes silent" : "breaks");
        node_watch_breaks(w, node, within(w, silent ? 30000 : 100));
        return;
    }
    n->watch_last = kl_max(n->watch_last + 1, arrival(w));
    event_at(w, node, object, n->watch_last);
    if (trouble(w, FAULT_WATCH)) /* and once more, late */
        event_at(w, node, object, n->watch_last + within(w, 10000) - w->time.now);
}

void network_partition(struct world *w, unsigned node, int up, int down, int64_t until)
{
    struct node *n = &w->node[node];
    if (up)
        n->cut_up_until = until;
    if (down)
        n->cut_down_until = until;
}
