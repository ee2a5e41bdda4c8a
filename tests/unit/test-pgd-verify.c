/* What a server says about its parameters, and how it is read: texts of postgres 15.20. */
#include "test-lib.h"

#include "pgd/verify.h"

#define AT "2026-11-25 07:05:50.247 GMT [22758] "

static void test_lines(void **state)
{
        static const struct {
                const char *line;
                int begins;
                const char *name, *why;
        } rows[] = {
                { AT "LOG:  skipping missing configuration file \"/d/postgresql.auto.conf\"", 0, "", "" },
                { AT "HINT:  of nobody's complaint", 0, "", "" },
                { AT "LOG:  invalid value for parameter \"work_mem\": \"foo\"", 1, "work_mem",
                  "invalid value for parameter \"work_mem\": \"foo\"" },
                { AT "LOG:  3 is outside the valid range for parameter \"max_files_per_process\" (64 .. "
                     "2147483647)",
                  1, "max_files_per_process",
                  "3 is outside the valid range for parameter \"max_files_per_process\" (64 .. "
                  "2147483647)" },
                { AT "LOG:  invalid value for parameter \"checkpoint_timeout\": \"5kB\"", 1,
                  "checkpoint_timeout", "invalid value for parameter \"checkpoint_timeout\": \"5kB\"" },
                { "%m zzHINT:  Valid units are \"us\".", 0, "checkpoint_timeout",
                  "invalid value for parameter \"checkpoint_timeout\": \"5kB\"; Valid units are \"us\"." },
                { AT "LOG:  parameter \"server_version\" cannot be changed", 1, "server_version",
                  "parameter \"server_version\" cannot be changed" },
                { AT "LOG:  unrecognized configuration parameter \"foo_bar\" in file \"/c\" line 2", 1,
                  "foo_bar", "unrecognized configuration parameter \"foo_bar\" in file \"/c\" line 2" },
                { AT "FATAL:  configuration file \"/c\" contains errors", 0, "foo_bar",
                  "unrecognized configuration parameter \"foo_bar\" in file \"/c\" line 2" },
                { AT "LOG:  parameter \"unended", 0, "", "" },
        };
        Complaint c = { 0 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(verify_read_line(rows[i].line, &c), rows[i].begins);
                assert_string_equal(c.name, rows[i].name);
                assert_string_equal(c.why, rows[i].why);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
