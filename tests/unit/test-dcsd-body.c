#include "dcsd/base64.h"
#include "dcsd/body.h"
#include "test-dcsd.h"

static void test_base64(void **state)
{
        static const struct {
                const char *plain, *encoded;
        } rows[] = {
                { "", "" },          { "f", "Zg==" },        { "fo", "Zm8=" },
                { "foo", "Zm9v" },   { "foob", "Zm9vYg==" }, { "/service/x/", "L3NlcnZpY2UveC8=" },
                { "\xff\xfe?", "//4/" },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char *encoded = base64_encode(rows[i].plain, strlen(rows[i].plain)), *plain;
                size_t n;
                assert_string_equal(encoded, rows[i].encoded);
                assert_int_equal(base64_decode(encoded, &plain, &n), 0);
                assert_string_equal(plain, rows[i].plain);
                assert_int_equal(n, strlen(rows[i].plain));
                free(encoded);
                free(plain);
        }
}

static void test_base64_refuses(void **state)
{
        static const char *const bad[] = { "Z", "Zg", "Zg=", "Zg=a", "====", "Z===", "Zm9v\n",
                                           "Zm 9v", "=Zm9", "Zg==Zg==" };
        char *plain;
        size_t n;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_true(base64_decode(bad[i], &plain, &n) < 0);
}

#define assert_body(made, expected)                                                                \
        do {                                                                                       \
                char *made_ = (made);                                                              \
                assert_string_equal(made_, expected);                                              \
                free(made_);                                                                       \
        } while (0)

static void test_simple(void **state)
{
        (void)state;
        assert_body(body_range("/service/x/", true),
                    "{\"key\":\"L3NlcnZpY2UveC8=\",\"range_end\":\"L3NlcnZpY2UveDA=\"}");
        assert_body(body_range("foo", false), "{\"key\":\"Zm9v\"}");
        assert_body(body_put("foo", "bar", 0), "{\"key\":\"Zm9v\",\"value\":\"YmFy\"}");
        assert_body(body_put("foo", "", -5), "{\"key\":\"Zm9v\",\"value\":\"\",\"lease\":\"-5\"}");
        assert_body(body_grant(10), "{\"TTL\":10}");
        assert_body(body_keepalive(7587), "{\"ID\":\"7587\"}");
        assert_body(body_login("a\"b", "c\\"), "{\"name\":\"a\\\"b\",\"password\":\"c\\\\\"}");
        assert_body(body_watch("/service/x/", 12),
                    "{\"create_request\":{\"key\":\"L3NlcnZpY2UveC8=\",\"range_end\":"
                    "\"L3NlcnZpY2UveDA=\",\"start_revision\":\"12\",\"filters\":[]}}");
}

static void test_txn(void **state)
{
        Txn t = { 0 };

        (void)state;
        txn_compare(&t, (Compare){ COMPARE_CREATE, "foo", 0, NULL });
        txn_compare(&t, (Compare){ COMPARE_VALUE, "foo", 0, "bar" });
        txn_compare(&t, (Compare){ COMPARE_LEASE, "foo", 9, NULL });
        txn_then(&t, (Op){ OP_PUT, "foo", "bar", 9 });
        txn_then(&t, (Op){ OP_DELETE, "foo", NULL, 0 });
        txn_otherwise(&t, (Op){ OP_RANGE, "foo", NULL, 0 });
        assert_body(body_txn(&t),
                    "{\"compare\":[{\"key\":\"Zm9v\",\"target\":\"CREATE\",\"create_revision\":\"0\"},"
                    "{\"key\":\"Zm9v\",\"target\":\"VALUE\",\"value\":\"YmFy\"},"
                    "{\"key\":\"Zm9v\",\"target\":\"LEASE\",\"lease\":\"9\"}],"
                    "\"success\":[{\"request_put\":{\"key\":\"Zm9v\",\"value\":\"YmFy\","
                    "\"lease\":\"9\"}},{\"request_delete_range\":{\"key\":\"Zm9v\"}}],"
                    "\"failure\":[{\"request_range\":{\"key\":\"Zm9v\"}}]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_base64),
                cmocka_unit_test(test_base64_refuses),
                cmocka_unit_test(test_simple),
                cmocka_unit_test(test_txn),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
