/*
 * Writes of ours whose traces may be found in the lock.
 *
 * A lock is ours only if holder, acquireTime, transitions and renewTime are those of a write of ours: our
 * name alone says nothing, another process may use it. Each write goes into the list when it is sent, for its
 * trace may reach us by the watch, by a read that settles it, or by its own answer, in any order.
 */
#include "machine/lease_internal.h"

#include <string.h>

void kl_own_add(struct kl_lease *m, const struct kl_own_write *write)
{
    if (m->own_count == KL_OWN_WRITES_MOST) {
        memmove(&m->own[0], &m->own[1], sizeof m->own - sizeof m->own[0]);
        m->own_count--;
    }
    m->own[m->own_count++] = *write;
}

void kl_own_drop_last(struct kl_lease *m)
{
    if (m->own_count > 0)
        m->own_count--;
}

/*
 * Something newer than what our writes were based on was seen: they can't land any more. But a creation is
 * based on nothing. What the watch tells meanwhile may be the end of the object before, so the one in flight
 * stays.
 */
void kl_own_outdated(struct kl_lease *m)
{
    int creating =
        m->in_flight && (m->request.verb == KL_REQUEST_CREATE || m->request.verb == KL_REQUEST_CREATE_BY_PUT);
    if (creating && m->own_count > 0) {
        m->own[0] = m->own[m->own_count - 1];
        m->own_count = 1;
    } else {
        m->own_count = 0;
    }
}

static int shows(const struct kl_lease *m, const struct kl_record *record, const struct kl_own_write *write)
{
    const char *holder = write->kind == KL_WRITE_RELEASE ? "" : m->config.identity;
    return record->acquire_time == write->acquire_time && record->renew_time == write->renew_time &&
           record->transitions == write->transitions && strcmp(record->holder, holder) == 0;
}

const struct kl_own_write *kl_own_find(const struct kl_lease *m, const struct kl_record *record)
{
    for (unsigned i = 0; i < m->own_count; i++)
        if (shows(m, record, &m->own[i]))
            return &m->own[i];
    if (m->held_valid && shows(m, record, &m->held))
        return &m->held;
    return NULL;
}

/* A wall clock this far behind our last stamp was set, not just slewed: it is followed. */
#define SET_BACK_US INT64_C(60000000)

/*
 * A renewal that has the same renewTime as another would be seen by nobody, and could not be told from it.
 * One that differs from the last only is not enough: a standby may have missed that.
 */
kl_stamp kl_own_new_stamp(struct kl_lease *m, int64_t wall_us)
{
    kl_stamp stamp = wall_us;
    if (m->last_stamp != KL_STAMP_NONE && stamp <= m->last_stamp && stamp > m->last_stamp - SET_BACK_US)
        stamp = m->last_stamp + 1;
    for (int again = 1; again;) {
        again = (m->lock == KL_LOCK_PRESENT && m->record.renew_time == stamp) ||
                (m->held_valid && m->held.renew_time == stamp);
        for (unsigned i = 0; i < m->own_count; i++)
            again |= m->own[i].renew_time == stamp;
        stamp += again;
    }
    m->last_stamp = stamp;
    return stamp;
}
