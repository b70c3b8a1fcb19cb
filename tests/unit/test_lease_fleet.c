/*
 * Several candidates and one store, in virtual time: messages are delayed, lost, doubled and overtaken,
 * watches go silent, processes crash or freeze, clocks run at different rates. Whatever happens, no two lead
 * at once, no two guarded works overlap, tokens grow; and when the trouble ends, exactly one leads.
 */
#include "lease_script.h"

#include "machine/lease_internal.h"
#include "machine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES_MOST    3
#define MESSAGES_MOST 256
#define MS            KL_MILLISECOND

enum kind { SLOT, TO_SERVER, TO_CLIENT, GIVE_UP, WATCH_EVENT, WATCH_OPEN, WORK_ENDS };

struct store {
    int present;
    uint64_t version;
    struct kl_record record;
};

struct message {
    int64_t at;
    enum kind kind;
    unsigned node, life, request_id;
    struct kl_lease_request request;
    struct kl_version base;
    enum kl_outcome outcome;
    struct store object;
};

struct node {
    struct kl_lease lease;
    struct kl_lease_config config;
    struct script_guard guard;
    char identity[8];
    unsigned life, request_id;
    int64_t rate; /* of its clock, in thousandths */
    int64_t frozen_until;
    int64_t watch_last; /* events come in order */
    int watching, waiting, slot, working, frozen_wall;
};

struct world {
    uint64_t random;
    int64_t now;
    int nodes;
    int trouble; /* per mille: how often things go wrong */
    int deletions, check_work, blind;
    uint64_t token;
    struct store store;
    struct node node[NODES_MOST];
    struct message messages[MESSAGES_MOST];
    unsigned count, terms;
    uint64_t seed;
};

static uint64_t dice(struct world *w, uint64_t bound)
{
    return kl_random_next(&w->random) % bound;
}

static int trouble(struct world *w)
{
    return (int)dice(w, 1000) < w->trouble;
}

static int64_t delay(struct world *w)
{
    int64_t most = trouble(w) ? 12000 * MS : 20 * MS;
    return (int64_t)dice(w, (uint64_t)most) + 1;
}

static int64_t local(const struct world *w, const struct node *n)
{
    return w->now * n->rate / 1000;
}

static _Noreturn void wrong(const struct world *w, const char *what)
{
    fail_msg("seed %llu, at %lld ms: %s", (unsigned long long)w->seed, (long long)(w->now / MS), what);
    abort();
}

static struct message *post(struct world *w, enum kind kind, unsigned node, int64_t at)
{
    if (w->count == MESSAGES_MOST)
        wrong(w, "too many messages");
    struct message *m = &w->messages[w->count++];
    memset(m, 0, sizeof *m);
    m->kind = kind;
    m->node = node;
    m->at = at;
    m->life = w->node[node].life;
    m->request_id = w->node[node].request_id;
    return m;
}

static int leads(const struct world *w, const struct node *n)
{
    return n->lease.phase == KL_PHASE_LEADING && local(w, n) < n->lease.lead_until;
}

static int works(const struct world *w, const struct node *n)
{
    return n->working && local(w, n) < n->lease.grace_until;
}

static void check(const struct world *w)
{
    int leaders = 0, workers = 0;
    for (int i = 0; i < w->nodes; i++) {
        leaders += leads(w, &w->node[i]);
        workers += works(w, &w->node[i]);
    }
    if (leaders > 1 && !w->deletions)
        wrong(w, "two lead at once");
    if (workers > 1 && w->check_work && !w->deletions)
        wrong(w, "two guarded works at once");
}

static void step(struct world *w, unsigned index, struct kl_input *in)
{
    struct node *n = &w->node[index];
    struct kl_effects fx;
    in->now = local(w, n);
    kl_lease_step(&n->lease, in, &fx);
    const char *broken = lease_guard_step(&n->guard, &n->lease, in, &fx);
    if (broken)
        wrong(w, broken);
    for (unsigned i = 0; i < fx.event_count; i++) {
        if (fx.events[i].type == KL_EVENT_STARTED) {
            if (fx.events[i].token <= w->token && !w->deletions)
                wrong(w, "the token did not grow across the fleet");
            w->token = fx.events[i].token;
            w->terms++;
            n->working = 1;
        } else if (fx.events[i].type == KL_EVENT_STOPPED) {
            post(w, WORK_ENDS, index, w->now + (int64_t)dice(w, (uint64_t)(3000 * MS)));
        }
    }
    if (fx.watch_suspect && n->watching) {
        n->watching = 0;
        post(w, WATCH_OPEN, index, w->now + delay(w));
    }
    if (n->lease.want != KL_URGENCY_NONE && !n->slot) {
        n->slot = 1;
        post(w, SLOT, index, w->now + (trouble(w) ? delay(w) : 0));
    }
    check(w);
}

static void tell_watchers(struct world *w)
{
    for (unsigned i = 0; i < (unsigned)w->nodes; i++) {
        struct node *n = &w->node[i];
        if (!n->watching)
            continue;
        if (trouble(w)) { /* goes silent; somebody notices later */
            n->watching = 0;
            post(w, WATCH_OPEN, i, w->now + (int64_t)dice(w, (uint64_t)(30000 * MS)));
            continue;
        }
        n->watch_last = kl_max(n->watch_last, w->now + delay(w));
        post(w, WATCH_EVENT, i, n->watch_last)->object = w->store;
    }
}

static enum kl_outcome serve(struct world *w, const struct message *m)
{
    struct store *s = &w->store;
    switch (m->request.verb) {
    case KL_REQUEST_READ:
        return s->present ? KL_OUTCOME_OK : KL_OUTCOME_NOT_FOUND;
    case KL_REQUEST_CREATE:
    case KL_REQUEST_CREATE_BY_PUT:
        if (s->present)
            return m->request.verb == KL_REQUEST_CREATE ? KL_OUTCOME_CONFLICT : KL_OUTCOME_REFUSED;
        break;
    case KL_REQUEST_UPDATE:
        if (!s->present)
            return KL_OUTCOME_NOT_FOUND;
        if (s->version != m->base.number)
            return KL_OUTCOME_CONFLICT;
        break;
    }
    s->present = 1;
    s->version += 1 + dice(w, 5);
    s->record = m->request.record;
    tell_watchers(w);
    return KL_OUTCOME_OK;
}

static void answer(struct world *w, const struct message *m, enum kl_outcome outcome, const struct store *s)
{
    struct node *n = &w->node[m->node];
    if (!n->waiting || m->life != n->life || m->request_id != n->request_id)
        return;
    n->waiting = 0;
    struct kl_lease_object object = {.version = {s->version, 1}, .record = &s->record};
    struct kl_input in = {.type = KL_INPUT_ANSWER, .outcome = outcome, .error_code = -62};
    if (outcome == KL_OUTCOME_OK)
        in.object = &object;
    if (outcome == KL_OUTCOME_THROTTLED)
        in.retry_after = (int64_t)dice(w, (uint64_t)(4000 * MS));
    step(w, m->node, &in);
}

static void take_slot(struct world *w, unsigned index)
{
    struct node *n = &w->node[index];
    struct kl_lease_request request;
    int64_t wall = n->frozen_wall ? 1000 : w->now / 1000;
    n->slot = 0;
    if (!kl_lease_send(&n->lease, local(w, n), wall, &request))
        return;
    const char *broken = lease_guard_sent(&n->guard, &n->lease, &request);
    if (broken)
        wrong(w, broken);
    n->request_id++;
    n->waiting = 1;
    post(w, GIVE_UP, index, w->now + request.timeout * 1000 / n->rate);
    if (trouble(w)) { /* refused on the way, applied nowhere */
        static const enum kl_outcome kinds[] = {KL_OUTCOME_NOT_SENT, KL_OUTCOME_THROTTLED,
                                                KL_OUTCOME_FORBIDDEN};
        struct message *m = post(w, TO_CLIENT, index, w->now + delay(w));
        m->outcome = kinds[dice(w, 3)];
        return;
    }
    for (int copies = trouble(w) ? 2 : 1; copies > 0; copies--) {
        struct message *m = post(w, TO_SERVER, index, w->now + delay(w));
        m->request = request;
        m->base = n->lease.request_base;
    }
}

static void start(struct world *w, unsigned index)
{
    struct node *n = &w->node[index];
    n->life++;
    n->request_id++;
    n->waiting = n->slot = n->working = n->watching = 0;
    n->watch_last = 0;
    n->config = (struct kl_lease_config){.identity = n->identity,
                                         .lease_duration = 15 * KL_SECOND,
                                         .renew_deadline = 10 * KL_SECOND,
                                         .retry_period = 2 * KL_SECOND,
                                         .drain_timeout = 8 * KL_SECOND,
                                         .rejoin = 1,
                                         .put_creates = 1};
    memset(&n->guard, 0, sizeof n->guard);
    kl_lease_init(&n->lease, &n->config, dice(w, UINT64_MAX));
    step(w, index, &(struct kl_input){.type = KL_INPUT_START});
    post(w, WATCH_OPEN, index, w->now + delay(w));
}

static void open_watch(struct world *w, unsigned index)
{
    struct node *n = &w->node[index];
    struct kl_lease_object object = {.version = {w->store.version, 1}, .record = &w->store.record};
    if (n->watching || w->blind)
        return;
    n->watching = 1;
    n->watch_last = w->now;
    if (w->store.present)
        step(w, index, &(struct kl_input){.type = KL_INPUT_SEEN, .object = &object});
    step(w, index, &(struct kl_input){.type = KL_INPUT_WATCH_OPENED, .fresh = 1});
}

static void deliver(struct world *w, struct message m)
{
    struct node *n = &w->node[m.node];
    int alive = m.life == n->life;
    if (alive && m.kind != TO_SERVER && m.kind != WORK_ENDS &&
        w->now < n->frozen_until) { /* asleep: finds it later */
        struct message *again = post(w, m.kind, m.node, n->frozen_until + (m.kind == GIVE_UP));
        m.at = again->at;
        *again = m;
        return;
    }
    switch (m.kind) {
    case SLOT:
        if (alive)
            take_slot(w, m.node);
        break;
    case TO_SERVER: {
        enum kl_outcome outcome = serve(w, &m);
        if (trouble(w)) /* the answer is lost; at times the client sees the connection break */
            outcome = dice(w, 2) ? KL_OUTCOME_AMBIGUOUS : KL_OUTCOME_TIMED_OUT;
        if (outcome == KL_OUTCOME_TIMED_OUT)
            break;
        struct message *back = post(w, TO_CLIENT, m.node, w->now + delay(w));
        back->life = m.life;
        back->request_id = m.request_id;
        back->outcome = outcome;
        back->object = w->store;
        break;
    }
    case TO_CLIENT:
        answer(w, &m, m.outcome, &m.object);
        break;
    case GIVE_UP:
        answer(w, &m, KL_OUTCOME_TIMED_OUT, &m.object);
        break;
    case WATCH_EVENT:
        if (alive && n->watching) {
            struct kl_lease_object object = {.version = {m.object.version, 1}, .record = &m.object.record};
            struct kl_input in = {.type = m.object.present ? KL_INPUT_SEEN : KL_INPUT_GONE,
                                        .object = &object};
            in.version = object.version;
            step(w, m.node, &in);
        }
        break;
    case WATCH_OPEN:
        if (alive)
            open_watch(w, m.node);
        break;
    case WORK_ENDS:
        if (alive) {
            n->working = 0;
            step(w, m.node, &(struct kl_input){.type = KL_INPUT_DRAINED, .token = n->lease.token});
        }
        break;
    }
}

/* What people and machines do to a fleet. */
static void meddle(struct world *w)
{
    unsigned index = (unsigned)dice(w, (uint64_t)w->nodes);
    struct node *n = &w->node[index];
    switch (dice(w, w->deletions ? 6 : 5)) {
    case 0: /* kubectl label */
        if (w->store.present) {
            w->store.version++;
            tell_watchers(w);
        }
        break;
    case 1: /* crash and restart */
        start(w, index);
        break;
    case 2:
        step(w, index, &(struct kl_input){.type = KL_INPUT_STOP});
        break;
    case 3: /* freeze */
        n->frozen_until = w->now + (int64_t)dice(w, (uint64_t)(20000 * MS));
        break;
    case 4:
        if (n->lease.phase == KL_PHASE_CLOSED)
            start(w, index);
        break;
    case 5:
        if (w->store.present) {
            w->store.present = 0;
            w->store.version++;
            tell_watchers(w);
        }
        break;
    default:
        break;
    }
}

static void run_until(struct world *w, int64_t end, int meddling)
{
    while (w->now < end) {
        int64_t next = end;
        unsigned which = MESSAGES_MOST;
        int wakes = -1;
        for (unsigned i = 0; i < w->count; i++)
            if (w->messages[i].at < next) {
                next = w->messages[i].at;
                which = i;
            }
        for (int i = 0; i < w->nodes; i++) {
            const struct node *n = &w->node[i];
            if (n->lease.wake_at == KL_NEVER)
                continue;
            int64_t at = kl_max((n->lease.wake_at * 1000 + n->rate - 1) / n->rate, n->frozen_until);
            if (at < next) {
                next = at;
                wakes = i;
            }
        }
        w->now = kl_max(w->now, next);
        if (wakes >= 0) {
            step(w, (unsigned)wakes, &(struct kl_input){.type = KL_INPUT_TICK});
        } else if (which < MESSAGES_MOST) {
            struct message m = w->messages[which];
            w->messages[which] = w->messages[--w->count];
            deliver(w, m);
        }
        if (meddling && dice(w, 100) < 2)
            meddle(w);
    }
}

/* No watch ever comes up. */
#define BLIND 2

static void run_fleet(uint64_t seed, int64_t fastest, int special, unsigned *terms)
{
    static struct world world;
    struct world *w = &world;
    memset(w, 0, sizeof *w);
    w->seed = w->random = seed;
    w->nodes = 2 + (int)dice(w, 2);
    w->trouble = (int[]){20, 100, 250}[dice(w, 3)];
    w->check_work = fastest <= 1110;
    w->deletions = special == 1;
    w->blind = special == BLIND;
    w->store.version = 10;
    for (unsigned i = 0; i < (unsigned)w->nodes; i++) {
        snprintf(w->node[i].identity, sizeof w->node[i].identity, "%c", (char)('a' + i));
        w->node[i].rate = dice(w, 2) ? 1000 : fastest;
        w->node[i].frozen_wall = dice(w, 4) == 0;
        start(w, i);
    }
    run_until(w, 90 * KL_SECOND, 1);

    /* The trouble ends: one leads. */
    w->trouble = 0;
    for (unsigned i = 0; i < (unsigned)w->nodes; i++) {
        w->node[i].frozen_until = 0;
        if (w->node[i].lease.phase == KL_PHASE_CLOSED || w->node[i].lease.stopping)
            start(w, i);
    }
    run_until(w, 160 * KL_SECOND, 0);
    int leaders = 0;
    for (int i = 0; i < w->nodes; i++)
        leaders += leads(w, &w->node[i]);
    if (leaders != 1)
        wrong(w, "nobody leads, though nothing is in the way");

    /* All stop: released, closed. */
    for (unsigned i = 0; i < (unsigned)w->nodes; i++)
        step(w, i, &(struct kl_input){.type = KL_INPUT_STOP});
    run_until(w, 190 * KL_SECOND, 0);
    for (int i = 0; i < w->nodes; i++)
        if (w->node[i].lease.phase != KL_PHASE_CLOSED)
            wrong(w, "not closed after a stop");
    if (w->store.record.holder[0] != '\0')
        wrong(w, "not released after a stop");
    *terms += w->terms;
}

#define RUNS 1500

static void no_two_lead_or_work_at_once(void **state)
{
    (void)state;
    unsigned terms = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_fleet(seed, 1110, 0, &terms);
    assert_in_range(terms, 2 * RUNS, 1000 * RUNS);
}

static void no_two_lead_while_clock_rates_stay_within_lease_over_renew(void **state)
{
    (void)state;
    unsigned terms = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_fleet(seed + 1000000, 1499, 0, &terms);
    assert_in_range(terms, 2 * RUNS, 1000 * RUNS);
}

static void deletions_leave_nobody_stuck(void **state)
{
    (void)state;
    unsigned terms = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_fleet(seed + 2000000, 1000, 1, &terms);
    assert_in_range(terms, 2 * RUNS, 1000 * RUNS);
}

static void blind_candidates_are_only_slower(void **state)
{
    (void)state;
    unsigned terms = 0;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_fleet(seed + 3000000, 1110, BLIND, &terms);
    assert_in_range(terms, RUNS, 1000 * RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_lead_or_work_at_once),
        cmocka_unit_test(no_two_lead_while_clock_rates_stay_within_lease_over_renew),
        cmocka_unit_test(deletions_leave_nobody_stuck),
        cmocka_unit_test(blind_candidates_are_only_slower),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
