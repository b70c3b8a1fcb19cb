/*
 * What to send next, and when: worked out anew from the state after every input, so that nothing that was
 * once wanted can be sent when it no longer is.
 */
#include "machine/back_off.h"
#include "machine/lease_internal.h"
#include "machine/random.h"

#include <string.h>

#define CANDIDATE_TIMEOUT_MOST (10 * KL_SECOND)

/* In [0, bound]. */
int64_t kl_lease_random(struct kl_lease *m, int64_t bound)
{
    return kl_random_upto(&m->random, bound);
}

/* For the one who holds the lock: to renew it, or to give it back. */
static int64_t time_left(const struct kl_lease *m)
{
    return (m->phase == KL_PHASE_RELEASING ? m->grace_until : m->lead_until) - m->now;
}

/* The longest that who holds the lock may put a request off. */
int64_t kl_lease_patience(const struct kl_lease *m)
{
    return kl_max(kl_max(time_left(m) / 2, 4 * m->round_trip), KL_BACK_OFF_FIRST / 2);
}

static unsigned failures_in_a_row(const struct kl_lease *m)
{
    return m->failures[0] > m->failures[1] ? m->failures[0] : m->failures[1];
}

/*
 * After a failure: nothing before `least` from now, and longer the more failures there were in a row, up to
 * retryPeriod, with up to half of it by chance. Who holds the lock may not wait past half of the time it has
 * left.
 */
void kl_lease_back_off(struct kl_lease *m, int64_t least)
{
    int64_t delay =
        kl_max(kl_back_off_delay(failures_in_a_row(m), KL_BACK_OFF_FIRST, m->config.retry_period, &m->random),
               least);
    if (kl_lease_holds_lock(m))
        delay = kl_min(delay, kl_lease_patience(m));
    m->not_before = kl_later(m->now, delay);
}

/* From when on a renewal goes before everything else: with three fifths of its time left, unless something
 * went wrong already. */
static int64_t pressing_at(const struct kl_lease *m)
{
    if (failures_in_a_row(m) > 0 || m->own_count > 0 || m->lock == KL_LOCK_ABSENT)
        return m->now;
    return m->lead_until - (m->lead_until - m->held.sent_at) / 5 * 3;
}

struct next {
    enum kl_urgency urgency;
    int64_t due;
    int read; /* a read, else a write */
};

static struct next next_of_candidate(const struct kl_lease *m)
{
    struct next next = {KL_URGENCY_ACQUIRE, KL_NEVER, 0};
    if (!m->barred && !m->await_news && !m->stopping && m->lock != KL_LOCK_UNKNOWN)
        next.due = kl_later(m->free_at, m->jitter);
    if (m->must_read && m->read_at <= kl_max(next.due, m->now)) {
        next.due = m->read_at;
        next.read = 1;
    }
    if (m->polling && m->poll_at <= next.due) {
        next.due = m->poll_at;
        next.read = 1;
    }
    return next;
}

static struct next next_request(const struct kl_lease *m)
{
    struct next next = {KL_URGENCY_NONE, KL_NEVER, 0};
    if (m->in_flight)
        return next;
    switch (m->phase) {
    case KL_PHASE_CANDIDATE:
        next = next_of_candidate(m);
        break;
    case KL_PHASE_LEADING:
    case KL_PHASE_DRAINING:
        next.urgency = m->now < pressing_at(m) ? KL_URGENCY_RENEW_EARLY : KL_URGENCY_RENEW;
        next.due = m->lock == KL_LOCK_ABSENT ? m->now : m->renew_at;
        /* A read that has no write of ours to settle may fail as it likes: a renewal whose turn it is goes
         * first. */
        next.read = m->must_read && (m->own_count > 0 || m->now < next.due);
        if (next.read)
            next.due = m->read_at;
        break;
    case KL_PHASE_RELEASING:
        next.urgency = KL_URGENCY_RELEASE;
        next.read = m->must_read;
        next.due = m->must_read ? m->read_at : m->now;
        break;
    case KL_PHASE_LOST:
    case KL_PHASE_CLOSED:
        break;
    }
    if (next.due != KL_NEVER)
        next.due = kl_max(next.due, m->not_before);
    return next;
}

/* A renewal in its turn, not one that is tried again, may come a little late: its deadline is far. */
static int64_t slack(const struct kl_lease *m, const struct next *next)
{
    if (!kl_lease_holds_lock(m) || next->read || next->due != m->renew_at || m->wake_at != next->due)
        return 0;
    return kl_min(m->config.retry_period / 64, m->lead_until - m->wake_at);
}

void kl_lease_plan(struct kl_lease *m)
{
    struct next next = next_request(m);
    m->want = KL_URGENCY_NONE;
    m->wake_at = KL_NEVER;
    if (next.due <= m->now) {
        m->want = next.urgency;
        m->want_by = kl_lease_holds_lock(m) ? m->lead_until : next.due;
        if (next.urgency == KL_URGENCY_RENEW_EARLY)
            m->wake_at = pressing_at(m);
    } else {
        m->wake_at = next.due;
    }
    if (m->phase == KL_PHASE_LEADING || m->phase == KL_PHASE_DRAINING)
        m->wake_at = kl_min(m->wake_at, m->lead_until);
    if (m->phase == KL_PHASE_DRAINING)
        m->wake_at = kl_min(m->wake_at, m->drain_until);
    if (m->phase == KL_PHASE_RELEASING)
        m->wake_at = kl_min(m->wake_at, m->grace_until);
    if (m->phase == KL_PHASE_CANDIDATE && m->stopping)
        m->wake_at = kl_min(m->wake_at, m->stop_until);
    m->wake_slack = slack(m, &next);
}

/*
 * Early enough for two more attempts, but never less than four round trips: less would be given up for
 * nothing.
 *
 * Who does not hold the lock has no deadline, and doubles it with each failure in a row: an attempt that is
 * given up takes its connection's half-made handshake along, and a hundred candidates that begin anew too
 * soon keep a slow server from ever answering one.
 */
static int64_t attempt_timeout(const struct kl_lease *m)
{
    int64_t budget = kl_lease_holds_lock(m) ? time_left(m) : m->config.renew_deadline;
    int64_t least = kl_max(4 * m->round_trip, KL_MILLISECOND);
    int64_t timeout = kl_max(kl_min(kl_max(budget / 3, least), budget), KL_MILLISECOND);
    if (kl_lease_holds_lock(m))
        return timeout;
    int64_t most = kl_max(timeout, CANDIDATE_TIMEOUT_MOST);
    for (unsigned i = failures_in_a_row(m); i > 0 && timeout < most; i--)
        timeout *= 2;
    return kl_min(timeout, most);
}

static void set_holder(struct kl_record *record, const char *holder)
{
    size_t length = strnlen(holder, KL_IDENTITY_MAX);
    memcpy(record->holder, holder, length);
    record->holder[length] = '\0';
}

static void build_write(struct kl_lease *m, int64_t wall_us, struct kl_lease_request *request,
                        struct kl_own_write *write)
{
    kl_stamp now = kl_own_new_stamp(m, wall_us);
    struct kl_record *record = &request->record;
    int present = m->lock == KL_LOCK_PRESENT;
    request->verb = present            ? KL_REQUEST_UPDATE
                    : m->create_by_put ? KL_REQUEST_CREATE_BY_PUT
                                       : KL_REQUEST_CREATE;
    record->renew_time = now;
    record->duration_s = (m->config.lease_duration + KL_SECOND - 1) / KL_SECOND;
    if (m->phase == KL_PHASE_RELEASING) {
        write->kind = KL_WRITE_RELEASE;
        set_holder(record, "");
        record->duration_s = 1;
        record->acquire_time = now;
        record->transitions = m->record.transitions;
    } else if (kl_lease_holds_lock(m)) {
        write->kind = KL_WRITE_RENEW;
        set_holder(record, m->config.identity);
        record->acquire_time = m->held.acquire_time;
        record->transitions = m->held.transitions;
    } else {
        write->kind = KL_WRITE_ACQUIRE;
        request->acquires = 1;
        set_holder(record, m->config.identity);
        record->acquire_time = now;
        /* The field is an int32. */
        record->transitions = present ? kl_min(kl_max(m->record.transitions, 0), INT32_MAX - 1) + 1 : 0;
    }
    write->acquire_time = record->acquire_time;
    write->renew_time = record->renew_time;
    write->transitions = record->transitions;
    write->sent_at = m->now;
}

int kl_lease_send(struct kl_lease *m, int64_t now, int64_t wall_us, struct kl_lease_request *request)
{
    m->now = kl_max(m->now, now);
    struct next next = next_request(m);
    int too_late = (m->phase == KL_PHASE_LEADING && m->now >= m->lead_until) ||
                   (m->phase == KL_PHASE_DRAINING && m->now >= kl_min(m->lead_until, m->drain_until));
    if (too_late || next.due > m->now) {
        kl_lease_plan(m); /* a tick will say what becomes of it */
        return 0;
    }
    memset(request, 0, sizeof *request);
    if (next.read) {
        request->verb = KL_REQUEST_READ;
    } else {
        struct kl_own_write write;
        build_write(m, wall_us, request, &write);
        kl_own_add(m, &write);
    }
    request->timeout = attempt_timeout(m);
    m->request = *request;
    m->request_base = m->version;
    m->sent_at = m->now;
    m->news_since_sent = 0;
    m->opened_since_sent = 0;
    m->hinted_since_sent = 0;
    m->in_flight = 1;
    kl_lease_plan(m);
    return 1;
}
