/* What Kubernetes does around a leader-for-life lock: Pods, their kubelets and controllers, and the garbage
 * collector. A Pod's containers end before it vanishes or is said to have ended: the promise's condition. */
#include "world.h"

#include <stdio.h>
#include <string.h>

void cluster_tell_state(struct world *w, unsigned node, unsigned about, enum kl_pod_state state)
{
    struct kl_pod_sighting sighting = {.pod = w->node[about].pod, .state = state};
    static const char *const states[] = {"unknown", "live", "deleting", "terminal", "absent", "forbidden"};
    w->node[node].told[about] = (unsigned char)state;
    tell(w, "%s is told of %s: %s", w->node[node].name, w->node[about].name, states[state]);
    node_step(
        w, node,
        &(struct kl_input){.type = node == about ? KL_INPUT_OWN_POD : KL_INPUT_OWNER_POD, .pod = &sighting});
}

static void tell_pod(struct world *w, unsigned about)
{
    const struct node *p = &w->node[about];
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        if (!n->running || (i != about && strcmp(n->observed, p->pod.uid) != 0))
            continue;
        if (trouble(w, FAULT_WATCH) || w->time.now < n->cut_down_until) { /* found when it is opened anew */
            plan(w, POD_OPEN, i, within(w, 30000))->about = about;
            continue;
        }
        n->pods_last = kl_max(n->pods_last + 1, within(w, trouble(w, FAULT_DELAY) ? 9000 : 20));
        struct happening *h = plan(w, POD_EVENT, i, n->pods_last);
        h->about = about;
        h->state = p->pod_state;
    }
}

static int64_t collected_at(struct world *w)
{
    return within(w, trouble(w, FAULT_DELAY) ? 40000 : 2000);
}

void cluster_new_pod(struct world *w, const char *name)
{
    if (w->nodes == NODES_MOST)
        return;
    unsigned index = w->nodes++;
    struct node *n = &w->node[index];
    memset(n, 0, sizeof *n);
    n->rate = 1000000;
    (void)snprintf(n->pod.uid, sizeof n->pod.uid, "uid-%u", index);
    (void)snprintf(n->name, sizeof n->name, "uid-%u", index);
    (void)snprintf(n->pod.name, sizeof n->pod.name, "%s", name ? name : n->name);
    n->pod_state = KL_POD_LIVE;
    plan(w, RESTARTS, index, within(w, 5000));
}

/* A StatefulSet's replacement has the same name and comes when that is free; a ReplicaSet's comes at once. */
void cluster_replace(struct world *w)
{
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        if (n->replaced || n->pod_state < (w->stateful ? KL_POD_ABSENT : KL_POD_DELETING))
            continue;
        n->replaced = 1;
        char name[sizeof n->pod.name];
        memcpy(name, n->pod.name, sizeof name);
        cluster_new_pod(w, w->stateful ? name : NULL);
    }
}

void cluster_pod_vanishes(struct world *w, unsigned pod)
{
    struct node *n = &w->node[pod];
    if (n->pod_state == KL_POD_ABSENT)
        return;
    if (!n->ended)
        wrong(w, "the model is wrong: a Pod vanishes though its containers run");
    n->pod_state = KL_POD_ABSENT;
    tell(w, "%s is gone", n->name);
    tell_pod(w, pod);
    plan(w, COLLECT, pod, collected_at(w));
    if (w->lock.present && w->lock.owner_kind == KL_OWNER_NONE && w->lock.owner == pod)
        plan(w, MEND, pod, within(w, 20000));
}

void cluster_lock_created(struct world *w, const struct happening *request)
{
    if (w->node[request->node].pod_state == KL_POD_ABSENT)
        plan(w, COLLECT, request->node, collected_at(w));
}

void cluster_delete_pod(struct world *w, unsigned pod, enum cascade cascade)
{
    static const char *const ways[] = {"", " in the foreground", ", its lock orphaned"};
    struct node *n = &w->node[pod];
    if (n->pod_state != KL_POD_LIVE || n->evicted)
        return;
    int owns = w->lock.present && w->lock.owner_kind == KL_OWNER_POD && w->lock.owner == pod;
    n->pod_state = KL_POD_DELETING;
    tell(w, "%s is being deleted%s", n->name, ways[cascade]);
    tell_pod(w, pod);
    plan(w, CONTAINERS_END, pod, within(w, dice(w, 2) ? 30000 : 500));
    if (owns && cascade == FOREGROUND)
        plan(w, COLLECT, pod, collected_at(w));
    if (owns && cascade == ORPHAN) {
        w->lock.owner_kind = KL_OWNER_NONE;
        w->revision++;
        server_changed(w, "the garbage collector");
    }
}

void cluster_evict(struct world *w, unsigned pod)
{
    if (w->node[pod].pod_state != KL_POD_LIVE || w->node[pod].evicted)
        return;
    w->node[pod].evicted = 1;
    tell(w, "%s is evicted", w->node[pod].name);
    plan(w, CONTAINERS_END, pod, within(w, 3000));
}

static void containers_end(struct world *w, unsigned pod)
{
    struct node *n = &w->node[pod];
    node_crash(w, pod);
    n->ended = 1;
    if (n->evicted && n->pod_state == KL_POD_LIVE) {
        n->pod_state = KL_POD_TERMINAL;
        tell(w, "%s has ended", n->name);
        tell_pod(w, pod);
        if (w->stateful) /* its controller deletes it, to have the name again */
            plan(w, POD_VANISHES, pod, within(w, 5000));
    } else {
        plan(w, POD_VANISHES, pod, within(w, 2000));
    }
}

void cluster_happens(struct world *w, const struct happening *h)
{
    struct node *n = &w->node[h->node];
    const struct object *lock = &w->lock;
    int about_it = lock->present && lock->owner == h->node;
    switch (h->kind) {
    case RESTARTS: /* the kubelet starts no container in a Pod that ends */
        if (!n->running && !n->ended && n->pod_state == KL_POD_LIVE)
            node_start(w, h->node);
        break;
    case CONTAINERS_END:
        containers_end(w, h->node);
        break;
    case POD_VANISHES:
        cluster_pod_vanishes(w, h->node);
        break;
    case COLLECT:
        if (about_it && lock->owner_kind == KL_OWNER_POD)
            server_remove(w, "the garbage collector");
        break;
    case MEND:
        if (about_it && lock->owner_kind == KL_OWNER_NONE)
            server_remove(w, "a hand, as the report says");
        break;
    default:
        break;
    }
}
