#include <errno.h>

#include "test-dcsd.h"

static void test_header(void **state)
{
        _cleanup_(node_freep) Node *plain =
                json("{\"header\":{\"cluster_id\":\"14841639068965178418\",\"revision\":\"7\","
                     "\"raft_term\":\"2\"}}");
        _cleanup_(node_freep) Node *stream = json("{\"result\":{\"header\":{\"raft_term\":\"3\"}}}");
        _cleanup_(node_freep) Node *none = json("[1]");

        (void)state;
        assert_true(reply_header(plain).cluster_id == 14841639068965178418ULL);
        assert_int_equal(reply_header(plain).revision, 7);
        assert_int_equal(reply_header(stream).raft_term, 3);
        assert_int_equal(reply_header(none).raft_term, 0);
        assert_int_equal(reply_header(NULL).revision, 0);
}

static void test_single(void **state)
{
        _cleanup_(node_freep) Node *found =
                json("{\"kvs\":[{\"key\":\"Zm9v\",\"value\":\"bjE=\",\"create_revision\":\"4\","
                     "\"mod_revision\":\"9\",\"lease\":\"7587\"}],\"count\":\"1\"}");
        _cleanup_(node_freep) Node *absent = json("{\"header\":{}}");
        _cleanup_(node_freep) Node *odd = json("{\"kvs\":[{\"key\":\"!!\"}]}");
        _cleanup_(node_freep) Node *keyless = json("{\"kvs\":[{\"value\":\"bjE=\"}]}");
        Kv kv;

        (void)state;
        assert_int_equal(reply_single(found, &kv), 1);
        assert_string_equal(kv.key, "foo");
        assert_string_equal(kv.value, "n1");
        assert_int_equal(kv.create_revision, 4);
        assert_int_equal(kv.mod_revision, 9);
        assert_int_equal(kv.lease, 7587);
        kv_done(&kv);
        assert_int_equal(reply_single(absent, &kv), 0);
        assert_int_equal(reply_single(odd, &kv), -EBADMSG);
        assert_int_equal(reply_single(keyless, &kv), -EBADMSG);
}

static void test_lease(void **state)
{
        _cleanup_(node_freep) Node *kept = json("{\"result\":{\"ID\":\"-9\",\"TTL\":\"10\"}}");
        _cleanup_(node_freep) Node *gone = json("{\"result\":{\"ID\":\"9\"}}");
        _cleanup_(node_freep) Node *odd = json("{\"ID\":\"99999999999999999999\",\"TTL\":\"1\"}");
        uint64_t ttl;
        int64_t id;

        (void)state;
        assert_int_equal(reply_lease(kept, &id, &ttl), 0);
        assert_int_equal(id, -9);
        assert_int_equal(ttl, 10);
        assert_int_equal(reply_lease(gone, &id, &ttl), 0);
        assert_int_equal(ttl, 0);
        assert_int_equal(reply_lease(odd, &id, &ttl), -EBADMSG);
}

static void test_txn(void **state)
{
        _cleanup_(node_freep) Node *doc =
                json("{\"responses\":[{\"response_range\":{}},"
                     "{\"response_range\":{\"kvs\":[{\"key\":\"Zm9v\"}]}}]}");
        Kv kv;

        (void)state;
        assert_false(reply_txn_succeeded(doc));
        assert_int_equal(reply_single(reply_txn_range(doc, 0), &kv), 0);
        assert_int_equal(reply_single(reply_txn_range(doc, 1), &kv), 1);
        kv_done(&kv);
        assert_null(reply_txn_range(doc, 2));
}

static void test_version(void **state)
{
        (void)state;
        assert_int_equal(reply_version_number("3.4.23"), 30423);
        assert_int_equal(reply_version_number("3.6.0-rc.1"), 30600);
        assert_int_equal(reply_version_number("3.4"), 30400);
        assert_int_equal(reply_version_number("not_decided"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_header), cmocka_unit_test(test_single),
                cmocka_unit_test(test_lease),  cmocka_unit_test(test_txn),
                cmocka_unit_test(test_version),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
