/* Lines of the log without a journal: Patroni's format, its JSON, and the section that asks for them. */
#include "base/log-form.h"
#include "config/log-node.h"
#include "config/yaml.h"
#include "test-lib.h"

static const LogRecord record = { .date = "2026-11-25 09:03:49,123", .level = "INFO", .program = "palisaded",
                                  .pid = "42", .message = "said \"no\"\tto C:\\" };

static void line_is(const char *section, const char *expected)
{
        _cleanup_(node_freep) Node *log = NULL;
        char error[YAML_ERROR_SIZE], line[2 * LOG_FORM_SIZE];
        LogForm form;

        assert_int_equal(yaml_parse(section, strlen(section), &log, error), 0);
        log_node_read(log, &form);
        log_form_line(&form, &record, line, sizeof line);
        assert_string_equal(line, expected);
}

static void test_plain(void **state _unused_)
{
        line_is("{}", "2026-11-25 09:03:49,123 INFO: said \"no\"\tto C:\\");
        line_is("{type: plain, static_fields: {a: b}}", "2026-11-25 09:03:49,123 INFO: said \"no\"\tto C:\\");
        line_is("format: '%(levelname)-8s|%(process)d|%(name)s|%(message)s'", "INFO|42|palisaded|said \"no\"\tto C:\\");
        line_is("format: '100% %(lineno)d %(message'", "100% %(lineno)d %(message");
}

static void test_json(void **state _unused_)
{
        line_is("type: json", "{\"asctime\": \"2026-11-25 09:03:49,123\", \"levelname\": \"INFO\", \"message\": "
                              "\"said \\\"no\\\"\\u0009to C:\\\\\"}");
        line_is("{type: json, format: '%(levelname)s: %(process)d'}", "{\"levelname\": \"INFO\", \"process\": 42}");
        line_is("{type: json, format: [name, {levelname: level}, lineno], static_fields: {app: main, n: 1, on: true}}",
                "{\"name\": \"palisaded\", \"level\": \"INFO\", \"app\": \"main\", \"n\": 1, \"on\": true}");
        line_is("{type: json, format: [lineno]}", "{}");
}

static void test_what_does_not_fit(void **state _unused_)
{
        char long_text[LOG_FORM_SIZE + 64], section[sizeof long_text + 64];

        memset(long_text, 'x', sizeof long_text - 1);
        long_text[sizeof long_text - 1] = 0;
        snprintf(section, sizeof section, "format: '%s'", long_text);
        line_is(section, "2026-11-25 09:03:49,123 INFO: said \"no\"\tto C:\\");
        snprintf(section, sizeof section, "{type: json, format: [name], static_fields: {a: '%s'}}", long_text);
        line_is(section, "{\"name\": \"palisaded\"}");

        char line[12];
        log_form_line(&(LogForm){ .format = LOG_FORM_DEFAULT }, &record, line, sizeof line);
        assert_string_equal(line, "2026-11-25 ");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_what_does_not_fit),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
