#include <errno.h>

#include "base/usec.h"
#include "test-lib.h"

static void test_arithmetic(void **state _unused_)
{
        assert_true(usec_add(1, 2) == 3);
        assert_true(usec_add(USEC_INFINITY, 1) == USEC_INFINITY);
        assert_true(usec_add(1, USEC_INFINITY) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 1) == USEC_INFINITY);
        assert_true(usec_add(USEC_INFINITY - 1, 5) == USEC_INFINITY);
        assert_true(usec_sub(5, 2) == 3);
        assert_true(usec_sub(2, 5) == 0);
        assert_true(usec_sub(2, 2) == 0);
        assert_true(usec_sub(USEC_INFINITY, 5) == USEC_INFINITY);
        assert_true(usec_sub(5, USEC_INFINITY) == 0);
}

static void test_format(void **state _unused_)
{
        assert_string_equal(USEC_TEXT(0), "0 ms");
        assert_string_equal(USEC_TEXT(999), "0 ms");
        assert_string_equal(USEC_TEXT(MSEC(350)), "350 ms");
        assert_string_equal(USEC_TEXT(SEC(1) - 1), "999 ms");
        assert_string_equal(USEC_TEXT(SEC(1)), "1.00 s");
        assert_string_equal(USEC_TEXT(2310000), "2.31 s");
        assert_string_equal(USEC_TEXT(29400000), "29.40 s");
        assert_string_equal(USEC_TEXT(SEC(60) - 1), "59.99 s");
        assert_string_equal(USEC_TEXT(SEC(60)), "1 min 0 s");
        assert_string_equal(USEC_TEXT(SEC(250)), "4 min 10 s");
        assert_string_equal(USEC_TEXT(USEC_INFINITY), "never");
        assert_true(strlen(USEC_TEXT(USEC_INFINITY - 1)) < USEC_TEXT_MAX);
}

static void test_format_iso(void **state _unused_)
{
        char buf[USEC_ISO_MAX];

        assert_string_equal(usec_format_iso(buf, sizeof buf, 0, 'T'),
                            "1970-01-01T00:00:00.000000+00:00");
        /* date -u -d 2026-11-22T21:33:17 +%s */
        assert_string_equal(usec_format_iso(buf, sizeof buf, 1795383197464908, 'T'),
                            "2026-11-22T21:33:17.464908+00:00");
        assert_string_equal(usec_format_iso(buf, sizeof buf, 951782400000001, ' '),
                            "2000-02-29 00:00:00.000001+00:00");
        assert_string_equal(usec_format_iso(buf, sizeof buf, SEC(4107542399), 'T'),
                            "2100-02-28T23:59:59.000000+00:00");
        assert_string_equal(usec_format_iso(buf, sizeof buf, SEC(4107542400), 'T'),
                            "2100-03-01T00:00:00.000000+00:00");
}

static void test_parse_iso(void **state _unused_)
{
        static const struct {
                const char *text;
                int answer;
                usec_t wall;
        } good[] = {
                { "2026-11-22T21:33:17.464908+00:00", 0, 1795383197464908 },
                { "2026-11-22 21:33:17.464908+00:00", 0, 1795383197464908 },
                { "2026-11-22T21:33:17.464908Z", 0, 1795383197464908 },
                { "2026-11-22T21:33:17.464908z", 0, 1795383197464908 },
                { "2026-11-22T22:33:17.464908+01:00", 0, 1795383197464908 },
                { "2026-11-22T22:33:17.464908+0100", 0, 1795383197464908 },
                { "2026-11-22T22:33:17.464908+01", 0, 1795383197464908 },
                { "2026-11-22T16:03:17.464908-05:30", 0, 1795383197464908 },
                { "2026-11-22T21:33:17.4+00:00", 0, 1795383197400000 },
                { "2026-11-22T21:33:17.464908999+00:00", 0, 1795383197464908 },
                { "2026-11-22T21:33:17Z", 0, 1795383197000000 },
                { "2026-11-22T21:33Z", 0, 1795383180000000 },
                { "2026-11-22T21:33:17", 1, 1795383197000000 }, /* no zone: the caller decides */
                { "2026-11-22", 1, 1795305600000000 },
                { "2000-02-29T00:00:00Z", 0, 951782400000000 },
                { "1970-01-01T00:00:00Z", 0, 0 },
                { "1970-01-01T01:00:00+01:00", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                usec_t wall = 77;
                assert_int_equal(usec_parse_iso(good[i].text, &wall), good[i].answer);
                assert_true(wall == good[i].wall);
        }
}

static void test_parse_iso_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "",
                "now",
                "2026",
                "2026-11",
                "2026-13-01",
                "2026-00-01",
                "2026-11-31T00:00:00Z",
                "2026-02-29T00:00:00Z",
                "2100-02-29T00:00:00Z",
                "26-11-22T21:33:17Z",
                "2026-11-2:", /* the character after 9 */
                "2026-11-2/",
                "2026-11-22T24:00:00Z",
                "2026-11-22T21:60:00Z",
                "2026-11-22T21:33:60Z",
                "2026-11-22T21",
                "2026-11-22T",
                "2026-11-22T21:33:17+",
                "2026-11-22T21:33:17+1",
                "2026-11-22T21:33:17+01:",
                "2026-11-22T21:33:17+01:60",
                "2026-11-22T21:33:17Zx",
                "2026-11-22T21:33:17 Z",
                "2026-11-22x21:33:17Z",
                "1969-12-31T23:59:59Z",
                "1970-01-01T00:00:00+01:00", /* before the epoch */
                " 2026-11-22",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                usec_t wall = 77;
                assert_int_equal(usec_parse_iso(bad[i], &wall), -EINVAL);
                assert_true(wall == 77);
        }
}

static void test_round_trip(void **state _unused_)
{
        char buf[USEC_ISO_MAX];

        for (usec_t day = 0; day < 60000; day += 37) {
                usec_t wall = day * 86400 * USEC_PER_SEC + day * 7919 % 86400000000, read = 0;
                usec_format_iso(buf, sizeof buf, wall, 'T');
                assert_int_equal(usec_parse_iso(buf, &read), 0);
                assert_true(read == wall);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_arithmetic),       cmocka_unit_test(test_format),
                cmocka_unit_test(test_format_iso),       cmocka_unit_test(test_parse_iso),
                cmocka_unit_test(test_parse_iso_refuse), cmocka_unit_test(test_round_trip),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
