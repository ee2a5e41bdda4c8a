/* Where DNS says that etcd is: names, the order of RFC 2782, what peers answer; and which gateway a version has. */
#include "base/str.h"
#include "dcsd/srv.h"
#include "dcsd/version.h"
#include "test-dcsd.h"

static void test_names(void **state _unused_)
{
        static const char *const names[] = {
                "_etcd-client-ssl._tcp.example.org", "_etcd-client._tcp.example.org", "_etcd-ssl._tcp.example.org",
                "_etcd._tcp.example.org", "_etcd-server-ssl._tcp.example.org", "_etcd-server._tcp.example.org",
        };
        const SrvRecord record = { .host = "one.example.org.", .port = 2379 };
        char text[URL_SIZE];

        for (unsigned i = 0; i < SRV_SERVICES; i++) {
                assert_true(srv_name(i, "", "example.org", text, sizeof text));
                assert_string_equal(text, names[i]);
                assert_true(srv_url(i, &record, text, sizeof text));
                assert_string_equal(text, strstr(names[i], "-ssl") ? "https://one.example.org:2379"
                                                                   : "http://one.example.org:2379");
                assert_int_equal(srv_is_peers(i), i > 3);
        }
        assert_true(srv_name(0, "main", "example.org", text, sizeof text));
        assert_string_equal(text, "_etcd-client-ssl-main._tcp.example.org");
        assert_false(srv_name(0, "", "example.org", text, 20));
        assert_false(srv_url(0, &(SrvRecord){ .host = ".", .port = 1 }, text, sizeof text));
        assert_false(srv_url(0, &(SrvRecord){ .host = "a", .port = 0 }, text, sizeof text));
}

static void test_order(void **state _unused_)
{
        unsigned heavy_first = 0, light_first = 0, zero_first = 0;

        for (uint32_t seed = 1; seed <= 4000; seed++) {
                SrvRecord r[] = { { .host = "last", .priority = 20, .weight = 65535 },
                                  { .host = "light", .priority = 10, .weight = 10 },
                                  { .host = "zero", .priority = 10, .weight = 0 },
                                  { .host = "first", .priority = 0 },
                                  { .host = "heavy", .priority = 10, .weight = 90 } };
                srv_order(r, 5, seed * 2654435761u);
                assert_string_equal(r[0].host, "first");
                assert_string_equal(r[4].host, "last");
                heavy_first += str_equal(r[1].host, "heavy");
                light_first += str_equal(r[1].host, "light");
                zero_first += str_equal(r[1].host, "zero");
        }
        assert_int_equal(heavy_first + light_first + zero_first, 4000);
        assert_in_range(heavy_first, 3400, 3780);
        assert_in_range(light_first, 280, 520);
        assert_in_range(zero_first, 0, 40);
        srv_order(NULL, 0, 1);
}

static void test_members(void **state _unused_)
{
        _cleanup_(node_freep) Node *good = json("[{\"clientURLs\":[\"http://a:1\",\"unix://x\"]},"
                                                "{\"clientURLs\":[\"https://b:2\"]},{}]");
        _cleanup_(node_freep) Node *bad = json("{\"clientURLs\":[\"http://a:1\"]}");
        Endpoints e = { 0 };

        assert_int_equal(srv_members(bad, &e), 0);
        assert_int_equal(srv_members(NULL, &e), 0);
        assert_int_equal(srv_members(good, &e), 2);
        assert_string_equal(e.rows[1].url, "https://b:2");
}

static void test_versions(void **state _unused_)
{
        static const struct {
                const char *server, *cluster;
                bool login;
                const char *api, *why;
        } rows[] = {
                { "3.5.9", "3.5.0", true, "/v3", NULL },
                { "3.4.0", "3.4.0", false, "/v3", NULL },
                { "3.4.23", "3.3.0", true, "/v3beta", NULL }, /* in the middle of an upgrade */
                { "3.3.27", "3.3.0", true, "/v3beta", NULL },
                { "3.2.32", "3.2.0", false, "/v3alpha", NULL },
                { "3.3.27", "3.2.0", true, NULL, "too old for a user name and password by HTTP: 3.3" },
                { "3.1.0", "3.1.0", false, "/v3alpha", NULL },
                { "3.1.20", "3.0.0", false, NULL, "too old: 3.1" },
                { "2.3.8", "2.3.0", false, NULL, "too old: 3.1" },
                { "3.4.23", "not_decided", false, NULL, "not settled" },
                { "nginx", "3.4.0", false, NULL, "not etcd" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                const char *why, *api = version_api(rows[i].server, rows[i].cluster, rows[i].login, &why);
                if (rows[i].api) {
                        assert_non_null(api);
                        assert_string_equal(api, rows[i].api);
                } else {
                        assert_null(api);
                        assert_non_null(strstr(why, rows[i].why));
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_members),
                cmocka_unit_test(test_versions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
