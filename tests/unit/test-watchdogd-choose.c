/* Which device is armed, why not the others, and when it fires. */
#include <errno.h>

#include "test-lib.h"
#include "watchdogd/choose.h"
#include "watchdogd/factor.h"

static char why[REASON_SIZE];

static Candidate one(DeviceKind kind, const char *path, const char *identity)
{
        Candidate c = { .kind = kind };

        (void)STR_SET(c.path, path);
        (void)STR_SET(c.identity, identity);
        return c;
}

static void test_kinds(void **state _unused_)
{
        assert_int_equal(choose_kind("Software Watchdog"), DEVICE_SOFTDOG);
        assert_int_equal(choose_kind("IPMI"), DEVICE_IPMI_DRIVER);
        assert_int_equal(choose_kind("i6300ESB timer"), DEVICE_HARDWARE);
        assert_int_equal(choose_kind("iTCO_wdt"), DEVICE_HARDWARE);
        assert_int_equal(choose_kind(""), DEVICE_HARDWARE);
}

static void test_order_of_trust(void **state _unused_)
{
        Candidate c[] = {
                one(DEVICE_SOFTDOG, "/dev/watchdog0", "Software Watchdog"),
                one(DEVICE_IPMI_DIRECT, "/dev/ipmi0", "BMC"),
                one(DEVICE_IPMI_DRIVER, "/dev/watchdog", "IPMI"),
                one(DEVICE_HARDWARE, "/dev/watchdog1", "iTCO_wdt"),
        };

        for (size_t n = 1; n <= ELEMENTSOF(c); n++)
                assert_ptr_equal(choose_device(c, n, "", why, sizeof why), &c[n - 1]);
        choose_remark(c, 1, &c[0], why, sizeof why);
        assert_non_null(strstr(why, "only softdog"));
        choose_remark(c, 4, &c[3], why, sizeof why);
        assert_string_equal(why, "");
}

static void test_busy(void **state _unused_)
{
        Candidate c[] = {
                one(DEVICE_HARDWARE, "/dev/watchdog0", "i6300ESB timer"),
                one(DEVICE_SOFTDOG, "/dev/watchdog1", "Software Watchdog"),
        };

        c[0].error = -EBUSY;
        (void)STR_SET(c[0].why_not, "busy: held by sbd, pid 7");
        assert_ptr_equal(choose_device(c, 2, "", why, sizeof why), &c[1]);
        choose_remark(c, 2, &c[1], why, sizeof why);
        assert_non_null(strstr(why, "only softdog"));
        assert_non_null(strstr(why, "/dev/watchdog0: busy: held by sbd, pid 7"));
        assert_null(choose_device(c, 1, "", why, sizeof why));
        assert_string_equal(why, "/dev/watchdog0: busy: held by sbd, pid 7");
        c[0].why_not[0] = 0;
        assert_null(choose_device(c, 1, "", why, sizeof why));
        assert_string_equal(why, "/dev/watchdog0: Device or resource busy");
}

static void test_wanted(void **state _unused_)
{
        Candidate c[] = {
                one(DEVICE_HARDWARE, "/dev/watchdog0", "i6300ESB timer"),
                one(DEVICE_SOFTDOG, "/dev/watchdog1", "Software Watchdog"),
        };

        (void)STR_SET(c[0].alias, "/dev/watchdog");
        assert_ptr_equal(choose_device(c, 2, "/dev/watchdog1", why, sizeof why), &c[1]);
        assert_ptr_equal(choose_device(c, 2, "/dev/watchdog", why, sizeof why), &c[0]);
        assert_null(choose_device(c, 2, "/dev/ipmi0", why, sizeof why));
        assert_string_equal(why, "/dev/ipmi0: no such watchdog device");
        (void)STR_SET(c[1].why_not, "Permission denied");
        assert_null(choose_device(c, 2, "/dev/watchdog1", why, sizeof why));
        assert_string_equal(why, "/dev/watchdog1: Permission denied");
        assert_true(choose_same(c, 2, "/dev/watchdog", "/dev/watchdog0"));
        assert_true(choose_same(c, 0, "/dev/x", "/dev/x"));
        assert_false(choose_same(c, 2, "/dev/watchdog", "/dev/watchdog1"));
        assert_true(choose_knows(c, 2, "/dev/watchdog"));
        assert_false(choose_knows(c, 2, "/dev/ipmi0"));
}

static void test_nothing(void **state _unused_)
{
        assert_null(choose_device(NULL, 0, "", why, sizeof why));
        assert_string_equal(why, "no watchdog device: load its driver, or softdog");
}

/* Reasons of sixteen candidates do not fit, and are cut. */
static void test_long_reasons(void **state _unused_)
{
        Candidate c[CANDIDATES_MAX];

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                c[i] = one(DEVICE_HARDWARE, "/dev/watchdog0", "x");
                memset(c[i].why_not, 'y', sizeof c[i].why_not - 1);
        }
        assert_null(choose_device(c, ELEMENTSOF(c), "", why, sizeof why));
        assert_int_equal(strlen(why), sizeof why - 1);
}

static void test_factors(void **state _unused_)
{
        assert_int_equal(factor_of("iTCO_wdt"), 2);
        assert_int_equal(factor_of("i6300ESB timer"), 1);
        assert_int_equal(factor_of(""), 1);
        assert_int_equal(factor_timeout("i6300ESB timer", MSEC(4750)), 4);
        assert_int_equal(factor_timeout("iTCO_wdt", MSEC(4750)), 2);
        assert_int_equal(factor_timeout("iTCO_wdt", SEC(1)), 1); /* the driver's least follows */
        assert_int_equal(factor_timeout("x", 0), 1);
        assert_int_equal(factor_timeout("x", USEC_INFINITY), 3600);
        assert_true(factor_fires("iTCO_wdt", 3, 0) == SEC(6));
        assert_true(factor_fires("i6300ESB timer", 4, 0) == SEC(4));
        assert_true(factor_fires("iTCO_wdt", 3, SEC(3)) == SEC(3)); /* version 1 */
        assert_true(factor_fires("x", 4, SEC(8)) == SEC(8));
        assert_true(factor_fires("x", 4, SEC(1)) == SEC(4)); /* none fires before its timeout */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),        cmocka_unit_test(test_order_of_trust),
                cmocka_unit_test(test_busy),         cmocka_unit_test(test_wanted),
                cmocka_unit_test(test_nothing),      cmocka_unit_test(test_long_reasons),
                cmocka_unit_test(test_factors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
