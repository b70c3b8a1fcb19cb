/* Many standbys: jitter and polling; and a machine that never spins, whatever it is told. */
#include "life_script.h"

#include "k8sleader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "jitter.h"

#define FREE HELD "10 owner b absent => -\n100 gone 12 => create\n"

static const struct script_row rows[] = {
    {"A deletion is answered at once: no jitter at first", FREE "101 ok 13 me => started:13 leader:me\n"},
    {"A lost race: nothing is written until the winner is seen",
     FREE "101 conflict => - wake=1101..2101\n110 seen 13 c => leader:c wake=never\n"},
    {"A lost race, and the watch is silent: a read finds the winner, the watch is suspect",
     FREE "101 conflict => -\nwake tick => read\n2200 ok 13 c => leader:c suspect wake=never\n"},
    {"A lost race, and a read finds it gone again",
     FREE "101 conflict => -\nwake tick => read\n2200 missing => - wake=2200..2205\nwake tick => create\n"},
    {"A lost race, and the winner was seen before the answer",
     FREE "100 seen 13 c => leader:c\n101 conflict => - wake=never\n"},
    {"A lost race, and the winner is gone already: a new chance, with jitter",
     FREE "101 conflict => -\n102 seen 13 c => leader:c\n103 owner c absent => -\n104 gone 14 => - "
          "wake=104..109\nwake tick => create\n"},
    {"A lost race: the silent watch's read fails, and is tried again",
     FREE "101 conflict => -\nwake tick => read\n2200 notsent => error:notsent wake=2225..2250\nwake tick => "
          "read\n2300 ok 13 c => leader:c suspect\n"},
    {"The winner's event cancels the chance",
     FREE "101 conflict => -\n102 seen 13 c => leader:c\n103 owner c absent => -\n104 gone 14 => - "
          "wake=104..109\n104 seen 15 d => leader:d wake=never\n"},
    {"A standby does not poll", HELD "100000 tick => - wake=never\n"},
};

static void step(struct kl_life *m, struct kl_input in, int64_t now)
{
    struct kl_effects fx;
    in.now = now;
    kl_life_step(m, &in, &fx);
}

static struct kl_life_config usual(void)
{
    return (struct kl_life_config){
        .pod = {"me", "me"}, .retry_period = 2 * KL_SECOND, .drain_timeout = 60 * KL_SECOND, .rejoin = 1};
}

static void tell(struct kl_life *m, enum kl_input_type type, const char *uid, enum kl_pod_state state,
                 int64_t now)
{
    struct kl_pod_sighting sighting = {.state = state};
    strcpy(sighting.pod.name, uid);
    strcpy(sighting.pod.uid, uid);
    step(m, (struct kl_input){.type = type, .pod = &sighting}, now);
}

static struct kl_life_object owned(uint64_t version, const char *uid)
{
    struct kl_life_object object = {.version = {version, 1}, .kind = KL_OWNER_POD};
    strcpy(object.owner.name, uid);
    strcpy(object.owner.uid, uid);
    return object;
}

/* Loses `races`, each of which takes so long, for a lock in a row, and gives the jitter of the next chance.
 */
static int64_t jitter_after(unsigned races, int64_t took, uint64_t seed, int win)
{
    struct kl_life_config config = usual();
    struct kl_life m;
    struct kl_life_request request;
    struct kl_life_object object;
    uint64_t version = 10;
    int64_t now = 0;
    kl_life_init(&m, &config, seed);
    step(&m, (struct kl_input){.type = KL_INPUT_START}, now);
    tell(&m, KL_INPUT_OWN_POD, "me", KL_POD_LIVE, now);
    for (unsigned i = 0; i <= races; i++) {
        object = owned(++version, "b");
        step(&m, (struct kl_input){.type = KL_INPUT_SEEN, .ownership = &object}, now);
        tell(&m, KL_INPUT_OWNER_POD, "b", KL_POD_ABSENT, now);
        step(&m, (struct kl_input){.type = KL_INPUT_GONE, .version = {++version, 1}}, now);
        int64_t jitter = m.free_at + m.jitter - now;
        assert_in_range(jitter, 0, KL_SPREAD_MOST);
        if (i == races)
            return jitter;
        now += jitter;
        step(&m, (struct kl_input){.type = KL_INPUT_TICK}, now);
        assert_true(kl_life_send(&m, now, &request));
        assert_int_equal(request.verb, KL_LIFE_CREATE);
        object = owned(++version, "c");
        if (win && i + 1 == races) {
            object = owned(version, "me");
            step(&m, (struct kl_input){.type = KL_INPUT_ANSWER, .ownership = &object}, now);
            assert_int_equal(m.phase, KL_PHASE_LEADING);
            object = owned(++version, "c"); /* and loses it to another */
            step(&m, (struct kl_input){.type = KL_INPUT_SEEN, .ownership = &object}, now);
            step(&m, (struct kl_input){.type = KL_INPUT_DRAINED, .token = m.token}, now);
            assert_int_equal(m.phase, KL_PHASE_CANDIDATE);
        } else {
            now += took;
            step(&m, (struct kl_input){.type = KL_INPUT_ANSWER, .outcome = KL_OUTCOME_CONFLICT}, now);
            step(&m, (struct kl_input){.type = KL_INPUT_SEEN, .ownership = &object}, now);
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
    struct kl_life_config config = usual();
    int64_t least = KL_NEVER, most = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct kl_life m;
        struct kl_life_request request;
        struct kl_life_object object = owned(10, "b");
        kl_life_init(&m, &config, seed);
        step(&m, (struct kl_input){.type = KL_INPUT_START}, 0);
        step(&m, (struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN}, 0);
        assert_true(kl_life_send(&m, 0, &request));
        step(&m, (struct kl_input){.type = KL_INPUT_ANSWER, .ownership = &object}, 0);
        least = kl_min(least, m.wake_at);
        most = kl_max(most, m.wake_at);
    }
    assert_in_range(least, 2 * KL_SECOND, 2 * KL_SECOND + 40 * KL_MILLISECOND);
    assert_in_range(most, 2 * KL_SECOND + 360 * KL_MILLISECOND, 2 * KL_SECOND + 400 * KL_MILLISECOND);
}

/* Where a storm of equal answers begins. */
enum stage {
    FRESH,
    NOBODY,
    LAST_OWNER_ENDED,
    ENDED,
    ENDED_BOTH, /* with delete_pod */
    LOST_NODE,
    OURS_BY_WATCH,
    BARRED,
    POLLING,
    LEADER,
    LEADER_POLLING,
    LEADER_DELETED,
    DRAINER_DELETED,
    STAGES
};

/* What an OK shows. */
enum shown { OTHERS, OURS, NO_OWNER, NUMBERLESS, SHOWN };

static void set_the_stage(struct kl_life *m, enum stage stage, uint64_t seed)
{
    struct kl_life_config config = usual();
    struct kl_life_request request;
    struct kl_life_object object = owned(10, "b");
    config.delete_pod = stage == ENDED_BOTH;
    config.take_from_lost_node = stage == LOST_NODE;
    kl_life_init(m, &config, seed);
    step(m, (struct kl_input){.type = KL_INPUT_START}, 0);
    tell(m, KL_INPUT_OWN_POD, "me", KL_POD_LIVE, 0);
    if (stage == POLLING || stage == LEADER_POLLING)
        step(m, (struct kl_input){.type = KL_INPUT_WATCH_FORBIDDEN}, 0);
    else
        step(m, (struct kl_input){.type = KL_INPUT_WATCH_OPENED, .fresh = 1}, 0);
    if (stage == FRESH || stage == POLLING)
        return;
    assert_true(kl_life_send(m, 0, &request));
    if (stage >= LEADER)
        object = owned(10, "me");
    if (stage == BARRED)
        object.kind = KL_OWNER_NO_POD;
    if (stage == NOBODY)
        step(m, (struct kl_input){.type = KL_INPUT_ANSWER, .outcome = KL_OUTCOME_NOT_FOUND}, 0);
    else
        step(m, (struct kl_input){.type = KL_INPUT_ANSWER, .ownership = &object}, 0);
    if (stage == LAST_OWNER_ENDED) {
        tell(m, KL_INPUT_OWNER_POD, "b", KL_POD_ABSENT, 0);
        step(m, (struct kl_input){.type = KL_INPUT_GONE, .version = {12, 1}}, 0);
    } else if (stage == ENDED || stage == ENDED_BOTH) {
        tell(m, KL_INPUT_OWNER_POD, "b", KL_POD_TERMINAL, 0);
    } else if (stage == LOST_NODE) {
        struct kl_pod_sighting on_it = {.pod = {"b", "b"}};
        step(m, (struct kl_input){.type = KL_INPUT_NODE, .pod = &on_it, .node_lost = 1}, 0);
    } else if (stage == OURS_BY_WATCH) {
        object = owned(12, "me");
        step(m, (struct kl_input){.type = KL_INPUT_SEEN, .ownership = &object}, 0);
    } else if (stage >= LEADER) {
        assert_int_equal(m->phase, KL_PHASE_LEADING);
        if (stage == DRAINER_DELETED)
            step(m, (struct kl_input){.type = KL_INPUT_STOP}, 0);
        if (stage >= LEADER_DELETED)
            step(m, (struct kl_input){.type = KL_INPUT_GONE, .version = {12, 1}}, 0);
    }
}

static struct kl_input some_answer(int kind, struct kl_life_object *object, enum shown shown)
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
    *object = owned(10, shown == OURS ? "me" : "b");
    if (shown == NO_OWNER)
        object->kind = KL_OWNER_NONE;
    object->version.ordered = shown != NUMBERLESS;
    return (struct kl_input){.type = KL_INPUT_ANSWER,
                             .outcome = (enum kl_outcome)kind,
                             .error_code = codes[kind],
                             .ownership = kind == KL_OUTCOME_OK ? object : NULL};
}

/* Ten seconds of instant answers of one kind: about one request each 50 ms at the very most. */
static unsigned storm(enum stage stage, int kind, enum shown shown)
{
    struct kl_life m;
    struct kl_life_object object;
    struct kl_life_request request;
    unsigned count = 0;
    int64_t now = 0;
    set_the_stage(&m, stage, 7);
    for (unsigned turns = 0; now < 10 * KL_SECOND && m.phase != KL_PHASE_CLOSED; turns++) {
        if (turns > 10000)
            return turns;
        if (kl_life_send(&m, now, &request)) {
            count++;
            step(&m, some_answer(kind, &object, shown), now);
        } else if (m.wake_at == KL_NEVER) {
            break;
        } else {
            now = m.wake_at;
            step(&m, (struct kl_input){.type = KL_INPUT_TICK}, now);
        }
        if (m.phase == KL_PHASE_LOST) /* hand back, and go on */
            step(&m, (struct kl_input){.type = KL_INPUT_DRAINED, .token = m.token}, now);
    }
    return count;
}

static void equal_answers_make_no_storm(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGES; stage++)
        for (int kind = KL_OUTCOME_OK; kind <= KL_OUTCOME_AMBIGUOUS; kind++)
            for (int shown = 0; shown < (kind == KL_OUTCOME_OK ? SHOWN : 1); shown++) {
                unsigned count = storm((enum stage)stage, kind, (enum shown)shown);
                if (count > 200)
                    print_error("stage %d, outcome %d, shown %d: %u requests in 10 s\n", stage, kind, shown,
                                count);
                assert_true(count <= 200);
            }
}

/* Each stage's first request fails in each way, then all goes well: nothing is given up for good. */
static void no_failure_is_for_good(void **state)
{
    (void)state;
    for (int stage = 0; stage < STAGES; stage++)
        for (int kind = KL_OUTCOME_CONFLICT; kind <= KL_OUTCOME_AMBIGUOUS; kind++) {
            struct kl_life m;
            struct kl_life_object object;
            struct kl_life_request request;
            int64_t now = 0;
            uint64_t version = 20;
            int present = stage != NOBODY && stage != LAST_OWNER_ENDED && stage < LEADER_DELETED;
            int ours = stage >= LEADER || stage == OURS_BY_WATCH;
            unsigned count = 0;
            set_the_stage(&m, (enum stage)stage, 3);
            while (m.phase != KL_PHASE_CLOSED && count < 40 && now < 20 * KL_SECOND) {
                if (!kl_life_send(&m, now, &request)) {
                    if (m.wake_at == KL_NEVER)
                        break;
                    now = m.wake_at;
                    step(&m, (struct kl_input){.type = KL_INPUT_TICK}, now);
                    continue;
                }
                count++;
                int outcome = count == 1 ? kind : KL_OUTCOME_OK;
                if (count > 1 && request.verb == KL_LIFE_DELETE)
                    present = 0;
                else if (count > 1 && request.verb == KL_LIFE_CREATE)
                    present = ours = 1, version++;
                else if (count > 1 && !present)
                    outcome = KL_OUTCOME_NOT_FOUND;
                struct kl_input in = some_answer(outcome, &object, ours ? OURS : OTHERS);
                object.version.number = version;
                step(&m, in, now);
                if (count == 1 && (stage == FRESH || stage == POLLING) && kind == KL_OUTCOME_NOT_FOUND)
                    present = 0; /* it was told so */
                if (m.phase == KL_PHASE_CANDIDATE && present && !ours)
                    tell(&m, KL_INPUT_OWNER_POD, "b", KL_POD_TERMINAL, now);
            }
            int right = stage == BARRED ? m.phase == KL_PHASE_CANDIDATE
                        : stage == DRAINER_DELETED
                            ? m.phase == KL_PHASE_CLOSED || m.lock == KL_LIFE_LOCK_PRESENT
                            : m.phase == KL_PHASE_LEADING;
            if (!right)
                print_error("stage %d, outcome %d: phase %d after %u requests\n", stage, kind, (int)m.phase,
                            count);
            assert_true(right);
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
        cmocka_unit_test(no_failure_is_for_good),
    };
    int failed = LIFE_RUN("herd", rows);
    return cmocka_run_group_tests_name("storms", tests, NULL, NULL) + failed;
}
