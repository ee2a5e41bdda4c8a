/* Plain words resolve as PyYAML's safe loader does: a patroni.yml must mean the same to both. */
#include <errno.h>

#include "config/json.h"
#include "config/yaml.h"
#include "test-lib.h"

static Node *yaml(const char *text)
{
        char error[YAML_ERROR_SIZE] = "";
        Node *n = NULL;

        assert_int_equal(yaml_parse(text, strlen(text), &n, error), 0);
        assert_string_equal(error, "");
        return n;
}

static void reads(const char *text, const char *json)
{
        Node *n = yaml(text);
        char *got = json_format(n, JSON_COMPACT);

        assert_string_equal(got, json);
        free(got);
        node_free(n);
}

static void test_scalars(void **state _unused_)
{
        reads("[yes, Yes, YES, true, True, TRUE, on, On, ON]",
              "[true,true,true,true,true,true,true,true,true]");
        reads("[no, No, NO, false, False, FALSE, off, Off, OFF]",
              "[false,false,false,false,false,false,false,false,false]");
        reads("[y, n, oN, tRUE]", "[\"y\",\"n\",\"oN\",\"tRUE\"]");
        reads("[~, null, Null, NULL]", "[null,null,null,null]");
        reads("a:", "{\"a\":null}");
        reads("[nULL, None]", "[\"nULL\",\"None\"]");
        reads("[\"yes\", 'on', \"1\", '~']", "[\"yes\",\"on\",\"1\",\"~\"]");
}

static void test_numbers(void **state _unused_)
{
        reads("[0, 10, -5, +5, 1_000]", "[0,10,-5,5,1000]");
        reads("[0x1F, 010, 0b101]", "[31,8,5]");
        reads("[08, 1a, 0x, 5432:5432x, 10MB]", "[\"08\",\"1a\",\"0x\",\"5432:5432x\",\"10MB\"]");
        reads("[1.5, -0.5, .5, 1., 1.5e+3]", "[1.5,-0.5,.5,1.,1.5e+3]");
        reads("[127.0.0.1, 1e3, '1.5', 1.5e3]",
              "[\"127.0.0.1\",\"1e3\",\"1.5\",\"1.5e3\"]");
        reads("[99999999999999999999]", "[\"99999999999999999999\"]");
}

static void test_document(void **state _unused_)
{
        reads("scope: main\n"
              "postgresql:\n"
              "  listen: \"*:5432\" # all\n"
              "  parameters:\n"
              "    max_connections: 100\n"
              "  pg_hba:\n"
              "  - local all all trust\n"
              "  - host all all 0.0.0.0/0 scram-sha-256\n",
              "{\"scope\":\"main\",\"postgresql\":{\"listen\":\"*:5432\",\"parameters\":"
              "{\"max_connections\":100},\"pg_hba\":[\"local all all trust\","
              "\"host all all 0.0.0.0/0 scram-sha-256\"]}}");
        reads("a: |\n  one\n  two\nb: >\n  one\n  two\n", "{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\\n\"}");
        reads("", "null");
        reads("# only a comment\n", "null");
        reads("{a: 1, a: 2}", "{\"a\":2}");
        reads("1: x\ntrue: y\n", "{\"1\":\"x\",\"true\":\"y\"}");
        reads("---\na: 1\n---\nb: 2\n", "{\"a\":1}"); /* the first one */
}

static void test_anchors(void **state _unused_)
{
        reads("a: &x {k: 1}\nb: *x\n", "{\"a\":{\"k\":1},\"b\":{\"k\":1}}");
}

static void test_lines(void **state _unused_)
{
        Node *n = yaml("scope: main\n\n# x\npostgresql:\n  listen: a\n  pg_hba:\n  - one\n  - two\n");

        assert_int_equal(node_find(n, "scope")->line, 1);
        assert_int_equal(node_find(n, "postgresql")->line, 4); /* of the key */
        assert_int_equal(node_find(n, "postgresql.listen")->line, 5);
        assert_int_equal(node_find(n, "postgresql.pg_hba")->line, 6);
        assert_int_equal(node_find(n, "postgresql.pg_hba")->children->line, 7);
        assert_int_equal(node_find(n, "postgresql.pg_hba")->last->line, 8);
        node_free(n);
}

static void refuses(const char *text, size_t size, int expected, const char *says)
{
        char error[YAML_ERROR_SIZE] = "";
        Node *n = NULL;

        assert_int_equal(yaml_parse(text, size, &n, error), expected);
        assert_null(n);
        if (!strstr(error, says))
                print_error("\"%s\" is not in \"%s\"\n", says, error);
        assert_non_null(strstr(error, says));
}

static void test_refuse(void **state _unused_)
{
        static const char unclosed[] = "a: [1,\nb: 2\n", tab[] = "a:\n\t- b\n";
        static const char map_key[] = "a: 1\n? [1, 2]\n: 3\n", alias[] = "a: *nobody\n";
        static const char nul[] = "a: \"x\\0y\"\n";

        refuses(unclosed, sizeof unclosed - 1, -EBADMSG, "line 3"); /* where it ends */
        refuses(tab, sizeof tab - 1, -EBADMSG, "line 2");
        refuses(map_key, sizeof map_key - 1, -EBADMSG, "line 2: a key must be a plain word");
        refuses(alias, sizeof alias - 1, -EBADMSG, "line 1");
        refuses(nul, sizeof nul - 1, -EBADMSG, "NUL");
}

/* Aliases of aliases: nine levels of nine would be 387 million values. */
static void test_ceilings(void **state _unused_)
{
        char text[4096] = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n";
        char deep[JSON_DEPTH_MAX * 2 + 8] = "";
        size_t n = strlen(text);

        for (int i = 1; i < 9; i++)
                n += (size_t)snprintf(text + n, sizeof text - n,
                                      "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n",
                                      i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1,
                                      i - 1);
        refuses(text, n, -E2BIG, "too many values");
        memset(deep, '[', JSON_DEPTH_MAX + 2);
        memset(deep + JSON_DEPTH_MAX + 2, ']', JSON_DEPTH_MAX + 2);
        refuses(deep, strlen(deep), -E2BIG, "nested too deep");
        /* one that contains itself */
        refuses("a: &a [*a]\n", 11, -E2BIG, "nested too deep");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scalars), cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_document), cmocka_unit_test(test_anchors),
                cmocka_unit_test(test_lines),   cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_ceilings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
