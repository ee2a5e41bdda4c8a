/* yaml-out: as PyYAML writes it, and what was written reads back as it was. */
#include "test-ctl.h"

#include "api-scenes.h"
#include "config/yaml.h"
#include "ctl/yaml-out.h"

static void assert_yaml(const char *json, const char *expected)
{
        _cleanup_(node_freep) Node *n = document(json), *again = NULL;
        char *text, error[YAML_ERROR_SIZE];
        FILE *f = to_memory(&text);

        yaml_write(f, n);
        fclose(f);
        assert_string_equal(text, expected);
        assert_int_equal(yaml_parse(text, strlen(text), &again, error), 0);
        assert_true(node_equal(n, again));
        free(text);
}

static void test_recorded(void **state _unused_)
{
        char *keys = scene_text(scene_folder("running"), "keys");
        char *said = scene_text(scene_folder("running"), "show-config.txt"), *text;
        char *json = strchr(keys, '\n') + 1;
        json[strcspn(json, "\n")] = 0;
        _cleanup_(node_freep) Node *n = document(json);
        FILE *f = to_memory(&text);

        yaml_write(f, n);
        fputc('\n', f);
        fclose(f);
        text[strlen(said)] = 0; /* line ends behind the last line aside */
        assert_string_equal(text, said);
        free(text);
        free(said);
        free(keys);
}

static void test_structure(void **state _unused_)
{
        assert_yaml("{}", "{}\n");
        assert_yaml("[]", "[]\n");
        assert_yaml("{\"b\":1,\"a\":{}}", "a: {}\nb: 1\n");
        assert_yaml("{\"a\":[1,\"x\"]}", "a:\n- 1\n- x\n");
        assert_yaml("{\"a\":{\"b\":[{\"c\":1,\"d\":2},{\"c\":3}]}}",
                    "a:\n  b:\n  - c: 1\n    d: 2\n  - c: 3\n");
        assert_yaml("[[1,2],[3]]", "- - 1\n  - 2\n- - 3\n");
        assert_yaml("{\"a\":[]}", "a: []\n");
        assert_yaml("{\"a\":null,\"b\":true,\"c\":1.5}", "a: null\nb: true\nc: 1.5\n");
}

/* Quotes where a plain text would be something else. */
static void test_quotes(void **state _unused_)
{
        static const struct {
                const char *json, *yaml;
        } rows[] = {
                { "\"on\"", "'on'" },
                { "\"5\"", "'5'" },
                { "\"5MB\"", "5MB" },
                { "\"\"", "''" },
                { "\"null\"", "'null'" },
                { "\"~\"", "'~'" },
                { "\"a: b\"", "'a: b'" },
                { "\"a:b\"", "a:b" },
                { "\"a #b\"", "'a #b'" },
                { "\"a#b\"", "a#b" },
                { "\"- a\"", "'- a'" },
                { "\"-a\"", "-a" },
                { "\"*\"", "'*'" },
                { "\"a'b\"", "a'b" },
                { "\"'a\"", "'''a'" },
                { "\" a\"", "' a'" },
                { "\"a \"", "'a '" },
                { "\"a,b\"", "a,b" },
                { "\"[a]\"", "'[a]'" },
                { "\"a[1]\"", "a[1]" },
                { "\"a:\"", "'a:'" },
                { "\"2026-11-22\"", "'2026-11-22'" },
                { "\"a\\nb\"", "\"a\\nb\"" },
                { "\"a\\u0085b\"", "\"a\\x85b\"" }, /* line ends to some readers */
                { "\"a\\u2028\"", "\"a\\u2028\"" },
                { "\"\\ufeff\"", "\"\\uFEFF\"" },
                { "\"\\u00e9\\u2026\"", "\u00e9\u2026" },
                { "\"--- a\"", "'--- a'" },
                { "\"...a\"", "'...a'" },
                { "\"%p\"", "'%p'" },
                { "\"cp %p /x/%f\"", "cp %p /x/%f" },
                { "\"1e5\"", "1e5" },
                { "\"0x1f\"", "'0x1f'" },
                { "\"=\"", "'='" },
                { "\"1.5\"", "'1.5'" },
                { "\"{\"", "'{'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char json[64], yaml[64];
                snprintf(json, sizeof json, "{\"k\":%s}", rows[i].json);
                snprintf(yaml, sizeof yaml, "k: %s\n", rows[i].yaml);
                assert_yaml(json, yaml);
        }
        assert_yaml("{\"on\":1,\"5\":2}", "'5': 2\n'on': 1\n");
}

static void test_flow(void **state _unused_)
{
        _cleanup_(node_freep) Node *n =
                        document("{\"b\":[1,\"x, y\"],\"a\":\"blue\",\"c\":{\"d\":null}}");
        char *text;
        FILE *f = to_memory(&text);

        yaml_write_flow(f, n);
        assert_printed(f, &text, "{a: blue, b: [1, 'x, y'], c: {d: null}}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded),
                cmocka_unit_test(test_structure),
                cmocka_unit_test(test_quotes),
                cmocka_unit_test(test_flow),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
