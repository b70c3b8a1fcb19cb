/*
 * What the lock shows: which observations count, when the lock may be taken, and whether it is still ours.
 */
#include "k8sleader.h"
#include "machine/lease_internal.h"

#include <string.h>

/* Durations beyond ten years are as good as for ever, and must not overflow. */
#define DURATION_MOST_S INT64_C(315360000)

static int64_t recorded_duration(const struct kl_lease *m, const struct kl_record *record)
{
    if (record->duration_s <= 0)
        return m->config.lease_duration;
    return kl_min(record->duration_s, DURATION_MOST_S) * KL_SECOND;
}

static int same_term(const struct kl_record *a, const struct kl_record *b)
{
    return a->acquire_time == b->acquire_time && a->transitions == b->transitions &&
           strcmp(a->holder, b->holder) == 0;
}

/*
 * Is this news? By resourceVersion; only a read that was sent after the last adoption and still shows
 * something older tells that the server itself went back (restored from a backup): then it is the truth there
 * is.
 */
static int is_news(const struct kl_lease *m, const struct kl_version *version, enum kl_source source)
{
    if (m->lock == KL_LOCK_UNKNOWN || kl_version_newer(version, &m->version))
        return 1;
    if (source != KL_FROM_READ || m->news_since_sent)
        return 0;
    return m->lock == KL_LOCK_ABSENT || kl_version_newer(&m->version, version);
}

/*
 * Versions without numbers don't tell which is newer: what a watch shows, which may lag, is only a hint then
 * that a read is due.
 */
static int is_hint(struct kl_lease *m, const struct kl_version *version)
{
    int none_yet = !m->version.ordered && m->version.number == 0; /* absent from the start */
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): every sighting has its version */
    if (none_yet || (version->ordered && m->version.ordered))
        return 0;
    if (kl_version_newer(version, &m->version)) {
        m->hint = *version;
        m->hinted = 1;
        m->hinted_since_sent = m->in_flight;
        kl_lease_read_at(m, m->now);
    }
    return 1;
}

/* A new chance to take the lock: its share of the spread is drawn anew, so that no candidate is always the
 * last. */
static void new_chance(struct kl_lease *m, int64_t free_at)
{
    m->free_at = free_at;
    m->jitter = kl_lease_random(m, kl_spread_bound(&m->spread, free_at));
}

/* The lock is free to us, and nothing but our share of the spread keeps us from writing. */
static int awaits_its_turn(const struct kl_lease *m)
{
    return m->phase == KL_PHASE_CANDIDATE && m->lock != KL_LOCK_UNKNOWN && !m->in_flight && !m->await_news &&
           m->free_at < m->now;
}

static void adopted(struct kl_lease *m, const struct kl_version *version)
{
    m->version = *version;
    m->news_since_sent = 1;
    m->await_news = 0;
    m->must_read = m->hinted && kl_version_newer(&m->hint, version);
    m->hinted = m->must_read;
}

static void tell_leader(struct kl_lease *m, struct kl_effects *fx)
{
    if (m->told_leader || m->record.holder[0] == '\0' || m->phase == KL_PHASE_CLOSED)
        return;
    m->told_leader = 1;
    kl_emit(fx, KL_EVENT_NEW_LEADER, 0, 0, 0);
}

/* Our name in a record that we did not write, and that changes or came up under our eyes: somebody else uses
 * it. */
static void tell_duplicate(struct kl_lease *m, struct kl_effects *fx)
{
    if (m->told_duplicate || m->barred)
        return;
    m->told_duplicate = 1;
    kl_emit(fx, KL_EVENT_NOTE, 0, K8SLEADER_ERR_DUPLICATE_IDENTITY, 0);
}

/* The record is one that we wrote. */
static void see_own(struct kl_lease *m, const struct kl_own_write *found, int changed, struct kl_effects *fx)
{
    struct kl_own_write write = *found;
    int had = found == &m->held;
    kl_own_outdated(m);
    if (m->own_count > 0 && m->own[0].renew_time == write.renew_time)
        m->own_count = 0; /* the creation in flight is what was found */
    m->record_is_ours = 1;
    if (write.kind == KL_WRITE_RELEASE) {
        m->held_valid = 0;
        if (m->phase == KL_PHASE_RELEASING)
            kl_lease_close(m, fx);
        return;
    }
    m->held = write;
    m->held_valid = 1;
    if (kl_lease_holds_lock(m)) {
        kl_lease_extend(m);
        /* A foreign hand shortened or removed the duration after we wrote it: put it right at once, but don't
         * race it. (Where our writes come back with another, the server itself wants it so.) */
        if (had && changed)
            m->renew_at = kl_min(m->renew_at, kl_max(m->now, write.sent_at + m->config.retry_period / 4));
    } else if (m->phase == KL_PHASE_CANDIDATE && write.kind == KL_WRITE_ACQUIRE && !had && !m->barred) {
        kl_lease_win(m, fx);
    } else {
        new_chance(m, m->now); /* of a term that we lost, and handed back: nobody else can lead by it */
        m->jitter = 0;
    }
}

/* The record is somebody else's, or nobody's. */
static void see_foreign(struct kl_lease *m, int changed, int term_changed, int first, struct kl_effects *fx)
{
    int was_absent_to_holder = m->lock == KL_LOCK_ABSENT;
    int our_name = strcmp(m->record.holder, m->config.identity) == 0;
    kl_own_outdated(m);
    m->held_valid = 0;
    m->record_is_ours = 0;
    if (kl_lease_holds_lock(m)) {
        int reason = our_name               ? K8SLEADER_REASON_LOST_DUPLICATE
                     : was_absent_to_holder ? K8SLEADER_REASON_LOST_LOCK
                                            : K8SLEADER_REASON_LOST_HOLDER;
        if (our_name)
            tell_duplicate(m, fx);
        kl_lease_lose(m, reason, fx);
    } else if (our_name && !first && changed) {
        tell_duplicate(m, fx);
    }
    if (m->record.holder[0] == '\0') {
        if (changed)
            new_chance(m, m->now);
        return;
    }
    if (changed) {
        int64_t duration = recorded_duration(m, &m->record);
        m->term_duration = term_changed ? duration : kl_max(m->term_duration, duration);
        new_chance(m, kl_later(m->now, m->term_duration));
    }
    if (first && our_name && m->config.resume)
        new_chance(m, m->now);
}

int kl_lease_see(struct kl_lease *m, const struct kl_lease_object *object, enum kl_source source,
                 struct kl_effects *fx)
{
    if (source == KL_FROM_WATCH && is_hint(m, &object->version))
        return 0;
    if (!is_news(m, &object->version, source))
        return 0;
    /* A deleted lock that comes back as it was is no news of its holder: the record outlives the object here.
     */
    int first = m->lock == KL_LOCK_UNKNOWN;
    int changed = !m->record_known || !kl_record_equal(&m->record, object->record);
    int term_changed = !m->record_known || !same_term(&m->record, object->record);
    const struct kl_own_write *own = kl_own_find(m, object->record);
    if (term_changed)
        m->told_leader = 0;
    if (changed && !own && object->record->holder[0] != '\0' && awaits_its_turn(m))
        kl_spread_taken(&m->spread, m->now - m->free_at);
    m->record = *object->record;
    m->record_known = 1;
    m->barred = object->barred;
    adopted(m, &object->version);
    fx->adopted = 1;
    if (m->barred) {
        if (!m->told_barred) {
            m->told_barred = 1;
            kl_emit(fx, KL_EVENT_NOTE, 0, m->barred, 0);
        }
        if (kl_lease_holds_lock(m))
            kl_lease_lose(m,
                          m->barred == K8SLEADER_ERR_COORDINATED ? K8SLEADER_REASON_LOST_COORDINATED
                                                                 : K8SLEADER_REASON_LOST_HOLDER,
                          fx);
    } else {
        m->told_barred = 0;
    }
    if (own)
        see_own(m, own, changed, fx);
    else
        see_foreign(m, changed, term_changed, first, fx);
    m->lock = KL_LOCK_PRESENT;
    tell_leader(m, fx);
    return 1;
}

/*
 * There is no object. Last seen held by another it is waited out like an expiring one: free_at stays as it
 * is, since its holder may well be alive and about to create it again.
 */
int kl_lease_see_absent(struct kl_lease *m, const struct kl_version *version, enum kl_source source,
                        struct kl_effects *fx)
{
    if (version && m->lock != KL_LOCK_UNKNOWN && !kl_version_newer(version, &m->version))
        return 0;
    if (source == KL_FROM_WATCH && is_hint(m, version))
        return 0;
    if (source == KL_FROM_READ && m->news_since_sent)
        return 0; /* asked before the last news: it may have come since */
    int was_free = !m->record_known || m->record.holder[0] == '\0';
    m->must_read = 0;
    m->await_news = 0;
    m->hinted = 0;
    if (m->lock == KL_LOCK_ABSENT) {
        if (version)
            m->version = *version;
        return 0;
    }
    m->lock = KL_LOCK_ABSENT;
    m->barred = 0;
    adopted(m, version ? version : &m->version);
    if (m->phase == KL_PHASE_RELEASING)
        kl_lease_close(m, fx);
    else if (was_free || m->record_is_ours)
        new_chance(m, m->now);
    return 1;
}
