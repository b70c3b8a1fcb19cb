/*
 * One machine, and a world that does what it likes: 200,000 steps of requests answered in every way, with the
 * watch telling old, new, own, foreign and senseless things. What must hold whatever happens is checked after
 * each step (lease_script.h: lease_guard); here also that requests stay bounded, and that a stop ends.
 */
#include "lease_script.h"

#include "k8sleader.h"
#include "machine/lease_internal.h"
#include "machine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS      200000
#define REMEMBERED 16
#define DRAIN      (20 * KL_SECOND)

struct play {
    uint64_t random;
    unsigned steps, lives, terms;
    struct kl_lease lease;
    struct kl_lease_config config;
    struct script_guard guard;
    struct kl_record written[REMEMBERED]; /* by ourselves */
    unsigned writes;
    struct kl_lease_request request;
    int64_t now, answer_at, stopped_at, born_at;
    unsigned requests, inputs; /* of this life */
    uint64_t version;          /* of the server */
    struct kl_record record;
    int unordered, wild;
};

static uint64_t dice(struct play *p, uint64_t bound)
{
    return kl_random_next(&p->random) % bound;
}

static _Noreturn void wrong(const struct play *p, const char *what)
{
    fail_msg("step %u, life %u: %s", p->steps, p->lives, what);
    abort();
}

static void step(struct play *p, struct kl_input *in)
{
    struct kl_effects fx;
    in->now = p->now;
    kl_lease_step(&p->lease, in, &fx);
    const char *broken = lease_guard_step(&p->guard, &p->lease, in, &fx);
    if (broken)
        wrong(p, broken);
    for (unsigned i = 0; i < fx.event_count; i++)
        p->terms += fx.events[i].type == KL_EVENT_STARTED;
    p->steps++;
    p->inputs += in->type != KL_INPUT_ANSWER && in->type != KL_INPUT_TICK;
    /* Each 25 ms one retry, and each thing we are told may want a request or two. */
    uint64_t most = (uint64_t)(p->now - p->born_at) / (25 * KL_MILLISECOND) + 3 * p->inputs + 10;
    if (p->requests > most)
        wrong(p, "a storm of requests");
    if (p->stopped_at != KL_NEVER && p->lease.phase != KL_PHASE_CLOSED &&
        p->now > p->stopped_at + DRAIN + 2 * p->config.lease_duration)
        wrong(p, "a stop without end");
}

static void be_born(struct play *p)
{
    p->lives++;
    p->config = (struct kl_lease_config){.identity = "me",
                                         .lease_duration = 15 * KL_SECOND,
                                         .renew_deadline = (int64_t)(3 + dice(p, 11)) * KL_SECOND,
                                         .retry_period = (int64_t)(1 + dice(p, 20)) * 100 * KL_MILLISECOND,
                                         .drain_timeout = DRAIN,
                                         .rejoin = dice(p, 4) != 0,
                                         .resume = dice(p, 4) == 0,
                                         .put_creates = dice(p, 2) != 0};
    memset(&p->guard, 0, sizeof p->guard);
    kl_lease_init(&p->lease, &p->config, dice(p, UINT64_MAX));
    p->born_at = p->now;
    p->stopped_at = p->answer_at = KL_NEVER;
    p->requests = p->inputs = p->writes = 0;
    p->unordered = dice(p, 8) == 0;
    p->wild = dice(p, 3) == 0;
    step(p, &(struct kl_input){.type = KL_INPUT_START});
}

static struct kl_record some_record(struct play *p)
{
    struct kl_record r = p->record;
    switch (dice(p, p->wild ? 6 : 3)) {
    case 0:
        break;
    case 1: /* released or taken by somebody */
        r.holder[0] = '\0';
        r.renew_time = (kl_stamp)dice(p, 1000);
        if (dice(p, 3) == 0)
            snprintf(r.holder, sizeof r.holder, "%s", dice(p, 4) ? "b" : "me");
        break;
    case 2:
        if (p->writes > 0)
            r = p->written[(p->writes - 1) % REMEMBERED];
        break;
    case 3:
        if (p->writes > 0)
            r = p->written[dice(p, p->writes < REMEMBERED ? p->writes : REMEMBERED)];
        break;
    case 4:
        r.duration_s = (int64_t)dice(p, UINT64_MAX / 2) - INT64_MAX / 2;
        break;
    default:
        r.transitions++;
        break;
    }
    return r;
}

static void observe(struct play *p, enum kl_input_type type)
{
    struct kl_record record = some_record(p);
    struct kl_lease_object object = {.record = &record};
    struct kl_input in = {.type = type, .object = &object};
    uint64_t old = p->version;
    p->version += dice(p, 3);
    p->record = record;
    object.version.number = p->wild && dice(p, 4) == 0 ? old - dice(p, 5) : p->version;
    object.version.ordered = !p->unordered;
    object.barred = p->wild && dice(p, 30) == 0 ? K8SLEADER_ERR_COORDINATED : 0;
    in.version = object.version;
    step(p, &in);
}

static void answer(struct play *p)
{
    struct kl_record record = p->request.verb == KL_REQUEST_READ ? some_record(p) : p->request.record;
    struct kl_lease_object object = {.record = &record};
    struct kl_input in = {.type = KL_INPUT_ANSWER, .error_code = -(int)(60 + dice(p, 16))};
    in.outcome = dice(p, 2) ? KL_OUTCOME_OK : (enum kl_outcome)dice(p, KL_OUTCOME_AMBIGUOUS + 1);
    if (in.outcome == KL_OUTCOME_OK) {
        /* A write may change nothing. But versions don't repeat: a server that goes back repeats tokens. */
        p->version += p->request.verb == KL_REQUEST_READ || !p->wild || dice(p, 4) != 0;
        p->record = record;
        object.version = (struct kl_version){p->version, !p->unordered};
        in.object = &object;
    }
    if (in.outcome == KL_OUTCOME_THROTTLED && dice(p, 2))
        in.retry_after = (int64_t)dice(p, (uint64_t)(30 * KL_SECOND));
    p->answer_at = KL_NEVER;
    step(p, &in);
}

static void maybe_send(struct play *p)
{
    if (p->lease.want == KL_URGENCY_NONE || dice(p, 10) == 0)
        return;
    if (!kl_lease_send(&p->lease, p->now, p->now / 1000, &p->request))
        return;
    const char *broken = lease_guard_sent(&p->guard, &p->lease, &p->request);
    if (broken)
        wrong(p, broken);
    p->requests++;
    if (p->request.verb != KL_REQUEST_READ)
        p->written[p->writes++ % REMEMBERED] = p->request.record;
    p->answer_at = p->now + (dice(p, 4) ? 0 : (int64_t)dice(p, (uint64_t)p->request.timeout));
}

static void one_step(struct play *p)
{
    if (p->lease.phase == KL_PHASE_CLOSED) {
        if (p->answer_at != KL_NEVER)
            answer(p);
        be_born(p);
    }
    maybe_send(p);
    uint64_t what = dice(p, 1000);
    int64_t next = kl_min(p->lease.wake_at, p->answer_at);
    if (what < 850 && next - p->now < 100 * KL_SECOND) { /* not for years, as a senseless duration may ask */
        p->now = kl_max(p->now, next);
        if (p->answer_at <= p->now)
            answer(p);
        else
            step(p, &(struct kl_input){.type = KL_INPUT_TICK});
        return;
    }
    p->now += (int64_t)dice(p, (uint64_t)(300 * KL_MILLISECOND));
    if (what < 930)
        observe(p, KL_INPUT_SEEN);
    else if (what < 935)
        observe(p, KL_INPUT_GONE);
    else if (what < 975)
        step(p, &(struct kl_input){.type = KL_INPUT_DRAINED,
                                         .token = dice(p, 5) ? p->lease.token : dice(p, 100)});
    else if (what < 980)
        step(p, &(struct kl_input){.type = KL_INPUT_WATCH_OPENED, .fresh = (int)dice(p, 2)});
    else if (what < 982)
        step(p, &(struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN});
    else if (what < 985)
        step(p, &(struct kl_input){.type = KL_INPUT_WATCH_FAILED, .error_code = K8SLEADER_ERR_CONNECT});
    else if (what < 988) {
        if (p->stopped_at == KL_NEVER)
            p->stopped_at = p->now;
        step(p, &(struct kl_input){.type = KL_INPUT_STOP});
    } else if (what < 989)
        step(p, &(struct kl_input){.type = KL_INPUT_ABANDON});
    else
        step(p, &(struct kl_input){.type = KL_INPUT_TICK});
}

static unsigned long long run(uint64_t seed)
{
    static struct play p;
    memset(&p, 0, sizeof p);
    p.random = seed;
    p.version = 100;
    be_born(&p);
    unsigned long long sum = 0;
    while (p.steps < STEPS) {
        one_step(&p);
        sum = sum * 31 + (unsigned long long)p.now + (unsigned long long)p.lease.phase;
    }
    assert_true(p.terms > STEPS / 200);
    assert_true(p.lives > STEPS / 2000);
    return sum;
}

static void what_must_hold_holds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        run(seed);
}

static void the_machine_is_deterministic(void **state)
{
    (void)state;
    assert_true(run(1) == run(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_must_hold_holds),
        cmocka_unit_test(the_machine_is_deterministic),
    };
    return cmocka_run_group_tests_name("property", tests, NULL, NULL);
}
