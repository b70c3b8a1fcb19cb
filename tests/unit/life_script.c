#include "life_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS KL_MILLISECOND

struct play {
    struct script script;
    struct kl_life life;
    struct kl_life_config config;
    struct kl_life_request request; /* sent by this line, if `sent` */
    int sent;
    struct kl_life_object object; /* what this line's input refers to */
    struct kl_pod_sighting sighting;
};

static const char *const kinds[] = {"pod", "none", "several", "nopod", "lease"};
static const char *const states[] = {"unknown", "live", "deleting", "terminal", "absent", "forbidden"};
static const char *const verbs[] = {"read", "create", "delete", "deletepod"};

static struct play *of(struct script *s)
{
    return (struct play *)s;
}

static int holds_on(const struct kl_life *m)
{
    return m->phase == KL_PHASE_LEADING || m->phase == KL_PHASE_DRAINING;
}

static int is_ours(const struct kl_life *m)
{
    return m->kind == KL_OWNER_POD && strcmp(m->owner.uid, m->config.pod.uid) == 0;
}

const char *life_guard_step(struct script_guard *g, const struct kl_life *m, const struct kl_input *in,
                            const struct kl_effects *fx)
{
    struct kl_view view;
    kl_life_view(m, &view);
    const char *wrong = script_guard_step(g, &view, m->now, m->in_flight, in, fx);
    if (wrong)
        return wrong;
    if (m->config.skipped)
        return NULL;
    if (holds_on(m) && m->lock == KL_LIFE_LOCK_PRESENT && m->kind != KL_OWNER_NONE && !is_ours(m))
        return "leads with a lock that is another's";
    if (holds_on(m) && (m->own_state == KL_POD_TERMINAL || m->own_state == KL_POD_ABSENT))
        return "leads though its Pod has ended";
    if (m->await_news && !m->must_read && m->phase == KL_PHASE_CANDIDATE)
        return "waits for the watch alone";
    int will = m->in_flight || m->want != KL_URGENCY_NONE || m->wake_at != KL_NEVER;
    int stands = m->own_state == KL_POD_LIVE && m->config.pod.uid[0] != '\0';
    if (m->phase == KL_PHASE_CANDIDATE && !will && stands && m->lock == KL_LIFE_LOCK_PRESENT && is_ours(m))
        return "the lock is ours, and it will never lead";
    if (m->phase == KL_PHASE_CANDIDATE && !will && stands && m->lock == KL_LIFE_LOCK_ABSENT &&
        !kl_life_observed(m))
        return "the lock is nobody's, and it will never take it";
    if (holds_on(m) && !will && stands && m->lock == KL_LIFE_LOCK_ABSENT)
        return "the lock is gone, and it will never put it back";
    if (m->phase == KL_PHASE_CANDIDATE && !will && m->lock == KL_LIFE_LOCK_UNKNOWN && g->token == 0 &&
        in->type == KL_INPUT_START)
        return "it will never read the lock";
    return NULL;
}

static const char *guard_deletion(const struct kl_life *m)
{
    if (m->lock != KL_LIFE_LOCK_PRESENT)
        return "a deletion of nothing";
    if (m->kind != KL_OWNER_POD || is_ours(m))
        return "a deletion of a lock that is no other Pod's";
    if (m->owner_state != KL_POD_TERMINAL && !(m->config.take_from_lost_node && m->node_lost) &&
        !(m->config.delete_pod && m->owner_state == KL_POD_ABSENT))
        return "a deletion under a Pod that may still lead";
    return NULL;
}

const char *life_guard_sent(struct script_guard *g, const struct kl_life *m,
                            const struct kl_life_request *request)
{
    struct kl_view view;
    kl_life_view(m, &view);
    const char *wrong = script_guard_sent(g, &view, request->timeout);
    if (wrong)
        return wrong;
    if (m->config.skipped)
        return "a request outside of a cluster";
    if (request->verb == KL_LIFE_READ)
        return NULL;
    if (m->own_state != KL_POD_LIVE && m->own_state != KL_POD_FORBIDDEN)
        return "a write for a Pod that is not known to live";
    if (request->verb == KL_LIFE_DELETE || request->verb == KL_LIFE_DELETE_POD)
        return holds_on(m) ? "a deletion by the leader" : guard_deletion(m);
    if (m->lock != KL_LIFE_LOCK_ABSENT)
        return "a creation of what is not known to be absent";
    int ended = m->owner_state == KL_POD_TERMINAL || m->owner_state == KL_POD_ABSENT ||
                (m->owner_state == KL_POD_FORBIDDEN && m->now >= m->given_until) ||
                (m->config.take_from_lost_node && m->node_lost);
    if (m->owner.uid[0] != '\0' && strcmp(m->owner.uid, m->config.pod.uid) != 0 && !ended)
        return "a creation though the last owner may still lead";
    return NULL;
}

static int send_wanted(struct script *s, int64_t now)
{
    struct play *p = of(s);
    p->sent = kl_life_send(&p->life, now, &p->request);
    if (!p->sent)
        return 0;
    const char *wrong = life_guard_sent(&s->guard, &p->life, &p->request);
    if (wrong)
        script_broken(s, wrong);
    script_add(s, " %s", verbs[p->request.verb]);
    return 1;
}

static enum kl_pod_state state_of(struct script *s, const char *word)
{
    for (unsigned i = 0; i < sizeof states / sizeof states[0]; i++)
        if (strcmp(states[i], word) == 0)
            return (enum kl_pod_state)i;
    script_broken(s, "no such state of a Pod");
}

/* UID, or NAME/UID. */
static struct kl_pod_ref pod_of(const char *word)
{
    struct kl_pod_ref pod;
    const char *slash = strchr(word, '/');
    int length = slash ? (int)(slash - word) : (int)strlen(word);
    snprintf(pod.name, sizeof pod.name, "%.*s", length, word);
    snprintf(pod.uid, sizeof pod.uid, "%s", slash ? slash + 1 : word);
    return pod;
}

static void read_object(struct play *p, struct script_words *words)
{
    p->object = (struct kl_life_object){.kind = KL_OWNER_POD};
    p->object.version = script_version(script_need(&p->script, words));
    const char *word = script_need(&p->script, words);
    for (unsigned i = 1; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i], word) == 0)
            p->object.kind = (enum kl_owner_kind)i;
    if (p->object.kind == KL_OWNER_POD)
        p->object.owner = pod_of(word);
    if ((word = script_word(words)) == NULL)
        return;
    if (strcmp(word, "deleting") != 0)
        script_broken(&p->script, "no such word about a lock");
    p->object.deleting = 1;
}

static int input(struct script *s, const char *word, struct script_words *words, struct kl_input *in)
{
    struct play *p = of(s);
    int ok = strcmp(word, "ok") == 0;
    if (ok || strcmp(word, "seen") == 0) {
        if (ok && !p->life.in_flight)
            script_broken(s, "an answer, but nothing is in flight");
        in->type = ok ? KL_INPUT_ANSWER : KL_INPUT_SEEN;
        in->outcome = KL_OUTCOME_OK;
        if (ok && (p->life.request.verb == KL_LIFE_DELETE || p->life.request.verb == KL_LIFE_DELETE_POD))
            return 1;
        read_object(p, words);
        in->ownership = &p->object;
    } else if (strcmp(word, "own") == 0) {
        in->type = KL_INPUT_OWN_POD;
        p->sighting.state = state_of(s, script_need(s, words));
        word = script_word(words);
        p->sighting.pod = p->config.pod;
        snprintf(p->sighting.pod.uid, sizeof p->sighting.pod.uid, "%s", word ? word : p->config.pod.uid);
        in->pod = &p->sighting;
    } else if (strcmp(word, "owner") == 0) {
        in->type = KL_INPUT_OWNER_POD;
        p->sighting.pod = pod_of(script_need(s, words));
        p->sighting.state = state_of(s, script_need(s, words));
        in->pod = &p->sighting;
    } else if (strcmp(word, "node") == 0) {
        in->type = KL_INPUT_NODE;
        p->sighting.pod = pod_of(script_need(s, words));
        in->pod = &p->sighting;
        in->node_lost = strcmp(script_need(s, words), "lost") == 0;
    } else {
        return 0;
    }
    return 1;
}

static const char *step(struct script *s, const struct kl_input *in)
{
    struct play *p = of(s);
    p->sent = 0;
    kl_life_step(&p->life, in, &s->fx);
    return life_guard_step(&s->guard, &p->life, in, &s->fx);
}

static int is_detail(struct script *s, const char *word)
{
    struct play *p = of(s);
    struct kl_view view;
    const char *v;
    kl_life_view(&p->life, &view);
    if ((v = script_value(word, "observed")) != NULL) {
        const struct kl_pod_ref *pod = kl_life_observed(&p->life);
        return strcmp(v, pod ? pod->uid : "nobody") == 0;
    }
    if ((v = script_value(word, "base")) != NULL)
        return p->sent && p->life.version.number == script_version(v).number;
    if ((v = script_value(word, "known")) != NULL)
        return view.token_known == script_number(v);
    if ((v = script_value(word, "until")) != NULL)
        return script_in_range(v, view.lead_until) && view.grace_until == view.lead_until;
    if ((v = script_value(word, "leader")) != NULL)
        return strcmp(kl_life_leader(&p->life), v) == 0;
    return -1;
}

static void prepare(struct script *s)
{
    of(s)->config = (struct kl_life_config){
        .pod = {"me", "me"}, .retry_period = 2000 * MS, .drain_timeout = 60000 * MS, .rejoin = 1};
}

static int configure(struct script *s, const char *word)
{
    struct kl_life_config *config = &of(s)->config;
    const char *v;
    if ((v = script_value(word, "retry")) != NULL)
        config->retry_period = script_number(v) * MS;
    else if ((v = script_value(word, "drain")) != NULL)
        config->drain_timeout = script_number(v) * MS;
    else if ((v = script_value(word, "rejoin")) != NULL)
        config->rejoin = (int)script_number(v);
    else if ((v = script_value(word, "deletepod")) != NULL)
        config->delete_pod = (int)script_number(v);
    else if ((v = script_value(word, "lostnode")) != NULL)
        config->take_from_lost_node = (int)script_number(v);
    else if ((v = script_value(word, "skipped")) != NULL)
        config->skipped = (int)script_number(v);
    else if ((v = script_value(word, "uid")) != NULL)
        snprintf(config->pod.uid, sizeof config->pod.uid, "%s", v);
    else
        return 0;
    return 1;
}

static void begin(struct script *s)
{
    kl_life_init(&of(s)->life, &of(s)->config, 42);
}

static void view_of(const struct script *s, struct kl_view *view)
{
    kl_life_view(&((const struct play *)s)->life, view);
}

static const char *leader(const struct script *s)
{
    return kl_life_leader(&((const struct play *)s)->life);
}

const struct script_kind life_script = {
    .size = sizeof(struct play),
    .prepare = prepare,
    .configure = configure,
    .begin = begin,
    .view = view_of,
    .leader = leader,
    .input = input,
    .step = step,
    .send = send_wanted,
    .detail = is_detail,
};
