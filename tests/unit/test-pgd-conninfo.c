/* Keyword order and defaults of PATRONI-SPEC 3.7; the first is from a running cluster. */
#include "config/json.h"
#include "pgd/conninfo.h"
#include "test-lib.h"

static Node *json(const char *text)
{
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        return n;
}

static void check(ConnInfo c, const char *auth, const char *expected)
{
        char buf[1024];
        Node *n = auth ? json(auth) : NULL;

        c.auth = n;
        assert_true(conninfo_format(&c, buf, sizeof buf));
        assert_string_equal(buf, expected);
        node_free(n);
}

static void test_recorded(void **state _unused_)
{
        check((ConnInfo){ .dbname = "postgres", .host = "127.0.0.1", .port = 15999,
                          .passfile = "/var/run/demo/pgpass1", .application_name = "node1",
                          .server_version = 150020 },
              "{\"username\":\"replicator\",\"password\":\"secret\"}",
              "dbname=postgres user=replicator passfile=/var/run/demo/pgpass1 host=127.0.0.1 "
              "port=15999 sslmode=prefer application_name=node1 gssencmode=prefer "
              "channel_binding=prefer");
}

static void test_everything(void **state _unused_)
{
        check((ConnInfo){ .dbname = "db", .host = "h", .port = 1, .passfile = "/p",
                          .application_name = "a", .server_version = 170000,
                          .options = "-c statement_timeout=0" },
              "{\"sslnegotiation\":\"direct\",\"channel_binding\":\"require\","
              "\"gssencmode\":\"disable\",\"sslcrldir\":\"/d\",\"sslcrl\":\"/l\","
              "\"sslrootcert\":\"/r\",\"sslpassword\":\"w\",\"sslkey\":\"/k\",\"sslcert\":\"/c\","
              "\"sslmode\":\"verify-full\",\"password\":\"p\",\"username\":\"u\"}",
              "dbname=db user=u passfile=/p host=h port=1 sslmode=verify-full sslcert=/c sslkey=/k "
              "sslpassword=w sslrootcert=/r sslcrl=/l sslcrldir=/d application_name=a "
              "gssencmode=disable channel_binding=require sslnegotiation=direct "
              "options=-c\\ statement_timeout=0");
}

/* I10: order, quotes and what others added are no difference; a value is. */
static void test_same(void **state _unused_)
{
        static const struct {
                const char *live, *wanted;
                bool same;
        } rows[] = {
                { "host=a port=1", "host=a port=1", true },
                { "port='1'  host = a sslmode=prefer", "host=a port=1", true },
                { "host=a passfile='/a b/p'", "host=a passfile=/a\\ b/p", true },
                { "dbname=x host=a", "dbname=postgres host=a", true }, /* before 17 */
                { "host=a host=b", "host=a", false },
                { "host=a", "host=a port=1", false },
                { "", "host=a", false },
                { "host=a", "", false },
                { "", "", true },
                { "host='a", "host=a", false },
                { "host", "host=a", false },
                { "host=a =b", "host=a", false },
                { "host=''", "host=''", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(conninfo_same(rows[i].live, rows[i].wanted, 150000), rows[i].same);
        assert_false(conninfo_same("dbname=x host=a", "dbname=y host=a", 170000));
        check((ConnInfo){ .host = "h", .port = 1, .application_name = "a", .krbsrvname = "pg",
                          .server_version = 130000 },
              NULL, "host=h port=1 sslmode=prefer application_name=a krbsrvname=pg "
                    "gssencmode=prefer channel_binding=prefer");
}

/* What a server's libpq does not know is left out. */
static void test_versions(void **state _unused_)
{
        ConnInfo c = { .host = "h", .port = 5432, .server_version = 120000 };
        static const char auth[] = "{\"sslpassword\":\"w\",\"sslcrldir\":\"/d\"}";

        check(c, auth, "host=h port=5432 sslmode=prefer gssencmode=prefer");
        c.server_version = 130000;
        check(c, auth, "host=h port=5432 sslmode=prefer sslpassword=w gssencmode=prefer "
                       "channel_binding=prefer");
        c.server_version = 140000;
        check(c, auth, "host=h port=5432 sslmode=prefer sslpassword=w sslcrldir=/d "
                       "gssencmode=prefer channel_binding=prefer");
        c.server_version = 170000;
        check(c, NULL, "host=h port=5432 sslmode=prefer gssencmode=prefer channel_binding=prefer "
                       "sslnegotiation=postgres");
        c.session_attrs = "read-write";
        check(c, NULL, "host=h port=5432 sslmode=prefer gssencmode=prefer channel_binding=prefer "
                       "target_session_attrs=read-write sslnegotiation=postgres");
        c.server_version = 110000;
        check(c, NULL, "host=h port=5432 sslmode=prefer target_session_attrs=read-write");
}

/* Quote, backslash and blank get a backslash; a password never stands in it. */
static void test_escapes(void **state _unused_)
{
        check((ConnInfo){ .dbname = "", .host = "h", .port = 5432, .application_name = "it's a\\b" },
              "{\"username\":\"x y\",\"password\":\"never shown\"}",
              "dbname='' user=x\\ y host=h port=5432 sslmode=prefer application_name=it\\'s\\ a\\\\b");
}

static void test_room(void **state _unused_)
{
        ConnInfo c = { .host = "h", .port = 5432 };
        char buf[33];

        assert_true(conninfo_format(&c, buf, sizeof "host=h port=5432 sslmode=prefer"));
        assert_string_equal(buf, "host=h port=5432 sslmode=prefer");
        assert_false(conninfo_format(&c, buf, sizeof "host=h port=5432 sslmode=prefer" - 1));
}

static void pgpass(const char *host, const char *auth, const char *expected)
{
        char buf[256];
        Node *n = json(auth);
        ConnInfo c = { .host = host, .port = 5432, .auth = n };

        assert_true(conninfo_pgpass(&c, buf, sizeof buf));
        assert_string_equal(buf, expected);
        node_free(n);
}

/* PATRONI-SPEC 3.6: host:port:*:user:password; `:` and `\` escaped, empty is `*`. */
static void test_pgpass(void **state _unused_)
{
        pgpass("10.0.0.1", "{\"username\":\"replicator\",\"password\":\"secret\"}",
               "10.0.0.1:5432:*:replicator:secret\n");
        pgpass("fd00::1", "{\"username\":\"a\\\\b\",\"password\":\"x:y\\\\\"}",
               "fd00\\:\\:1:5432:*:a\\\\b:x\\:y\\\\\n");
        pgpass("/var/run/postgresql", "{\"username\":\"u\",\"password\":\"p\"}",
               "/var/run/postgresql:5432:*:u:p\nlocalhost:5432:*:u:p\n");
        pgpass("a,b", "{\"username\":\"u\",\"password\":\"p\"}",
               "a:5432:*:u:p\nb:5432:*:u:p\n");
        pgpass("h", "{\"password\":\"p\"}", "h:5432:*:*:p\n");
        pgpass(NULL, "{\"username\":\"u\",\"password\":\"p\"}", "*:5432:*:u:p\n");
        pgpass("h", "{\"username\":\"u\"}", "");
        pgpass("h", "{\"username\":\"u\",\"password\":\"\"}", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded), cmocka_unit_test(test_everything),
                cmocka_unit_test(test_same),
                cmocka_unit_test(test_versions), cmocka_unit_test(test_escapes),
                cmocka_unit_test(test_room),     cmocka_unit_test(test_pgpass),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
