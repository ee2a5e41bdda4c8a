#include "model/timing.h"
#include "test-lib.h"

static void check(unsigned ttl, unsigned loop_wait, unsigned retry, unsigned want_ttl,
                  unsigned want_loop_wait, unsigned want_retry)
{
        bool changed = false;
        Timing t = timing_adjust((Timing){ SEC(ttl), SEC(loop_wait), SEC(retry) }, &changed);

        assert_true(t.ttl == SEC(want_ttl));
        assert_true(t.loop_wait == SEC(want_loop_wait));
        assert_true(t.retry_timeout == SEC(want_retry));
        assert_int_equal(changed,
                         ttl != want_ttl || loop_wait != want_loop_wait || retry != want_retry);
}

/* Fits as it is: the defaults, what a new cluster gets, the floor (DESIGN 2). */
static void test_unchanged(void **state _unused_)
{
        check(30, 10, 10, 30, 10, 10);
        check(10, 2, 3, 10, 2, 3);
        check(3, 1, 1, 3, 1, 1);
        check(20, 3, 5, 20, 3, 5);
        check(30, 1, 14, 30, 1, 14);
}

/* PATRONI-SPEC 3.1, 5: if 1 + 2 * retry_timeout > ttl: loop_wait 1, retry_timeout (ttl - 1) / 2. */
static void test_first_rule(void **state _unused_)
{
        check(20, 10, 10, 20, 1, 9);
        check(20, 1, 10, 20, 1, 9);
        check(21, 1, 100, 21, 1, 10);
        check(30, 10, 15, 30, 1, 14);
        check(4, 2, 3, 4, 1, 1);
}

/* else if loop_wait + 2 * retry_timeout > ttl: loop_wait = ttl - 2 * retry_timeout. */
static void test_second_rule(void **state _unused_)
{
        check(30, 20, 10, 30, 10, 10);
        check(25, 10, 10, 25, 5, 10);
        check(21, 10, 10, 21, 1, 10);
        check(3, 3, 1, 3, 1, 1);
}

/* DESIGN 2: minima are 3/1/1. */
static void test_minima(void **state _unused_)
{
        check(1, 1, 1, 3, 1, 1);
        check(0, 0, 0, 3, 1, 1);
        check(30, 0, 0, 30, 1, 1);
}

static void test_defaults(void **state _unused_)
{
        Timing t = TIMING_DEFAULT;

        assert_true(t.ttl == SEC(30) && t.loop_wait == SEC(10) && t.retry_timeout == SEC(10));
        assert_true(TIMING_TTL_MIN == SEC(3) && TIMING_LOOP_WAIT_MIN == SEC(1) &&
                    TIMING_RETRY_TIMEOUT_MIN == SEC(1));
}

/* Whatever is asked, the result obeys both rules, and adjusting it again changes nothing. */
static void test_every_result_fits(void **state _unused_)
{
        for (unsigned ttl = 0; ttl < 50; ttl++)
                for (unsigned wait = 0; wait < 40; wait++)
                        for (unsigned retry = 0; retry < 40; retry++) {
                                bool changed;
                                Timing t = timing_adjust(
                                        (Timing){ SEC(ttl), SEC(wait), SEC(retry) }, &changed);
                                assert_true(t.ttl >= SEC(3) && t.loop_wait >= SEC(1) &&
                                            t.retry_timeout >= SEC(1));
                                assert_true(t.loop_wait + 2 * t.retry_timeout <= t.ttl);
                                Timing again = timing_adjust(t, &changed);
                                assert_false(changed);
                                assert_memory_equal(&again, &t, sizeof t);
                        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unchanged),   cmocka_unit_test(test_first_rule),
                cmocka_unit_test(test_second_rule), cmocka_unit_test(test_minima),
                cmocka_unit_test(test_defaults),    cmocka_unit_test(test_every_result_fits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
