/* Whom a write of /failsafe may still name. */
#include "dcsd/doubt.h"
#include "test-dcsd.h"

#define EPOCH 7

static Doubt settled_at(uint64_t revision)
{
        Doubt d = { 0 };

        doubt_sent(&d, EPOCH, revision - 1, false);
        doubt_answered(&d, EPOCH, OUTCOME_DONE);
        assert_false(doubt_is_open(&d, EPOCH, revision));
        return d;
}

/* What an earlier dcsd or leader has written may be older than it seems. */
static void test_until_a_write_is_done(void **state _unused_)
{
        Doubt d = { 0 };

        assert_true(doubt_is_open(&d, EPOCH, 5));
        doubt_sent(&d, EPOCH, 5, false);
        assert_true(doubt_is_open(&d, EPOCH, 5));
        doubt_answered(&d, EPOCH, OUTCOME_REFUSED);
        assert_true(doubt_is_open(&d, EPOCH, 5));
        assert_true(doubt_is_open(&d, EPOCH, 6));
        doubt_sent(&d, EPOCH, 6, true);
        doubt_answered(&d, EPOCH, OUTCOME_UNKNOWN);
        assert_true(doubt_is_open(&d, EPOCH, 6));
        assert_true(doubt_is_open(&d, EPOCH, 8));
        doubt_sent(&d, EPOCH, 8, false);
        doubt_answered(&d, EPOCH, OUTCOME_DONE);
        assert_false(doubt_is_open(&d, EPOCH, 8));
        assert_true(doubt_is_open(&d, EPOCH + 1, 8));
}

static void test_somebody_more(void **state _unused_)
{
        Doubt d = settled_at(10);

        doubt_sent(&d, EPOCH, 10, true);
        assert_true(doubt_is_open(&d, EPOCH, 10)); /* on its way */
        doubt_answered(&d, EPOCH, OUTCOME_UNKNOWN);
        assert_true(doubt_is_open(&d, EPOCH, 10));
        assert_false(doubt_is_open(&d, EPOCH, 11)); /* it, or what it cannot follow */

        d = settled_at(10);
        doubt_sent(&d, EPOCH, 10, true);
        doubt_answered(&d, EPOCH, OUTCOME_REFUSED);
        assert_false(doubt_is_open(&d, EPOCH, 10));

        d = settled_at(10);
        doubt_sent(&d, EPOCH, 10, true);
        doubt_answered(&d, EPOCH, OUTCOME_DONE);
        assert_false(doubt_is_open(&d, EPOCH, 10)); /* the watch is behind */
}

/* One of two that is refused says nothing of the other. */
static void test_refused_after_a_lost_one(void **state _unused_)
{
        Doubt d = settled_at(10);

        doubt_sent(&d, EPOCH, 10, true);
        doubt_answered(&d, EPOCH, OUTCOME_UNKNOWN);
        doubt_sent(&d, EPOCH, 10, false);
        doubt_answered(&d, EPOCH, OUTCOME_REFUSED);
        assert_true(doubt_is_open(&d, EPOCH, 10));
        doubt_sent(&d, EPOCH, 10, false);
        doubt_answered(&d, EPOCH, OUTCOME_DONE);
        assert_false(doubt_is_open(&d, EPOCH, 10));
}

/* Whoever is asked though the key will not name it, is asked for nothing. */
static void test_somebody_less(void **state _unused_)
{
        Doubt d = settled_at(10);

        doubt_sent(&d, EPOCH, 10, false);
        assert_false(doubt_is_open(&d, EPOCH, 10));
        doubt_answered(&d, EPOCH, OUTCOME_UNKNOWN);
        assert_false(doubt_is_open(&d, EPOCH, 10));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_until_a_write_is_done),
                cmocka_unit_test(test_somebody_more),
                cmocka_unit_test(test_refused_after_a_lost_one),
                cmocka_unit_test(test_somebody_less),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
