/* A thousand standbys: jitter, back-off, polling; and a machine that never spins, whatever it is told. */
#include "lease_script.h"

#include "k8sleader.h"
#include "machine/lease_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "jitter.h"

#define START "0 start => -\n0 opened fresh => read\n"
#define HELD  START "0 ok 10 b 100 tr=4 => leader:b wake=15000\n"

static const struct script_row rows[] = {
    {"A release is taken at once: no jitter at first", HELD "500 seen 11 - 101 => update/acquire base=11\n"},
    {"The winner's event cancels the chance",
     "config queue\n0 start => -\n0 opened fresh => -\n0 send => read\n0 ok 10 - 100 => -\n"
     "1 seen 11 c 7 => leader:c wake=15001\n2 send => -\n"},
    {"A standby does not poll", HELD "100 tick => - wake=15000\n14999 tick => - wake=15000\n"},
    {"Forbidden to watch: polls every retryPeriod with jitter, says so once",
     "0 start => -\n0 unwatchable => error:unwatchable read\n10 ok 10 b 100 => leader:b wake=2010..2410\n"
     "20 unwatchable => - wake=2010..2410\nwake tick => read\n2500 ok 10 b 100 => - wake=4500..4900\n"
     "wake tick => read\n5000 ok 11 b 101 => - wake=7000..7400\n"},
    {"A poll that finds it free takes it",
     "0 start => -\n0 unwatchable => error:unwatchable read\n10 ok 10 b 100 => leader:b\n"
     "wake tick => read\n2500 ok 11 - 101 => update/acquire\n"},
    {"A poll that fails backs off, the next is in its time",
     "0 start => -\n0 unwatchable => error:unwatchable read\n10 forbidden => error:forbidden wake=2010\nwake "
     "tick => read\n"},
    {"Allowed again, it polls no more",
     "0 start => -\n0 unwatchable => error:unwatchable read\n10 ok 10 b 100 => leader:b\n"
     "500 opened => - wake=15010\n"},
    {"A leader does not poll",
     "0 start => -\n0 unwatchable => error:unwatchable read\n10 missing => create/acquire\n"
     "20 ok 11 w1 => started:11 leader:me wake=2010\n"},
    {"A candidate's ambiguous write is settled by a read before another",
     START "0 ok 10 - 100 => update/acquire\n100 timeout => error:timeout wake=125..150\nwake tick => read\n"
           "200 ok 11 w1 => started:11 leader:me until=10000\n"},
    {"Started, but the watch never comes up: it reads all the same",
     "0 start => - wake=2000\nwake tick => read\n2010 missing => create/acquire\n"},
};

static void step(struct kl_lease *m, struct kl_input in, int64_t now)
{
    struct kl_effects fx;
    in.now = now;
    kl_lease_step(m, &in, &fx);
}

static struct kl_lease_config usual(void)
{
    return (struct kl_lease_config){.identity = "me",
                                    .lease_duration = 15 * KL_SECOND,
                                    .renew_deadline = 10 * KL_SECOND,
                                    .retry_period = 2 * KL_SECOND,
                                    .drain_timeout = 60 * KL_SECOND,
                                    .rejoin = 1,
                                    .put_creates = 1};
}

/* Loses `races`, each of which takes so long, for a released lock in a row, and gives the jitter of the next
 * chance. */
static int64_t jitter_after(unsigned races, int64_t took, uint64_t seed, int win)
{
    struct kl_lease_config config = usual();
    struct kl_lease m;
    struct kl_lease_request request;
    struct kl_record record = {.duration_s = 15, .acquire_time = 1};
    struct kl_lease_object object = {.version = {10, 1}, .record = &record};
    int64_t now = 0;
    kl_lease_init(&m, &config, seed);
    step(&m, (struct kl_input){.type = KL_INPUT_START}, now);
    for (unsigned i = 0; i <= races; i++) {
        record.holder[0] = '\0';
        record.renew_time++;
        object.version.number++;
        step(&m, (struct kl_input){.type = KL_INPUT_SEEN, .object = &object}, now);
        int64_t jitter = m.free_at + m.jitter - now;
        assert_in_range(jitter, 0, KL_SPREAD_MOST);
        if (i == races)
            return jitter;
        now += jitter;
        step(&m, (struct kl_input){.type = KL_INPUT_TICK}, now);
        assert_int_equal(m.want, KL_URGENCY_ACQUIRE);
        assert_true(kl_lease_send(&m, now, now / 1000, &request));
        object.version.number++;
        if (win && i + 1 == races) {
            record = request.record;
            step(&m, (struct kl_input){.type = KL_INPUT_ANSWER, .object = &object}, now);
            assert_int_equal(m.phase, KL_PHASE_LEADING);
            record.renew_time++; /* and loses it to another */
            strcpy(record.holder, "c");
            object.version.number++;
            step(&m, (struct kl_input){.type = KL_INPUT_SEEN, .object = &object}, now);
            step(&m, (struct kl_input){.type = KL_INPUT_DRAINED, .token = m.token}, now);
            assert_int_equal(m.phase, KL_PHASE_CANDIDATE);
        } else {
            now += took;
            step(&m, (struct kl_input){.type = KL_INPUT_ANSWER, .outcome = KL_OUTCOME_CONFLICT}, now);
            strcpy(record.holder, "c");
            step(&m, (struct kl_input){.type = KL_INPUT_SEEN, .object = &object}, now);
            assert_int_equal(m.want, KL_URGENCY_NONE);
        }
        now += KL_SECOND;
    }
    return -1;
}

static void jitter_is_nothing_first_then_grows_to_its_most(void **state)
{
    (void)state;
    check_that_jitter_grows(jitter_after);
}

static void jitter_covers_the_time_a_race_took(void **state)
{
    (void)state;
    check_that_jitter_covers_a_race(jitter_after);
}

static void a_win_resets_the_jitter(void **state)
{
    (void)state;
    check_that_a_win_resets_jitter(jitter_after);
}

static void polls_are_spread(void **state)
{
    (void)state;
    struct kl_lease_config config = usual();
    int64_t least = KL_NEVER, most = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct kl_lease m;
        struct kl_lease_request request;
        struct kl_record record = {.holder = "b", .duration_s = 15, .acquire_time = 1};
        struct kl_lease_object object = {.version = {10, 1}, .record = &record};
        kl_lease_init(&m, &config, seed);
        step(&m, (struct kl_input){.type = KL_INPUT_START}, 0);
        step(&m, (struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN}, 0);
        assert_true(kl_lease_send(&m, 0, 0, &request));
        step(&m, (struct kl_input){.type = KL_INPUT_ANSWER, .object = &object}, 0);
        least = kl_min(least, m.wake_at);
        most = kl_max(most, m.wake_at);
    }
    assert_in_range(least, 2 * KL_SECOND, 2 * KL_SECOND + 40 * KL_MILLISECOND);
    assert_in_range(most, 2 * KL_SECOND + 360 * KL_MILLISECOND, 2 * KL_SECOND + 400 * KL_MILLISECOND);
}

/* Where a storm of equal answers begins. */
enum stage {
    FRESH,
    FREE,
    EXPIRED,
    POLLING,
    LEADER,
    LEADER_DELETED,
    DRAINER,
    RELEASER,
    LATE_RELEASER,
    STOPPED,
    STAGES
};

static void answer(struct kl_lease *m, struct kl_lease_object *object, int64_t now)
{
    step(m, (struct kl_input){.type = KL_INPUT_ANSWER, .object = object}, now);
}

static int64_t set_the_stage(struct kl_lease *m, enum stage stage, struct kl_record *record,
                             struct kl_lease_object *object)
{
    struct kl_lease_request request;
    *record = (struct kl_record){.duration_s = 15, .acquire_time = 1};
    *object = (struct kl_lease_object){.version = {10, 1}, .record = record};
    step(m, (struct kl_input){.type = KL_INPUT_START}, 0);
    if (stage == POLLING)
        step(m, (struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN}, 0);
    else
        step(m, (struct kl_input){.type = KL_INPUT_WATCH_OPENED, .fresh = 1}, 0);
    if (stage == FRESH || stage == POLLING)
        return 0;
    assert_true(kl_lease_send(m, 0, 0, &request));
    if (stage == EXPIRED) {
        strcpy(record->holder, "b");
        answer(m, object, 0);
        step(m, (struct kl_input){.type = KL_INPUT_TICK}, 15 * KL_SECOND);
        return 15 * KL_SECOND;
    }
    answer(m, object, 0);
    if (stage == FREE)
        return 0;
    assert_true(kl_lease_send(m, 0, 0, &request));
    if (stage == STOPPED) {
        step(m, (struct kl_input){.type = KL_INPUT_STOP}, 0);
        return 0;
    }
    *record = request.record;
    object->version.number = 11;
    answer(m, object, 0);
    assert_int_equal(m->phase, KL_PHASE_LEADING);
    if (stage == LEADER_DELETED)
        step(m, (struct kl_input){.type = KL_INPUT_GONE, .version = {12, 1}}, 0);
    if (stage < DRAINER)
        return 0;
    step(m, (struct kl_input){.type = KL_INPUT_STOP}, 0);
    int64_t now = stage == LATE_RELEASER ? 9999 * KL_MILLISECOND : 0;
    if (stage > DRAINER)
        step(m, (struct kl_input){.type = KL_INPUT_DRAINED, .token = 11}, now);
    return now;
}

/* Ten seconds of instant answers of one kind: about one request each 50 ms at the very most. */
static unsigned storm(enum stage stage, int kind, int64_t *ended, char *what)
{
    static const int codes[] = {0,
                                0,
                                K8SLEADER_ERR_INVALID,
                                K8SLEADER_ERR_NAMESPACE_NOT_FOUND,
                                K8SLEADER_ERR_FORBIDDEN,
                                K8SLEADER_ERR_THROTTLED,
                                K8SLEADER_ERR_INVALID,
                                K8SLEADER_ERR_CONNECT,
                                K8SLEADER_ERR_REQUEST_TIMEOUT,
                                K8SLEADER_ERR_SERVER};
    struct kl_lease_config config = usual();
    struct kl_lease m;
    struct kl_record record;
    struct kl_lease_object object;
    struct kl_lease_request request;
    unsigned count = 0;
    kl_lease_init(&m, &config, 7);
    int64_t now = set_the_stage(&m, stage, &record, &object), end = now + 10 * KL_SECOND;
    snprintf(what, 100, "stage %d, outcome %d", (int)stage, kind);
    int pending = m.in_flight;
    *ended = end;
    for (unsigned turns = 0; now < end; turns++) {
        if (turns > 10000)
            return turns;
        if (pending || kl_lease_send(&m, now, now / 1000, &request)) {
            struct kl_input in = {
                .type = KL_INPUT_ANSWER, .outcome = (enum kl_outcome)kind, .error_code = codes[kind]};
            in.object = kind == KL_OUTCOME_OK ? &object : NULL;
            pending = 0;
            count++;
            step(&m, in, now);
            if (m.phase == KL_PHASE_LOST) /* hand back, and go on */
                step(&m, (struct kl_input){.type = KL_INPUT_DRAINED, .token = m.token}, now);
        } else if (m.phase == KL_PHASE_CLOSED) {
            *ended = now;
            break;
        } else if (m.wake_at == KL_NEVER) {
            break;
        } else {
            now = m.wake_at;
            step(&m, (struct kl_input){.type = KL_INPUT_TICK}, now);
            if (m.phase == KL_PHASE_LOST)
                step(&m, (struct kl_input){.type = KL_INPUT_DRAINED, .token = m.token}, now);
        }
    }
    if (m.phase == KL_PHASE_CLOSED)
        *ended = now;
    return count;
}

static void equal_answers_make_no_storm(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGES; stage++)
        for (int kind = KL_OUTCOME_OK; kind <= KL_OUTCOME_AMBIGUOUS; kind++) {
            char what[100];
            int64_t ended;
            unsigned count = storm((enum stage)stage, kind, &ended, what);
            if (count > 200)
                print_error("%s: %u requests in 10 s\n", what, count);
            assert_true(count <= 200);
            if (stage == STOPPED)
                assert_in_range(ended, 0, 10 * KL_SECOND - 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jitter_is_nothing_first_then_grows_to_its_most),
        cmocka_unit_test(jitter_covers_the_time_a_race_took),
        cmocka_unit_test(a_win_resets_the_jitter),
        cmocka_unit_test(polls_are_spread),
        cmocka_unit_test(equal_answers_make_no_storm),
    };
    int failed = LEASE_RUN("herd", rows);
    return cmocka_run_group_tests_name("storms", tests, NULL, NULL) + failed;
}
