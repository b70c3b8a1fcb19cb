/*
 * leader-for-life: what each input means in each phase.
 *
 *   CANDIDATE ──the lock is ours──► LEADING ──stop──► DRAINING ──drained──► CLOSED
 *       ▲                             │ lost             │ lost               ▲
 *       └──────── handed back ── LOST ◄                  └────────────────────┘
 *
 * A stop gives nothing back: the lock is the Pod's for life, and another election in it leads at once.
 */
#include "machine/life.h"

#include "k8sleader.h"
#include "machine/life_internal.h"
#include "machine/random.h"

#include <string.h>

void kl_life_init(struct kl_life *m, const struct kl_life_config *config, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->config = *config;
    m->random = seed;
    m->wake_at = KL_NEVER;
}

const char *kl_life_leader(const struct kl_life *m)
{
    if (m->lock != KL_LIFE_LOCK_PRESENT || m->kind != KL_OWNER_POD)
        return "";
    return m->held_back ? m->config.pod.name : m->owner.name;
}

const struct kl_pod_ref *kl_life_observed(const struct kl_life *m)
{
    int others = m->owner.uid[0] != '\0' && strcmp(m->owner.uid, m->config.pod.uid) != 0;
    return others && m->phase != KL_PHASE_CLOSED ? &m->owner : NULL;
}

void kl_life_view(const struct kl_life *m, struct kl_view *view)
{
    int64_t until = kl_life_leads(m) ? KL_NEVER : 0;
    *view = (struct kl_view){
        .phase = m->phase,
        .token = m->token,
        .token_known = m->token_known,
        .lock_known = m->lock != KL_LIFE_LOCK_UNKNOWN,
        .lead_until = until,
        .grace_until = until,
        .want = m->want,
        .want_by = m->want_by,
        .wake_at = m->wake_at,
        .skipped = m->config.skipped,
    };
}

static void close_down(struct kl_life *m, struct kl_effects *fx)
{
    if (m->phase == KL_PHASE_CLOSED)
        return;
    m->phase = KL_PHASE_CLOSED;
    kl_emit(fx, KL_EVENT_CLOSED, 0, 0, 0);
}

void kl_life_win(struct kl_life *m, struct kl_effects *fx)
{
    m->spread = (struct kl_spread){0};
    m->doubtful = 0;
    m->phase = KL_PHASE_LEADING;
    m->token_known = m->version.ordered || m->config.skipped;
    m->token = m->version.ordered ? m->version.number : 0;
    kl_emit(fx, KL_EVENT_STARTED, 0, 0, m->token);
}

void kl_life_lose(struct kl_life *m, int reason, struct kl_effects *fx)
{
    if (m->phase == KL_PHASE_LEADING) {
        m->phase = KL_PHASE_LOST;
        kl_emit(fx, KL_EVENT_STOPPED, reason, 0, m->token);
    } else if (m->phase == KL_PHASE_DRAINING) {
        kl_emit(fx, KL_EVENT_LOST_DRAIN, reason, 0, m->token);
        close_down(m, fx);
    }
}

void kl_life_read_at(struct kl_life *m, int64_t when)
{
    m->read_at = m->must_read ? kl_min(m->read_at, when) : when;
    m->must_read = 1;
}

static void next_poll(struct kl_life *m)
{
    m->poll_at = m->now + m->config.retry_period + kl_random_upto(&m->random, m->config.retry_period / 5);
}

static void failed(struct kl_life *m, int is_write, int code, struct kl_effects *fx)
{
    kl_told_report(&m->told, is_write ? KL_TOLD_WRITES : KL_TOLD_READS, code, fx);
    m->failures[is_write]++;
}

static void succeeded(struct kl_life *m, int is_write)
{
    m->failures[is_write] = 0;
    kl_told_forget(&m->told, is_write ? KL_TOLD_WRITES : KL_TOLD_READS);
}

/* The lock is another than the write was meant for. */
static void lost_race(struct kl_life *m)
{
    m->doubtful |= m->request.verb == KL_LIFE_CREATE; /* what it met may be a first copy of its own */
    if (kl_life_leads(m)) { /* put back by a trace of ours, or by another: find out at once */
        if (!m->news_since_sent)
            kl_life_read_at(m, m->now);
        if (++m->failures[1] > 1)
            kl_life_back_off(m, 0);
        return;
    }
    kl_spread_lost(&m->spread, m->now - m->sent_at, m->now);
    m->is_free = 0; /* the next chance is a new one */
    if (m->news_since_sent)
        return;
    /* The watch will show the winner. Should it be silent, a read will. */
    m->await_news = 1;
    kl_life_read_at(m, m->now + m->config.retry_period / 2 +
                           kl_random_upto(&m->random, m->config.retry_period / 2));
}

static void created(struct kl_life *m, const struct kl_life_object *object, struct kl_effects *fx)
{
    int put_back = kl_life_leads(m);
    int overtaken = m->news_since_sent;
    if (!kl_life_see(m, object, KL_FROM_WRITE, fx) && !kl_life_confirm(m, &object->version, fx) &&
        !overtaken) { /* older than what is known: the server went back, or makes no sense */
        m->failures[1]++;
        kl_life_read_at(m, m->now);
        kl_life_back_off(m, m->config.retry_period);
        return;
    }
    succeeded(m, 1);
    if (put_back) /* whoever deletes it again and again is not raced */
        m->not_before = kl_max(m->not_before, m->now + KL_BACK_OFF_FIRST);
}

static void answered_ok(struct kl_life *m, const struct kl_life_object *object, struct kl_effects *fx)
{
    int waited = m->await_news;
    int shows_lock = m->request.verb == KL_LIFE_READ || m->request.verb == KL_LIFE_CREATE;
    if (shows_lock && m->news_since_sent && !object->version.ordered) {
        succeeded(m, m->request.verb != KL_LIFE_READ);
        kl_life_read_at(m, m->now); /* nothing tells whether this or what the watch showed came last */
        return;
    }
    switch (m->request.verb) {
    case KL_LIFE_READ: {
        succeeded(m, 0);
        int overtaken = m->news_since_sent;
        int news = kl_life_see(m, object, KL_FROM_READ, fx);
        int certain = news || kl_life_confirm(m, &object->version, fx);
        if (overtaken && !certain && m->must_read) {
            m->read_at = m->now; /* asked before the last news */
            break;
        }
        m->must_read = 0;
        m->await_news = 0;
        next_poll(m);
        if (waited && news && !m->polling)
            fx->watch_suspect = 1;
        break;
    }
    case KL_LIFE_CREATE:
        created(m, object, fx);
        break;
    case KL_LIFE_DELETE:
        succeeded(m, 1);
        if (!m->news_since_sent)
            (void)kl_life_see_absent(m, NULL, KL_FROM_WRITE);
        break;
    case KL_LIFE_DELETE_POD:
        succeeded(m, 1);
        m->owner_pod_deleted = 1;
        break;
    }
}

static void answered_not_found(struct kl_life *m, int code, struct kl_effects *fx)
{
    switch (m->request.verb) {
    case KL_LIFE_READ: {
        succeeded(m, 0);
        int waited = m->await_news;
        int overtaken = m->news_since_sent;
        int news = kl_life_see_absent(m, NULL, KL_FROM_READ);
        next_poll(m);
        /* Asked before the last news, or later than what that shows was deleted: only another read tells. */
        if (overtaken && (m->must_read || m->lock == KL_LIFE_LOCK_PRESENT))
            kl_life_read_at(m, m->now);
        if (waited && news && !m->polling)
            fx->watch_suspect = 1;
        break;
    }
    case KL_LIFE_CREATE: /* nothing that a creation should be told */
        failed(m, 1, code ? code : K8SLEADER_ERR_SERVER, fx);
        kl_life_back_off(m, m->config.retry_period);
        break;
    case KL_LIFE_DELETE:
        succeeded(m, 1);
        if (!m->news_since_sent)
            (void)kl_life_see_absent(m, NULL, KL_FROM_WRITE);
        break;
    case KL_LIFE_DELETE_POD:
        m->owner_pod_deleted = 1;
        break;
    }
}

static void answered_failed(struct kl_life *m, const struct kl_input *in, struct kl_effects *fx)
{
    int is_write = m->request.verb != KL_LIFE_READ;
    int64_t least = 0;
    failed(m, is_write, in->error_code, fx);
    switch (in->outcome) {
    case KL_OUTCOME_THROTTLED:
        least = kl_min(in->retry_after, KL_RETRY_AFTER_MOST);
        break;
    case KL_OUTCOME_FORBIDDEN:
    case KL_OUTCOME_REFUSED:
    case KL_OUTCOME_NO_NAMESPACE:
    case KL_OUTCOME_CONFLICT:
        least = m->config.retry_period;
        break;
    case KL_OUTCOME_TIMED_OUT:
    case KL_OUTCOME_AMBIGUOUS:
        if (is_write && m->request.verb != KL_LIFE_DELETE_POD)
            kl_life_read_at(m, m->now); /* it may have been applied */
        m->doubtful |= m->request.verb == KL_LIFE_CREATE;
        break;
    case KL_OUTCOME_OK:
    case KL_OUTCOME_NOT_FOUND:
    case KL_OUTCOME_NOT_SENT:
        break;
    }
    /* To delete the Pod, too, is a courtesy: what forbids it does not keep the lock from being taken. */
    if (m->request.verb == KL_LIFE_DELETE_POD &&
        (in->outcome == KL_OUTCOME_FORBIDDEN || in->outcome == KL_OUTCOME_REFUSED))
        m->owner_pod_deleted = 1;
    kl_life_back_off(m, least);
}

static void settle(struct kl_life *m, const struct kl_input *in, struct kl_effects *fx)
{
    if (in->outcome == KL_OUTCOME_OK)
        answered_ok(m, in->ownership, fx);
    else if (in->outcome == KL_OUTCOME_NOT_FOUND)
        answered_not_found(m, in->error_code, fx);
    else if (in->outcome == KL_OUTCOME_CONFLICT && m->request.verb == KL_LIFE_DELETE_POD)
        m->owner_pod_deleted = 1; /* another Pod has the name by now */
    else if (in->outcome == KL_OUTCOME_CONFLICT && m->request.verb != KL_LIFE_READ)
        lost_race(m);
    else
        answered_failed(m, in, fx);
}

static void answered(struct kl_life *m, const struct kl_input *in, struct kl_effects *fx)
{
    if (!m->in_flight)
        return;
    m->in_flight = 0;
    settle(m, in, fx);
    /* Whatever was shown may be from before the watch was live, and have been deleted unseen since. */
    if (m->opened_since_sent)
        kl_life_read_at(m, m->now);
}

static void stop(struct kl_life *m, struct kl_effects *fx)
{
    if (m->stopping)
        return;
    m->stopping = 1;
    if (m->phase == KL_PHASE_LEADING) {
        m->phase = KL_PHASE_DRAINING;
        m->drain_until = kl_later(m->now, m->config.drain_timeout);
        kl_emit(fx, KL_EVENT_STOPPED, K8SLEADER_REASON_STOP, 0, m->token);
    } else if (m->phase != KL_PHASE_DRAINING) {
        close_down(m, fx);
    }
}

static void drained(struct kl_life *m, uint64_t token, struct kl_effects *fx)
{
    if (token != m->token)
        return;
    if (m->phase == KL_PHASE_DRAINING || (m->phase == KL_PHASE_LOST && !m->config.rejoin)) {
        close_down(m, fx);
    } else if (m->phase == KL_PHASE_LOST) {
        m->phase = KL_PHASE_CANDIDATE;
        m->await_news = 0;
        kl_life_read_at(m, m->now); /* it may be ours again */
    }
}

static void start(struct kl_life *m, struct kl_effects *fx)
{
    if (m->config.skipped)
        kl_life_win(m, fx);
    else /* The watch asks for the first read once it is live; should it not come up, read all the same. */
        kl_life_read_at(m, m->now + m->config.retry_period);
}

static void take_in(struct kl_life *m, const struct kl_input *in, struct kl_effects *fx)
{
    switch (in->type) {
    case KL_INPUT_START:
        start(m, fx);
        break;
    case KL_INPUT_TICK:
        break;
    case KL_INPUT_SEEN:
        kl_told_forget(&m->told, KL_TOLD_WATCH);
        (void)kl_life_see(m, in->ownership, KL_FROM_WATCH, fx);
        break;
    case KL_INPUT_GONE:
        kl_told_forget(&m->told, KL_TOLD_WATCH);
        (void)kl_life_see_absent(m, &in->version, KL_FROM_WATCH);
        break;
    case KL_INPUT_WATCH_OPENED:
        m->polling = 0;
        if (in->fresh) {
            kl_life_read_at(m, m->now);
            m->opened_since_sent = m->in_flight;
        }
        break;
    case KL_INPUT_WATCH_FORBIDDEN:
        if (!m->polling) {
            m->polling = 1;
            m->poll_at = m->now;
            kl_emit(fx, KL_EVENT_ERROR, 0, K8SLEADER_ERR_WATCH_FORBIDDEN, 0);
        }
        break;
    case KL_INPUT_WATCH_FAILED:
        kl_told_report(&m->told, KL_TOLD_WATCH, in->error_code, fx);
        break;
    case KL_INPUT_WATCH_SOUND:
        kl_told_forget(&m->told, KL_TOLD_WATCH);
        break;
    case KL_INPUT_ANSWER:
        answered(m, in, fx);
        break;
    case KL_INPUT_STOP:
        stop(m, fx);
        break;
    case KL_INPUT_DRAINED:
        drained(m, in->token, fx);
        break;
    case KL_INPUT_ABANDON:
        close_down(m, fx);
        break;
    case KL_INPUT_OWN_POD:
        kl_life_see_own_pod(m, in->pod, fx);
        break;
    case KL_INPUT_OWNER_POD:
        kl_life_see_owner_pod(m, in->pod, fx);
        break;
    case KL_INPUT_NODE:
        kl_life_see_node(m, in->pod, in->node_lost);
        break;
    }
}

void kl_life_step(struct kl_life *m, const struct kl_input *in, struct kl_effects *fx)
{
    memset(fx, 0, sizeof *fx);
    m->now = kl_max(m->now, in->now);
    if (m->phase == KL_PHASE_DRAINING && m->now >= m->drain_until)
        kl_life_lose(m, K8SLEADER_REASON_DRAIN_TIMEOUT, fx);
    if (m->phase != KL_PHASE_CLOSED)
        take_in(m, in, fx);
    kl_life_plan(m);
}
