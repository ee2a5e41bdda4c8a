#include <errno.h>

#include "model/history.h"
#include "test-lib.h"

static History history; /* too large for a stack */

static int parse(const char *text)
{
        return history_parse_file(text, strlen(text), &history);
}

static void test_file(void **state _unused_)
{
        assert_int_equal(parse("1\t0/5041520\tno recovery target specified\n"
                               "\n"
                               "# a comment\n"
                               "2\t0/6000000\tbefore 2026-11-22 21:33:17.46+00\n"),
                         0);
        assert_int_equal(history.n_lines, 2);
        assert_int_equal(history.lines[0].timeline, 1);
        assert_true(history.lines[0].switch_lsn == 84153632); /* 0x5041520 */
        assert_string_equal(history.lines[0].reason, "no recovery target specified");
        assert_int_equal(history.lines[1].timeline, 2);
        assert_true(history.lines[1].switch_lsn == 0x6000000);
        assert_string_equal(history.lines[1].reason, "before 2026-11-22 21:33:17.46+00");
        assert_true(history.lines[0].wall_usec == 0);
        assert_string_equal(history.lines[0].leader, "");
}

static void test_shapes(void **state _unused_)
{
        assert_int_equal(parse(""), 0);
        assert_int_equal(history.n_lines, 0);
        assert_int_equal(parse("\n\n  \n# x"), 0);
        assert_int_equal(history.n_lines, 0);
        assert_int_equal(parse("  7\t1/0"), 0); /* no reason, no newline */
        assert_int_equal(history.n_lines, 1);
        assert_int_equal(history.lines[0].timeline, 7);
        assert_true(history.lines[0].switch_lsn == 0x100000000ULL);
        assert_string_equal(history.lines[0].reason, "");
        assert_int_equal(parse("4294967295 0/1 x"), 0);
        assert_true(history.lines[0].timeline == UINT32_MAX);
        /* only `size` bytes are read */
        assert_int_equal(history_parse_file("1\t0/10\tx\n2\tgarbage", 9, &history), 0);
        assert_int_equal(history.n_lines, 1);
}

static void test_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "1\n", "x\t0/1\tr\n", "0\t0/1\tr\n", "-1\t0/1\tr\n", "4294967296\t0/1\tr\n",
                "1\t0\tr\n", "1\tr\n", "1\t0/123456789\tr\n", "99999999999999999999999999\t0/1\tr\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(parse(bad[i]), -EINVAL);
        assert_int_equal(parse("1\t0/1\ta\nbroken\n3\t0/3\tc\n"), -EINVAL);
        assert_int_equal(history.n_lines, 1); /* what came before */
        assert_int_equal(parse("2\t0/1\ta\n2\t0/2\tb\n"), -EINVAL);
        assert_int_equal(parse("2\t0/1\ta\n1\t0/2\tb\n"), -EINVAL);
        assert_true(history.lines[0].timeline == 2 && history.n_lines == 1);
}

static void test_long_reason_is_cut(void **state _unused_)
{
        char text[400] = "1\t0/1\t";

        memset(text + 6, 'r', sizeof text - 7);
        assert_int_equal(parse(text), 0);
        assert_int_equal(strlen(history.lines[0].reason), sizeof history.lines[0].reason - 1);
}

static void test_the_newest_are_kept(void **state _unused_)
{
        char *text = calloc(1, 64 * (HISTORY_LINES_MAX + 3));
        size_t n = 0;

        for (unsigned i = 1; i <= HISTORY_LINES_MAX + 3; i++)
                n += (size_t)sprintf(text + n, "%u\t0/%X\tr\n", i, i * 16);
        assert_int_equal(parse(text), 0);
        assert_int_equal(history.n_lines, HISTORY_LINES_MAX);
        assert_int_equal(history.lines[0].timeline, 4);
        assert_int_equal(history.lines[HISTORY_LINES_MAX - 1].timeline, HISTORY_LINES_MAX + 3);
        free(text);
}

static void test_find_switch(void **state _unused_)
{
        Lsn lsn = 77;

        assert_int_equal(parse("1\t0/1000000\ta\n3\t0/3000000\tb\n"), 0);
        assert_int_equal(history_find_switch(&history, 1, &lsn), 0);
        assert_true(lsn == 0x1000000);
        assert_int_equal(history_find_switch(&history, 3, &lsn), 0);
        assert_true(lsn == 0x3000000);
        lsn = 77;
        assert_int_equal(history_find_switch(&history, 2, &lsn), -ENOENT);
        assert_int_equal(history_find_switch(&history, 4, &lsn), -ENOENT);
        assert_true(lsn == 77);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_file),
                cmocka_unit_test(test_shapes),
                cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_long_reason_is_cut),
                cmocka_unit_test(test_the_newest_are_kept),
                cmocka_unit_test(test_find_switch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
