/* A new cluster from a program of the user's, and its roles (PATRONI-SPEC §2.4). */
#include "config/json.h"
#include "pgd/restore.h"
#include "pgd/roles.h"
#include "test-lib.h"

static Node *json(const char *text)
{
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        return n;
}

/* The list's texts, each in brackets; the list is freed. */
static void is(Node *list, const char *expected)
{
        char text[2048] = "";

        NODE_FOREACH(n, list) {
                strcat(text, "[");
                strcat(text, n->text);
                strcat(text, "]");
        }
        assert_string_equal(text, expected);
        node_free(list);
}

static void method(const char *bootstrap, RestoreRecovery recovery, const char *params,
                   const char *settings)
{
        Node *section = json(bootstrap), *argv = node_new(NODE_LIST);
        Restore r;

        assert_true(restore_find(section, &r));
        assert_int_equal(restore_add_params(&r, "main", "/data", argv), 0);
        is(argv, params);
        assert_int_equal(restore_recovery(&r), recovery);
        argv = node_new(NODE_LIST);
        assert_int_equal(restore_add_settings(&r, argv), 0);
        is(argv, settings);
        node_free(section);
}

static void test_methods(void **state _unused_)
{
        method("{\"method\":\"m\",\"m\":{\"command\":\"x\",\"stanza\":\"s\",\"delta\":true}}",
               RESTORE_NO_RECOVERY, "[--scope=main][--datadir=/data][--stanza=s][--delta=True]", "");
        method("{\"method\":\"m\",\"m\":{\"command\":\"x\",\"no_params\":true,\"a\":1,"
               "\"keep_existing_recovery_conf\":true,\"recovery_conf\":{\"restore_command\":\"y\"}}}",
               RESTORE_AS_LEFT, "[--a=1]", "[--hot_standby=off]");
        method("{\"method\":\"m\",\"m\":{\"command\":\"x\",\"no_params\":false,\"recovery_conf\":{"
               "\"restore_command\":\"get %f 'a b'\",\"standby_mode\":\"on\","
               "\"recovery_target_timeline\":\"latest\"}}}",
               RESTORE_BY_CONF, "[--scope=main][--datadir=/data]",
               "[--hot_standby=off][--restore_command=get %f 'a b'][--recovery_target_timeline=latest]");
        /* It waits at its target for a person, who must be able to come in. */
        method("{\"method\":\"m\",\"m\":{\"command\":\"x\",\"recovery_conf\":{"
               "\"recovery_target_time\":\"t\",\"recovery_target_action\":\"pause\"}}}",
               RESTORE_BY_CONF, "[--scope=main][--datadir=/data]",
               "[--recovery_target_time=t][--recovery_target_action=pause]");
        method("{\"method\":\"m\",\"m\":{\"command\":\"x\",\"recovery_conf\":{"
               "\"recovery_target_xid\":7,\"recovery_target_action\":\"Promote\"}}}",
               RESTORE_BY_CONF, "[--scope=main][--datadir=/data]",
               "[--hot_standby=off][--recovery_target_xid=7][--recovery_target_action=Promote]");
}

static void test_initdb(void **state _unused_)
{
        static const char *const none[] = { "{}", "{\"method\":\"initdb\",\"initdb\":[\"x\"]}",
                                            "{\"method\":\"m\"}", "{\"method\":\"m\",\"m\":{\"a\":1}}" };
        Restore r;

        assert_false(restore_find(NULL, &r));
        for (size_t i = 0; i < ELEMENTSOF(none); i++) {
                Node *section = json(none[i]);
                assert_false(restore_find(section, &r));
                node_free(section);
        }
}

static void test_roles(void **state _unused_)
{
        char sql[8192];
        Node *auth = json("{\"superuser\":{\"username\":\"postgres\",\"password\":\"o'k\"},"
                          "\"replication\":{\"username\":\"re\\\"p\"},"
                          "\"rewind\":{\"username\":\"postgres\",\"password\":\"x\"}}");

        assert_true(roles_sql(auth, sql, sizeof sql));
        assert_string_equal(
                sql,
                "SET log_statement TO none\n"
                "DO $palisade$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = "
                "'postgres') THEN ALTER ROLE \"postgres\" SUPERUSER LOGIN PASSWORD 'o''k'; ELSE CREATE "
                "ROLE \"postgres\" SUPERUSER LOGIN PASSWORD 'o''k'; END IF; END $palisade$\n"
                "DO $palisade$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = "
                "'re\"p') THEN ALTER ROLE \"re\"\"p\" REPLICATION LOGIN; ELSE CREATE ROLE \"re\"\"p\" "
                "REPLICATION LOGIN; END IF; END $palisade$\n");
        assert_false(roles_sql(auth, sql, 100));
        node_free(auth);
        auth = json("{\"rewind\":{\"username\":\"rw\"}}");
        assert_true(roles_sql(auth, sql, sizeof sql));
        assert_non_null(strstr(sql, "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO "
                                    "\"rw\"\n"));
        node_free(auth);
        static const char *const bad[] = { "{\"superuser\":{\"username\":\"a\\nb\"}}",
                                           "{\"replication\":{\"username\":\"r\",\"password\":"
                                           "\"$palisade$\"}}" };
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                auth = json(bad[i]);
                assert_false(roles_sql(auth, sql, sizeof sql));
                node_free(auth);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_methods),
                cmocka_unit_test(test_initdb),
                cmocka_unit_test(test_roles),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
