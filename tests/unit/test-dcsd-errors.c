#include "dcsd/errors.h"
#include "test-dcsd.h"

static void test_classes(void **state)
{
        static const struct {
                const char *body;
                int http;
                EtcdError means;
        } rows[] = {
                { "{\"header\":{}}", 200, ETCD_OK },
                { "{\"error\":\"etcdserver: requested lease not found\",\"message\":"
                  "\"etcdserver: requested lease not found\",\"code\":5}", 404, ETCD_LEASE_GONE },
                { "{\"error\":{\"grpc_code\":5,\"http_code\":404,\"message\":"
                  "\"etcdserver: requested lease not found\"}}", 200, ETCD_LEASE_GONE },
                { "{\"error\":\"etcdserver: user name is empty\",\"code\":3}", 400, ETCD_NEEDS_LOGIN },
                { "{\"error\":\"etcdserver: invalid auth token\",\"code\":16}", 401, ETCD_NEEDS_LOGIN },
                { "{\"error\":\"x\",\"message\":\"etcdserver: revision of auth store is old\","
                  "\"code\":3}", 400, ETCD_NEEDS_LOGIN },
                { "{\"error\":\"etcdserver: permission denied\",\"code\":7}", 403, ETCD_NEEDS_LOGIN },
                { "{\"error\":\"etcdserver: authentication failed, invalid user ID or password\","
                  "\"code\":3}", 400, ETCD_BAD_LOGIN },
                { "{\"error\":\"etcdserver: authentication is not enabled\",\"code\":9}", 400,
                  ETCD_NO_LOGIN },
                { "{\"error\":\"etcdserver: request timed out\",\"code\":14}", 503, ETCD_UNAVAILABLE },
                { "{\"error\":\"context deadline exceeded\",\"code\":4}", 504, ETCD_UNAVAILABLE },
                { "{\"error\":\"etcdserver: no leader\",\"code\":14}", 503, ETCD_UNAVAILABLE },
                { "{\"error\":\"etcdserver: not a primary lessor\",\"code\":2}", 500,
                  ETCD_UNAVAILABLE },
                { "{\"error\":\"something\",\"code\":9}", 412, ETCD_UNAVAILABLE },
                { "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"transport is closing\"}}",
                  200, ETCD_UNAVAILABLE },
                { "{\"error\":\"etcdserver: mvcc: required revision has been compacted\",\"code\":11}",
                  400, ETCD_COMPACTED },
                { "{\"error\":\"etcdserver: duplicate key given in txn request\",\"code\":3}", 400,
                  ETCD_REFUSED },
                { "{\"message\":\"no\"}", 403, ETCD_REFUSED },
                { NULL, 404, ETCD_NO_SUCH_PATH },
                { NULL, 502, ETCD_UNAVAILABLE },
                { NULL, 400, ETCD_REFUSED },
                { "{\"error\":7}", 200, ETCD_REFUSED },
                { "{\"error\":{}}", 200, ETCD_REFUSED },
                { "{\"error\":{\"grpc_code\":-4}}", 200, ETCD_REFUSED },
                { "{\"error\":{\"grpc_code\":99999999999}}", 200, ETCD_REFUSED },
                { "[]", 200, ETCD_OK },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(node_freep) Node *doc = rows[i].body ? json(rows[i].body) : NULL;
                const char *text = NULL;
                EtcdError e = etcd_error_read(doc, rows[i].http, &text);
                if (e != rows[i].means)
                        fail_msg("row %zu: %s", i, etcd_error_to_string(e));
                assert_non_null(text);
        }
}

/* What may have happened is never called harmless; what is harmless elsewhere is asked elsewhere. */
static void test_claims(void **state)
{
        (void)state;
        assert_false(etcd_error_is_harmless(ETCD_OK));
        assert_false(etcd_error_is_harmless(ETCD_LOST));
        assert_false(etcd_error_is_harmless(ETCD_UNAVAILABLE));
        assert_false(etcd_error_is_harmless(ETCD_STALE));
        assert_true(etcd_error_is_harmless(ETCD_UNSENT));
        assert_true(etcd_error_is_harmless(ETCD_LEASE_GONE));
        assert_true(etcd_error_is_local(ETCD_UNSENT));
        assert_true(etcd_error_is_local(ETCD_STALE));
        assert_false(etcd_error_is_local(ETCD_BAD_LOGIN));
        assert_false(etcd_error_is_local(ETCD_REFUSED));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_classes),
                cmocka_unit_test(test_claims),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
