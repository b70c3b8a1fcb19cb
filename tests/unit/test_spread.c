/* How a herd spreads: a standby's bound, and what comes of it in herds of different sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "machine/random.h"
#include "machine/spread.h"

#define HERD_MOST 1000

static void one_standby_does_not_wait(void **state)
{
    (void)state;
    struct kl_spread spread = {0};
    kl_spread_taken(&spread, KL_SECOND);
    assert_int_equal(spread.bound, 0);
}

static void a_lock_that_was_free_for_long_shrinks_the_bound(void **state)
{
    (void)state;
    struct kl_spread spread = {.bound = 160 * KL_MILLISECOND, .race = 10 * KL_MILLISECOND};
    kl_spread_taken(&spread, 20 * KL_MILLISECOND);
    assert_int_equal(spread.bound, 160 * KL_MILLISECOND); /* no longer than a write takes */
    kl_spread_taken(&spread, 21 * KL_MILLISECOND);
    assert_int_equal(spread.bound, 140 * KL_MILLISECOND);
}

static void the_bound_does_not_shrink_below_a_race(void **state)
{
    (void)state;
    struct kl_spread spread = {.bound = 160 * KL_MILLISECOND, .race = 10 * KL_MILLISECOND};
    for (int i = 0; i < 1000; i++)
        kl_spread_taken(&spread, KL_SECOND);
    assert_int_equal(spread.bound, 10 * KL_MILLISECOND);
}

static void a_bound_below_a_race_is_left(void **state)
{
    (void)state;
    struct kl_spread spread = {.bound = 5 * KL_MILLISECOND, .race = 10 * KL_MILLISECOND};
    kl_spread_taken(&spread, KL_SECOND);
    assert_int_equal(spread.bound, 5 * KL_MILLISECOND);
}

static void who_has_lost_no_race_for_long_waits_200_ms_at_most(void **state)
{
    (void)state;
    struct kl_spread spread = {0};
    for (int i = 0; i < 20; i++)
        kl_spread_lost(&spread, 100 * KL_MILLISECOND, i);
    assert_int_equal(kl_spread_bound(&spread, 20 * KL_SECOND), KL_SECOND);
    assert_int_equal(kl_spread_bound(&spread, 21 * KL_SECOND), 200 * KL_MILLISECOND);
    kl_spread_lost(&spread, 100 * KL_MILLISECOND, 30 * KL_SECOND); /* and goes on from there */
    assert_int_equal(kl_spread_bound(&spread, 30 * KL_SECOND), 400 * KL_MILLISECOND);
}

/* ---- a herd ---- */

struct herd {
    unsigned size;
    int renewed;
    int64_t now;
    uint64_t random;
    struct kl_spread standbys[HERD_MOST];
};

struct handover {
    unsigned refused;
    int64_t wait; /* until the first write */
};

/*
 * The lock becomes free to all at once. Who writes before the winner's write is seen, which takes `write` and
 * as much again for each tenth of the herd that writes beside it, is refused. A new standby comes in the
 * winner's place.
 */
static struct handover hand_over(struct herd *herd, int64_t write)
{
    int64_t waits[HERD_MOST] = {0};
    unsigned winner = 0, beside = 0;
    for (unsigned i = 0; i < herd->size; i++) {
        waits[i] = kl_random_upto(&herd->random, kl_spread_bound(&herd->standbys[i], herd->now));
        if (waits[i] < waits[winner])
            winner = i;
    }
    for (unsigned i = 0; i < herd->size; i++)
        beside += waits[i] < waits[winner] + write;
    struct handover result = {.wait = waits[winner]};
    int64_t took = write + write * beside / 20;
    for (unsigned i = 0; i < herd->size; i++) {
        if (i == winner)
            continue;
        if (waits[i] < waits[winner] + took) {
            kl_spread_lost(&herd->standbys[i], took, herd->now);
            result.refused++;
        } else {
            kl_spread_taken(&herd->standbys[i], waits[winner] + took);
        }
    }
    herd->standbys[winner] =
        herd->renewed ? (struct kl_spread){0} : herd->standbys[(winner + 1) % herd->size];
    herd->now += KL_SECOND;
    return result;
}

/* The mean of handovers once the herd knows its size. */
static void check_herd(unsigned size, int renewed, unsigned refused_most, int64_t wait_most)
{
    enum { LEARNING = 60, COUNTED = 400 };
    static struct herd herd;
    herd = (struct herd){.size = size, .renewed = renewed, .random = size};
    unsigned refused = 0;
    int64_t wait = 0;
    for (int i = 0; i < LEARNING + COUNTED; i++) {
        struct handover one = hand_over(&herd, 8 * KL_MILLISECOND);
        if (i == 0)
            assert_int_equal(one.refused, size - 1); /* who does not know of the others writes at once */
        if (i < LEARNING)
            continue;
        refused += one.refused;
        wait += one.wait;
    }
    print_message("%u standbys: %.1f refused a handover, %.1f ms of waiting\n", size,
                  (double)refused / COUNTED, (double)wait / COUNTED / 1e6);
    assert_in_range(refused, 0, refused_most * COUNTED);
    assert_in_range(wait, 0, wait_most * COUNTED);
}

static void a_herd_learns_its_size(void **state)
{
    (void)state;
    check_herd(3, 0, 1, 30 * KL_MILLISECOND);
    check_herd(10, 0, 2, 20 * KL_MILLISECOND);
    check_herd(40, 0, 4, 16 * KL_MILLISECOND);
    check_herd(100, 0, 6, 16 * KL_MILLISECOND);
    check_herd(1000, 0, 60, 16 * KL_MILLISECOND);
}

static void a_herd_with_a_new_standby_each_time_does_not_wait(void **state)
{
    (void)state;
    check_herd(3, 1, 1, KL_MILLISECOND);
    check_herd(10, 1, 1, KL_MILLISECOND);
    check_herd(40, 1, 2, KL_MILLISECOND);
    check_herd(100, 1, 5, KL_MILLISECOND);
    check_herd(1000, 1, 60, KL_MILLISECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_standby_does_not_wait),
        cmocka_unit_test(a_lock_that_was_free_for_long_shrinks_the_bound),
        cmocka_unit_test(the_bound_does_not_shrink_below_a_race),
        cmocka_unit_test(a_bound_below_a_race_is_left),
        cmocka_unit_test(who_has_lost_no_race_for_long_waits_200_ms_at_most),
        cmocka_unit_test(a_herd_learns_its_size),
        cmocka_unit_test(a_herd_with_a_new_standby_each_time_does_not_wait),
    };
    return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}
