/* diff: hunks, their numbers, and texts at the edges. */
#include "test-ctl.h"

#include "ctl/diff.h"

static void assert_diff(const char *before, const char *after, const char *expected)
{
        char *text;
        FILE *f = to_memory(&text);

        assert_int_equal(diff_print(f, before, after, false), *expected != 0);
        assert_printed(f, &text, expected);
}

/* As patronictl showed it (recorded: edit-config). */
static void test_recorded(void **state _unused_)
{
        assert_diff("loop_wait: 2\nmaximum_lag_on_failover: 1048576\npostgresql:\n  parameters:\n"
                    "    max_connections: 120\n  use_pg_rewind: true\n  use_slots: true\n"
                    "retry_timeout: 5\nttl: 20\n",
                    "loop_wait: 2\nmaximum_lag_on_failover: 2097152\npostgresql:\n  parameters:\n"
                    "    max_connections: 120\n    work_mem: 8MB\n  use_pg_rewind: true\n"
                    "  use_slots: true\nretry_timeout: 5\nttl: 20\n",
                    "--- \n+++ \n@@ -1,8 +1,9 @@\n loop_wait: 2\n"
                    "-maximum_lag_on_failover: 1048576\n+maximum_lag_on_failover: 2097152\n"
                    " postgresql:\n   parameters:\n     max_connections: 120\n+    work_mem: 8MB\n"
                    "   use_pg_rewind: true\n   use_slots: true\n retry_timeout: 5\n");
}

static void test_edges(void **state _unused_)
{
        assert_diff("a\n", "a\n", "");
        assert_diff("", "", "");
        assert_diff("", "a\n", "--- \n+++ \n@@ -0,0 +1 @@\n+a\n");
        assert_diff("a\n", "", "--- \n+++ \n@@ -1 +0,0 @@\n-a\n");
        assert_diff("a\nb\n", "a\nc\n", "--- \n+++ \n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
}

static void test_far_changes_are_hunks_of_their_own(void **state _unused_)
{
        assert_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "x\n2\n3\n4\n5\n6\n7\n8\n9\ny\n",
                    "--- \n+++ \n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n"
                    "@@ -7,4 +7,4 @@\n 7\n 8\n 9\n-10\n+y\n");
        assert_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n",
                    "--- \n+++ \n@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
}

static void test_paint(void **state _unused_)
{
        char *text;
        FILE *f = to_memory(&text);

        assert_true(diff_print(f, "a\n", "b\n", true));
        assert_printed(f, &text, "--- \n+++ \n@@ -1 +1 @@\n\033[31m-a\033[0m\n\033[32m+b\033[0m\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded),
                cmocka_unit_test(test_edges),
                cmocka_unit_test(test_far_changes_are_hunks_of_their_own),
                cmocka_unit_test(test_paint),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
