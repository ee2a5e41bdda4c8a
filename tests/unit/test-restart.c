/* Texts and conditions are Patroni's (PATRONI-SPEC 2.9, 2.15, 4.6). */
#include <errno.h>

#include "config/json.h"
#include "config/restart-node.h"
#include "decide/restart.h"
#include "decide/schedule.h"
#include "test-lib.h"

static void test_version(void **state _unused_)
{
        static const struct {
                const char *text;
                int r;
                uint32_t version;
        } cases[] = {
                { "9.5.2", 0, 90502 },  { "15.20", 0, 150020 }, { "16.0", 0, 160000 },
                { "10.0.1", 0, 100001 }, { "16", -ERANGE, 0 },   { "9.5", -ERANGE, 0 },
                { "1.2.3.4", -ERANGE, 0 }, { "xx", -EINVAL, 0 }, { "", -EINVAL, 0 },
                { "15.", -EINVAL, 0 },  { "15.x", -EINVAL, 0 }, { "-1.0", -EINVAL, 0 },
                { "999.1", -EINVAL, 0 }, { "99999999999999999999.1", -EINVAL, 0 },
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                uint32_t version = 0;
                assert_int_equal(restart_parse_version(cases[i].text, &version), cases[i].r);
                assert_int_equal(version, cases[i].version);
        }
}

static void test_conditions(void **state _unused_)
{
        static const char *const no = "restart conditions are not satisfied";
        const PgState pg = { .run = RUN_RUNNING, .role = ROLE_REPLICA, .server_version = 150020 };
        RestartAsk ask = { 0 };

        assert_null(restart_refusal(&ask, &pg, false));
        ask.role = ROLE_PRIMARY;
        assert_string_equal(restart_refusal(&ask, &pg, false), no);
        ask.role = ROLE_REPLICA;
        assert_null(restart_refusal(&ask, &pg, false));
        ask.below_version = 150020;
        assert_string_equal(restart_refusal(&ask, &pg, false), no);
        ask.below_version = 150021;
        assert_null(restart_refusal(&ask, &pg, false));
        ask.if_pending = true;
        assert_string_equal(restart_refusal(&ask, &pg, false), no);
        assert_null(restart_refusal(&ask, &pg, true));

        const PgState unknown = { .run = RUN_STOPPED, .role = ROLE_DEMOTED };
        ask = (RestartAsk){ .role = ROLE_REPLICA };
        assert_null(restart_refusal(&ask, &unknown, false));
        ask.below_version = 999999;
        assert_string_equal(restart_refusal(&ask, &unknown, false), no);
}

static void test_end(void **state _unused_)
{
        PgState pg = { .run = RUN_RUNNING, .accepts = true, .postmaster_pid = 7 };

        assert_int_equal(restart_end(&pg, 7, SEC(1), USEC_INFINITY), RESTART_GOES_ON);
        pg.run = RUN_STOPPING;
        assert_int_equal(restart_end(&pg, 7, SEC(1), USEC_INFINITY), RESTART_GOES_ON);
        pg = (PgState){ .run = RUN_STARTING, .postmaster_pid = 8 };
        assert_int_equal(restart_end(&pg, 7, SEC(1), SEC(2)), RESTART_GOES_ON);
        assert_int_equal(restart_end(&pg, 7, SEC(2), SEC(2)), RESTART_LATE);
        pg.run = RUN_START_FAILED;
        assert_int_equal(restart_end(&pg, 7, SEC(1), SEC(2)), RESTART_FAILED);
        pg.run = RUN_RUNNING;
        assert_int_equal(restart_end(&pg, 7, SEC(1), SEC(2)), RESTART_GOES_ON);
        pg.accepts = true;
        assert_int_equal(restart_end(&pg, 7, SEC(9), SEC(2)), RESTART_DONE);
        assert_string_equal(restart_end_text(RESTART_DONE), "restarted successfully");
        assert_string_equal(restart_end_text(RESTART_LATE), "postgres is still starting");
        assert_string_equal(restart_end_text(RESTART_FAILED), "restart failed");
}

static void test_schedule(void **state _unused_)
{
        Settings s = SETTINGS_DEFAULT;
        usec_t wait;

        s.timing.loop_wait = SEC(2);
        assert_int_equal(schedule_due(0, SEC(100), &s, &wait), DUE_NOW);
        assert_int_equal(schedule_due(SEC(100), SEC(100), &s, &wait), DUE_NOW);
        assert_int_equal(schedule_due(SEC(100), SEC(103), &s, &wait), DUE_NOW);
        assert_int_equal(schedule_due(SEC(100), SEC(103) + 1, &s, &wait), DUE_PASSED);
        assert_int_equal(schedule_due(SEC(100), SEC(99) + 400000, &s, &wait), DUE_NOT_YET);
        assert_int_equal(wait, 600000);
        assert_int_equal(schedule_due(SEC(1000), SEC(1), &s, &wait), DUE_NOT_YET);
        assert_int_equal(wait, SEC(1)); /* a clock may be set */
        s.pause = true;
        assert_int_equal(schedule_due(SEC(100), SEC(100), &s, &wait), DUE_NOT_YET);
        assert_int_equal(schedule_due(SEC(100), SEC(200), &s, &wait), DUE_NOT_YET);
        assert_true(wait == USEC_INFINITY);
        assert_int_equal(schedule_due(0, SEC(100), &s, &wait), DUE_NOW);
}

/* As recorded of Patroni's member key and of GET /patroni. */
static void test_node(void **state _unused_)
{
        ScheduledRestart r = {
                .ask = { .scheduled_wall_usec = SEC(1893456000), .role = ROLE_REPLICA,
                         .below_version = 160000, .version_text = "16.0" },
                .start_wall_usec = SEC(1795383201) + 78623,
        };
        _cleanup_(node_freep) Node *key = restart_node(&r, true), *shown = restart_node(&r, false);
        char *key_text = json_format(key, JSON_COMPACT);
        char *shown_text = json_format(shown, JSON_COMPACT);

        assert_string_equal(key_text,
                            "{\"schedule\":\"2030-01-01T00:00:00+00:00\",\"role\":\"replica\","
                            "\"postgres_version\":\"16.0\","
                            "\"postmaster_start_time\":\"2026-11-22 21:33:21.078623+00:00\"}");
        assert_string_equal(shown_text,
                            "{\"schedule\":\"2030-01-01T00:00:00+00:00\",\"role\":\"replica\","
                            "\"postgres_version\":\"16.0\"}");
        free(key_text);
        free(shown_text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_version),  cmocka_unit_test(test_conditions),
                cmocka_unit_test(test_end),      cmocka_unit_test(test_schedule),
                cmocka_unit_test(test_node),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
