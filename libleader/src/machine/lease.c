/*
 * leader-with-lease: what each input means in each phase.
 *
 *   CANDIDATE ──acquired──► LEADING ──stop──► DRAINING ──drained──► RELEASING ──► CLOSED
 *       ▲                      │ lost             │ lost                             ▲
 *       └──handed back── LOST ◄┘                  └──────────────────────────────────┘
 */
#include "machine/lease.h"

#include "k8sleader.h"
#include "machine/lease_internal.h"

#include <string.h>

void kl_lease_init(struct kl_lease *m, const struct kl_lease_config *config, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->config = *config;
    m->random = seed;
    m->record.acquire_time = m->record.renew_time = m->last_stamp = KL_STAMP_NONE;
    m->wake_at = KL_NEVER;
}

const char *kl_lease_leader(const struct kl_lease *m)
{
    return m->record_known && m->lock == KL_LOCK_PRESENT ? m->record.holder : "";
}

void kl_lease_view(const struct kl_lease *m, struct kl_view *view)
{
    *view = (struct kl_view){
        .phase = m->phase,
        .token = m->token,
        .token_known = m->token != 0,
        .lock_known = m->lock != KL_LOCK_UNKNOWN,
        .lead_until = m->lead_until,
        .grace_until = m->grace_until,
        .want = m->want,
        .want_by = m->want_by,
        .wake_at = m->wake_at,
        .wake_slack = m->wake_slack,
    };
}

/* The phases in which the lock is ours to lose. */
int kl_lease_holds_lock(const struct kl_lease *m)
{
    return m->phase == KL_PHASE_LEADING || m->phase == KL_PHASE_DRAINING || m->phase == KL_PHASE_RELEASING;
}

void kl_lease_close(struct kl_lease *m, struct kl_effects *fx)
{
    if (m->phase == KL_PHASE_CLOSED)
        return;
    m->phase = KL_PHASE_CLOSED;
    kl_emit(fx, KL_EVENT_CLOSED, 0, 0, 0);
}

void kl_lease_lose(struct kl_lease *m, int reason, struct kl_effects *fx)
{
    switch (m->phase) {
    case KL_PHASE_LEADING:
        m->phase = KL_PHASE_LOST;
        kl_emit(fx, KL_EVENT_STOPPED, reason, 0, m->token);
        break;
    case KL_PHASE_DRAINING:
        kl_emit(fx, KL_EVENT_LOST_DRAIN, reason, 0, m->token);
        kl_lease_close(m, fx);
        break;
    case KL_PHASE_RELEASING: /* the work has ended: nothing is lost */
        kl_lease_close(m, fx);
        break;
    case KL_PHASE_CANDIDATE:
    case KL_PHASE_LOST:
    case KL_PHASE_CLOSED:
        break;
    }
}

static int64_t grace_time(const struct kl_lease *m)
{
    return m->config.lease_duration / 10 * 9;
}

/* Nobody may lead when its work must be dead already. */
static int64_t leading_time(const struct kl_lease *m)
{
    return kl_min(m->config.renew_deadline, grace_time(m));
}

/* The lock shows a write of ours: we lead by it from the time it was sent, for nobody saw it earlier than
 * that. */
void kl_lease_extend(struct kl_lease *m)
{
    m->lead_until = m->held.sent_at + leading_time(m);
    m->grace_until = m->held.sent_at + grace_time(m);
    m->renew_at = m->held.sent_at + m->config.retry_period;
    /* A delay that was long ago asked for may not eat the term. */
    m->not_before = kl_min(m->not_before, m->now + kl_lease_patience(m));
}

void kl_lease_win(struct kl_lease *m, struct kl_effects *fx)
{
    m->spread = (struct kl_spread){0};
    m->token = m->version.ordered ? m->version.number : 0;
    if (m->stopping && m->now >= m->held.sent_at + grace_time(m)) {
        kl_lease_close(m, fx); /* it has nearly run out by itself */
    } else if (m->stopping) {  /* won behind a stop: nobody was told, so it is given back without a word */
        m->phase = KL_PHASE_RELEASING;
        kl_lease_extend(m);
    } else if (m->now >= m->held.sent_at + leading_time(m)) {
        /* It was learnt too late to lead by. It is ours to take over, as a new term. */
        m->free_at = m->now;
        m->jitter = 0;
    } else {
        m->phase = KL_PHASE_LEADING;
        kl_lease_extend(m);
        kl_emit(fx, KL_EVENT_STARTED, 0, 0, m->token);
    }
}

static void failed(struct kl_lease *m, int is_write, int code, struct kl_effects *fx)
{
    kl_told_report(&m->told, is_write ? KL_TOLD_WRITES : KL_TOLD_READS, code, fx);
    m->failures[is_write]++;
}

static void succeeded(struct kl_lease *m, int is_write)
{
    m->failures[is_write] = 0;
    kl_told_forget(&m->told, is_write ? KL_TOLD_WRITES : KL_TOLD_READS);
}

static void measure(struct kl_lease *m, struct kl_effects *fx)
{
    int64_t sample = m->now - m->sent_at;
    m->round_trip = m->round_trip ? m->round_trip + (sample - m->round_trip) / 4 : sample;
    /* Three attempts of four round trips each have to fit between a renewal's turn and the deadline. */
    if (!m->told_tight && 12 * m->round_trip > m->config.renew_deadline - m->config.retry_period) {
        m->told_tight = 1;
        kl_emit(fx, KL_EVENT_NOTE, 0, K8SLEADER_ERR_TIGHT_DURATIONS, 0);
    }
}

void kl_lease_read_at(struct kl_lease *m, int64_t when)
{
    m->read_at = m->must_read ? kl_min(m->read_at, when) : when;
    m->must_read = 1;
}

static void next_poll(struct kl_lease *m)
{
    m->poll_at = m->now + m->config.retry_period + kl_lease_random(m, m->config.retry_period / 5);
}

/* The write met another version than it was based on. */
static void lost_race(struct kl_lease *m)
{
    if (kl_lease_holds_lock(m)) { /* a foreign edit, or a trace of an earlier attempt: a read settles which */
        if (m->news_since_sent)
            m->renew_at = m->now;
        else
            kl_lease_read_at(m, m->now);
        if (++m->failures[1] > 1)
            kl_lease_back_off(m, 0);
        return;
    }
    if (m->stopping) {
        kl_lease_read_at(m, m->now);
        return;
    }
    kl_spread_lost(&m->spread, m->now - m->sent_at, m->now);
    m->jitter = kl_lease_random(m, m->spread.bound);
    if (m->news_since_sent) { /* known already: the jitter counts from now */
        m->free_at = kl_max(m->free_at, m->now);
        return;
    }
    /* The watch will show the winner. Should it be silent, a read will. */
    m->await_news = 1;
    kl_lease_read_at(m, m->now + m->config.retry_period / 2 + kl_lease_random(m, m->config.retry_period / 2));
}

/* Answered, but nothing was written: nobody else saw a renewal, so it is none. */
static void unwritten(struct kl_lease *m)
{
    m->failures[1]++;
    kl_lease_read_at(m, m->now);
    kl_lease_back_off(m, 0);
}

static void answered_ok(struct kl_lease *m, const struct kl_lease_object *object, struct kl_effects *fx)
{
    int is_write = m->request.verb != KL_REQUEST_READ;
    int waited = m->await_news;
    int overtaken = m->news_since_sent;
    int news = kl_lease_see(m, object, is_write ? KL_FROM_WRITE : KL_FROM_READ, fx);
    if (is_write && !news && !overtaken) {
        unwritten(m);
        return;
    }
    succeeded(m, is_write);
    if (is_write)
        return;
    m->must_read = 0;
    m->await_news = 0;
    m->hinted = 0;
    next_poll(m);
    if (waited && news && !m->polling)
        fx->watch_suspect = 1;
}

static void answered_not_found(struct kl_lease *m, int code, struct kl_effects *fx)
{
    int is_write = m->request.verb != KL_REQUEST_READ;
    if (is_write) {
        if (m->request.verb != KL_REQUEST_UPDATE) { /* nothing that a creation should be told */
            if (code)
                kl_told_report(&m->told, KL_TOLD_WRITES, code, fx);
            m->failures[1]++;
            kl_lease_back_off(m, 0);
        }
        if (!m->news_since_sent)
            (void)kl_lease_see_absent(m, NULL, KL_FROM_WRITE, fx);
        return;
    }
    succeeded(m, is_write);
    int waited = m->await_news;
    int asked_in_time = !m->news_since_sent;
    int news = kl_lease_see_absent(m, NULL, KL_FROM_READ, fx);
    next_poll(m);
    if (!asked_in_time && m->must_read)
        m->read_at = m->now;
    if (waited && news && !m->polling)
        fx->watch_suspect = 1;
}

static void answered_forbidden(struct kl_lease *m, int code, struct kl_effects *fx)
{
    int is_write = m->request.verb != KL_REQUEST_READ;
    if (m->request.verb == KL_REQUEST_CREATE && m->config.put_creates) {
        m->create_by_put =
            1; /* a Role limited by resourceNames cannot allow POST, but may allow a PUT that creates */
        return;
    }
    m->create_by_put = 0;
    failed(m, is_write, code, fx);
    kl_lease_back_off(m, m->config.retry_period);
}

static int surely_not_applied(enum kl_outcome outcome)
{
    switch (outcome) {
    case KL_OUTCOME_NO_NAMESPACE:
    case KL_OUTCOME_FORBIDDEN:
    case KL_OUTCOME_THROTTLED:
    case KL_OUTCOME_REFUSED:
    case KL_OUTCOME_NOT_SENT:
        return 1;
    case KL_OUTCOME_OK:
    case KL_OUTCOME_CONFLICT: /* perhaps with a trace of its own first attempt */
    case KL_OUTCOME_NOT_FOUND:
    case KL_OUTCOME_TIMED_OUT:
    case KL_OUTCOME_AMBIGUOUS:
        break;
    }
    return 0;
}

static void answered(struct kl_lease *m, const struct kl_input *in, struct kl_effects *fx)
{
    if (!m->in_flight)
        return;
    m->in_flight = 0;
    int is_write = m->request.verb != KL_REQUEST_READ;
    if (in->outcome < KL_OUTCOME_NOT_SENT)
        measure(m, fx);
    if (is_write && surely_not_applied(in->outcome))
        kl_own_drop_last(m);
    switch (in->outcome) {
    case KL_OUTCOME_OK:
        answered_ok(m, in->object, fx);
        break;
    case KL_OUTCOME_CONFLICT:
        if (is_write) {
            lost_race(m);
            break;
        }
        failed(m, is_write, in->error_code, fx); /* nothing that a read should be told */
        kl_lease_back_off(m, m->config.retry_period);
        break;
    case KL_OUTCOME_NOT_FOUND:
        answered_not_found(m, in->error_code, fx);
        break;
    case KL_OUTCOME_FORBIDDEN:
        answered_forbidden(m, in->error_code, fx);
        break;
    case KL_OUTCOME_REFUSED:
        if (m->request.verb == KL_REQUEST_CREATE_BY_PUT && m->failures[1]++ == 0) {
            lost_race(m); /* a PUT without a version meets an object with 422 */
            break;
        }
        failed(m, is_write, in->error_code, fx);
        kl_lease_back_off(m, m->config.retry_period);
        break;
    case KL_OUTCOME_NO_NAMESPACE:
        failed(m, is_write, in->error_code, fx);
        kl_lease_back_off(m, m->config.retry_period);
        break;
    case KL_OUTCOME_THROTTLED:
        failed(m, is_write, in->error_code, fx);
        kl_lease_back_off(m, kl_min(in->retry_after, KL_RETRY_AFTER_MOST));
        break;
    case KL_OUTCOME_NOT_SENT:
    case KL_OUTCOME_TIMED_OUT:
    case KL_OUTCOME_AMBIGUOUS:
        failed(m, is_write, in->error_code, fx);
        if (is_write && in->outcome != KL_OUTCOME_NOT_SENT)
            kl_lease_read_at(m, m->now);
        /* A time-out has taken its time already: who holds the lock tries again at once, elsewhere. */
        if (in->outcome == KL_OUTCOME_TIMED_OUT && kl_lease_holds_lock(m))
            m->not_before = kl_max(m->not_before, m->sent_at + KL_BACK_OFF_FIRST);
        else
            kl_lease_back_off(m, 0);
        break;
    }
    /* Whatever was shown may be from before the watch was live, and have been deleted unseen since; or from
     * before the hint. */
    if (m->opened_since_sent || (m->hinted_since_sent && kl_version_newer(&m->hint, &m->version)))
        kl_lease_read_at(m, m->now);
    int settled = m->own_count == 0 || (!is_write && in->outcome <= KL_OUTCOME_NOT_FOUND);
    if (m->phase == KL_PHASE_CANDIDATE && m->stopping && settled)
        kl_lease_close(m, fx);
}

static void stop(struct kl_lease *m, struct kl_effects *fx)
{
    if (m->stopping)
        return;
    m->stopping = 1;
    switch (m->phase) {
    case KL_PHASE_CANDIDATE:
        if (m->own_count == 0) {
            kl_lease_close(m, fx);
            break;
        }
        /* A write of ours may land, or have landed: find out, so that a lock nobody wants is given back. */
        m->stop_until = m->now + m->config.renew_deadline / 3;
        if (!m->in_flight)
            kl_lease_read_at(m, m->now);
        break;
    case KL_PHASE_LEADING:
        m->phase = KL_PHASE_DRAINING;
        m->drain_until = kl_later(m->now, m->config.drain_timeout);
        kl_emit(fx, KL_EVENT_STOPPED, K8SLEADER_REASON_STOP, 0, m->token);
        break;
    case KL_PHASE_LOST:
        kl_lease_close(m, fx);
        break;
    case KL_PHASE_DRAINING:
    case KL_PHASE_RELEASING:
    case KL_PHASE_CLOSED:
        break;
    }
}

static void drained(struct kl_lease *m, uint64_t token, struct kl_effects *fx)
{
    if (token != m->token)
        return;
    if (m->phase == KL_PHASE_DRAINING) {
        m->phase = KL_PHASE_RELEASING;
    } else if (m->phase == KL_PHASE_LOST) {
        if (!m->config.rejoin) {
            kl_lease_close(m, fx);
            return;
        }
        m->phase = KL_PHASE_CANDIDATE;
        m->await_news = 0;
        if (m->own_count > 0)
            kl_lease_read_at(m, m->now);
    }
}

static void check_deadlines(struct kl_lease *m, struct kl_effects *fx)
{
    if ((m->phase == KL_PHASE_LEADING || m->phase == KL_PHASE_DRAINING) && m->now >= m->lead_until)
        kl_lease_lose(m, K8SLEADER_REASON_LOST_DEADLINE, fx);
    if (m->phase == KL_PHASE_DRAINING && m->now >= m->drain_until)
        kl_lease_lose(m, K8SLEADER_REASON_DRAIN_TIMEOUT, fx);
    if (m->phase == KL_PHASE_RELEASING && m->now >= m->grace_until)
        kl_lease_close(m, fx);
    if (m->phase == KL_PHASE_CANDIDATE && m->stopping && m->now >= m->stop_until)
        kl_lease_close(m, fx);
}

void kl_lease_step(struct kl_lease *m, const struct kl_input *in, struct kl_effects *fx)
{
    memset(fx, 0, sizeof *fx);
    m->now = kl_max(m->now, in->now);
    /* First of all: a term whose deadline has passed is over, even if the answer that would have saved it is
     * at hand. */
    check_deadlines(m, fx);
    if (m->phase == KL_PHASE_CLOSED) {
        m->want = KL_URGENCY_NONE;
        m->wake_at = KL_NEVER;
        m->wake_slack = 0;
        return;
    }
    switch (in->type) {
    case KL_INPUT_START:
        /* The watch asks for the first read once it is live; should it not come up, read all the same. */
        kl_lease_read_at(m, m->now + m->config.retry_period);
        break;
    case KL_INPUT_TICK:
        break;
    case KL_INPUT_SEEN:
        kl_told_forget(&m->told, KL_TOLD_WATCH);
        (void)kl_lease_see(m, in->object, KL_FROM_WATCH, fx);
        break;
    case KL_INPUT_GONE:
        kl_told_forget(&m->told, KL_TOLD_WATCH);
        (void)kl_lease_see_absent(m, &in->version, KL_FROM_WATCH, fx);
        break;
    case KL_INPUT_WATCH_OPENED:
        m->polling = 0;
        if (in->fresh) {
            kl_lease_read_at(m, m->now);
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
        if (m->phase != KL_PHASE_RELEASING)
            kl_lease_close(m, fx);
        break;
    case KL_INPUT_OWN_POD:
    case KL_INPUT_OWNER_POD:
    case KL_INPUT_NODE:
        break; /* of the other mode */
    }
    kl_lease_plan(m);
}
