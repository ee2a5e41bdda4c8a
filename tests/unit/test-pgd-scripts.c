/* Command lines, callbacks and replica methods (PATRONI-SPEC §2.5, part 6). */
#include <errno.h>

#include "config/json.h"
#include "pgd/archive.h"
#include "pgd/callback.h"
#include "pgd/methods.h"
#include "pgd/words.h"
#include "test-lib.h"

static Node *json(const char *text)
{
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        return n;
}

/* The list's texts, each in brackets. */
static void is(const Node *list, const char *expected)
{
        char text[2048] = "";

        NODE_FOREACH(n, list) {
                strcat(text, "[");
                strcat(text, n->text);
                strcat(text, "]");
        }
        assert_string_equal(text, expected);
}

static void words(const char *command, const char *expected)
{
        Node *list = NULL;

        assert_int_equal(words_split(command, &list), 0);
        is(list, expected);
        node_free(list);
}

static void test_words(void **state _unused_)
{
        Node *list = NULL;

        words("/bin/true", "[/bin/true]");
        words("  a\tb \n c ", "[a][b][c]");
        words("a 'b c' \"d e\" f\\ g", "[a][b c][d e][f g]");
        words("a '' b\"\"c", "[a][][bc]");
        words("'a\\b' \"a\\b\" \"a\\\"b\" a\\\\b", "[a\\b][a\\b][a\"b][a\\b]");
        assert_int_equal(words_split("", &list), -EINVAL);
        assert_int_equal(words_split("  ", &list), -EINVAL);
        assert_int_equal(words_split("a 'b", &list), -EINVAL);
        assert_int_equal(words_split("a \"b", &list), -EINVAL);
        assert_int_equal(words_split("a b\\", &list), -EINVAL);
}

static void test_callbacks(void **state _unused_)
{
        CallbackMemory m = { 0 };

        /* A first start; more answers call nothing. */
        assert_int_equal(callback_at_answer(&m, 10, ROLE_REPLICA), CALLBACK_START);
        assert_int_equal(callback_at_answer(&m, 10, ROLE_REPLICA), CALLBACK_NONE);
        /* A promotion. */
        assert_int_equal(callback_at_answer(&m, 10, ROLE_PRIMARY), CALLBACK_ROLE_CHANGE);
        /* A demotion: stopped as primary, back as replica. */
        assert_int_equal(callback_at_end(&m, true, false), CALLBACK_STOP);
        assert_int_equal(callback_at_end(&m, true, false), CALLBACK_NONE);
        assert_int_equal(callback_at_answer(&m, 11, ROLE_REPLICA), CALLBACK_ROLE_CHANGE);
        /* A restart is one callback; with a change of role, it is that. */
        assert_int_equal(callback_at_end(&m, true, true), CALLBACK_NONE);
        assert_int_equal(callback_at_answer(&m, 12, ROLE_REPLICA), CALLBACK_RESTART);
        assert_int_equal(callback_at_end(&m, true, true), CALLBACK_NONE);
        assert_int_equal(callback_at_answer(&m, 13, ROLE_PRIMARY), CALLBACK_ROLE_CHANGE);
        /* A crash is no stop, and the start after it is a start. */
        assert_int_equal(callback_at_end(&m, false, false), CALLBACK_NONE);
        assert_int_equal(callback_at_answer(&m, 14, ROLE_PRIMARY), CALLBACK_START);
        assert_int_equal(callback_at_end(&m, true, false), CALLBACK_STOP);
        assert_int_equal(callback_at_answer(&m, 15, ROLE_PRIMARY), CALLBACK_START);
        assert_string_equal(callback_to_string(CALLBACK_ROLE_CHANGE), "on_role_change");
}

static void method(PgConf c, const char *name, const char *expected)
{
        Node *argv = node_new(NODE_LIST);

        assert_int_equal(method_add_params(&c, name, "/data", "host=a", argv), 0);
        is(argv, expected);
        node_free(argv);
}

static void test_methods(void **state _unused_)
{
        Node *local = json("{\"create_replica_methods\":[\"mine\",\"bare\",\"basebackup\"],"
                           "\"mine\":{\"command\":\"/bin/mine -x\",\"threads\":4,\"keep_data\":true},"
                           "\"bare\":{\"command\":\"/bin/bare\",\"no_params\":true,"
                           "\"no_leader\":1,\"keep_data\":false,\"key\":\"v w\"}}");
        Node *dynamic = json("{\"create_replica_methods\":[\"other\"],"
                             "\"mine\":{\"threads\":2,\"stanza\":\"s\"}}");
        PgConf c = { .local = local, .dynamic = dynamic, .scope = "main" };
        Node *list = methods_list(&c);

        is(list, "[mine][bare][basebackup]");
        node_free(list);
        assert_string_equal(method_command(&c, "mine"), "/bin/mine -x");
        assert_string_equal(method_command(&c, "nothing"), "nothing");
        assert_true(methods_keep_data(&c));
        assert_true(methods_need_no_source(&c));
        assert_false(method_flag(&c, "mine", "no_leader"));
        /* Both documents, key by key; the flags go along unless there are no parameters. */
        method(c, "mine", "[--scope=main][--role=replica][--datadir=/data][--connstring=host=a]"
                          "[--stanza=s][--threads=4][--keep_data=True]");
        method(c, "bare", "[--key=v w]");
        c.local = NULL;
        list = methods_list(&c);
        is(list, "[other]");
        node_free(list);
        c.dynamic = NULL;
        list = methods_list(&c);
        is(list, "[basebackup]");
        node_free(list);
        assert_false(methods_keep_data(&c));
        assert_false(methods_need_no_source(&c));
        node_free(local);
        node_free(dynamic);
}

static unsigned warnings;

static void count(const char *text _unused_)
{
        warnings++;
}

static void options(const char *section, uint32_t version, const char *expected, unsigned told)
{
        Node *local = json(section), *argv = node_new(NODE_LIST);
        PgConf c = { .local = local, .version = version };

        warnings = 0;
        assert_int_equal(methods_add_basebackup_options(&c, argv, count), 0);
        is(argv, expected);
        assert_int_equal(warnings, told);
        node_free(argv);
        node_free(local);
}

static void test_options(void **state _unused_)
{
        options("{\"basebackup\":[\"verbose\",{\"max-rate\":\"100M\"},{\"pgdata\":\"/x\"}]}", 150000,
                "[--verbose][--max-rate=100M]", 1);
        options("{\"basebackup\":{\"verbose\":true,\"no-sync\":false,\"max-rate\":\"100M\","
                "\"waldir\":\"/w\",\"host\":\"h\"}}", 150000,
                "[--verbose][--max-rate=100M][--waldir=/w]", 1);
        options("{\"basebackup\":{\"compress\":\"server-lz4\"}}", 150000, "[--compress=server-lz4]", 0);
        options("{\"basebackup\":{\"compress\":\"server-lz4\"}}", 140000, "", 1);
        options("{\"basebackup\":[{\"compress\":\"9\"}]}", 150000, "", 1);
        options("{}", 150000, "", 0);
}

static void test_merged(void **state _unused_)
{
        Node *local = json("{\"callbacks\":{\"on_start\":\"l\"},\"text\":\"t\"}");
        Node *dynamic = json("{\"callbacks\":{\"on_start\":\"d\",\"on_stop\":\"d\"}}");
        PgConf c = { .local = local, .dynamic = dynamic };
        Node *m = pgconf_merged(&c, "callbacks");

        assert_string_equal(node_get_text(m, "on_start"), "l");
        assert_string_equal(node_get_text(m, "on_stop"), "d");
        node_free(m);
        assert_null(pgconf_merged(&c, "text"));
        assert_null(pgconf_merged(&c, "absent"));
        node_free(local);
        node_free(dynamic);
}

static void archived(const char *command, const char *expected)
{
        char line[64];

        assert_true(archive_format(command, "0A", line, sizeof line));
        assert_string_equal(line, expected);
}

static void test_archive(void **state _unused_)
{
        char line[8];

        archived("cp %p /a/%f", "cp pg_wal/0A /a/0A");
        archived("date +%%d %x 5%", "date +%d %x 5%");
        archived("", "");
        assert_false(archive_format("1234567%f", "0A", line, sizeof line));
        assert_int_equal(archive_ready_length("000000010000000000000001.ready"), 24);
        assert_int_equal(archive_ready_length("000000010000000000000001.done"), 0);
        assert_int_equal(archive_ready_length(".ready"), 0);
}

static void test_restore(void **state _unused_)
{
        static const char *const others[] = {
                "",
                "pg_rewind: error: could not open file \"/data/pg_wal/000000010000000000000003\": Permission denied",
                "pg_rewind: error: could not open file \"/data/pg_wal/00000001000000000000003\": No such file or directory",
                "pg_rewind: error: could not open file \"/data/pg_wal/00000001000000000000000x\": No such file or directory",
                "pg_rewind: error: could not open file \"/pg_wax/000000010000000000000003\": No such file or directory",
                "pg_rewind: error: could not open file \"3\": No such file or directory",
                "pg_rewind: fatal: could not find previous WAL record at 0/3000060",
        };
        char line[64], file[WAL_FILE_SIZE] = "untouched";

        assert_true(archive_format_restore("get %f %p %r %%p", "0A", "pg_wal/X", line, sizeof line));
        assert_string_equal(line, "get 0A pg_wal/X 000000010000000000000001 %p");
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_false(archive_missing_file(others[i], file));
        assert_string_equal(file, "untouched");
        assert_true(archive_missing_file("pg_rewind: error: could not open file \"/data/pg_wal/0000000A0000000000000003\": "
                                         "No such file or directory", file));
        assert_string_equal(file, "0000000A0000000000000003");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),    cmocka_unit_test(test_callbacks),
                cmocka_unit_test(test_methods),
                cmocka_unit_test(test_archive), cmocka_unit_test(test_restore),
                cmocka_unit_test(test_options),  cmocka_unit_test(test_merged),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
