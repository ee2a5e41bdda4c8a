#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "dcsd/endpoints.h"
#include "test-dcsd.h"

#define SEC USEC_PER_SEC

static Endpoints configured(const char *section)
{
        _cleanup_(node_freep) Node *n = json(section);
        char error[ENDPOINTS_ERROR_SIZE];
        EndpointLogin login;
        Endpoints e;

        assert_int_equal(endpoints_configure(n, &e, &login, error), 0);
        return e;
}

static void test_forms(void **state)
{
        static const struct {
                const char *section, *urls[3];
                bool fixed;
        } rows[] = {
                { "{\"host\":\"etcd\"}", { "http://etcd:2379" }, false },
                { "{\"host\":\"10.0.0.1:4001\"}", { "http://10.0.0.1:4001" }, false },
                { "{\"host\":\"[::1]:4001\",\"protocol\":\"https\"}", { "https://[::1]:4001" }, false },
                { "{\"hosts\":\"a:1, b:2,c\"}", { "http://a:1", "http://b:2", "http://c:2379" }, false },
                { "{\"hosts\":[\"a:1\",\"b\",\"a:1\"],\"use_proxies\":true}",
                  { "http://a:1", "http://b:2379" }, true },
                { "{\"url\":\"https://u:p@etcd:99/x\"}", { "https://etcd:99" }, false },
                { "{\"proxy\":\"http://proxy\"}", { "http://proxy:2379" }, true },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Endpoints e = configured(rows[i].section);
                size_t n = 0;
                while (n < 3 && rows[i].urls[n]) {
                        assert_string_equal(e.rows[n].url, rows[i].urls[n]);
                        n++;
                }
                assert_int_equal(e.n, n);
                assert_int_equal(e.fixed, rows[i].fixed);
        }
}

static void test_login(void **state)
{
        _cleanup_(node_freep) Node *n = json("{\"url\":\"https://me:se@cret@etcd\"}");
        char error[ENDPOINTS_ERROR_SIZE];
        EndpointLogin login;
        Endpoints e;

        (void)state;
        assert_int_equal(endpoints_configure(n, &e, &login, error), 0);
        assert_string_equal(login.name, "me");
        assert_string_equal(e.rows[0].url, "https://etcd:2379");
}

static void test_refused(void **state)
{
        static const char *const sections[] = {
                "{\"srv\":\"exam/ple\"}", "{\"srv\":\"a\",\"srv_suffix\":\"b c\"}", "{\"host\":\"a:b\"}", "{\"hosts\":[{}]}",
                "{\"hosts\":\"\"}", "{\"url\":\"ftp://x\"}", "{\"host\":\":2379\"}", "{}",
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(sections); i++) {
                _cleanup_(node_freep) Node *n = json(sections[i]);
                char error[ENDPOINTS_ERROR_SIZE];
                EndpointLogin login;
                Endpoints e;
                assert_int_equal(endpoints_configure(n, &e, &login, error), -EINVAL);
                assert_true(error[0] != 0);
        }
}

static void test_srv(void **state)
{
        Endpoints found = { 0 };

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                static const char *const names[] = { "srv", "srv_domain", "discovery_srv" };
                char section[64];
                snprintf(section, sizeof section, "{\"%s\":\"example.org\"}", names[i]);
                _cleanup_(node_freep) Node *n = json(section);
                assert_string_equal(endpoints_srv_domain(n), "example.org");
                Endpoints e = configured(section);
                assert_int_equal(e.n, 0);
                assert_string_equal(endpoints_current(&e), "");
        }
        assert_true(endpoints_add(&found, "http://b:2379"));
        assert_true(endpoints_add(&found, "https://a:1"));
        assert_false(endpoints_add(&found, "unix://a"));
        endpoints_in_order(&found);
        assert_string_equal(endpoints_current(&found), "http://b:2379");
        found.rows[1].local = true;
        endpoints_in_order(&found);
        assert_string_equal(endpoints_current(&found), "https://a:1");
}

/* DNS says something else: fallbacks change, what the member list said and what is known of it stays. */
static void test_reconfigure(void **state)
{
        static const char *const members[] = { "http://m1:1", "http://m2:1" };
        Endpoints first = configured("{\"hosts\":\"a:1,b:1\"}"), e = first;
        Endpoints second = configured("{\"hosts\":\"b:1,c:1,m1:1\"}");

        (void)state;
        assert_int_equal(endpoints_discover(&e, &first, members, 2, 1), 2);
        endpoints_fail(&e, "http://m1:1", 10 * SEC);
        endpoints_fail(&e, "http://m2:1", 10 * SEC);
        endpoints_reconfigure(&e, &second);
        assert_int_equal(e.n, 4);
        for (uint32_t i = 0; i < e.n; i++) {
                assert_string_not_equal(e.rows[i].url, "http://a:1");
                bool member = str_after_prefix(e.rows[i].url, "http://m") != NULL;
                assert_int_equal(e.rows[i].fallback, !member);
                assert_int_equal(e.rows[i].bad_until != 0, member);
        }
}

static bool is_b(const char *host, void *userdata)
{
        (void)userdata;
        return str_equal(host, "b");
}

/* Sticky; on failure the next one at once; the failed one again only later. */
static void test_failover(void **state)
{
        Endpoints e = configured("{\"hosts\":\"a:1,b:2,c:3\"}");

        (void)state;
        endpoints_mark_local(&e, is_b, NULL);
        endpoints_shuffle(&e, 42);
        assert_string_equal(endpoints_current(&e), "http://b:2");
        assert_int_equal(endpoints_better(&e, 0), UINT32_MAX);
        endpoints_fail(&e, "http://b:2", 10 * SEC);
        const char *second = endpoints_current(&e);
        assert_string_not_equal(second, "http://b:2");
        endpoints_fail(&e, second, 11 * SEC);
        assert_string_not_equal(endpoints_current(&e), second);
        assert_string_not_equal(endpoints_current(&e), "http://b:2");
        /* all bad: they take turns, the one that failed first comes first, local or not */
        endpoints_fail(&e, endpoints_current(&e), 12 * SEC);
        assert_string_equal(endpoints_current(&e), "http://b:2");
        endpoints_fail(&e, endpoints_current(&e), 13 * SEC);
        assert_string_equal(endpoints_current(&e), second);
        /* a failure of another one moves nothing */
        endpoints_good(&e, second);
        endpoints_fail(&e, "http://b:2", 14 * SEC);
        assert_string_equal(endpoints_current(&e), second);
        assert_int_equal(endpoints_better(&e, 15 * SEC), UINT32_MAX);
        assert_string_equal(e.rows[endpoints_better(&e, 30 * SEC)].url, "http://b:2");
}

static void test_discover(void **state)
{
        static const char *const urls[] = { "http://10.0.0.1:2379", "unix://x", "http://a:1",
                                            "https://[::2]:1/" };
        Endpoints c = configured("{\"hosts\":\"a:1,b:2\"}"), e = c;

        (void)state;
        endpoints_fail(&e, "http://b:2", 0);
        e.current = 0;
        assert_int_equal(endpoints_discover(&e, &c, urls, ELEMENTSOF(urls), 7), 3);
        assert_int_equal(e.n, 4);
        assert_int_equal(endpoints_round(&e), 3);
        assert_string_equal(endpoints_current(&e), "http://a:1");
        for (uint32_t i = 0; i < e.n; i++)
                assert_int_equal(e.rows[i].fallback, str_equal(e.rows[i].url, "http://b:2"));
        /* the fallback's turn comes when nothing else is left */
        for (unsigned i = 0; i < 3; i++)
                endpoints_fail(&e, endpoints_current(&e), 20 * SEC + i);
        assert_string_equal(endpoints_current(&e), "http://b:2");
        assert_int_equal(endpoints_discover(&e, &c, NULL, 0, 7), 0);
        assert_int_equal(e.n, 4);
}

static void test_attempt(void **state)
{
        (void)state;
        assert_int_equal(endpoints_attempt(3 * SEC, 3), 1 * SEC);
        assert_int_equal(endpoints_attempt(10 * SEC, 3), 10 * SEC / 3);
        assert_int_equal(endpoints_attempt(10 * SEC, 1), 10 * SEC / 3);
        assert_int_equal(endpoints_attempt(3 * SEC, 1), 1 * SEC);
        assert_int_equal(endpoints_attempt(10 * SEC, 2), 2500000);
        assert_int_equal(endpoints_attempt(1 * SEC, 3), SEC / 3);
        assert_int_equal(endpoints_attempt(1 * SEC, 30), 300000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),    cmocka_unit_test(test_login),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_srv),
                cmocka_unit_test(test_reconfigure),  cmocka_unit_test(test_failover),
                cmocka_unit_test(test_discover), cmocka_unit_test(test_attempt),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
