/* What must hold of leader-with-lease whatever goes wrong: design sections 4 and 6, and the figures of a
 * candidate's requests. Everything is judged by true time, which no candidate knows. */
#include "world.h"

#include "k8sleader.h"

#include <string.h>

/* No state asks for more than this. Measured over all themes, and a third added. */
#define MOST_A_SECOND    24
#define MOST_TEN_SECONDS 80

/* On a sound network the watch tells within two of its longest ways. */
#define WATCH_TAKES (45 * MS)

int judge_leads(const struct world *w, const struct node *n)
{
    if (!n->running)
        return 0;
    if (w->mode == MODE_LIFE)
        return n->view.phase == KL_PHASE_LEADING || n->view.phase == KL_PHASE_DRAINING;
    return n->view.phase == KL_PHASE_LEADING && node_clock(w, n) < n->view.lead_until;
}

static int works(const struct world *w, const struct node *n)
{
    return n->running && n->working && node_clock(w, n) < n->view.grace_until;
}

/* The lock's record goes back to this process. */
static int wrote(const struct world *w, const struct node *n, const struct object *object)
{
    return object->writer == 1 + (unsigned)(n - w->node) && object->writer_life == n->life;
}

/* Clocks keep their rates and only candidates write: the promise holds in full. */
static int promised(const struct world *w)
{
    return w->theme == LEASE_CLOCKS || w->theme == LEASE_WIDE || w->theme == LEASE_BLIND ||
           w->theme == LEASE_STRANGE;
}

static int64_t own_time(const struct node *n)
{
    int64_t grace = n->lease_config.lease_duration / 10 * 9;
    return kl_min(n->lease_config.renew_deadline, grace) * 1000000 / n->rate + MS;
}

/* How long a term may outlive its lock: what a foreign hand, or a clock, can do. */
static int64_t overlap_bound(const struct world *w, const struct node *n)
{
    if (w->theme == LEASE_WATCHED)
        return WATCH_TAKES;
    return own_time(n) + (w->theme == LEASE_SUSPENDED ? 60 * KL_SECOND : 0);
}

void judge_lock(struct world *w)
{
    if (w->mode != MODE_LEASE || !w->lock.present)
        return;
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        if (!judge_leads(w, n))
            continue;
        int its = wrote(w, n, &w->lock) && strcmp(w->lock.record.holder, n->lease_config.identity) == 0;
        n->not_its_since = its ? 0 : n->not_its_since ? n->not_its_since : w->time.now;
    }
}

void judge_leaders(struct world *w)
{
    if (w->mode == MODE_LIFE) {
        judge_life_leaders(w);
        return;
    }
    const struct node *leader = NULL, *worker = NULL;
    for (unsigned i = 0; i < w->nodes; i++) {
        struct node *n = &w->node[i];
        int leads = judge_leads(w, n);
        if (leads && leader && promised(w))
            wrong(w, "two lead at once: %s and %s", leader->name, n->name);
        if (works(w, n)) {
            if (worker && promised(w) && w->theme != LEASE_WIDE)
                wrong(w, "two guarded works at once: %s and %s", worker->name, n->name);
            worker = n;
        }
        if (!leads) {
            n->not_its_since = 0;
            continue;
        }
        leader = n;
        int64_t beside = n->not_its_since ? w->time.now - n->not_its_since : 0;
        if (w->theme != LEASE_SUSPENDED && w->theme != LEASE_BEYOND)
            w->longest_overlap = kl_max(w->longest_overlap, beside);
        if (beside > overlap_bound(w, n))
            wrong(w, "%s leads %lld ms after the lock was another's", n->name, (long long)(beside / MS));
    }
}

static void started(struct world *w, struct node *n, uint64_t token)
{
    if (n->working)
        wrong(w, "%s leads again before its last term was handed back", n->name);
    /* A Pod whose container starts again goes on with the token it had. */
    int goes_on = w->mode == MODE_LIFE && token == w->token && w->token_of == n;
    if (w->theme == LEASE_STRANGE) {
        if (token)
            wrong(w, "%s: token %llu of a version that is no number", n->name, (unsigned long long)token);
    } else if (token <= w->token && !goes_on && (promised(w) || w->theme == LIFE_PLAIN))
        wrong(w, "%s: token %llu after %llu", n->name, (unsigned long long)token,
              (unsigned long long)w->token);
    w->token = token > w->token ? token : w->token;
    if (w->mode == MODE_LIFE)
        judge_life_started(w, n);
    w->token_of = n;
    w->terms++;
    w->last_start_at = w->time.now;
    n->start_order = w->terms;
    n->not_its_since = 0;
    if (w->mode == MODE_LEASE && w->lock.present && !wrote(w, n, &w->lock))
        n->not_its_since = w->time.now; /* it learns of its term when that is another's already */
}

static void stopped(struct world *w, struct node *n, int reason)
{
    if (w->quiet && reason != K8SLEADER_REASON_STOP)
        wrong(w, "%s loses its lock though nothing is in the way", n->name);
    int taken = reason == K8SLEADER_REASON_LOST_HOLDER || reason == K8SLEADER_REASON_LOST_LOCK ||
                reason == K8SLEADER_REASON_LOST_DUPLICATE;
    if (w->mode == MODE_LEASE && taken && promised(w))
        wrong(w, "%s gives up a lock that nobody took (reason %d)", n->name, reason);
}

void judge_step(struct world *w, unsigned node, const struct kl_input *input, const struct kl_effects *fx)
{
    struct node *n = &w->node[node];
    (void)input;
    w->steps++;
    for (unsigned i = 0; i < fx->event_count; i++) {
        if (fx->events[i].type == KL_EVENT_STARTED)
            started(w, n, fx->events[i].token);
        else if (fx->events[i].type == KL_EVENT_STOPPED)
            stopped(w, n, fx->events[i].reason);
    }
    if (w->mode == MODE_LIFE)
        judge_life_step(w, node);
}

/* The newest record that it was shown, and since when its clock runs: the model of a standby. */
void judge_shown(struct world *w, unsigned node, const struct object *object)
{
    struct node *n = &w->node[node];
    if (w->mode == MODE_LIFE) { /* whose it was last is learnt late, too, when the lock is gone by then */
        if (object->present && object->owner_kind == KL_OWNER_POD && object->version > n->known_version) {
            n->known_version = object->version;
            n->last_owner = 1 + object->owner;
            n->last_other = object->owner == node ? n->last_other : n->last_owner;
        }
        return;
    }
    if (object->version <= n->known_version)
        return; /* late */
    n->known_version = object->version;
    if (!object->present) /* the record outlives it: its holder may be about to put it back */
        return;
    const struct kl_record *r = &object->record, *old = &n->known.record;
    if (!n->knows || !kl_record_equal(r, old)) {
        int same_term = n->knows && r->acquire_time == old->acquire_time &&
                        r->transitions == old->transitions && strcmp(r->holder, old->holder) == 0;
        int64_t duration = r->duration_s > 0 ? r->duration_s * KL_SECOND : n->lease_config.lease_duration;
        n->known_for = same_term ? kl_max(n->known_for, duration) : duration;
        n->known_since = node_clock(w, n);
    }
    n->knows = 1;
    n->known = *object;
}

static void judge_rate(struct world *w, struct node *n)
{
    unsigned second = 0, ten = 0;
    n->sent[n->sent_count++ % SENT_KEPT] = w->time.now;
    for (unsigned i = 0; i < SENT_KEPT && i < n->sent_count; i++) {
        second += n->sent[i] > w->time.now - KL_SECOND;
        ten += n->sent[i] > w->time.now - 10 * KL_SECOND;
    }
    w->most_a_second = second > w->most_a_second ? second : w->most_a_second;
    w->most_ten_seconds = ten > w->most_ten_seconds ? ten : w->most_ten_seconds;
    if (second > MOST_A_SECOND || ten > MOST_TEN_SECONDS)
        wrong(w, "%s sends %u requests in a second, %u in ten", n->name, second, ten);
}

void judge_sent(struct world *w, unsigned node, const struct happening *request)
{
    struct node *n = &w->node[node];
    judge_rate(w, n);
    if (w->mode == MODE_LIFE) {
        judge_life_sent(w, node);
        return;
    }
    const struct kl_lease_request *sent = &request->lease;
    if (sent->verb == KL_REQUEST_READ)
        return;
    if (sent->record.holder[0] == '\0' && n->working)
        wrong(w, "%s releases the lock while its work runs", n->name);
    /* Without an order to versions it knows only what it has read, and the write carries the version of that.
     */
    if (w->theme != LEASE_STRANGE && sent->acquires && n->knows && n->known.record.holder[0] &&
        !wrote(w, n, &n->known) && node_clock(w, n) < n->known_since + n->known_for)
        wrong(w, "%s takes a lease that is held, and that it saw renewed %lld ms ago", n->name,
              (long long)((node_clock(w, n) - n->known_since) / MS));
}

void judge_written(struct world *w, const struct happening *request, const struct object *before)
{
    const struct node *n = &w->node[request->node];
    if (w->mode == MODE_LIFE) {
        judge_life_written(w, request);
        return;
    }
    if (request->lease.record.holder[0] == '\0' && before->present &&
        (before->writer != 1 + request->node || before->writer_life != request->life))
        wrong(w, "%s releases the lock of another", n->name);
}
