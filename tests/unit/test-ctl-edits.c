/* edits: dotted paths, values, and the patch that makes one document of another. */
#include <errno.h>

#include "test-ctl.h"

#include "ctl/edits.h"

static void assert_set(const char *before, const char *prefix, const char *pair, const char *after)
{
        _cleanup_(node_freep) Node *n = document(before);
        char error[EDITS_ERROR_SIZE] = "";

        assert_int_equal(edits_set(n, prefix, pair, error), 0);
        char *text = json_format(n, JSON_COMPACT);
        assert_string_equal(text, after);
        free(text);
}

static void test_set(void **state _unused_)
{
        static const char pg[] = "postgresql.parameters.";

        assert_set("{}", "", "ttl=20", "{\"ttl\":20}");
        assert_set("{\"ttl\":30}", "", "ttl=20", "{\"ttl\":20}");
        assert_set("{\"ttl\":30}", "", "ttl=null", "{}");
        assert_set("{}", "", "gone=null", "{}");
        assert_set("{}", "", "a.b.c=x", "{\"a\":{\"b\":{\"c\":\"x\"}}}");
        assert_set("{\"a\":{\"b\":1}}", "", "a.b=null", "{}"); /* an empty map goes, too */
        assert_set("{\"a\":1}", "", "a.b=2", "{\"a\":{\"b\":2}}");
        assert_set("{}", "", "synchronous_mode=true", "{\"synchronous_mode\":true}");
        assert_set("{}", "", "x=[1, a]", "{\"x\":[1,\"a\"]}");
        assert_set("{}", "", "x={a: b}", "{\"x\":{\"a\":\"b\"}}");
        assert_set("{}", "", "x='5'", "{\"x\":\"5\"}");
        assert_set("{}", "", "x=", "{}");
        assert_set("{}", "", "a=b=c", "{\"a\":\"b=c\"}");
        assert_set("{}", "", "a =1", "{\"a\":1}");
        assert_set("{}", pg, "work_mem=8MB",
                   "{\"postgresql\":{\"parameters\":{\"work_mem\":\"8MB\"}}}");
}

/* Names of parameters have dots of their own. */
static void test_parameters_keep_their_dots(void **state _unused_)
{
        static const char set[] =
                        "{\"postgresql\":{\"parameters\":{\"pg_stat_statements.max\":100}}}";

        assert_set("{}", "postgresql.parameters.", "pg_stat_statements.max=100", set);
        assert_set("{}", "", "postgresql.parameters.pg_stat_statements.max=100", set);
        assert_set("{}", "", "postgresql.parameters_x.a=1",
                   "{\"postgresql\":{\"parameters_x\":{\"a\":1}}}");
        assert_set("{}", "", "slots.x.type=physical",
                   "{\"slots\":{\"x\":{\"type\":\"physical\"}}}");
}

static void test_refused(void **state _unused_)
{
        static const char *const pairs[] = { "ttl",  "=1",     "",     ".a=1",
                                             "a.=1", "a..b=1", "x=[1", "x={",
                                             " =1",  "  =" };

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                _cleanup_(node_freep) Node *n = document("{}");
                char error[EDITS_ERROR_SIZE] = "";
                assert_int_equal(edits_set(n, "", pairs[i], error), -EINVAL);
                assert_true(error[0]);
                assert_null(n->children);
        }
        char wide[1024];
        memset(wide, 'a', sizeof wide);
        (void)snprintf(wide + 600, sizeof wide - 600, "=1");
        _cleanup_(node_freep) Node *n = document("{}");
        char error[EDITS_ERROR_SIZE] = "";
        assert_int_equal(edits_set(n, "", wide, error), -EINVAL);
        (void)snprintf(wide + 300, sizeof wide - 300, "=1");
        assert_int_equal(edits_set(n, "", wide, error), -EINVAL);
        assert_null(n->children);
}

/* before, patched, is after. */
static void assert_patch(const char *before, const char *after, const char *expected)
{
        _cleanup_(node_freep) Node *a = document(before), *b = document(after);
        _cleanup_(node_freep) Node *patch = edits_patch(a, b);
        bool changed = false;

        char *text = json_format(patch, JSON_COMPACT);
        assert_string_equal(text, expected);
        free(text);
        assert_int_equal(node_patch(a, patch, &changed), 0);
        assert_true(node_equal(a, b));
        assert_int_equal(changed, strcmp(expected, "{}") != 0);
}

static void test_patch(void **state _unused_)
{
        assert_patch("{\"a\":1}", "{\"a\":1}", "{}");
        assert_patch("{\"a\":1}", "{\"a\":2}", "{\"a\":2}");
        assert_patch("{\"a\":1}", "{}", "{\"a\":null}");
        assert_patch("{}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
        assert_patch("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":2}}", "{\"a\":{\"b\":null}}");
        assert_patch("{\"a\":{\"b\":1}}", "{\"a\":3}", "{\"a\":3}");
        assert_patch("{\"a\":3}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}");
        assert_patch("{\"a\":[1,2]}", "{\"a\":[2]}", "{\"a\":[2]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_set),
                cmocka_unit_test(test_parameters_keep_their_dots),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_patch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
