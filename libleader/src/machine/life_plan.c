/*
 * What to send next, and when: worked out anew from the state after every input, so that nothing that was
 * once wanted can be sent when it no longer is.
 */
#include "machine/back_off.h"
#include "machine/life_internal.h"
#include "machine/random.h"

#include <string.h>

#define ATTEMPT_TIMEOUT (10 * KL_SECOND)

/* Nothing before `least` from now, and longer the more failures there were in a row, up to retryPeriod, with
 * up to half of it by chance. */
void kl_life_back_off(struct kl_life *m, int64_t least)
{
    unsigned failures = m->failures[0] > m->failures[1] ? m->failures[0] : m->failures[1];
    int64_t delay =
        kl_max(kl_back_off_delay(failures, KL_BACK_OFF_FIRST, m->config.retry_period, &m->random), least);
    m->not_before = kl_later(m->now, delay);
}

struct next {
    enum kl_urgency urgency;
    int64_t due;
    enum kl_life_verb verb;
};

static struct next next_request(const struct kl_life *m)
{
    struct next next = {KL_URGENCY_NONE, KL_NEVER, KL_LIFE_READ};
    if (m->in_flight || m->config.skipped || m->phase == KL_PHASE_LOST || m->phase == KL_PHASE_CLOSED)
        return next;
    if (kl_life_leads(m)) {
        next.urgency = KL_URGENCY_RENEW;
        /* The lock was taken away while our Pod lives: it is put back at once. A Pod that ends leaves it. */
        if (m->lock == KL_LIFE_LOCK_ABSENT && !m->await_news && kl_life_may_stand(m)) {
            next.due = m->now;
            next.verb = KL_LIFE_CREATE;
        }
    } else {
        next.urgency = KL_URGENCY_ACQUIRE;
        if (m->is_free) {
            next.due = kl_later(m->free_at, m->jitter);
            next.verb = m->lock == KL_LIFE_LOCK_ABSENT                  ? KL_LIFE_CREATE
                        : m->config.delete_pod && !m->owner_pod_deleted ? KL_LIFE_DELETE_POD
                                                                        : KL_LIFE_DELETE;
        }
    }
    if (m->must_read && m->read_at <= kl_max(next.due, m->now)) {
        next.due = m->read_at;
        next.verb = KL_LIFE_READ;
    }
    if (m->polling && m->poll_at <= next.due) {
        next.due = m->poll_at;
        next.verb = KL_LIFE_READ;
    }
    if (next.due != KL_NEVER)
        next.due = kl_max(next.due, m->not_before);
    return next;
}

void kl_life_plan(struct kl_life *m)
{
    kl_life_weigh(m);
    struct next next = next_request(m);
    m->want = KL_URGENCY_NONE;
    m->wake_at = KL_NEVER;
    if (next.due <= m->now) {
        m->want = next.urgency;
        m->want_by = next.due;
    } else {
        m->wake_at = next.due;
    }
    if (m->phase == KL_PHASE_DRAINING)
        m->wake_at = kl_min(m->wake_at, m->drain_until);
    if (m->phase == KL_PHASE_CANDIDATE && (m->lock == KL_LIFE_LOCK_ABSENT || m->held_back) &&
        m->owner_state == KL_POD_FORBIDDEN && m->now < m->given_until)
        m->wake_at = kl_min(m->wake_at, m->given_until);
}

int kl_life_send(struct kl_life *m, int64_t now, struct kl_life_request *request)
{
    m->now = kl_max(m->now, now);
    kl_life_weigh(m);
    struct next next = next_request(m);
    if (next.due > m->now) {
        kl_life_plan(m);
        return 0;
    }
    *request = (struct kl_life_request){.verb = next.verb, .timeout = ATTEMPT_TIMEOUT};
    m->request = *request;
    m->sent_at = m->now;
    m->news_since_sent = 0;
    m->opened_since_sent = 0;
    m->in_flight = 1;
    kl_life_plan(m);
    return 1;
}
