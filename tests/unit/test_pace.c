/* How often candidates try a server that can't be reached: pace.h. */
#include "pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY   10000
#define SECOND INT64_C(1000000000)
#define START  (5 * SECOND)

/* How many of those that are due all the time try within a second, each at the time that it is told. */
static unsigned tries_in_a_second(struct kl_pace *pace)
{
    unsigned tries = 0;
    for (int64_t now = START; tries < MANY; tries++) {
        now = kl_pace_next(pace, now);
        if (now >= START + SECOND)
            break;
        kl_pace_try(pace, now);
    }
    return tries;
}

static void nobody_waits_for_a_server_in_reach(void **state)
{
    struct kl_pace pace = {0};
    (void)state;
    assert_int_equal(tries_in_a_second(&pace), MANY);
    kl_pace_learn(&pace, 1);
    assert_int_equal(tries_in_a_second(&pace), MANY);
}

static void many_try_one_out_of_reach_now_and_then(void **state)
{
    struct kl_pace pace = {0};
    (void)state;
    kl_pace_learn(&pace, 0);
    assert_int_equal(tries_in_a_second(&pace), KL_PACE_TRIES * (SECOND / KL_PACE_WINDOW));
}

/* Whose turn it is after a rest, tries at once. */
static void a_few_never_wait(void **state)
{
    struct kl_pace pace = {0};
    (void)state;
    kl_pace_learn(&pace, 0);
    for (int64_t now = START; now < START + SECOND; now += KL_PACE_WINDOW)
        for (unsigned i = 0; i < KL_PACE_TRIES; i++) {
            assert_int_equal(kl_pace_next(&pace, now), now);
            kl_pace_try(&pace, now);
        }
}

/* Those that wait are told a time that comes soon, and that is enough for them. */
static void the_wait_is_short(void **state)
{
    struct kl_pace pace = {0};
    (void)state;
    kl_pace_learn(&pace, 0);
    for (unsigned i = 0; i < KL_PACE_TRIES; i++)
        kl_pace_try(&pace, START);
    int64_t next = kl_pace_next(&pace, START);
    assert_true(next > START && next <= START + KL_PACE_WINDOW);
    assert_int_equal(kl_pace_next(&pace, next), next);
}

static void who_gets_through_lets_all_go(void **state)
{
    struct kl_pace pace = {0};
    (void)state;
    kl_pace_learn(&pace, 0);
    for (unsigned i = 0; i < KL_PACE_TRIES; i++)
        kl_pace_try(&pace, START);
    assert_true(kl_pace_next(&pace, START) > START);
    kl_pace_learn(&pace, 1);
    assert_int_equal(kl_pace_next(&pace, START), START);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_waits_for_a_server_in_reach),
        cmocka_unit_test(many_try_one_out_of_reach_now_and_then),
        cmocka_unit_test(a_few_never_wait),
        cmocka_unit_test(the_wait_is_short),
        cmocka_unit_test(who_gets_through_lets_all_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
