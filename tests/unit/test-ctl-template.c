/* template: what a generated configuration file says, and that it is one. */
#include <errno.h>
#include <stdlib.h>

#include "config/schema.h"
#include "config/yaml.h"
#include "ctl/template.h"
#include "test-lib.h"

static void none(const Problem *p, void *userdata _unused_)
{
        fail_msg("line %u: %s", p->line, p->text);
}

/* As a file, read again. */
static Node *written(const Node *root, char **ret_text)
{
        char error[YAML_ERROR_SIZE];
        size_t size;
        Node *again = NULL;
        FILE *f = open_memstream(ret_text, &size);

        template_write(f, root);
        fclose(f);
        assert_int_equal(yaml_parse(*ret_text, size, &again, error), 0);
        assert_int_equal(schema_check_local(again, none, NULL), 0);
        return again;
}

static void is(const Node *root, const char *dotted, const char *text)
{
        const char *found = node_get_text(root, dotted);

        if (!text) {
                assert_null(node_find(root, dotted));
                return;
        }
        assert_non_null(found);
        assert_string_equal(found, text);
}

static void test_sample(void **state _unused_)
{
        _cleanup_(node_freep) Node *root = template_new("db1", "192.0.2.1");
        char *text;

        assert_int_equal(template_add_sample(root), 0);
        _cleanup_(node_freep) Node *again = written(root, &text);
        is(again, "scope", TEMPLATE_OPEN);
        is(again, "name", "db1");
        is(again, "restapi.connect_address", "192.0.2.1:8008");
        is(again, "postgresql.listen", "192.0.2.1:5432");
        is(again, "postgresql.authentication.rewind.username", "rewind_user");
        is(again, "bootstrap.dcs.ttl", "10");
        is(again, "bootstrap.dcs.postgresql.parameters.wal_keep_size", "128MB");
        is(again, "bootstrap.dcs.postgresql.use_pg_rewind", "true");
        assert_int_equal(node_count(node_find(again, "postgresql.pg_hba")), 3);
        assert_ptr_equal(strstr(text, "scope: "), text);
        assert_true(strstr(text, "    ttl: 10\n    loop_wait: 2\n") < strstr(text, "\npostgresql:\n"));
        assert_true(strstr(text, "\npostgresql:\n") < strstr(text, "\ntags:\n"));
        free(text);
}

static void test_unknown_machine(void **state _unused_)
{
        _cleanup_(node_freep) Node *root = template_new(NULL, NULL), *v6 = template_new("a", "2001:db8::1");

        is(root, "name", TEMPLATE_OPEN);
        is(root, "restapi.listen", TEMPLATE_OPEN ":8008");
        is(v6, "restapi.listen", "[2001:db8::1]:8008");
}

static void test_settings(void **state _unused_)
{
        static const struct {
                const char *name, *value, *dotted; /* NULL: left out */
        } rows[] = {
                { "cluster_name", "shop", "scope" },
                { "data_directory", "/srv/data", "postgresql.data_dir" },
                { "work_mem", "7MB", "bootstrap.dcs.postgresql.parameters.work_mem" },
                { "max_connections", "300", "bootstrap.dcs.postgresql.parameters.max_connections" },
                { "archive_command", "cp %p /a/%f", "postgresql.parameters.archive_command" },
                { "ssl_passphrase_command", "x", "postgresql.parameters.ssl_passphrase_command" },
                { "port", "5477", NULL },
                { "hba_file", "/etc/pg_hba.conf", NULL },
        };
        _cleanup_(node_freep) Node *root = template_new("db1", "192.0.2.1");
        char *text;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(template_take_setting(root, rows[i].name, rows[i].value), 0);
        assert_int_equal(template_take_setting(root, "cluster_name", ""), 0); /* not set */
        assert_int_equal(template_take_setting(root, "auto_explain.log_min_duration", "5ms"), 0);
        _cleanup_(node_freep) Node *again = written(root, &text);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (rows[i].dotted)
                        is(again, rows[i].dotted, rows[i].value);
        const Node *parameters = node_find(again, "bootstrap.dcs.postgresql.parameters");
        is(parameters, "port", NULL);
        is(parameters, "hba_file", NULL);
        assert_string_equal(node_get(parameters, "auto_explain.log_min_duration")->text, "5ms");
        free(text);
}

static void test_lines(void **state _unused_)
{
        _cleanup_(node_freep) Node *root = template_new("db1", "192.0.2.1");

        assert_int_equal(template_take_line(root, "pg_hba", "# TYPE  DATABASE\n"), 0);
        assert_int_equal(template_take_line(root, "pg_hba", "  \n"), 0);
        assert_int_equal(template_take_line(root, "pg_hba", ""), 0);
        assert_null(node_find(root, "postgresql.pg_hba"));
        assert_int_equal(template_take_line(root, "pg_hba", "  host all  all all md5 # who \r\n"), 0);
        assert_int_equal(template_take_line(root, "pg_hba", "local all all peer"), 0);
        const Node *list = node_find(root, "postgresql.pg_hba");
        assert_int_equal(node_count(list), 2);
        assert_string_equal(list->children->text, "host all  all all md5 # who");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sample),
                cmocka_unit_test(test_unknown_machine),
                cmocka_unit_test(test_settings),
                cmocka_unit_test(test_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
