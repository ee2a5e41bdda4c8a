#include "base/stall.h"
#include "test-lib.h"

#define MINUTE(n) ((n) * STALL_SLOT_USEC)

static void test_none(void **state _unused_)
{
        Stall s = { 0 };

        assert_true(stall_worst(&s, 0) == 0);
        assert_true(stall_worst(&s, MINUTE(1000)) == 0);
        stall_note(&s, MINUTE(5), MINUTE(5));
        stall_note(&s, MINUTE(5), MINUTE(5) - 1); /* early is not late */
        assert_true(stall_worst(&s, MINUTE(5)) == 0);
}

static void test_the_worst_counts(void **state _unused_)
{
        Stall s = { 0 };

        stall_note(&s, MINUTE(100), MINUTE(100) + MSEC(30));
        stall_note(&s, MINUTE(100), MINUTE(100) + MSEC(10));
        assert_true(stall_worst(&s, MINUTE(100)) == MSEC(30));
        stall_note(&s, MINUTE(103), MINUTE(103) + MSEC(20));
        assert_true(stall_worst(&s, MINUTE(103)) == MSEC(30));
        stall_note(&s, MINUTE(104), MINUTE(104) + MSEC(50));
        assert_true(stall_worst(&s, MINUTE(104)) == MSEC(50));
}

/* DESIGN 2: the worst of the last ten minutes. */
static void test_it_fades(void **state _unused_)
{
        usec_t late = MINUTE(100) + SEC(59);
        Stall s = { 0 };

        stall_note(&s, late - MSEC(40), late);
        assert_true(stall_worst(&s, late) == MSEC(40));
        assert_true(stall_worst(&s, late + MINUTE(5)) == MSEC(40));
        assert_true(stall_worst(&s, late + MINUTE(10)) == MSEC(40)); /* ten full minutes */
        assert_true(stall_worst(&s, late + MINUTE(11) + SEC(1)) == 0);
}

static void test_a_slot_is_used_again(void **state _unused_)
{
        Stall s = { 0 };

        stall_note(&s, MINUTE(100), MINUTE(100) + MSEC(90));
        stall_note(&s, MINUTE(100 + STALL_SLOTS), MINUTE(100 + STALL_SLOTS) + MSEC(5));
        assert_true(stall_worst(&s, MINUTE(101 + STALL_SLOTS)) == MSEC(5));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_none),
                cmocka_unit_test(test_the_worst_counts),
                cmocka_unit_test(test_it_fades),
                cmocka_unit_test(test_a_slot_is_used_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
