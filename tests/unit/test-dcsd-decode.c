#include <stdio.h>

#include "base/str.h"
#include "dcsd/decode.h"
#include "test-dcsd.h"

#define P "/service/batman/"

/* Values recorded from a running Patroni 4.1.4. */
static const char config[] =
        "{\"ttl\":20,\"loop_wait\":2,\"retry_timeout\":5,\"postgresql\":{\"use_pg_rewind\":true,"
        "\"use_slots\":true,\"parameters\":{\"max_connections\":120,\"work_mem\":\"8MB\"}},"
        "\"maximum_lag_on_failover\":2097152,\"synchronous_mode\":true}";
static const char history[] =
        "[[1,134225952,\"no recovery target specified\",\"2026-11-22T21:46:23.300908+00:00\",\"n2\"],"
        "[2,134226584,\"no recovery target specified\",\"2026-11-22T21:46:46.824908+00:00\",\"n1\"]]";
static const char primary[] =
        "{\"conn_url\":\"postgres://10.88.0.51:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.51:8008/patroni\",\"state\":\"running\",\"role\":\"primary\",\"version\":"
        "\"4.1.4\",\"xlog_location\":167773112,\"timeline\":5}";
static const char standby[] =
        "{\"conn_url\":\"postgres://10.88.0.52:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.52:8008/patroni\",\"state\":\"running\",\"role\":\"replica\",\"version\":"
        "\"4.1.4\",\"pending_restart\":true,\"pending_restart_reason\":{\"max_connections\":"
        "{\"old_value\":\"100\",\"new_value\":\"120\"}},\"xlog_location\":134217824,\"replay_lsn\":"
        "134217824,\"receive_lsn\":134217820,\"replication_state\":\"streaming\",\"timeline\":1}";
static const char standby_leader[] =
        "{\"conn_url\":\"postgres://10.88.0.52:5432/postgres\",\"api_url\":"
        "\"http://10.88.0.52:8008/patroni\",\"state\":\"running\",\"role\":\"standby_leader\","
        "\"version\":\"4.1.4\",\"checkpoint_after_promote\":false,\"xlog_location\":84113304,"
        "\"replay_lsn\":84113304,\"receive_lsn\":84113304,\"timeline\":2}";

static Member member(const char *value)
{
        Kv kv = make_kv(P "members/n", value, 3, 4, 5);
        Member m;

        (void)decode_member("n", &kv, &m);
        kv_done(&kv);
        return m;
}

static void test_members(void **state)
{
        Member m = member(primary);

        (void)state;
        assert_int_equal(m.state, RUN_RUNNING);
        assert_int_equal(m.role, ROLE_PRIMARY);
        assert_string_equal(m.host, "10.88.0.51");
        assert_int_equal(m.port, 5432);
        assert_int_equal(m.xlog_location, 167773112);
        assert_int_equal(m.timeline, 5);
        assert_int_equal(m.lease, 5);
        assert_int_equal(m.mod_revision, 4);
        assert_int_equal(m.tags.failover_priority, 1);
        assert_false(m.checkpoint_pending);

        m = member(standby);
        assert_true(m.pending_restart);
        assert_int_equal(m.replication_state, REPLICATION_STREAMING);
        assert_int_equal(m.receive_lsn, 134217820);

        m = member(standby_leader);
        assert_int_equal(m.role, ROLE_STANDBY_LEADER);
        assert_true(m.checkpoint_pending);
}

static void test_old_and_odd_members(void **state)
{
        Member m = member("postgres://h:5433/db?application_name=http://h:8008/patroni");

        (void)state;
        assert_string_equal(m.conn_url, "postgres://h:5433/db");
        assert_string_equal(m.api_url, "http://h:8008/patroni");
        assert_string_equal(m.host, "h");
        assert_int_equal(m.port, 5433);

        m = member("[1]");
        assert_string_equal(m.name, "n");
        assert_int_equal(m.state, RUN_UNKNOWN);
        m = member("{\"role\":\"master\",\"state\":\"upside down\",\"xlog_location\":-4,\"timeline\":"
                   "99999999999,\"tags\":{\"nofailover\":\"on\",\"failover_priority\":7,"
                   "\"sync_priority\":0,\"replicatefrom\":\"other\"}}");
        assert_int_equal(m.role, ROLE_PRIMARY);
        assert_int_equal(m.state, RUN_UNKNOWN);
        assert_int_equal(m.xlog_location, 0);
        assert_true(m.tags.nofailover);
        assert_int_equal(m.tags.failover_priority, 0);
        assert_true(m.tags.nosync);
        assert_string_equal(m.tags.replicatefrom, "other");
}

static void test_initialize(void **state)
{
        static const struct {
                const char *value;
                Initialize state;
        } rows[] = {
                { "", INITIALIZE_RUNNING },
                { "7711114259498795507", INITIALIZE_DONE },
                { "123456789", INITIALIZE_INVALID },
                { "12345678901x", INITIALIZE_INVALID },
        };
        InitializeKey key;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Kv kv = make_kv(P "initialize", rows[i].value, 1, 2, 0);
                decode_initialize(&kv, &key);
                assert_int_equal(key.state, rows[i].state);
                assert_int_equal(key.mod_revision, 2);
                kv_done(&kv);
        }
        decode_initialize(NULL, &key);
        assert_int_equal(key.state, INITIALIZE_ABSENT);
}

static FailoverKey failover(const char *value)
{
        Kv kv = make_kv(P "failover", value, 1, 2, 0);
        FailoverKey key;

        decode_failover(&kv, &key);
        kv_done(&kv);
        assert_int_equal(key.mod_revision, 2);
        return key;
}

static void test_failover(void **state)
{
        FailoverKey key = failover("{\"leader\":\"n1\",\"scheduled_at\":\"2035-01-01T12:00:00+00:00\"}");

        (void)state;
        assert_true(key.requested);
        assert_string_equal(key.leader, "n1");
        assert_true(key.scheduled_wall_usec == 2051265600000000ULL);
        key = failover("{\"member\":\"n2\"}");
        assert_string_equal(key.candidate, "n2");
        assert_int_equal(key.scheduled_wall_usec, 0);
        assert_false(failover("{}").requested);
        assert_false(failover("").requested);
        assert_false(failover("null").requested);
        assert_string_equal(failover("n1:n2").candidate, "n2");
        assert_string_equal(failover("n1").leader, "n1");
        /* at an instant nobody can read: never, not at once */
        assert_false(failover("{\"leader\":\"n1\",\"scheduled_at\":\"tomorrow\"}").requested);
        assert_false(failover("{\"leader\":\"n1\",\"scheduled_at\":\"2035-01-01T12:00:00\"}").requested);
}

static void test_sync(void **state)
{
        Kv kv = make_kv(P "sync", "{\"leader\":\"n3\",\"quorum\":1,\"sync_standby\":\"n1,n2\"}", 1, 9, 0);
        Kv none = make_kv(P "sync", "{\"leader\":null,\"quorum\":0,\"sync_standby\":null}", 1, 9, 0);
        SyncKey key;

        (void)state;
        assert_int_equal(decode_sync(&kv, &key), 0);
        assert_string_equal(key.leader, "n3");
        assert_string_equal(key.standbys, "n1,n2");
        assert_int_equal(key.quorum, 1);
        assert_int_equal(key.mod_revision, 9);
        assert_int_equal(decode_sync(&none, &key), 0);
        assert_string_equal(key.leader, "");
        assert_string_equal(key.standbys, "");
        kv_done(&kv);
        kv_done(&none);
}

/* A list that is too long loses whole names, never half of one. */
static void test_long_sync(void **state)
{
        static char value[SYNC_LIST_SIZE * 2];
        SyncKey key;
        size_t n = (size_t)sprintf(value, "{\"leader\":\"n\",\"sync_standby\":\"");

        (void)state;
        for (unsigned i = 0; n < SYNC_LIST_SIZE + 100; i++)
                n += (size_t)sprintf(value + n, "%snode-%04u", i > 0 ? "," : "", i);
        strcpy(value + n, "\"}");
        Kv kv = make_kv(P "sync", value, 1, 9, 0);
        assert_int_equal(decode_sync(&kv, &key), CUT_TEXT);
        assert_int_equal((strlen(key.standbys) + 1) % 10, 0);
        kv_done(&kv);
}

static void test_status(void **state)
{
        Kv kv = make_kv(P "status",
                        "{\"optime\":67108960,\"slots\":{\"n2\":67108960,\"n3\":67108961,\"n1\":7},"
                        "\"retain_slots\":[\"n1\",\"n2\",\"n3\"]}", 1, 9, 0);
        Kv number = make_kv(P "status", "77", 1, 9, 0), optime = make_kv(P "o", "66", 1, 1, 0);
        Kv text = make_kv(P "status", "{\"optime\":5,\"slots\":\"{\\\"a\\\":9}\"}", 1, 9, 0);
        StatusKey key;

        (void)state;
        assert_int_equal(decode_status(&kv, &optime, &key), 0);
        assert_int_equal(key.optime, 67108960);
        assert_int_equal(key.n_slots, 3);
        assert_string_equal(key.slots[1].name, "n3");
        assert_int_equal(key.slots[1].lsn, 67108961);
        (void)decode_status(&number, NULL, &key);
        assert_int_equal(key.optime, 77);
        (void)decode_status(NULL, &optime, &key);
        assert_int_equal(key.optime, 66);
        assert_int_equal(key.mod_revision, 0);
        (void)decode_status(&text, NULL, &key);
        assert_int_equal(key.slots[0].lsn, 9);
        kv_done(&kv);
        kv_done(&number);
        kv_done(&optime);
        kv_done(&text);
}

static void test_history(void **state)
{
        static const struct {
                const char *value;
                uint32_t timeline;
        } rows[] = {
                { history, 3 }, { "[]", 1 },      { "[[4,5,\"x\"]]", 5 }, { "{}", 0 },
                { "", 0 },      { "[[-1]]", 0 },  { "[[]]", 0 },          { "[[\"1\"]]", 0 },
                { "[4]", 0 },   { "[[4294967295]]", 0 },
        };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Kv kv = make_kv(P "history", rows[i].value, 1, 2, 0);
                assert_int_equal(decode_history_timeline(&kv), rows[i].timeline);
                kv_done(&kv);
        }
        assert_int_equal(decode_history_timeline(NULL), 0);
}

static void put(Cache *c, const char *key, const char *value, int64_t lease)
{
        static uint64_t revision;

        revision++;
        Kv kv = make_kv(key, value, revision, revision, lease);
        assert_int_equal(cache_put(c, &kv), 1);
}

static DecodeContext make_context(void)
{
        return (DecodeContext){ .dcs_id = 7, .raft_term = 3, .seen = 5,
                                .settings = SETTINGS_DEFAULT };
}

static void test_packet(void **state)
{
        DecodeContext context = make_context();
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        MsgCluster *m = calloc(1, WIRE_PACKET_MAX);

        (void)state;
        put(c, P "members/n2", standby, 44);
        put(c, P "members/n1", primary, 45);
        put(c, P "leader", "n1", 45);
        put(c, P "config", config, 0);
        put(c, P "history", history, 0);
        put(c, P "palisade/vip/reads", "n2", 46);
        put(c, P "palisade/vip/a-name-that-is-longer-than-ours-are", "n2", 46);
        put(c, P "palisade/vip/", "n2", 46);
        put(c, P "failsafe", "{\"n1\":\"http://10.88.0.51:8008/patroni\"}", 0);
        assert_int_equal(decode_cluster(c, &context, m), 0);
        assert_int_equal(wire_check(m, m->h.size), 0);
        assert_string_equal(m->cluster.leader.name, "n1");
        assert_true(m->cluster.leader.epoch == m->cluster.leader.mod_revision);
        assert_int_equal(m->cluster.leader.lease, 45);
        assert_int_equal(m->cluster.n_vips, 1);
        assert_string_equal(m->cluster.vips[0].name, "reads");
        assert_string_equal(m->cluster.vips[0].holder, "n2");
        assert_true(m->cluster.vips[0].epoch > m->cluster.leader.epoch);
        assert_int_equal(m->cluster.n_members, 2);
        assert_string_equal(m->cluster.members[0].name, "n1");
        assert_int_equal(m->cluster.settings.timing.ttl, 20 * USEC_PER_SEC);
        assert_int_equal(m->cluster.settings.synchronous_mode, SYNC_MODE_ON);
        assert_int_equal(m->cluster.history.timeline, 3);
        assert_int_equal(m->cluster.dcs_id, 7);

        const char *raw = wire_cluster_blob(m, m->cluster.config.raw);
        assert_memory_equal(raw, config, strlen(config));
        assert_int_equal(m->cluster.config.raw.size, strlen(config));
        raw = wire_cluster_blob(m, m->cluster.members[1].raw);
        assert_memory_equal(raw, standby, strlen(standby));
        assert_non_null(wire_cluster_blob(m, m->cluster.failsafe));
        free(m);
}

/* A config that is no object counts as absent, and the settings in force stay. */
static void test_bad_config(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        MsgCluster *m = calloc(1, WIRE_PACKET_MAX);
        DecodeContext with = make_context();

        (void)state;
        with.settings.timing.ttl = 12 * USEC_PER_SEC;
        put(c, P "config", "[1]", 0);
        put(c, P "failsafe", "oops", 0);
        assert_int_equal(decode_cluster(c, &with, m), 0);
        assert_int_equal(m->cluster.config.mod_revision, 0);
        assert_int_equal(m->cluster.config.raw.size, 0);
        assert_int_equal(m->cluster.failsafe.size, 0);
        assert_int_equal(m->cluster.settings.timing.ttl, 12 * USEC_PER_SEC);
        free(m);
}

static void test_ceilings(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        MsgCluster *m = calloc(1, WIRE_PACKET_MAX);
        static char filler[5000], value[6000], key[300];
        DecodeContext context = make_context();

        (void)state;
        memset(filler, 'x', sizeof filler - 1);
        snprintf(value, sizeof value, "{\"state\":\"running\",\"f\":\"%s\"}", filler);
        for (unsigned i = 0; i < CLUSTER_MEMBERS_MAX + 3; i++) {
                snprintf(key, sizeof key, P "members/m%02u", i);
                put(c, key, value, 0);
        }
        snprintf(key, sizeof key, P "members/%.200s", filler);
        put(c, key, "{}", 0);
        put(c, P "config", config, 0);
        assert_int_equal(decode_cluster(c, &context, m), CUT_MEMBERS | CUT_MEMBER_NAME | CUT_BLOBS);
        assert_int_equal(wire_check(m, m->h.size), 0);
        assert_int_equal(m->cluster.n_members, CLUSTER_MEMBERS_MAX);
        assert_non_null(wire_cluster_blob(m, m->cluster.config.raw));
        assert_non_null(wire_cluster_blob(m, m->cluster.members[0].raw));
        assert_null(wire_cluster_blob(m, m->cluster.members[47].raw));
        assert_int_equal(m->cluster.members[47].state, RUN_RUNNING);
        free(m);
}

/* Who may be a primary without a deadline: every such key counts, whatever it is called. */
static void test_standing(void **state)
{
        _cleanup_(cache_freep) Cache *c = cache_new(P);
        MsgCluster *m = calloc(1, WIRE_PACKET_MAX);
        DecodeContext context = make_context();
        static char long_key[400];

        (void)state;
        assert_int_equal(decode_cluster(c, &context, m), 0);
        assert_string_equal(m->cluster.standing, "");
        assert_string_equal(m->cluster.failsafe_names, "");
        assert_false(m->cluster.resuming);
        memset(long_key, 'x', sizeof long_key - 1);
        memcpy(long_key, P "palisade/standing/", strlen(P "palisade/standing/"));
        put(c, long_key, "{}", 0);
        assert_int_equal(decode_cluster(c, &context, m), CUT_TEXT);
        assert_string_equal(m->cluster.standing, "?");

        put(c, P "palisade/standing/n1", "no json", 0);
        put(c, P "palisade/standing/n3", "{\"epoch\":5}", 0);
        put(c, P "palisade/resume", "{}", 0);
        put(c, P "failsafe", "{\"n1\":\"http://a\",\"a,b\":\"http://b\",\"n2\":null}", 0);
        assert_int_equal(decode_cluster(c, &context, m), CUT_TEXT);
        assert_true(str_list_contains(m->cluster.standing, "n1"));
        assert_true(str_list_contains(m->cluster.standing, "n3"));
        assert_string_equal(m->cluster.failsafe_names, "n1,n2");
        assert_true(m->cluster.resuming);
        assert_int_equal(wire_check(m, m->h.size), 0);
        free(m);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_members),    cmocka_unit_test(test_old_and_odd_members),
                cmocka_unit_test(test_initialize), cmocka_unit_test(test_failover),
                cmocka_unit_test(test_sync),       cmocka_unit_test(test_long_sync),
                cmocka_unit_test(test_status),     cmocka_unit_test(test_history),
                cmocka_unit_test(test_packet),     cmocka_unit_test(test_bad_config),
                cmocka_unit_test(test_ceilings),   cmocka_unit_test(test_standing),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
