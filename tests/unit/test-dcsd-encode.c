#include "base/str.h"
#include "dcsd/decode.h"
#include "dcsd/encode.h"
#include "test-dcsd.h"

/* Recorded from Patroni 4.1.4: read and written again, they are the same bytes. */
static const char *const recorded_members[] = {
        "{\"conn_url\":\"postgres://10.88.0.51:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.51:8008/patroni\",\"state\":\"running\",\"role\":\"primary\",\"version\":"
        "\"4.1.4\",\"xlog_location\":67108960,\"timeline\":1}",
        "{\"conn_url\":\"postgres://10.88.0.52:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.52:8008/patroni\",\"state\":\"running\",\"role\":\"replica\",\"version\":"
        "\"4.1.4\",\"xlog_location\":67108960,\"replay_lsn\":67108960,\"receive_lsn\":67108960,"
        "\"replication_state\":\"streaming\",\"timeline\":1}",
        "{\"conn_url\":\"postgres://10.88.0.52:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.52:8008/patroni\",\"state\":\"running\",\"role\":\"standby_leader\","
        "\"version\":\"4.1.4\",\"checkpoint_after_promote\":false,\"xlog_location\":84113304,"
        "\"replay_lsn\":84113304,\"receive_lsn\":84113304,\"timeline\":2}",
        "{\"conn_url\":\"postgres://10.88.0.51:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.51:8008/patroni\",\"state\":\"starting\",\"role\":\"replica\",\"version\":"
        "\"4.1.4\"}",
};

static void test_members(void **state)
{
        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(recorded_members); i++) {
                Kv kv = make_kv("k", recorded_members[i], 1, 1, 1);
                Member m;
                assert_int_equal(decode_member("n", &kv, &m), 0);
                assert_json(encode_member(&m, NULL, NULL, NULL, NULL), recorded_members[i]);
                kv_done(&kv);
        }
}

static Member plain(void)
{
        Member m = { .state = RUN_RUNNING, .role = ROLE_REPLICA, .tags = TAGS_DEFAULT };

        (void)STR_SET(m.conn_url, "postgres://h:1/p");
        (void)STR_SET(m.api_url, "http://h/patroni");
        (void)STR_SET(m.version, "4.1.4");
        return m;
}

#define HEAD                                                                                       \
        "{\"conn_url\":\"postgres://h:1/p\",\"api_url\":\"http://h/patroni\",\"state\":\"running\"," \
        "\"role\":\"replica\",\"version\":\"4.1.4\""

static void test_tags(void **state)
{
        static const struct {
                const char *config, *tags;
        } rows[] = {
                { "{\"mytag\":\"blue\"}", "{\"mytag\":\"blue\"}" },
                { "{\"a\":{\"b\":[1]},\"n\":null}", "{\"a\":{\"b\":[1]}}" },
                { "{\"nofailover\":false,\"clonefrom\":false,\"noloadbalance\":false,\"nostream\":false,"
                  "\"nosync\":false}", NULL },
                { "{\"clonefrom\":true,\"nostream\":true}", "{\"clonefrom\":true,\"nostream\":true}" },
                { "{\"nofailover\":false,\"failover_priority\":2}",
                  "{\"nofailover\":false,\"failover_priority\":2}" },
                { "{\"nosync\":false,\"sync_priority\":0}", "{\"nosync\":false,\"sync_priority\":0}" },
                { "{\"nosync\":true}", "{\"nosync\":true}" },
                { "{}", NULL },
        };
        Member m = plain();

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(node_freep) Node *config = json(rows[i].config);
                _cleanup_(node_freep) Node *n = encode_member(&m, NULL, NULL, config, NULL);
                const Node *tags = node_get(n, "tags");
                if (rows[i].tags)
                        assert_json(node_copy(tags), rows[i].tags);
                else
                        assert_null(tags);
        }
}

/* Leaving the synchronous set: what the mind adds to the configuration. */
static void test_added_tags(void **state)
{
        _cleanup_(node_freep) Node *config = json("{\"x\":1}"), *own = json("{\"nosync\":true}");
        Member m = plain();

        (void)state;
        m.tags.nosync = true;
        m.tags.sync_priority = 0;
        assert_json(encode_member(&m, NULL, NULL, config, NULL),
                    HEAD ",\"tags\":{\"x\":1,\"nosync\":true,\"sync_priority\":0}}");
        assert_json(encode_member(&m, NULL, NULL, own, NULL), HEAD ",\"tags\":{\"nosync\":true}}");
        m = plain();
        m.tags.nofailover = true;
        assert_json(encode_member(&m, NULL, NULL, NULL, NULL), HEAD ",\"tags\":{\"nofailover\":true}}");
}

static void test_order(void **state)
{
        Member m = plain();

        (void)state;
        m.pending_restart = m.gate_pending = m.pause = m.checkpoint_pending = true;
        m.timeline = 3;
        assert_json(encode_member(&m, NULL, NULL, NULL, "postgres://proxy/p"),
                    HEAD ",\"proxy_url\":\"postgres://proxy/p\",\"checkpoint_after_promote\":false,"
                         "\"pending_restart\":true,\"pending_restart_reason\":{\"fence.gate\":"
                         "{\"old_value\":\"absent\",\"new_value\":\"present\"}},\"timeline\":3,\"pause\":true}");
}

static void test_status(void **state)
{
        static const char value[] =
                "{\"optime\":67108960,\"slots\":{\"n2\":67108960,\"n3\":67108960,\"n1\":67108960},"
                "\"retain_slots\":[\"n1\",\"n2\",\"n3\"]}";
        Kv kv = make_kv("k", value, 1, 1, 0);
        _cleanup_(node_freep) Node *before = json(value), *number = json("5");
        StatusKey key;

        (void)state;
        (void)decode_status(&kv, NULL, &key);
        assert_json(encode_status(&key, json("[\"n1\",\"n2\",\"n3\"]")), value);
        assert_json(encode_optime(7, before),
                    "{\"optime\":7,\"slots\":{\"n2\":67108960,\"n3\":67108960,\"n1\":67108960},"
                    "\"retain_slots\":[\"n1\",\"n2\",\"n3\"]}");
        assert_json(encode_optime(7, NULL), "{\"optime\":7}");
        assert_json(encode_optime(7, number), "{\"optime\":7}");
        key.n_slots = 0;
        assert_json(encode_status(&key, json("[]")), "{\"optime\":67108960}");
        kv_done(&kv);
}

/* The primary's file knows positions; time and leader of older switches stand in the key. */
static void test_history(void **state)
{
        static History h = {
                .n_lines = 3,
                .lines = {
                        { .timeline = 1, .switch_lsn = 100, .reason = "one" },
                        { .timeline = 2, .switch_lsn = 200, .reason = "two" },
                        { .timeline = 3, .switch_lsn = 300, .reason = "three",
                          .wall_usec = 1795383197464908ULL, .leader = "n1" },
                },
        };
        _cleanup_(node_freep) Node *before =
                json("[[1,100,\"one\",\"2026-01-01T00:00:00+00:00\",\"n9\"],[2,999,\"two\",\"x\",\"y\"],7]");

        (void)state;
        assert_json(encode_history(&h, before, 0),
                    "[[1,100,\"one\",\"2026-01-01T00:00:00+00:00\",\"n9\"],[2,200,\"two\"],"
                    "[3,300,\"three\",\"2026-11-22T21:33:17.464908+00:00\",\"n1\"]]");
        assert_json(encode_history(&h, NULL, 1),
                    "[[3,300,\"three\",\"2026-11-22T21:33:17.464908+00:00\",\"n1\"]]");
        h.n_lines = 0;
        assert_json(encode_history(&h, before, 0), "[]");
}

static void test_sync(void **state)
{
        SyncKey key = { .leader = "n1", .standbys = "n3, n2,n10", .quorum = 1 };

        (void)state;
        assert_json(encode_sync(&key), "{\"leader\":\"n1\",\"quorum\":1,\"sync_standby\":\"n10,n2,n3\"}");
        key.standbys[0] = 0;
        key.quorum = 0;
        assert_json(encode_sync(&key), "{\"leader\":\"n1\",\"quorum\":0,\"sync_standby\":null}");
}

static void test_failover(void **state)
{
        FailoverKey key = { .requested = true, .leader = "n1", .candidate = "n2",
                            .scheduled_wall_usec = 2051265600000000ULL };

        (void)state;
        assert_json(encode_failover(&key), "{\"leader\":\"n1\",\"member\":\"n2\",\"scheduled_at\":"
                                           "\"2035-01-01T12:00:00+00:00\"}");
        key = (FailoverKey){ .requested = true, .candidate = "n\xc3\xb6" };
        assert_json(encode_failover(&key), "{\"member\":\"n\\u00f6\"}");
        key.requested = false;
        assert_json(encode_failover(&key), "{}");
}

/* What a leader asks the others without a DCS: with where its slots are. */
static void test_failsafe_call(void **state)
{
        Member self = { .name = "n1", .conn_url = "postgres://a:5432/postgres", .api_url = "http://a:8008/patroni" };
        StatusKey status = { .optime = 9, .n_slots = 2,
                             .slots = { { .name = "feed", .lsn = 5 }, { .name = "n1", .lsn = 9 } } };

        (void)state;
        assert_json(encode_failsafe_call(&self, &status, 29500 * USEC_PER_MSEC),
                    "{\"name\":\"n1\",\"conn_url\":\"postgres://a:5432/postgres\","
                    "\"api_url\":\"http://a:8008/patroni\",\"slots\":{\"feed\":5,\"n1\":9},\"ttl\":30}");
        status.n_slots = 0;
        self = (Member){ .name = "n1" };
        assert_json(encode_failsafe_call(&self, &status, 3 * USEC_PER_SEC),
                    "{\"name\":\"n1\",\"slots\":{},\"ttl\":3}");
}

static void test_first_config(void **state)
{
        _cleanup_(node_freep) Node *dcs = json("{\"loop_wait\":5,\"slots\":{\"a\":{}}}");

        (void)state;
        assert_json(encode_first_config(NULL), "{\"ttl\":10,\"loop_wait\":2,\"retry_timeout\":3,"
                                               "\"maximum_lag_on_failover\":1048576}");
        assert_json(encode_first_config(dcs), "{\"ttl\":10,\"retry_timeout\":3,"
                                              "\"maximum_lag_on_failover\":1048576,\"loop_wait\":5,"
                                              "\"slots\":{\"a\":{}}}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_members),    cmocka_unit_test(test_tags),
                cmocka_unit_test(test_added_tags), cmocka_unit_test(test_order),
                cmocka_unit_test(test_status),     cmocka_unit_test(test_history),
                cmocka_unit_test(test_sync),       cmocka_unit_test(test_failover),
                cmocka_unit_test(test_first_config), cmocka_unit_test(test_failsafe_call),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
