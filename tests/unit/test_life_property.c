/*
 * One machine, and a world that does what it likes: 200,000 steps of requests answered in every way, with the
 * watches telling old, new, own, foreign and senseless things. What must hold whatever happens is checked
 * after each step (life_script.h); here also that requests stay bounded, that each kind of state is reached,
 * and that a stop ends.
 */
#include "life_script.h"

#include "k8sleader.h"
#include "machine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS 200000
#define DRAIN (20 * KL_SECOND)
#define PODS  4 /* the first is ours */

struct play {
    uint64_t random;
    unsigned steps, lives, terms, losses, verbs[4];
    struct kl_life life;
    struct kl_life_config config;
    struct script_guard guard;
    struct kl_life_request request;
    enum kl_pod_state pods[PODS]; /* as last told; they go one way, unless the world is wild */
    int64_t now, answer_at, stopped_at, born_at;
    unsigned requests, inputs; /* of this life */
    uint64_t version;
    unsigned owner;
    int unordered, wild;
};

static const char *const uids[PODS] = {"me", "b", "c", "d"};

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
    kl_life_step(&p->life, in, &fx);
    const char *broken = life_guard_step(&p->guard, &p->life, in, &fx);
    if (broken)
        wrong(p, broken);
    for (unsigned i = 0; i < fx.event_count; i++) {
        p->terms += fx.events[i].type == KL_EVENT_STARTED;
        p->losses += fx.events[i].type == KL_EVENT_STOPPED && fx.events[i].reason != K8SLEADER_REASON_STOP;
    }
    p->steps++;
    p->inputs += in->type != KL_INPUT_ANSWER && in->type != KL_INPUT_TICK;
    /* Each 25 ms one retry, and each thing we are told may want a request or two. */
    uint64_t most = (uint64_t)(p->now - p->born_at) / (25 * KL_MILLISECOND) + 3 * p->inputs + 10;
    if (p->requests > most)
        wrong(p, "a storm of requests");
    if (p->stopped_at != KL_NEVER && p->life.phase != KL_PHASE_CLOSED &&
        p->now > p->stopped_at + DRAIN + KL_SECOND)
        wrong(p, "a stop without end");
}

static struct kl_pod_ref pod(unsigned index)
{
    struct kl_pod_ref ref;
    snprintf(ref.name, sizeof ref.name, "pod-%s", uids[index]);
    snprintf(ref.uid, sizeof ref.uid, "%s", uids[index]);
    return ref;
}

static void be_born(struct play *p)
{
    p->lives++;
    p->config = (struct kl_life_config){.pod = pod(0),
                                        .retry_period = (int64_t)(1 + dice(p, 20)) * 100 * KL_MILLISECOND,
                                        .drain_timeout = DRAIN,
                                        .rejoin = dice(p, 4) != 0,
                                        .delete_pod = dice(p, 3) == 0,
                                        .take_from_lost_node = dice(p, 3) == 0};
    if (dice(p, 8) == 0)
        p->config.pod.uid[0] = '\0';
    memset(&p->guard, 0, sizeof p->guard);
    memset(p->pods, 0, sizeof p->pods);
    kl_life_init(&p->life, &p->config, dice(p, UINT64_MAX));
    p->born_at = p->now;
    p->stopped_at = p->answer_at = KL_NEVER;
    p->requests = p->inputs = 0;
    p->unordered = dice(p, 8) == 0;
    p->wild = dice(p, 3) == 0;
    step(p, &(struct kl_input){.type = KL_INPUT_START});
}

static struct kl_life_object some_lock(struct play *p)
{
    struct kl_life_object object = {.kind = KL_OWNER_POD};
    object.owner = pod(p->owner);
    if (dice(p, 3) == 0)
        object.owner = pod(p->owner = (unsigned)dice(p, PODS));
    if (dice(p, p->wild ? 4 : 12) == 0)
        object.kind = (enum kl_owner_kind)dice(p, KL_OWNER_LEASE + 1);
    object.deleting = dice(p, 20) == 0;
    object.version = (struct kl_version){p->version, !p->unordered};
    return object;
}

static void observe(struct play *p, enum kl_input_type type)
{
    uint64_t old = p->version;
    p->version += dice(p, 3);
    struct kl_life_object object = some_lock(p);
    if (p->wild && dice(p, 4) == 0)
        object.version.number = old - dice(p, 5);
    step(p, &(struct kl_input){.type = type, .ownership = &object, .version = object.version});
}

static void tell_pod(struct play *p)
{
    unsigned index = (unsigned)dice(p, PODS);
    const struct kl_pod_ref *observed = kl_life_observed(&p->life);
    for (unsigned i = 1; observed && dice(p, 4) && i < PODS; i++)
        if (strcmp(uids[i], observed->uid) == 0)
            index = i;
    struct kl_pod_sighting sighting = {.pod = pod(index)};
    if (dice(p, 20) == 0) {
        sighting.state = KL_POD_FORBIDDEN;
    } else {
        if (p->pods[index] < KL_POD_ABSENT && dice(p, index ? 2 : 60) == 0)
            p->pods[index]++;
        if (p->pods[index] == KL_POD_ABSENT && index && dice(p, 3) == 0)
            p->pods[index] = KL_POD_UNKNOWN; /* another Pod, as it were */
        sighting.state = p->wild && (index || dice(p, 20) == 0)
                             ? (enum kl_pod_state)dice(p, KL_POD_ABSENT + 1)
                             : p->pods[index];
    }
    enum kl_input_type type = index == 0 ? KL_INPUT_OWN_POD : KL_INPUT_OWNER_POD;
    step(p, &(struct kl_input){.type = type, .pod = &sighting});
}

static void answer(struct play *p)
{
    struct kl_life_object object;
    struct kl_input in = {.type = KL_INPUT_ANSWER, .error_code = -(int)(60 + dice(p, 16))};
    in.outcome = dice(p, 2) ? KL_OUTCOME_OK : (enum kl_outcome)dice(p, KL_OUTCOME_AMBIGUOUS + 1);
    if (in.outcome == KL_OUTCOME_OK) {
        /* Versions don't repeat: a server that goes back repeats tokens. */
        p->version += p->request.verb != KL_LIFE_READ || dice(p, 2);
        object = some_lock(p);
        if (p->request.verb == KL_LIFE_CREATE) {
            object.kind = KL_OWNER_POD;
            object.owner = p->life.config.pod;
        }
        in.ownership = &object;
    }
    if (in.outcome == KL_OUTCOME_THROTTLED && dice(p, 2))
        in.retry_after = (int64_t)dice(p, (uint64_t)(5 * KL_SECOND));
    p->answer_at = KL_NEVER;
    step(p, &in);
}

static void maybe_send(struct play *p)
{
    if (p->life.want == KL_URGENCY_NONE || dice(p, 10) == 0)
        return;
    if (!kl_life_send(&p->life, p->now, &p->request))
        return;
    const char *broken = life_guard_sent(&p->guard, &p->life, &p->request);
    if (broken)
        wrong(p, broken);
    p->requests++;
    p->verbs[p->request.verb]++;
    p->answer_at = p->now + (dice(p, 4) ? 0 : (int64_t)dice(p, (uint64_t)p->request.timeout));
}

static void one_step(struct play *p)
{
    if (p->life.phase == KL_PHASE_CLOSED) {
        if (p->answer_at != KL_NEVER)
            answer(p);
        be_born(p);
    }
    maybe_send(p);
    int64_t next = kl_min(p->life.wake_at, p->answer_at);
    if (next != KL_NEVER && dice(p, 1000) < 500) {
        p->now = kl_max(p->now, next);
        if (p->answer_at <= p->now)
            answer(p);
        else
            step(p, &(struct kl_input){.type = KL_INPUT_TICK});
        return;
    }
    p->now += (int64_t)dice(p, (uint64_t)(300 * KL_MILLISECOND));
    if (p->answer_at <= p->now) {
        answer(p);
        return;
    }
    uint64_t what = dice(p, 1000);
    if (what < 250) {
        observe(p, KL_INPUT_SEEN);
    } else if (what < 350) {
        observe(p, KL_INPUT_GONE);
    } else if (what < 700) {
        tell_pod(p);
    } else if (what < 730) {
        struct kl_pod_sighting on_it = {.pod = pod((unsigned)dice(p, PODS))};
        step(p, &(struct kl_input){.type = KL_INPUT_NODE, .pod = &on_it, .node_lost = dice(p, 2) == 0});
    } else if (what < 900) {
        step(p, &(struct kl_input){.type = KL_INPUT_DRAINED,
                                   .token = dice(p, 5) ? p->life.token : dice(p, 100)});
    } else if (what < 940) {
        step(p, &(struct kl_input){.type = KL_INPUT_WATCH_OPENED, .fresh = (int)dice(p, 2)});
    } else if (what < 950) {
        step(p, &(struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN});
    } else if (what < 960) {
        step(p, &(struct kl_input){.type = KL_INPUT_WATCH_FAILED, .error_code = K8SLEADER_ERR_CONNECT});
    } else if (what < 963) {
        if (p->stopped_at == KL_NEVER)
            p->stopped_at = p->now;
        step(p, &(struct kl_input){.type = KL_INPUT_STOP});
    } else if (what < 965) {
        step(p, &(struct kl_input){.type = KL_INPUT_ABANDON});
    } else {
        step(p, &(struct kl_input){.type = KL_INPUT_TICK});
    }
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
        sum = sum * 31 + (unsigned long long)p.now + (unsigned long long)p.life.phase;
    }
    assert_true(p.terms > STEPS / 200);
    assert_true(p.losses > STEPS / 400);
    assert_true(p.lives > STEPS / 4000);
    for (unsigned verb = 0; verb < 4; verb++)
        assert_true(p.verbs[verb] > STEPS / 2000);
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
