/* What goes wrong, and when. A fault that is not allowed draws the same dice, and does nothing. */
#include "world.h"

#include <stdio.h>
#include <string.h>

const char *const fault_names[FAULTS] = {"delay",     "loss",  "lost-answer", "twice",  "refusal",
                                         "unwritten", "watch", "cut",         "server", "pause",
                                         "crash",     "stop",  "clock",       "hands",  "pods"};

static unsigned any_node(struct world *w)
{
    return (unsigned)dice(w, w->nodes);
}

static void cut(struct world *w, unsigned node)
{
    static const char *const ways[] = {"to the server", "from the server", "both ways"};
    unsigned way = (unsigned)dice(w, 3);
    int64_t until = within(w, 25000);
    if (!allowed(w, FAULT_CUT))
        return;
    network_partition(w, node, way != 1, way != 0, until);
    tell(w, "%s is cut off %s for %lld ms", w->node[node].name, ways[way],
         (long long)((until - w->time.now) / MS));
}

static void server_fails(struct world *w)
{
    int64_t until = within(w, 12000), less = within(w, 4000);
    uint64_t how = dice(w, 3);
    if (how == 0 && allowed(w, FAULT_SERVER)) {
        tell(w, "the server restarts, and is down for %lld ms", (long long)((until - w->time.now) / MS));
        server_restart(w, until);
    } else if (how == 1 && allowed(w, FAULT_REFUSAL)) {
        tell(w, "the server answers 429 for %lld ms", (long long)((less - w->time.now) / MS));
        w->throttled_until = less;
    } else if (how == 2 && allowed(w, FAULT_UNWRITTEN) && w->mode == MODE_LEASE) {
        tell(w, "the server writes nothing for %lld ms", (long long)((until - w->time.now) / MS));
        w->unwritten_until = until;
    }
}

static void stop_or_restart(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    if (!allowed(w, FAULT_STOP) || w->time.now < n->paused_until)
        return;
    if (w->mode == MODE_LEASE && (!n->running || n->view.phase == KL_PHASE_CLOSED)) {
        node_start(w, node);
        return;
    }
    if (n->running)
        tell(w, "%s is told to stop", n->name);
    node_step(w, node, &(struct kl_input){.type = KL_INPUT_STOP});
}

static void crash(struct world *w, unsigned node)
{
    int64_t again = within(w, 10000);
    if (!allowed(w, FAULT_CRASH) || !w->node[node].running)
        return;
    node_crash(w, node);
    plan(w, RESTARTS, node, again);
}

static void pause(struct world *w, unsigned node)
{
    int64_t until = within(w, dice(w, 4) ? 6000 : 40000);
    struct node *n = &w->node[node];
    if (!allowed(w, FAULT_PAUSE) || !n->running)
        return;
    if (w->time.now >= n->paused_until)
        n->clock_stops = w->theme == LEASE_SUSPENDED && allowed(w, FAULT_CLOCK);
    node_pause(w, node, until);
}

/* kubectl edit and kubectl delete, of a Lease. */
static void edit_lease(struct world *w)
{
    struct object *lock = &w->lock;
    uint64_t what = dice(w, 6);
    if (!lock->present)
        return;
    w->revision++;
    switch (what) {
    case 0:
        server_remove(w, "a hand that deletes it");
        return;
    case 1:
        lock->record.duration_s = 0;
        break;
    case 2:
        lock->record.duration_s = 1;
        break;
    case 3:
        lock->record.holder[0] = '\0';
        lock->writer = 0;
        break;
    case 4:
        (void)snprintf(lock->record.holder, sizeof lock->record.holder, "somebody");
        lock->record.acquire_time = lock->record.renew_time = w->time.now;
        lock->writer = 0;
        break;
    default:
        lock->record.transitions += 5;
        lock->writer = 0;
        break;
    }
    server_changed(w, "a hand that edits it");
}

static void label(struct world *w)
{
    if (!w->lock.present)
        return;
    w->revision++;
    server_changed(w, "a hand that labels it");
}

static void hands(struct world *w)
{
    if (!allowed(w, FAULT_HANDS))
        return;
    if (w->mode == MODE_LEASE && (w->theme == LEASE_HANDS || w->theme == LEASE_WATCHED))
        edit_lease(w);
    else if (w->theme == LIFE_HANDS && w->lock.present && dice(w, 2))
        server_remove(w, "a hand that deletes it");
    else
        label(w);
}

static void pods(struct world *w, unsigned node)
{
    uint64_t how = dice(w, 4);
    if (!allowed(w, FAULT_PODS))
        return;
    if (how == 0)
        cluster_evict(w, node);
    else if (how == 1)
        cluster_delete_pod(w, node, ORPHAN);
    else if (how == 2 &&
             (w->theme == LIFE_FOREGROUND || w->theme == LIFE_HANDS || w->theme == LIFE_FORBIDDEN))
        cluster_delete_pod(w, node, FOREGROUND);
    else
        cluster_delete_pod(w, node, BACKGROUND);
}

/* The leader, half of the time: it has more to lose. */
static unsigned victim(struct world *w)
{
    unsigned any = any_node(w);
    int leader = dice(w, 2) == 0;
    for (unsigned i = 0; i < w->nodes && leader; i++)
        if (judge_leads(w, &w->node[i]))
            return i;
    return any;
}

void faults_happen(struct world *w)
{
    if (!w->meddling)
        return;
    unsigned node = victim(w);
    if (w->theme == LEASE_WATCHED) { /* a sound network, and sound processes: only hands */
        hands(w);
    } else {
        w->faults++;
        switch (dice(w, w->mode == MODE_LIFE ? 9 : 7)) {
        case 0:
            cut(w, node);
            break;
        case 1:
            server_fails(w);
            break;
        case 2:
            crash(w, node);
            break;
        case 3:
            pause(w, node);
            break;
        case 4:
            stop_or_restart(w, node);
            break;
        case 5:
        case 6:
            hands(w);
            break;
        default:
            pods(w, node);
            break;
        }
    }
    plan(w, FAULT, 0, within(w, 4000));
}

void faults_begin(struct world *w)
{
    w->trouble = w->theme == LEASE_WATCHED ? 0 : (int[]){20, 100, 250}[dice(w, 3)];
    w->meddling = 1;
    plan(w, FAULT, 0, within(w, 4000));
}

/* What is broken stays broken until it is noticed; nothing new breaks. */
void faults_end(struct world *w)
{
    tell(w, "-- the faults end --");
    w->trouble = 0;
    w->meddling = 0;
    w->down_until = w->throttled_until = w->unwritten_until = 0;
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        n->cut_up_until = n->cut_down_until = 0;
        int closed = n->view.phase == KL_PHASE_CLOSED || n->view.phase == KL_PHASE_DRAINING ||
                     n->view.phase == KL_PHASE_RELEASING || (w->mode == MODE_LEASE && n->lease.stopping);
        if (w->mode == MODE_LEASE && (!n->running || closed))
            node_start(w, i);
    }
}
