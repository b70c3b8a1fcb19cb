#include "lease_script.h"

#include "k8sleader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS          KL_MILLISECOND
#define WALL_START  INT64_C(1763788800000000)
#define WRITES_MOST 64

struct play {
    struct script script;
    struct kl_lease lease;
    struct kl_lease_config config;
    int wall; /* 0 runs, 1 stands still, 2 has jumped back a day */
    struct kl_record writes[WRITES_MOST];
    unsigned write_count;
    struct kl_lease_request request; /* sent by this line, if `sent` */
    int sent;
    struct kl_record record; /* what this line's object refers to */
    struct kl_lease_object object;
};

static struct play *of(struct script *s)
{
    return (struct play *)s;
}

const char *lease_guard_step(struct script_guard *g, const struct kl_lease *m, const struct kl_input *in,
                             const struct kl_effects *fx)
{
    struct kl_view view;
    kl_lease_view(m, &view);
    const char *wrong = script_guard_step(g, &view, m->now, m->in_flight, in, fx);
    if (wrong)
        return wrong;
    if (m->await_news && !m->must_read && m->phase == KL_PHASE_CANDIDATE)
        return "waits for the watch alone";
    if (m->phase == KL_PHASE_CANDIDATE && !m->in_flight && m->want == KL_URGENCY_NONE &&
        m->wake_at == KL_NEVER && in->type != KL_INPUT_TICK && m->lock != KL_LOCK_UNKNOWN && !m->barred)
        return "a candidate for whom nothing will ever happen";
    return NULL;
}

const char *lease_guard_sent(struct script_guard *g, const struct kl_lease *m,
                             const struct kl_lease_request *request)
{
    struct kl_view view;
    kl_lease_view(m, &view);
    const char *wrong = script_guard_sent(g, &view, request->timeout);
    if (wrong)
        return wrong;
    if (request->verb == KL_REQUEST_UPDATE && m->lock != KL_LOCK_PRESENT)
        return "an update of nothing";
    return NULL;
}

static int64_t wall(const struct play *p)
{
    if (p->wall == 0)
        return WALL_START + p->lease.now / 1000;
    return p->wall == 1 ? WALL_START : WALL_START - INT64_C(86400000000) * (p->write_count > 1);
}

static int send_wanted(struct script *s, int64_t now)
{
    static const char *const verbs[] = {"read", "create", "put", "update"};
    struct play *p = of(s);
    p->lease.now = now;
    p->sent = kl_lease_send(&p->lease, now, wall(p), &p->request);
    if (!p->sent)
        return 0;
    const char *wrong = lease_guard_sent(&s->guard, &p->lease, &p->request);
    if (wrong)
        script_broken(s, wrong);
    script_add(s, " %s", verbs[p->request.verb]);
    if (p->request.verb == KL_REQUEST_READ)
        return 1;
    const char *kind = p->request.acquires                   ? "acquire"
                       : p->request.record.holder[0] == '\0' ? "release"
                                                             : "renew";
    script_add(s, "/%s", kind);
    assert_true(p->write_count < WRITES_MOST);
    p->writes[p->write_count++] = p->request.record;
    return 1;
}

static const struct kl_record *written(struct play *p, const char *word)
{
    unsigned n = (unsigned)script_number(word + 1);
    if (word[0] != 'w' || n < 1 || n > p->write_count)
        script_broken(&p->script, "the script names no write");
    return &p->writes[n - 1];
}

static void read_record(struct play *p, struct script_words *words)
{
    struct kl_record *record = &p->record;
    const char *word = script_need(&p->script, words);
    if (word[0] == 'w' && word[1] >= '0' && word[1] <= '9') {
        *record = *written(p, word);
    } else {
        *record = (struct kl_record){.acquire_time = 1, .duration_s = 15};
        if (strcmp(word, "-") != 0)
            snprintf(record->holder, sizeof record->holder, "%s", word);
        record->renew_time = script_number(script_need(&p->script, words));
    }
    while ((word = script_word(words)) != NULL) {
        const char *v;
        if ((v = script_value(word, "d")) != NULL)
            record->duration_s = script_number(v);
        else if ((v = script_value(word, "acq")) != NULL)
            record->acquire_time = script_number(v);
        else if ((v = script_value(word, "tr")) != NULL)
            record->transitions = script_number(v);
        else if (strcmp(word, "coord") == 0)
            p->object.barred = K8SLEADER_ERR_COORDINATED;
        else
            script_broken(&p->script, "no such word in a record");
    }
}

static int input(struct script *s, const char *word, struct script_words *words, struct kl_input *in)
{
    struct play *p = of(s);
    int ok = strcmp(word, "ok") == 0;
    if (!ok && strcmp(word, "seen") != 0)
        return 0;
    if (ok && !p->lease.in_flight)
        script_broken(s, "an answer, but nothing is in flight");
    in->type = ok ? KL_INPUT_ANSWER : KL_INPUT_SEEN;
    in->outcome = KL_OUTCOME_OK;
    p->object = (struct kl_lease_object){.record = &p->record};
    p->object.version = script_version(script_need(s, words));
    read_record(p, words);
    in->object = &p->object;
    return 1;
}

static const char *step(struct script *s, const struct kl_input *in)
{
    struct play *p = of(s);
    p->sent = 0;
    kl_lease_step(&p->lease, in, &s->fx);
    return lease_guard_step(&s->guard, &p->lease, in, &s->fx);
}

static int is_detail(struct script *s, const char *word)
{
    struct play *p = of(s);
    const struct kl_record *r = &p->request.record;
    const char *v;
    if ((v = script_value(word, "until")) != NULL)
        return script_in_range(v, p->lease.lead_until);
    if ((v = script_value(word, "grace")) != NULL)
        return script_in_range(v, p->lease.grace_until);
    if ((v = script_value(word, "timeout")) != NULL)
        return p->sent && script_in_range(v, p->request.timeout);
    if ((v = script_value(word, "base")) != NULL)
        return p->sent && p->lease.request_base.number == script_version(v).number;
    if ((v = script_value(word, "tr")) != NULL)
        return p->sent && r->transitions == script_number(v);
    if ((v = script_value(word, "d")) != NULL)
        return p->sent && r->duration_s == script_number(v);
    if ((v = script_value(word, "holder")) != NULL)
        return p->sent && strcmp(r->holder, v) == 0;
    if ((v = script_value(word, "acq")) != NULL)
        return p->sent &&
               r->acquire_time == (strcmp(v, "new") == 0 ? r->renew_time : written(p, v)->acquire_time);
    return -1;
}

static void prepare(struct script *s)
{
    of(s)->config = (struct kl_lease_config){.identity = "me",
                                             .lease_duration = 15000 * MS,
                                             .renew_deadline = 10000 * MS,
                                             .retry_period = 2000 * MS,
                                             .drain_timeout = 60000 * MS,
                                             .rejoin = 1,
                                             .put_creates = 1};
}

static int configure(struct script *s, const char *word)
{
    struct play *p = of(s);
    const char *v;
    if ((v = script_value(word, "lease")) != NULL)
        p->config.lease_duration = script_number(v) * MS;
    else if ((v = script_value(word, "renew")) != NULL)
        p->config.renew_deadline = script_number(v) * MS;
    else if ((v = script_value(word, "retry")) != NULL)
        p->config.retry_period = script_number(v) * MS;
    else if ((v = script_value(word, "drain")) != NULL)
        p->config.drain_timeout = script_number(v) * MS;
    else if ((v = script_value(word, "rejoin")) != NULL)
        p->config.rejoin = (int)script_number(v);
    else if ((v = script_value(word, "resume")) != NULL)
        p->config.resume = (int)script_number(v);
    else if ((v = script_value(word, "put")) != NULL)
        p->config.put_creates = (int)script_number(v);
    else if ((v = script_value(word, "wall")) != NULL)
        p->wall = strcmp(v, "still") == 0 ? 1 : strcmp(v, "back") == 0 ? 2 : 0;
    else
        return 0;
    return 1;
}

static void begin(struct script *s)
{
    kl_lease_init(&of(s)->lease, &of(s)->config, 42);
}

static void view_of(const struct script *s, struct kl_view *view)
{
    kl_lease_view(&((const struct play *)s)->lease, view);
}

static const char *leader(const struct script *s)
{
    return kl_lease_leader(&((const struct play *)s)->lease);
}

const struct script_kind lease_script = {
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
