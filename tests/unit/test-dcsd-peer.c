#include "base/str.h"
#include "dcsd/peer.h"
#include "test-dcsd.h"

static Peer read(const char *body)
{
        Peer p = { .name = "n2", .lsn = 99 };

        peer_read(body, strlen(body), &p);
        assert_string_equal(p.name, "n2");
        return p;
}

static void test_standby(void **state)
{
        Peer p = read("{\"state\":\"running\",\"role\":\"replica\",\"xlog\":{\"received_location\":67108960,"
                      "\"replayed_location\":67108961,\"paused\":false},\"timeline\":3,"
                      "\"tags\":{\"failover_priority\":5}}");

        (void)state;
        assert_true(p.answered);
        assert_false(p.primary);
        assert_int_equal(p.lsn, 67108961);
        assert_int_equal(p.timeline, 3);
        assert_false(p.nofailover);
        assert_int_equal(p.failover_priority, 5);
}

static void test_primary(void **state)
{
        (void)state;
        assert_true(read("{\"role\":\"replica\",\"xlog\":{\"location\":5}}").primary);
        assert_true(read("{\"role\":\"primary\",\"wal\":{}}").primary);
        assert_true(read("{\"role\":\"master\",\"xlog\":{\"location\":0}}").primary);
        assert_int_equal(read("{\"xlog\":{\"location\":5}}").lsn, 5);
}

static void test_limits(void **state)
{
        (void)state;
        assert_true(read("{\"xlog\":{},\"tags\":{\"nofailover\":true}}").nofailover);
        assert_true(read("{\"xlog\":{},\"tags\":{\"failover_priority\":0}}").nofailover);
        assert_false(read("{\"xlog\":{},\"tags\":{\"nofailover\":false,\"failover_priority\":0}}")
                             .nofailover);
        assert_true(read("{\"xlog\":{},\"watchdog_failed\":true}").watchdog_failed);
}

static void test_nonsense(void **state)
{
        static const char *const bodies[] = { "", "<html>", "[]", "{\"role\":\"primary\"}",
                                              "{\"xlog\":5}", "{\"xlog\":{}", "null" };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bodies); i++) {
                Peer p = read(bodies[i]);
                assert_false(p.answered);
                assert_false(p.primary);
                assert_int_equal(p.lsn, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_standby),
                cmocka_unit_test(test_primary),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_nonsense),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
