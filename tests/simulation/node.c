/* A process with a clock: what happens to it, as inputs of its machine. */
#include "world.h"

#include "../unit/lease_script.h"
#include "../unit/life_script.h"
#include "k8sleader.h"

#include <string.h>

#define PPM 1000000

int64_t node_clock(const struct world *w, const struct node *n)
{
    int64_t now = w->time.now;
    if (n->clock_stops && now < n->paused_until)
        now = n->clock_true;
    return n->clock_local + (now - n->clock_true) * n->rate / PPM;
}

/* When its clock will show that: not before. */
int64_t node_true(const struct world *w, const struct node *n, int64_t local)
{
    (void)w;
    int64_t away = local - n->clock_local;
    return away <= 0 ? n->clock_true : n->clock_true + (away * PPM + n->rate - 1) / n->rate;
}

static void look_at(struct world *w, struct node *n)
{
    if (w->mode == MODE_LEASE)
        kl_lease_view(&n->lease, &n->view);
    else
        kl_life_view(&n->pod_machine, &n->view);
}

/* The wake-up and the slot are planned anew; those planned before are void. */
static void plan_next(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    n->wake++;
    int64_t late = n->view.wake_slack ? (int64_t)dice(w, (uint64_t)n->view.wake_slack + 1) : 0;
    if (n->view.wake_at != KL_NEVER)
        plan(w, WAKE, node, node_true(w, n, n->view.wake_at + late))->serial = n->wake;
    if (n->view.want != KL_URGENCY_NONE && !n->slot) {
        n->slot = 1;
        plan(w, SLOT, node, trouble(w, FAULT_DELAY) ? within(w, 3000) : w->time.now);
    }
}

static void hear(struct world *w, unsigned node, const struct kl_event *e)
{
    struct node *n = &w->node[node];
    if (e->type == KL_EVENT_STARTED) {
        tell(w, "%s: STARTED with token %llu", n->name, (unsigned long long)e->token);
        n->working = 1;
    } else if (e->type == KL_EVENT_STOPPED) {
        tell(w, "%s: STOPPED, reason %d", n->name, e->reason);
        int slow = dice(w, 8) == 0 && !w->quiet; /* longer than the drain may take */
        plan(w, WORK_ENDS, node, within(w, slow ? 12000 : 3000))->base = e->token;
    } else if (e->type == KL_EVENT_LOST_DRAIN) {
        tell(w, "%s: lost while draining, reason %d", n->name, e->reason);
    } else if (e->type == KL_EVENT_CLOSED) {
        tell(w, "%s: CLOSED", n->name);
        if (w->mode == MODE_LIFE) { /* the process exits, and the kubelet starts it again */
            n->running = 0;
            plan(w, RESTARTS, node, within(w, 10000));
        }
    }
}

void node_step(struct world *w, unsigned node, struct kl_input *input)
{
    struct node *n = &w->node[node];
    struct kl_effects fx;
    if (!n->running)
        return;
    input->now = node_clock(w, n);
    const char *broken;
    if (w->mode == MODE_LEASE) {
        kl_lease_step(&n->lease, input, &fx);
        broken = lease_guard_step(&n->guard, &n->lease, input, &fx);
    } else {
        kl_life_step(&n->pod_machine, input, &fx);
        broken = life_guard_step(&n->guard, &n->pod_machine, input, &fx);
    }
    if (broken)
        wrong(w, "%s: %s", n->name, broken);
    look_at(w, n);
    judge_step(w, node, input, &fx);
    for (unsigned i = 0; i < fx.event_count; i++)
        hear(w, node, &fx.events[i]);
    judge_leaders(w);
    if (!n->running)
        return;
    if (fx.watch_suspect && n->stream)
        node_watch_breaks(w, node, within(w, 20));
    if (w->mode == MODE_LIFE)
        life_node_observe(w, node);
    plan_next(w, node);
}

void node_start(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    n->running = 1;
    n->life++;
    n->serial++;
    n->waiting = n->slot = n->working = 0;
    n->stream = 0;
    n->resume_from = n->watch_version = 0;
    n->knows = 0;
    n->known_version = 0;
    n->not_its_since = 0;
    n->paused_until = 0;
    memset(&n->guard, 0, sizeof n->guard);
    tell(w, "%s starts", n->name);
    if (w->mode == MODE_LEASE)
        lease_node_init(w, node);
    else
        life_node_init(w, node);
    look_at(w, n);
    node_step(w, node, &(struct kl_input){.type = KL_INPUT_START});
    plan(w, WATCH_OPEN, node, within(w, 20));
}

void node_crash(struct world *w, unsigned node)
{
    tell(w, "%s is killed", w->node[node].name);
    w->node[node].running = 0;
    w->node[node].stream = 0;
    w->node[node].working = 0;
}

void node_pause(struct world *w, unsigned node, int64_t until)
{
    struct node *n = &w->node[node];
    if (w->time.now < n->paused_until)
        return;
    tell(w, "%s is paused for %lld ms%s", n->name, (long long)((until - w->time.now) / MS),
         n->clock_stops ? ", its clock too" : "");
    if (n->clock_stops) {
        int64_t local = n->clock_local + (w->time.now - n->clock_true) * n->rate / PPM;
        n->clock_local = local;
        n->clock_true = until;
    }
    n->paused_until = until;
}

/* The stream shows nothing more; the process learns of it then. */
void node_watch_breaks(struct world *w, unsigned node, int64_t noticed_at)
{
    struct node *n = &w->node[node];
    if (w->time.now < n->watch_silent_until)
        return;
    n->watch_silent_until = KL_NEVER;
    plan(w, WATCH_BREAK, node, noticed_at)->serial = n->stream;
}

static void open_watch(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    if (n->stream)
        return;
    if (w->theme == LEASE_BLIND) {
        node_step(w, node, &(struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN});
        return;
    }
    int cut = w->time.now < n->cut_up_until || w->time.now < n->cut_down_until || w->time.now < w->down_until;
    if (cut || trouble(w, FAULT_WATCH)) {
        node_step(w, node,
                  &(struct kl_input){.type = KL_INPUT_WATCH_FAILED, .error_code = K8SLEADER_ERR_CONNECT});
        int64_t delay = kl_min(50 << kl_min(n->watch_failures++, 6), 2000);
        if (n->running)
            plan(w, WATCH_OPEN, node, within(w, delay));
        return;
    }
    server_watch(w, node);
}

static void take_slot(struct world *w, unsigned node)
{
    struct node *n = &w->node[node];
    struct happening request = {.sent_at = w->time.now};
    n->slot = 0;
    int sent = w->mode == MODE_LEASE ? lease_node_send(w, node, &request) : life_node_send(w, node, &request);
    look_at(w, n);
    if (sent) {
        n->serial++;
        n->waiting = 1;
        judge_sent(w, node, &request);
        int64_t timeout = w->mode == MODE_LEASE ? n->lease.request.timeout : n->pod_machine.request.timeout;
        plan(w, GIVEN_UP, node, node_true(w, n, node_clock(w, n) + timeout));
        network_request(w, node, &request);
    }
    plan_next(w, node);
}

static void give(struct world *w, unsigned node, enum kl_input_type type, const struct happening *h,
                 struct kl_input *in)
{
    const struct object *object = &h->object;
    struct kl_lease_object lease = {.version = told_version(w, object->version), .record = &object->record};
    struct kl_life_object life = {.version = told_version(w, object->version), .kind = object->owner_kind};
    if (object->owner_kind == KL_OWNER_POD)
        life.owner = w->node[object->owner].pod;
    if (type != KL_INPUT_ANSWER || in->outcome == KL_OUTCOME_OK) {
        char text[120];
        story_about(w, object, text, sizeof text);
        tell(w, "%s %s: %s", w->node[node].name, type == KL_INPUT_ANSWER ? "is answered" : "is shown", text);
    }
    in->type = type;
    in->object = &lease;
    in->ownership = &life;
    in->version = lease.version;
    node_step(w, node, in);
}

static void answered(struct world *w, unsigned node, const struct happening *h, enum kl_outcome outcome)
{
    struct node *n = &w->node[node];
    if (!n->waiting || h->serial != n->serial)
        return;
    n->waiting = 0;
    static const char *const outcomes[] = {"OK",        "conflict", "not found", "no namespace", "forbidden",
                                           "throttled", "refused",  "not sent",  "timed out",    "ambiguous"};
    if (outcome != KL_OUTCOME_OK)
        tell(w, "%s is answered: %s", n->name, outcomes[outcome]);
    struct kl_input in = {.outcome = outcome,
                          .error_code = outcome == KL_OUTCOME_THROTTLED ? K8SLEADER_ERR_THROTTLED
                                                                        : K8SLEADER_ERR_REQUEST_TIMEOUT,
                          .retry_after = h->retry_after};
    int shows = w->mode == MODE_LEASE || n->pod_machine.request.verb == KL_LIFE_READ ||
                n->pod_machine.request.verb == KL_LIFE_CREATE;
    if (outcome == KL_OUTCOME_OK && shows)
        judge_shown(w, node, &h->object);
    give(w, node, KL_INPUT_ANSWER, h, &in);
}

static void watch_event(struct world *w, unsigned node, const struct happening *h)
{
    struct node *n = &w->node[node];
    if (!n->stream || h->serial != n->stream)
        return;
    n->watch_version = h->object.version;
    struct kl_input in = {0};
    judge_shown(w, node, &h->object);
    give(w, node, h->object.present ? KL_INPUT_SEEN : KL_INPUT_GONE, h, &in);
}

void node_happens(struct world *w, const struct happening *h)
{
    unsigned node = h->node;
    struct node *n = &w->node[node];
    if (!n->running || h->life != n->life)
        return;
    if (w->time.now < n->paused_until) { /* it finds this when it goes on; a time-out after the answer */
        struct happening *later = timeline_add(&w->time, h->kind, n->paused_until + (h->kind == GIVEN_UP));
        if (!later)
            wrong(w, "the model is wrong: more happens than fits");
        int64_t at = later->at;
        uint64_t order = later->order;
        *later = *h;
        later->at = at;
        later->order = order;
        return;
    }
    switch (h->kind) {
    case WAKE:
        if (h->serial == n->wake)
            node_step(w, node, &(struct kl_input){.type = KL_INPUT_TICK});
        break;
    case SLOT:
        take_slot(w, node);
        break;
    case ANSWERED:
        answered(w, node, h, h->outcome);
        break;
    case GIVEN_UP:
        answered(w, node, h, KL_OUTCOME_TIMED_OUT);
        break;
    case WATCH_OPEN:
        open_watch(w, node);
        break;
    case WATCH_EVENT:
        watch_event(w, node, h);
        break;
    case WATCH_BREAK:
        if (n->stream != h->serial)
            break;
        n->resume_from = n->watch_version;
        n->stream = 0;
        plan(w, WATCH_OPEN, node, within(w, 50));
        break;
    case POD_OPEN:
        if (w->theme == LIFE_FORBIDDEN && trouble(w, FAULT_PODS)) { /* for now */
            cluster_tell_state(w, node, h->about, KL_POD_FORBIDDEN);
            if (n->running)
                plan(w, POD_OPEN, node, within(w, 5000))->about = h->about;
            break;
        }
        cluster_tell_state(w, node, h->about, w->node[h->about].pod_state);
        break;
    case POD_EVENT:
        cluster_tell_state(w, node, h->about, h->state);
        break;
    case WORK_ENDS:
        n->working = 0;
        tell(w, "%s: the work has ended", n->name);
        node_step(w, node, &(struct kl_input){.type = KL_INPUT_DRAINED, .token = h->base});
        break;
    default:
        break;
    }
}
