/* The heap of what is due: due.h. */
#include "due.h"
#include "machine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MANY 1000

static void most_pressing_first(void **state)
{
    (void)state;
    static const struct {
        int rank;
        int64_t by;
    } in[] = {{3, 1}, {1, 30}, {2, INT64_MAX}, {1, 10}, {3, 0}, {2, 5}, {1, 20}},
      out[] = {{1, 10}, {1, 20}, {1, 30}, {2, 5}, {2, INT64_MAX}, {3, 0}, {3, 1}};
    enum { COUNT = sizeof in / sizeof in[0] };
    struct kl_due due = {0};
    struct kl_due_entry entries[COUNT] = {0};
    assert_null(kl_due_first(&due));
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(kl_due_put(&due, &entries[i], in[i].rank, in[i].by), 0);
    for (size_t i = 0; i < COUNT; i++) {
        struct kl_due_entry *first = kl_due_first(&due);
        assert_non_null(first);
        assert_int_equal(first->rank, out[i].rank);
        assert_int_equal(first->by, out[i].by);
        kl_due_remove(&due, first);
        assert_int_equal(first->slot, 0);
    }
    assert_null(kl_due_first(&due));
    kl_due_free(&due);
}

/* Who wants something else meanwhile is moved, not there twice. */
static void moves(void **state)
{
    (void)state;
    struct kl_due due = {0};
    struct kl_due_entry a = {0};
    struct kl_due_entry b = {0};
    assert_int_equal(kl_due_put(&due, &a, 3, 1), 0);
    assert_int_equal(kl_due_put(&due, &b, 3, 2), 0);
    assert_int_equal(kl_due_put(&due, &b, 1, 2), 0);
    assert_ptr_equal(kl_due_first(&due), &b);
    assert_int_equal(kl_due_put(&due, &b, 3, 3), 0);
    assert_ptr_equal(kl_due_first(&due), &a);
    kl_due_remove(&due, &a);
    kl_due_remove(&due, &a); /* again is fine */
    assert_ptr_equal(kl_due_first(&due), &b);
    kl_due_remove(&due, &b);
    assert_null(kl_due_first(&due));
    kl_due_free(&due);
}

/* Puts, moves and removals at random: what comes first is always the least of those that are there. */
static void any_order(void **state)
{
    (void)state;
    static struct kl_due_entry entries[MANY];
    struct kl_due due = {0};
    uint64_t seed = 1;
    for (int step = 0; step < 20 * MANY; step++) {
        struct kl_due_entry *entry = &entries[kl_random_next(&seed) % MANY];
        if (kl_random_next(&seed) % 3 == 0)
            kl_due_remove(&due, entry);
        else
            assert_int_equal(kl_due_put(&due, entry, (int)(kl_random_next(&seed) % 3),
                                        (int64_t)(kl_random_next(&seed) % 100)),
                             0);
        const struct kl_due_entry *least = NULL;
        size_t count = 0;
        for (size_t i = 0; i < MANY; i++) {
            if (!entries[i].slot)
                continue;
            count++;
            assert_ptr_equal(due.entries[entries[i].slot - 1], &entries[i]);
            if (!least || entries[i].rank < least->rank ||
                (entries[i].rank == least->rank && entries[i].by < least->by))
                least = &entries[i];
        }
        const struct kl_due_entry *first = kl_due_first(&due);
        assert_int_equal(due.count, count);
        assert_int_equal(!first, !least);
        if (first) {
            assert_int_equal(first->rank, least->rank);
            assert_int_equal(first->by, least->by);
        }
    }
    kl_due_free(&due);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(most_pressing_first),
        cmocka_unit_test(moves),
        cmocka_unit_test(any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
