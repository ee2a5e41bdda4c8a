/* How a waiting value reads, and what a member key says about it. */
#include "test-lib.h"

#include <stdlib.h>

#include "config/json.h"
#include "config/pending-node.h"
#include "pgd/pending.h"

static void test_show(void **state)
{
        static const struct {
                const char *value, *type, *unit, *shown;
        } rows[] = {
                { "16384", "integer", "8kB", "128MB" }, { "262144kB", "integer", "8kB", "256MB" },
                { "1GB", "integer", "kB", "1GB" },      { "1025", "integer", "MB", "1025MB" },
                { "100", "integer", "", "100" },        { "-1", "integer", "8kB", "-1" },
                { "300", "integer", "s", "5min" },      { "90 min", "integer", "s", "90min" },
                { "yes", "bool", "", "on" },            { "0", "bool", "", "off" },
                { "logical", "enum", "", "logical" },   { "", "string", "", "" },
                { "12 apples", "integer", "MB", "12 apples" },
                { "99999999999999999999", "integer", "kB", "99999999999999999999" },
                { "9223372036854775807", "integer", "TB", "9223372036854775807" },
        };
        char buf[PENDING_VALUE_SIZE];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                pending_show(rows[i].value, rows[i].type, rows[i].unit, buf, sizeof buf);
                assert_string_equal(buf, rows[i].shown);
        }
}

static void test_recovery(void **state)
{
        (void)state;
        assert_true(pending_is_recovery("primary_conninfo"));  /* before 13 */
        assert_true(pending_is_recovery("primary_slot_name")); /* before 13 */
        assert_true(pending_is_recovery("restore_command"));   /* before 14 */
        assert_false(pending_is_recovery("archive_command"));
        assert_false(pending_is_recovery("max_connections"));
}

static void test_node(void **state)
{
        Pending p = { 0 };

        (void)state;
        pending_add(&p, "max_connections", "100", "120");
        pending_add(&p, "max_connections", "1", "2"); /* the server's word stands */
        _cleanup_(node_freep) Node *n = pending_node(&p, true);
        char *text = json_format(n, JSON_COMPACT);
        assert_string_equal(text, "{\"max_connections\":{\"old_value\":\"100\",\"new_value\":\"120\"},"
                                  "\"fence.gate\":{\"old_value\":\"absent\",\"new_value\":\"present\"}}");
        free(text);
        for (unsigned i = 0; i < 2 * PENDING_MAX; i++) {
                char name[16];
                snprintf(name, sizeof name, "p%u", i);
                pending_add(&p, name, "a", "b");
        }
        assert_int_equal(p.n, PENDING_MAX);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_show),
                cmocka_unit_test(test_recovery),
                cmocka_unit_test(test_node),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
