/* The numbers are DESIGN's, section 2. */
#include "decide/permit.h"
#include "test-lib.h"

static PermitInput input(unsigned ttl, unsigned loop_wait, unsigned retry, unsigned watchdog)
{
        return (PermitInput){ .timing = { SEC(ttl), SEC(loop_wait), SEC(retry) },
                              .watchdog = SEC(watchdog),
                              .safety_margin = PERMIT_SAFETY_MARGIN_UNSET };
}

#define SENT SEC(1000)

/* Figures in milliseconds; the interval is rounded down to 10 ms, as the text has it. */
static void check(const PermitInput *in, unsigned permit_ms, unsigned interval_10ms)
{
        PermitTerms t = permit_terms(in);

        assert_true(permit_deadline(in, SENT, in->timing.ttl) == SENT + MSEC(permit_ms));
        assert_true(t.window == MSEC(permit_ms));
        assert_int_equal(t.interval / 10000, interval_10ms);
        assert_true(t.attempt == t.interval / 2);
        assert_true(t.fits);
}

static void test_design_figures(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 0);

        check(&in, 29400, 980);
        in = input(30, 10, 10, 5);
        check(&in, 24400, 813);
        in = input(10, 2, 3, 0);
        check(&in, 9750, 200);
        in = input(10, 2, 3, 4);
        check(&in, 5750, 191);
        in = input(3, 1, 1, 0);
        check(&in, 2750, 91);
        in = input(3, 1, 1, 1);
        check(&in, 1750, 58);
}

/* budget = min(500 ms, (ttl - W - margin) / 10) */
static void test_stop_budget(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 0);

        assert_true(permit_terms(&in).stop_budget == MSEC(500));
        in = input(3, 1, 1, 0);
        assert_true(permit_terms(&in).stop_budget == MSEC(275));
        in = input(3, 1, 1, 1);
        assert_true(permit_terms(&in).stop_budget == MSEC(175));
}

/* margin = max(250 ms, 2 % of ttl) + stall, counted up to ttl / 10 */
static void test_margin(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 0);

        assert_true(permit_terms(&in).margin == MSEC(600));
        in.stall = MSEC(40);
        assert_true(permit_terms(&in).margin == MSEC(640));
        in.stall = SEC(60);
        assert_true(permit_terms(&in).margin == MSEC(3600));
        in = input(10, 2, 3, 0);
        assert_true(permit_terms(&in).margin == MSEC(250));
        in.stall = MSEC(999);
        assert_true(permit_terms(&in).margin == MSEC(1249));
        in.stall = MSEC(1001);
        assert_true(permit_terms(&in).margin == MSEC(1250));
}

/* safety_margin counts only when written: at least that; -1: W + margin at least half of ttl. */
static void test_safety_margin(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 0);

        in.safety_margin = 5;
        assert_true(permit_terms(&in).margin == SEC(5));
        in.safety_margin = 0;
        assert_true(permit_terms(&in).margin == MSEC(600));
        in.safety_margin = -1;
        assert_true(permit_terms(&in).margin == SEC(15));
        in.watchdog = SEC(5);
        assert_true(permit_terms(&in).margin == SEC(10));
        assert_true(permit_terms(&in).window == SEC(15));
        in.watchdog = SEC(15);
        assert_true(permit_terms(&in).margin == MSEC(600));
        in.watchdog = SEC(20); /* longer than half of ttl by itself */
        assert_true(permit_terms(&in).margin == MSEC(600));
}

/* ttl is the least of asked, granted and answered: a longer answer gives nothing more. */
static void test_least_ttl(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 0);

        assert_true(permit_deadline(&in, SENT, SEC(60)) == SENT + MSEC(29400));
        assert_true(permit_deadline(&in, SENT, SEC(20)) == SENT + MSEC(19600));
        assert_true(permit_deadline(&in, SENT, SEC(2)) == SENT + MSEC(1750));
}

/* A window that is nothing gives no permit, and fits nowhere. */
static void test_nothing_left(void **state _unused_)
{
        PermitInput in = input(3, 1, 1, 3);

        assert_true(permit_deadline(&in, SENT, SEC(3)) == 0);
        assert_true(permit_terms(&in).window == 0);
        assert_true(permit_terms(&in).interval == SEC(1)); /* renewals go on */
        assert_false(permit_terms(&in).fits);
        in = input(10, 2, 3, 10);
        assert_true(permit_deadline(&in, SENT, SEC(10)) == 0);
        in = input(10, 2, 3, 0);
        assert_true(permit_deadline(&in, SENT, 0) == 0);
        assert_true(permit_deadline(&in, SENT, MSEC(250)) == 0);
        assert_true(permit_deadline(&in, SENT, MSEC(251)) == SENT + MSEC(1));
}

/* The inequality: ttl - W - margin - interval >= retry_timeout. */
static void test_inequality(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 15); /* 14.4 - 4.8 = 9.6 */

        assert_false(permit_terms(&in).fits);
        in = input(30, 10, 10, 14); /* 15.4 - 5.133 = 10.267 */
        assert_true(permit_terms(&in).fits);
        in = input(3, 1, 1, 2); /* 0.75 - 0.25 */
        assert_false(permit_terms(&in).fits);
        in = input(10, 2, 3, 0);
        in.timing.retry_timeout = MSEC(7750); /* exactly what is left */
        assert_true(permit_terms(&in).fits);
        in.timing.retry_timeout++;
        assert_false(permit_terms(&in).fits);
}

/* The last pet plus W is never later than sent + ttl - margin. */
static void test_watchdog_is_covered(void **state _unused_)
{
        for (unsigned ttl = 3; ttl <= 60; ttl++)
                for (unsigned w = 0; w < ttl; w++) {
                        PermitInput in = input(ttl, 1, 1, w);
                        usec_t permit = permit_deadline(&in, SENT, SEC(ttl));
                        assert_true(permit == 0 ||
                                    permit + SEC(w) <= SENT + SEC(ttl) - permit_terms(&in).margin);
                }
}

/* Asked: min(5 s, ttl - margin - loop_wait - retry_timeout), at least 1 s. */
static void test_watchdog_within(void **state _unused_)
{
        PermitInput in = input(30, 10, 10, 0);

        assert_int_equal(permit_watchdog_within(&in), SEC(5));
        in = input(10, 2, 3, 0);
        assert_int_equal(permit_watchdog_within(&in), MSEC(4750));
        in = input(3, 1, 1, 0);
        assert_int_equal(permit_watchdog_within(&in), SEC(1));
        /* what is armed now does not change what is asked */
        in = input(10, 2, 3, 4);
        assert_int_equal(permit_watchdog_within(&in), MSEC(4750));
        /* half of ttl as W and margin together: the watchdog has its share of it */
        in.safety_margin = -1;
        assert_int_equal(permit_watchdog_within(&in), MSEC(4750));
        in.safety_margin = 2;
        assert_int_equal(permit_watchdog_within(&in), SEC(3));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_design_figures),  cmocka_unit_test(test_stop_budget),
                cmocka_unit_test(test_margin),          cmocka_unit_test(test_safety_margin),
                cmocka_unit_test(test_least_ttl),       cmocka_unit_test(test_nothing_left),
                cmocka_unit_test(test_inequality),      cmocka_unit_test(test_watchdog_is_covered),
                cmocka_unit_test(test_watchdog_within),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
