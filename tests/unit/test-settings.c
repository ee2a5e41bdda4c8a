/* What of a dynamic configuration is acted on, and Patroni's defaults (PATRONI-SPEC 3.2). */
#include "config/json.h"
#include "config/schema.h"
#include "test-lib.h"

static Settings read(const char *text, bool *ret_adjusted)
{
        bool adjusted;
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        Settings s = settings_read(n, ret_adjusted ? ret_adjusted : &adjusted);
        node_free(n);
        return s;
}

static void test_defaults(void **state _unused_)
{
        bool adjusted = true;
        Settings s = read("{}", &adjusted), d = SETTINGS_DEFAULT;

        assert_false(adjusted);
        assert_true(s.timing.ttl == SEC(30) && s.timing.loop_wait == SEC(10) &&
                    s.timing.retry_timeout == SEC(10));
        assert_true(s.maximum_lag_on_failover == 1048576);
        assert_true(s.maximum_lag_on_syncnode == -1);
        assert_int_equal(s.max_timelines_history, 0);
        assert_true(s.primary_start_timeout == SEC(300));
        assert_true(s.primary_stop_timeout == 0);
        assert_true(s.member_slots_ttl == SEC(1800));
        assert_int_equal(s.synchronous_mode, SYNC_MODE_OFF);
        assert_int_equal(s.synchronous_node_count, 1);
        assert_false(s.synchronous_mode_strict || s.failsafe_mode || s.check_timeline || s.pause ||
                     s.standby_cluster);
        assert_true(d.timing.ttl == s.timing.ttl && d.member_slots_ttl == s.member_slots_ttl &&
                    d.primary_start_timeout == s.primary_start_timeout &&
                    d.maximum_lag_on_failover == s.maximum_lag_on_failover &&
                    d.maximum_lag_on_syncnode == s.maximum_lag_on_syncnode &&
                    d.synchronous_node_count == s.synchronous_node_count);
}

static void test_values(void **state _unused_)
{
        Settings s = read("{\"ttl\":20,\"loop_wait\":\"3\",\"retry_timeout\":\"5s\","
                          "\"maximum_lag_on_failover\":0,\"maximum_lag_on_syncnode\":4096,"
                          "\"max_timelines_history\":5,\"primary_start_timeout\":0,"
                          "\"primary_stop_timeout\":60,\"member_slots_ttl\":\"30min\","
                          "\"synchronous_mode\":true,\"synchronous_mode_strict\":\"on\","
                          "\"synchronous_node_count\":2,\"failsafe_mode\":true,"
                          "\"check_timeline\":true,\"pause\":true}", NULL);

        assert_true(s.timing.ttl == SEC(20) && s.timing.loop_wait == SEC(3) &&
                    s.timing.retry_timeout == SEC(5));
        assert_true(s.maximum_lag_on_failover == 0);
        assert_true(s.maximum_lag_on_syncnode == 4096);
        assert_int_equal(s.max_timelines_history, 5);
        assert_true(s.primary_start_timeout == 0);
        assert_true(s.primary_stop_timeout == SEC(60));
        assert_true(s.member_slots_ttl == SEC(1800));
        assert_int_equal(s.synchronous_mode, SYNC_MODE_ON);
        assert_int_equal(s.synchronous_node_count, 2);
        assert_true(s.synchronous_mode_strict && s.failsafe_mode && s.check_timeline && s.pause);
}

static void test_sync_modes(void **state _unused_)
{
        static const struct {
                const char *text;
                SyncMode mode;
        } modes[] = {
                { "{\"synchronous_mode\":\"quorum\"}", SYNC_MODE_QUORUM },
                { "{\"synchronous_mode\":\"Quorum\"}", SYNC_MODE_QUORUM },
                { "{\"synchronous_mode\":\"on\"}", SYNC_MODE_ON },
                { "{\"synchronous_mode\":\"1\"}", SYNC_MODE_ON },
                { "{\"synchronous_mode\":1}", SYNC_MODE_ON },
                { "{\"synchronous_mode\":false}", SYNC_MODE_OFF },
                { "{\"synchronous_mode\":\"off\"}", SYNC_MODE_OFF },
                { "{\"synchronous_mode\":null}", SYNC_MODE_OFF },
                { "{\"synchronous_mode\":\"maybe\"}", SYNC_MODE_OFF },
        };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                assert_int_equal(read(modes[i].text, NULL).synchronous_mode, modes[i].mode);
        assert_string_equal(sync_mode_to_string(SYNC_MODE_QUORUM), "quorum");
}

/* Asked and in force: the rules of PATRONI-SPEC 3.1, 5. */
static void test_adjusted(void **state _unused_)
{
        bool adjusted = false;
        Settings s = read("{\"ttl\":20,\"loop_wait\":10,\"retry_timeout\":10}", &adjusted);

        assert_true(adjusted);
        assert_true(s.asked.ttl == SEC(20) && s.asked.loop_wait == SEC(10) &&
                    s.asked.retry_timeout == SEC(10));
        assert_true(s.timing.ttl == SEC(20) && s.timing.loop_wait == SEC(1) &&
                    s.timing.retry_timeout == SEC(9));
}

/* A value that is no number counts as left out. */
static void test_nonsense(void **state _unused_)
{
        Settings s = read("{\"ttl\":\"soon\",\"loop_wait\":{},\"maximum_lag_on_failover\":-5,"
                          "\"synchronous_node_count\":-7,\"max_timelines_history\":-1,"
                          "\"primary_start_timeout\":[1],\"pause\":\"perhaps\"}", NULL);

        assert_true(s.timing.ttl == SEC(30) && s.timing.loop_wait == SEC(10));
        assert_true(s.maximum_lag_on_failover == 1048576);
        assert_int_equal(s.synchronous_node_count, 1);
        assert_int_equal(s.max_timelines_history, 0);
        assert_true(s.primary_start_timeout == SEC(300));
        assert_false(s.pause);
        assert_int_equal(read("{\"synchronous_node_count\":99999}", NULL).synchronous_node_count,
                         1000);
}

static void test_aliases(void **state _unused_)
{
        Settings s = read("{\"master_start_timeout\":7,\"master_stop_timeout\":8}", NULL);

        assert_true(s.primary_start_timeout == SEC(7) && s.primary_stop_timeout == SEC(8));
        s = read("{\"master_start_timeout\":7,\"primary_start_timeout\":9}", NULL);
        assert_true(s.primary_start_timeout == SEC(9));
}

/* PATRONI-SPEC 2.19: active if it has host, port or restore_command. */
static void test_standby_cluster(void **state _unused_)
{
        assert_true(read("{\"standby_cluster\":{\"host\":\"a\"}}", NULL).standby_cluster);
        assert_true(read("{\"standby_cluster\":{\"port\":5432}}", NULL).standby_cluster);
        assert_true(read("{\"standby_cluster\":{\"restore_command\":\"x\"}}", NULL).standby_cluster);
        assert_false(read("{\"standby_cluster\":{\"primary_slot_name\":\"x\"}}", NULL)
                             .standby_cluster);
        assert_false(read("{\"standby_cluster\":{}}", NULL).standby_cluster);
        assert_false(read("{\"standby_cluster\":null}", NULL).standby_cluster);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_defaults),   cmocka_unit_test(test_values),
                cmocka_unit_test(test_sync_modes), cmocka_unit_test(test_adjusted),
                cmocka_unit_test(test_nonsense),   cmocka_unit_test(test_aliases),
                cmocka_unit_test(test_standby_cluster),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
