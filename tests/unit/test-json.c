#include <errno.h>

#include "config/json.h"
#include "test-lib.h"

static int parse(const char *text, bool first_only, Node **ret)
{
        char error[JSON_ERROR_SIZE] = "untouched";
        int r = json_parse(text, strlen(text), first_only, ret, error);

        if (r < 0)
                assert_true(error[0] && strlen(error) < JSON_ERROR_SIZE && !strchr(error, '\n'));
        else
                assert_string_equal(error, "");
        return r;
}

static void round_trip(const char *text, const char *compact, const char *spaced)
{
        Node *n = NULL;

        assert_int_equal(parse(text, false, &n), 0);
        char *a = json_format(n, JSON_COMPACT), *b = json_format(n, JSON_SPACED);
        assert_string_equal(a, compact);
        assert_string_equal(b, spaced);
        free(a);
        free(b);
        node_free(n);
}

/* Both styles as Python's json.dumps writes them (PATRONI-SPEC, conventions). */
static void test_styles(void **state _unused_)
{
        round_trip("{}", "{}", "{}");
        round_trip("[ ]", "[]", "[]");
        round_trip(" {\"a\" : [1, 2,{\"b\":null}] , \"c\":true}\n",
                   "{\"a\":[1,2,{\"b\":null}],\"c\":true}",
                   "{\"a\": [1, 2, {\"b\": null}], \"c\": true}");
        round_trip("\"x\"", "\"x\"", "\"x\"");
        round_trip("false", "false", "false");
}

static void test_texts(void **state _unused_)
{
        static const char *const same[] = {
                "\"a\\\"b\\\\c\\n\\r\\t\\b\\f/\"",
                "\"\\u0001\\u001f\\u007f\"",
                "\"N\\u00f6-de\"",
                "\"\\ud83d\\ude00\"",
                "\"\\u20ac\"",
        };

        for (size_t i = 0; i < ELEMENTSOF(same); i++)
                round_trip(same[i], same[i], same[i]);
        round_trip("\"N\303\266\"", "\"N\\u00f6\"", "\"N\\u00f6\"");
        round_trip("\"\342\202\254\"", "\"\\u20ac\"", "\"\\u20ac\"");
        round_trip("\"\360\237\230\200\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\"");
        round_trip("\"\\/\"", "\"/\"", "\"/\"");
}

/* What came from elsewhere, not through json_parse(): each escape is one that can be read. */
static void test_stray_bytes(void **state _unused_)
{
        _cleanup_(node_freep) Node *n = node_new_string("\340\200\242\355\240\200\377");
        _cleanup_(node_freep) Node *again = NULL;
        char *text = json_format(n, JSON_COMPACT);

        assert_string_equal(text, "\"\\u00e0\\u0080\\u00a2\\u00ed\\u00a0\\u0080\\u00ff\"");
        assert_int_equal(parse(text, false, &again), 0);
        free(text);
}

/* Numbers keep their text; whole ones saturate. */
static void test_numbers(void **state _unused_)
{
        static const struct {
                const char *text;
                NodeKind kind;
                int64_t integer;
        } numbers[] = {
                { "0", NODE_INT, 0 },
                { "-1", NODE_INT, -1 },
                { "9223372036854775807", NODE_INT, INT64_MAX },
                { "-9223372036854775807", NODE_INT, -INT64_MAX },
                { "-9223372036854775808", NODE_INT, INT64_MIN },
                { "18446744073709551615", NODE_INT, INT64_MAX },
                { "-99999999999999999999", NODE_INT, INT64_MIN },
                { "1.5", NODE_FLOAT, 0 },
                { "1e3", NODE_FLOAT, 0 },
                { "1E400", NODE_FLOAT, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                Node *n = NULL;
                assert_int_equal(parse(numbers[i].text, false, &n), 0);
                assert_int_equal(n->kind, numbers[i].kind);
                assert_string_equal(n->text, numbers[i].text);
                assert_true(n->integer == numbers[i].integer);
                node_free(n);
        }
}

static void test_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "",        " ",       "{",        "[1,",     "{\"a\"}", "{\"a\":}", "{a:1}",
                "nul",     "tru",     "01",       "1.",      "'x'",     "\"x",      "{} {}",
                "{}x",     "[1 2]",   "\"\\x\"",  "{\"a\":1,}", "]",    "\"\377\"", "NaN",
                "\"a\\u0000b\"", "{\"a\\u0000\":1}", "\"\n\"",
                /* what yajl takes for UTF-8: longer than needed, a surrogate, beyond the last character */
                "\"\340\200\242\"", "\"\355\240\200\"", "{\"\364\220\200\200\":1}",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Node *n = (Node *)&bad;
                assert_int_equal(parse(bad[i], false, &n), -EBADMSG);
                assert_ptr_equal(n, &bad); /* written only on success */
        }
        assert_int_equal(json_parse("{", 1, false, &(Node *){ NULL }, NULL), -EBADMSG);
        Node *n = NULL;
        assert_int_equal(json_parse("12345", 2, false, &n, NULL), 0); /* only `size` bytes */
        assert_string_equal(n->text, "12");
        node_free(n);
}

/* etcd's streams: only the first document counts. */
static void test_first_only(void **state _unused_)
{
        Node *n = NULL;

        assert_int_equal(parse("{\"a\":1}\n{\"b\":2}\n", true, &n), 0);
        assert_int_equal(node_get_int(n, "a", 0), 1);
        assert_null(node_get(n, "b"));
        node_free(n);
        assert_int_equal(parse("{\"a\":1}garbage", true, &n), 0);
        node_free(n);
        assert_int_equal(parse("{\"a\":1", true, &n), -EBADMSG);
}

static void test_last_key_wins(void **state _unused_)
{
        round_trip("{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":2,\"a\":3}", "{\"b\": 2, \"a\": 3}");
}

static void test_ceilings(void **state _unused_)
{
        char deep[2 * (JSON_DEPTH_MAX + 1) + 1] = "";
        Node *n = NULL;

        for (int i = 0; i < JSON_DEPTH_MAX; i++) {
                deep[i] = '[';
                deep[2 * JSON_DEPTH_MAX - 1 - i] = ']';
        }
        assert_int_equal(parse(deep, false, &n), 0);
        node_free(n);
        memset(deep, '[', JSON_DEPTH_MAX + 1);
        memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
        assert_int_equal(parse(deep, false, &n), -E2BIG);

        char *wide = malloc(2 * JSON_NODES_MAX + 3);
        size_t used = 0;
        wide[used++] = '[';
        for (size_t i = 0; i < JSON_NODES_MAX - 1; i++) {
                wide[used++] = '1';
                wide[used++] = ',';
        }
        wide[used - 1] = ']';
        wide[used] = 0;
        assert_int_equal(parse(wide, false, &n), 0);
        assert_int_equal(node_count(n), JSON_NODES_MAX - 1);
        node_free(n);
        strcpy(wide + used - 1, ",1]");
        assert_int_equal(parse(wide, false, &n), -E2BIG);
        free(wide);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_styles),     cmocka_unit_test(test_texts),
                cmocka_unit_test(test_numbers),    cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_first_only), cmocka_unit_test(test_last_key_wins),
                cmocka_unit_test(test_ceilings),   cmocka_unit_test(test_stray_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
