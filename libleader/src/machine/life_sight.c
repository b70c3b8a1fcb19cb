/* What the lock and the Pods show: which observations count, whose the lock is, and whether its owner ended.
 */
#include "k8sleader.h"
#include "machine/life_internal.h"
#include "machine/random.h"

#include <string.h>

/* How long a Pod that was seen alive counts as alive when it may no longer be read. */
#define FORBIDDEN_PATIENCE (30 * KL_SECOND)

int kl_life_is_ours(const struct kl_life *m)
{
    return m->lock == KL_LIFE_LOCK_PRESENT && m->kind == KL_OWNER_POD && m->config.pod.uid[0] != '\0' &&
           (m->held_back || strcmp(m->owner.uid, m->config.pod.uid) == 0);
}

int kl_life_may_win(const struct kl_life *m)
{
    return m->phase == KL_PHASE_CANDIDATE && kl_life_is_ours(m) && kl_life_may_stand(m) && !m->held_back;
}

int kl_life_may_stand(const struct kl_life *m)
{
    return m->config.pod.uid[0] != '\0' && (m->own_state == KL_POD_LIVE || m->own_state == KL_POD_FORBIDDEN);
}

/*
 * Not known, live or being deleted: it may lead still. Forbidden: nothing can be learnt, and waiting would be
 * for ever; like operator-lib, the ConfigMap's absence has to do. An API server that starts forbids for a
 * moment what it allows: who was seen alive is given some time.
 */
int kl_life_owner_ended(const struct kl_life *m)
{
    if (m->owner.uid[0] == '\0' || strcmp(m->owner.uid, m->config.pod.uid) == 0)
        return 1; /* nobody's so far, or our own Pod's */
    switch (m->owner_state) {
    case KL_POD_TERMINAL:
    case KL_POD_ABSENT:
        return 1;
    case KL_POD_FORBIDDEN:
        if (m->now >= m->given_until)
            return 1;
        break;
    case KL_POD_UNKNOWN:
    case KL_POD_LIVE:
    case KL_POD_DELETING:
        break;
    }
    return m->config.take_from_lost_node && m->node_lost;
}

/*
 * What we asked for when the lock was free may land after another led in between, and that one's Pod may have
 * lost the lock (a foreground deletion) without having ended: held back until it has. One that simply lives
 * lost it to a hand, and will find that it has: two that wait for each other would wait for ever. A lock that
 * others made ours is led by at once: whoever gave it knows.
 */
static int owner_is_ending(const struct kl_life *m)
{
    return !kl_life_owner_ended(m) && m->owner_state != KL_POD_LIVE;
}

/*
 * While the ConfigMap is there only a Pod known to have ended, and still in the API, is a reason to delete
 * it: a Pod that is gone leaves its lock to the garbage collector, unless we deleted both.
 */
static int may_delete(const struct kl_life *m)
{
    if (m->kind != KL_OWNER_POD || m->deleting || kl_life_is_ours(m))
        return 0;
    return m->owner_state == KL_POD_TERMINAL || (m->owner_pod_deleted && m->owner_state == KL_POD_ABSENT) ||
           (m->config.take_from_lost_node && m->node_lost && m->owner_state != KL_POD_ABSENT);
}

static void set_owner(struct kl_life *m, const struct kl_pod_ref *owner, const struct kl_version *version)
{
    m->owner_version = *version;
    if (strcmp(m->owner.uid, owner->uid) == 0)
        return;
    m->owner = *owner;
    m->owner_state = KL_POD_UNKNOWN;
    m->owner_pod_deleted = 0;
    m->node_lost = 0;
}

void kl_life_weigh(struct kl_life *m)
{
    if (m->held_back && !owner_is_ending(m)) {
        set_owner(m, &m->config.pod, &m->version);
        m->held_back = 0;
        kl_life_read_at(m, m->now);
    }
    int is_free = m->phase == KL_PHASE_CANDIDATE && kl_life_may_stand(m) && !m->await_news &&
                  ((m->lock == KL_LIFE_LOCK_ABSENT && kl_life_owner_ended(m)) ||
                   (m->lock == KL_LIFE_LOCK_PRESENT && may_delete(m)));
    if (is_free && !m->is_free) { /* a new chance: our share of the herd's spread is drawn anew */
        m->free_at = m->now;
        m->jitter = kl_random_upto(&m->random, kl_spread_bound(&m->spread, m->now));
    }
    m->is_free = is_free;
}

/*
 * Is this news? By resourceVersion. A read sent after the last adoption is the truth there is, whatever it
 * shows: the server may have been restored from a backup.
 */
static int is_news(const struct kl_life *m, const struct kl_version *version, enum kl_source source)
{
    if (m->lock == KL_LIFE_LOCK_UNKNOWN || kl_version_newer(version, &m->version))
        return 1;
    if (source != KL_FROM_READ || m->news_since_sent)
        return 0;
    return m->lock == KL_LIFE_LOCK_ABSENT || kl_version_newer(&m->version, version);
}

/* Versions without numbers don't tell which is newer: what a watch shows, which may lag, asks for a read. */
static int is_hint(struct kl_life *m, const struct kl_version *version, enum kl_source source)
{
    if (source != KL_FROM_WATCH || version->ordered)
        return 0;
    if (m->lock == KL_LIFE_LOCK_UNKNOWN || kl_version_newer(version, &m->version)) {
        m->news_since_sent = 1;
        kl_life_read_at(m, m->now);
    }
    return 1;
}

static void adopted(struct kl_life *m, const struct kl_version *version)
{
    m->version = *version;
    m->news_since_sent = 1;
    m->await_news = 0;
    m->must_read = 0;
}

/* A lock that is nobody's to take is reported once, until it is another. */
static void tell_barred(struct kl_life *m, struct kl_effects *fx)
{
    if (m->kind == KL_OWNER_POD) {
        m->told_barred = 0;
        return;
    }
    if (m->told_barred == 1 + (int)m->kind)
        return;
    m->told_barred = 1 + (int)m->kind;
    kl_emit(fx, KL_EVENT_NOTE, 0,
            m->kind == KL_OWNER_LEASE ? K8SLEADER_ERR_FOREIGN_LOCK : K8SLEADER_ERR_LOCK_OWNER, 0);
}

static void tell_leader(struct kl_life *m, struct kl_effects *fx)
{
    const char *uid = m->held_back ? m->config.pod.uid : m->owner.uid;
    if (m->kind != KL_OWNER_POD || m->phase == KL_PHASE_CLOSED || strcmp(m->told_leader, uid) == 0)
        return;
    memcpy(m->told_leader, uid, sizeof m->told_leader);
    kl_emit(fx, KL_EVENT_NEW_LEADER, 0, 0, 0);
}

static int is_held_back(const struct kl_life *m, const struct kl_life_object *object, enum kl_source source)
{
    int sent_for = source == KL_FROM_WRITE || (m->in_flight && m->request.verb == KL_LIFE_CREATE) ||
                   m->doubtful || m->held_back;
    return object->kind == KL_OWNER_POD && m->config.pod.uid[0] != '\0' &&
           strcmp(object->owner.uid, m->config.pod.uid) == 0 && !kl_life_leads(m) && sent_for &&
           owner_is_ending(m);
}

/*
 * The lock is gone, or has no Pod as its owner; whose it was last is learnt only now, by an answer or an
 * event that comes late. To a leader it says that another had it since.
 */
static void learn_last_owner(struct kl_life *m, const struct kl_life_object *object, struct kl_effects *fx)
{
    int later = object->version.ordered && m->owner_version.ordered &&
                object->version.number > m->owner_version.number;
    int has_owner = m->lock == KL_LIFE_LOCK_PRESENT && m->kind == KL_OWNER_POD;
    if (has_owner || object->kind != KL_OWNER_POD || (m->owner.uid[0] != '\0' && !later))
        return;
    set_owner(m, &object->owner, &object->version);
    if (strcmp(m->owner.uid, m->config.pod.uid) != 0)
        kl_life_lose(
            m, m->lock == KL_LIFE_LOCK_ABSENT ? K8SLEADER_REASON_LOST_LOCK : K8SLEADER_REASON_LOST_HOLDER,
            fx);
}

int kl_life_see(struct kl_life *m, const struct kl_life_object *object, enum kl_source source,
                struct kl_effects *fx)
{
    if (is_hint(m, &object->version, source) || !is_news(m, &object->version, source)) {
        learn_last_owner(m, object, fx);
        return 0;
    }
    int was_absent = m->lock == KL_LIFE_LOCK_ABSENT;
    if (was_absent && m->is_free && !m->in_flight)
        kl_spread_taken(&m->spread, m->now - m->free_at);
    m->lock = KL_LIFE_LOCK_PRESENT;
    m->kind = object->kind;
    m->deleting = object->deleting;
    m->held_back = is_held_back(m, object, source);
    if (object->kind == KL_OWNER_POD && !m->held_back)
        set_owner(m, &object->owner, &object->version);
    adopted(m, &object->version);
    fx->adopted = 1;
    tell_barred(m, fx);
    if (kl_life_is_ours(m)) {
        /*
         * A watch may lag: what it shows as ours can have been deleted, and made by another, since. Who does
         * not lead yet asks first.
         */
        if (m->phase == KL_PHASE_CANDIDATE && source == KL_FROM_WATCH)
            kl_life_read_at(m, m->now);
        else if (kl_life_may_win(m))
            kl_life_win(m, fx);
    } else if (kl_life_leads(m) && object->kind != KL_OWNER_NONE) {
        /* Without any owner it is nobody's to take: we lead on. */
        kl_life_lose(m, was_absent ? K8SLEADER_REASON_LOST_LOCK : K8SLEADER_REASON_LOST_HOLDER, fx);
    }
    tell_leader(m, fx);
    return 1;
}

int kl_life_confirm(struct kl_life *m, const struct kl_version *version, struct kl_effects *fx)
{
    if (m->lock != KL_LIFE_LOCK_PRESENT || kl_version_newer(version, &m->version) ||
        kl_version_newer(&m->version, version))
        return 0;
    m->must_read = 0;
    m->await_news = 0;
    if (kl_life_may_win(m))
        kl_life_win(m, fx);
    return 1;
}

int kl_life_see_absent(struct kl_life *m, const struct kl_version *version, enum kl_source source)
{
    if (version && is_hint(m, version, source))
        return 0;
    if (version && m->lock != KL_LIFE_LOCK_UNKNOWN && !kl_version_newer(version, &m->version))
        return 0;
    if (source == KL_FROM_READ && m->news_since_sent)
        return 0; /* asked before the last news: it may have come since */
    int news = m->lock != KL_LIFE_LOCK_ABSENT;
    m->lock = KL_LIFE_LOCK_ABSENT;
    m->held_back = 0;
    m->deleting = 0;
    m->told_barred = 0;
    adopted(m, version ? version : &m->version);
    return news;
}

/* Why our Pod can't stand, or 0. */
static int own_trouble(const struct kl_life *m)
{
    switch (m->own_state) {
    case KL_POD_ABSENT:
        return K8SLEADER_ERR_NO_POD;
    case KL_POD_DELETING:
    case KL_POD_TERMINAL:
        return K8SLEADER_ERR_POD_ENDING;
    case KL_POD_FORBIDDEN: /* without its uid nothing can be owned */
        return m->config.pod.uid[0] == '\0' ? K8SLEADER_ERR_NO_POD : 0;
    case KL_POD_UNKNOWN:
    case KL_POD_LIVE:
        break;
    }
    return 0;
}

static void tell_own(struct kl_life *m, struct kl_effects *fx)
{
    int code = own_trouble(m);
    if (code && code != m->told_own)
        kl_emit(fx, KL_EVENT_NOTE, 0, code, 0);
    m->told_own = code;
}

static void tell_forbidden(struct kl_life *m, enum kl_pod_state state, struct kl_effects *fx)
{
    if (state != KL_POD_FORBIDDEN || m->told_pods_forbidden)
        return;
    m->told_pods_forbidden = 1;
    kl_emit(fx, KL_EVENT_ERROR, 0, K8SLEADER_ERR_PODS_FORBIDDEN, 0);
}

/* No Pod comes back: what is told late, by a watch that lags, is no news. */
static int is_later(enum kl_pod_state state, enum kl_pod_state known)
{
    switch (known) {
    case KL_POD_UNKNOWN:
    case KL_POD_LIVE:
    case KL_POD_FORBIDDEN:
        return state != KL_POD_UNKNOWN;
    case KL_POD_DELETING:
        return state != KL_POD_UNKNOWN && state != KL_POD_LIVE;
    case KL_POD_TERMINAL:
        return state == KL_POD_ABSENT;
    case KL_POD_ABSENT:
        break;
    }
    return 0;
}

void kl_life_see_own_pod(struct kl_life *m, const struct kl_pod_sighting *sighting, struct kl_effects *fx)
{
    enum kl_pod_state state = sighting->state;
    if (m->config.pod.uid[0] == '\0') {
        if (sighting->pod.uid[0] != '\0')
            m->config.pod = sighting->pod;
        m->own_state = state;
    } else if (strcmp(m->config.pod.uid, sighting->pod.uid) != 0) {
        return;
    } else if (is_later(state, m->own_state) &&
               (state != KL_POD_FORBIDDEN || m->own_state == KL_POD_UNKNOWN)) {
        m->own_state = state; /* what was learnt once is not forgotten when it may no longer be read */
    }
    tell_forbidden(m, state, fx);
    tell_own(m, fx);
    /* Being deleted, it leads until it ends. Gone or ended, it must not go on: others may lead now. */
    if (kl_life_leads(m) && (m->own_state == KL_POD_ABSENT || m->own_state == KL_POD_TERMINAL))
        kl_life_lose(m, K8SLEADER_REASON_LOST_POD, fx);
    else if (m->phase == KL_PHASE_CANDIDATE && kl_life_may_stand(m) && kl_life_is_ours(m))
        kl_life_read_at(m, m->now); /* read before our Pod was known to live */
}

void kl_life_see_owner_pod(struct kl_life *m, const struct kl_pod_sighting *sighting, struct kl_effects *fx)
{
    if (strcmp(m->owner.uid, sighting->pod.uid) != 0)
        return; /* of an earlier owner */
    tell_forbidden(m, sighting->state, fx);
    if (sighting->state == m->owner_state || !is_later(sighting->state, m->owner_state))
        return;
    if (sighting->state == KL_POD_FORBIDDEN)
        m->given_until = m->owner_state == KL_POD_UNKNOWN ? m->now : m->now + FORBIDDEN_PATIENCE;
    m->owner_state = sighting->state;
}

void kl_life_see_node(struct kl_life *m, const struct kl_pod_sighting *on_it, int lost)
{
    if (on_it && strcmp(m->owner.uid, on_it->pod.uid) == 0)
        m->node_lost = lost;
}
