#include <errno.h>
#include <limits.h>

#include "test-lib.h"

static void test_prefix_and_case(void **state _unused_)
{
        assert_string_equal(str_after_prefix("postgres://x", "postgres://"), "x");
        assert_string_equal(str_after_prefix("abc", ""), "abc");
        assert_string_equal(str_after_prefix("abc", "abc"), "");
        assert_null(str_after_prefix("ab", "abc"));
        assert_null(str_after_prefix("xbc", "ab"));
        assert_true(str_equal_nocase("Node1", "nODE1"));
        assert_false(str_equal_nocase("node1", "node"));
        assert_false(str_equal_nocase("node", "node1"));
        assert_true(str_equal_nocase("", ""));
        assert_true(str_equal_nocase("AZ", "az"));
        assert_false(str_equal_nocase("\xc4", "\xe4")); /* ASCII only */
        assert_false(str_equal_nocase("[", "{"));
        assert_true(str_empty(NULL));
        assert_true(str_empty(""));
        assert_false(str_empty(" "));
}

static void test_copy(void **state _unused_)
{
        char buf[5] = "xxxx";

        assert_true(STR_SET(buf, "abcd"));
        assert_string_equal(buf, "abcd");
        assert_false(STR_SET(buf, "abcde"));
        assert_string_equal(buf, "abcd"); /* cut, and terminated */
        assert_true(STR_SET(buf, NULL));
        assert_string_equal(buf, "");
        assert_true(str_copy_n(buf, sizeof buf, "abcdefgh", 3));
        assert_string_equal(buf, "abc");
        assert_false(str_copy_n(buf, sizeof buf, "abcdefgh", 5));
        assert_string_equal(buf, "abcd");
        assert_true(str_copy_n(buf, sizeof buf, "", 0));
        assert_string_equal(buf, "");

        assert_true(str_terminated("abc", 4));
        assert_false(str_terminated("abcd", 4));
        assert_true(str_terminated("", 1));
}

static void test_list_next(void **state _unused_)
{
        const char *list = "node1,too-long-for-it,,n 2,";
        char item[8];

        assert_true(str_list_next(&list, item, sizeof item));
        assert_string_equal(item, "node1");
        assert_true(str_list_next(&list, item, sizeof item)); /* what does not fit is left out */
        assert_string_equal(item, "");
        assert_true(str_list_next(&list, item, sizeof item));
        assert_string_equal(item, "n 2");
        assert_false(str_list_next(&list, item, sizeof item));
        list = "only-one-that-is-too-long";
        assert_false(str_list_next(&list, item, sizeof item));
        list = "";
        assert_false(str_list_next(&list, item, sizeof item));
}

static void test_list(void **state _unused_)
{
        assert_true(str_list_contains("node1", "node1"));
        assert_true(str_list_contains("node1,node2,node3", "node2"));
        assert_true(str_list_contains("node1, node2 ,node3", "node2"));
        assert_true(str_list_contains("node1,node2", "node2"));
        assert_false(str_list_contains("node1,node22", "node2"));
        assert_false(str_list_contains("node12,node2x", "node2"));
        assert_false(str_list_contains("", "node2"));
        assert_false(str_list_contains("node1,,node3", ""));
        assert_false(str_list_contains("Node2", "node2"));
        assert_true(str_list_contains(",,a,,", "a"));
}

static void test_numbers(void **state _unused_)
{
        uint64_t u = 77;
        int64_t i = 77;

        assert_int_equal(str_to_u64("0", &u), 0);
        assert_true(u == 0);
        assert_int_equal(str_to_u64("18446744073709551615", &u), 0);
        assert_true(u == UINT64_MAX);
        u = 77;
        assert_int_equal(str_to_u64("18446744073709551616", &u), -ERANGE);
        assert_int_equal(str_to_u64("99999999999999999999999", &u), -ERANGE);
        static const char *const bad[] = { "", " ", "1 ", " 1", "-1", "+1", "0x10", "1e3", "1.5", "a" };
        for (size_t k = 0; k < ELEMENTSOF(bad); k++)
                assert_int_equal(str_to_u64(bad[k], &u), -EINVAL);
        assert_true(u == 77);

        assert_int_equal(str_to_i64("-1", &i), 0);
        assert_true(i == -1);
        assert_int_equal(str_to_i64("+42", &i), 0);
        assert_true(i == 42);
        assert_int_equal(str_to_i64("9223372036854775807", &i), 0);
        assert_true(i == INT64_MAX);
        i = 77;
        assert_int_equal(str_to_i64("9223372036854775808", &i), -ERANGE);
        assert_int_equal(str_to_i64("--1", &i), -EINVAL);
        assert_int_equal(str_to_i64("-", &i), -EINVAL);
        assert_int_equal(str_to_i64("", &i), -EINVAL);
        assert_true(i == 77);
}

/* PATRONI-SPEC, "bool parsing". */
static void test_bool(void **state _unused_)
{
        static const char *const yes[] = { "on", "true", "yes", "1", "ON", "True", "YES", "oN" };
        static const char *const no[] = { "off", "false", "no", "0", "OFF", "False", "NO", "oFf" };
        static const char *const neither[] = { "", "2", "y", "n", "t", "enabled", " on", "on " };
        bool v;

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                v = false;
                assert_int_equal(str_to_bool(yes[i], &v), 0);
                assert_true(v);
                v = true;
                assert_int_equal(str_to_bool(no[i], &v), 0);
                assert_false(v);
                assert_int_equal(str_to_bool(neither[i], &v), -EINVAL);
        }
}

/* PATRONI-SPEC, "int parsing": memory B kB MB GB TB, case-sensitive; time us ms s min h d. */
static void test_units(void **state _unused_)
{
        uint64_t v = 0;

        assert_int_equal(str_to_bytes("1048576", &v), 0);
        assert_true(v == 1048576);
        assert_int_equal(str_to_bytes("16B", &v), 0);
        assert_true(v == 16);
        assert_int_equal(str_to_bytes("16kB", &v), 0);
        assert_true(v == 16384);
        assert_int_equal(str_to_bytes("128 MB", &v), 0);
        assert_true(v == 134217728);
        assert_int_equal(str_to_bytes("4GB", &v), 0);
        assert_true(v == 4294967296ULL);
        assert_int_equal(str_to_bytes("2TB", &v), 0);
        assert_true(v == 2199023255552ULL);
        assert_int_equal(str_to_bytes("16KB", &v), -EINVAL);
        assert_int_equal(str_to_bytes("16mb", &v), -EINVAL);
        assert_int_equal(str_to_bytes("16MBx", &v), -EINVAL);
        assert_int_equal(str_to_bytes("MB", &v), -EINVAL);
        assert_int_equal(str_to_bytes("16777216TB", &v), -ERANGE);

        assert_int_equal(str_to_usec("10", SEC(1), &v), 0);
        assert_true(v == SEC(10));
        assert_int_equal(str_to_usec("10", 1000, &v), 0);
        assert_true(v == 10000);
        assert_int_equal(str_to_usec("10us", SEC(1), &v), 0);
        assert_true(v == 10);
        assert_int_equal(str_to_usec("250ms", SEC(1), &v), 0);
        assert_true(v == 250000);
        assert_int_equal(str_to_usec("3 s", 1, &v), 0);
        assert_true(v == SEC(3));
        assert_int_equal(str_to_usec("2min", 1, &v), 0);
        assert_true(v == SEC(120));
        assert_int_equal(str_to_usec("1h", 1, &v), 0);
        assert_true(v == SEC(3600));
        assert_int_equal(str_to_usec("1d", 1, &v), 0);
        assert_true(v == SEC(86400));
        assert_int_equal(str_to_usec("1 sec", 1, &v), -EINVAL);
        assert_int_equal(str_to_usec("-1", SEC(1), &v), -EINVAL);
        assert_int_equal(str_to_usec("1000000000000d", 1, &v), -ERANGE);
}

static void test_distance(void **state _unused_)
{
        char longer[80];

        assert_int_equal(str_distance("", ""), 0);
        assert_int_equal(str_distance("ttl", "ttl"), 0);
        assert_int_equal(str_distance("ttl", ""), 3);
        assert_int_equal(str_distance("", "ttl"), 3);
        assert_int_equal(str_distance("tll", "ttl"), 1);       /* changed */
        assert_int_equal(str_distance("loopwait", "loop_wait"), 1); /* inserted */
        assert_int_equal(str_distance("loop__wait", "loop_wait"), 1);
        assert_int_equal(str_distance("lisetn", "listen"), 1); /* swapped */
        assert_int_equal(str_distance("kitten", "sitting"), 3);
        memset(longer, 'a', sizeof longer);
        longer[64] = 0;
        assert_int_equal(str_distance(longer, longer), 0);
        longer[64] = 'a';
        longer[65] = 0;
        assert_true(str_distance(longer, "a") == UINT_MAX);
        assert_true(str_distance("a", longer) == UINT_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_prefix_and_case), cmocka_unit_test(test_copy),
                cmocka_unit_test(test_list),            cmocka_unit_test(test_list_next),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_bool),            cmocka_unit_test(test_units),
                cmocka_unit_test(test_distance),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
