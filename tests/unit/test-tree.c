#include <errno.h>

#include "config/json.h"
#include "config/tree.h"
#include "test-lib.h"

static Node *json(const char *text)
{
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        return n;
}

static void assert_json(const Node *n, const char *expected)
{
        char *text = json_format(n, JSON_COMPACT);

        assert_string_equal(text, expected);
        free(text);
}

static void test_makers(void **state _unused_)
{
        Node *n = node_new(NODE_MAP);

        assert_int_equal(node_put(n, "s", node_new_string("x")), 0);
        assert_int_equal(node_put(n, "i", node_new_int(-5)), 0);
        assert_int_equal(node_put(n, "b", node_new_bool(true)), 0);
        assert_int_equal(node_put(n, "n", node_new(NODE_NULL)), 0);
        assert_int_equal(node_put(n, "x", NULL), -ENOMEM); /* a maker that failed */
        assert_json(n, "{\"s\":\"x\",\"i\":-5,\"b\":true,\"n\":null}");
        assert_int_equal(node_count(n), 4);
        node_free(n);
        assert_null(node_free(NULL));
        assert_int_equal(node_count(NULL), 0);
}

static void test_put_replaces(void **state _unused_)
{
        Node *n = json("{\"a\":1,\"b\":2,\"c\":3}");

        assert_int_equal(node_put(n, "b", node_new_int(9)), 0);
        assert_json(n, "{\"a\":1,\"c\":3,\"b\":9}");
        node_remove(n, "a");
        assert_json(n, "{\"c\":3,\"b\":9}");
        node_remove(n, "b"); /* the last one */
        assert_int_equal(node_put(n, "d", node_new_int(4)), 0);
        assert_json(n, "{\"c\":3,\"d\":4}");
        node_remove(n, "no such");
        node_remove(n, "c");
        node_remove(n, "d");
        assert_json(n, "{}");
        node_free(n);

        n = node_new(NODE_LIST);
        assert_int_equal(node_put(n, NULL, node_new_int(1)), 0);
        assert_int_equal(node_put(n, NULL, node_new_int(1)), 0);
        assert_json(n, "[1,1]");
        node_free(n);
}

static void test_find(void **state _unused_)
{
        Node *n = json("{\"postgresql\":{\"parameters\":{\"max_connections\":100,\"a.b\":1},"
                       "\"use_slots\":\"on\"},\"ttl\":\"30\",\"list\":[1],\"f\":1.5,\"z\":null}");

        assert_string_equal(node_get_text(n, "postgresql.parameters.max_connections"), "100");
        assert_non_null(node_find(n, "postgresql.parameters"));
        assert_null(node_find(n, "postgresql.parameters.shared_buffers"));
        assert_null(node_find(n, "postgresql.use_slots.x"));
        assert_null(node_find(n, "postgres"));
        assert_null(node_find(n, "postgresql.param"));
        assert_null(node_find(n, ""));
        assert_null(node_find(n, "list.0"));
        assert_null(node_find(NULL, "a"));
        assert_non_null(node_get(node_find(n, "postgresql.parameters"), "a.b"));
        assert_null(node_get(node_get(n, "list"), "x"));
        assert_null(node_get_text(n, "postgresql")); /* no scalar */
        assert_null(node_get_text(n, "z"));
        assert_int_equal(node_get_int(n, "postgresql.parameters.max_connections", 7), 100);
        assert_int_equal(node_get_int(n, "ttl", 7), 30); /* a text that reads as one */
        assert_int_equal(node_get_int(n, "f", 7), 7);
        assert_int_equal(node_get_int(n, "no", 7), 7);
        assert_int_equal(node_get_int(n, "z", 7), 7);
        assert_true(node_get_bool(n, "postgresql.use_slots", false));
        assert_true(node_get_bool(n, "no", true));
        assert_true(node_get_bool(n, "ttl", true));
        assert_false(node_get_bool(n, "ttl", false));
        node_free(n);
}

static void equal(const char *a, const char *b, bool expected)
{
        Node *x = json(a), *y = json(b);

        assert_int_equal(node_equal(x, y), expected);
        assert_int_equal(node_equal(y, x), expected);
        node_free(x);
        node_free(y);
}

/* PATRONI-SPEC, "deep compare": 100 == "100", but True != true. */
static void test_equal(void **state _unused_)
{
        equal("100", "\"100\"", true);
        equal("1.0", "\"1.0\"", true);
        equal("1", "1.0", false);
        equal("true", "\"true\"", false);
        equal("true", "true", true);
        equal("true", "false", false);
        equal("null", "null", true);
        equal("null", "\"null\"", false);
        equal("null", "\"\"", false);
        equal("{\"a\":1,\"b\":2}", "{\"b\":\"2\",\"a\":1}", true); /* the order does not count */
        equal("{\"a\":1}", "{\"a\":1,\"b\":null}", false);
        equal("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":\"1\"}}", true);
        equal("[1,2]", "[1,2]", true);
        equal("[1,2]", "[2,1]", false);
        equal("[1]", "[1,2]", false);
        equal("{}", "[]", false);
        equal("{}", "\"{}\"", false);
        equal("[]", "1", false);
        assert_true(node_equal(NULL, NULL));
        Node *n = json("1");
        assert_false(node_equal(n, NULL));
        node_free(n);
}

static void patch(const char *map, const char *with, const char *expected, bool expect_changed)
{
        Node *m = json(map), *p = json(with);
        bool changed = false;

        assert_int_equal(node_patch(m, p, &changed), 0);
        assert_json(m, expected);
        assert_int_equal(changed, expect_changed);
        node_free(m);
        node_free(p);
}

/* PATRONI-SPEC, "patch merge". */
static void test_patch(void **state _unused_)
{
        patch("{\"ttl\":30}", "{\"ttl\":20}", "{\"ttl\":20}", true);
        patch("{\"ttl\":30}", "{\"ttl\":\"30\"}", "{\"ttl\":30}", false);
        patch("{\"ttl\":30}", "{}", "{\"ttl\":30}", false);
        patch("{\"ttl\":30,\"pause\":true}", "{\"pause\":null}", "{\"ttl\":30}", true);
        patch("{\"ttl\":30}", "{\"pause\":null}", "{\"ttl\":30}", false);
        patch("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":null,\"d\":4}}",
              "{\"a\":{\"c\":2,\"d\":4}}", true);
        patch("{\"a\":1}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}", true);
        patch("{\"a\":{\"b\":1}}", "{\"a\":2}", "{\"a\":2}", true);
        patch("{\"l\":[1,2,3]}", "{\"l\":[1]}", "{\"l\":[1]}", true);
        patch("{\"l\":[1,2]}", "{\"l\":[1,2]}", "{\"l\":[1,2]}", false);
        patch("{\"b\":true}", "{\"b\":\"true\"}", "{\"b\":\"true\"}", true);
}

static void test_patch_keeps_changed(void **state _unused_)
{
        Node *m = json("{\"a\":1}"), *p = json("{\"a\":1}");
        bool changed = true;

        assert_int_equal(node_patch(m, p, &changed), 0);
        assert_true(changed); /* set, never cleared */
        node_free(m);
        node_free(p);
}

static void test_copy(void **state _unused_)
{
        Node *n = json("{\"a\":{\"b\":[1,\"x\",null,true,1.5]}}");
        Node *copy = node_copy(n);

        node_free(n);
        assert_json(copy, "{\"a\":{\"b\":[1,\"x\",null,true,1.5]}}");
        node_free(copy);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_makers),  cmocka_unit_test(test_put_replaces),
                cmocka_unit_test(test_find),    cmocka_unit_test(test_equal),
                cmocka_unit_test(test_patch),   cmocka_unit_test(test_patch_keeps_changed),
                cmocka_unit_test(test_copy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
