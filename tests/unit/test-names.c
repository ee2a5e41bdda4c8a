#include "model/names.h"
#include "model/pg.h"
#include "model/settings.h"
#include "test-lib.h"

/* PATRONI-SPEC, "Roles (exact strings)". */
static void test_roles(void **state _unused_)
{
        assert_string_equal(role_to_string(ROLE_PRIMARY), "primary");
        assert_string_equal(role_to_string(ROLE_STANDBY_LEADER), "standby_leader");
        assert_string_equal(role_to_string(ROLE_REPLICA), "replica");
        assert_string_equal(role_to_string(ROLE_DEMOTED), "demoted");
        assert_string_equal(role_to_string(ROLE_UNINITIALIZED), "uninitialized");
        assert_int_equal(role_parse("primary"), ROLE_PRIMARY);
        assert_int_equal(role_parse("master"), ROLE_PRIMARY); /* older members */
        assert_int_equal(role_parse("promoted"), ROLE_PRIMARY);
        assert_int_equal(role_parse("replica"), ROLE_REPLICA);
        assert_int_equal(role_parse("standby_leader"), ROLE_STANDBY_LEADER);
        assert_int_equal(role_parse("Primary"), ROLE_UNKNOWN);
        assert_int_equal(role_parse(""), ROLE_UNKNOWN);
}

/* PATRONI-SPEC, "PostgreSQL states (exact strings, with the metric number)". */
static void test_states(void **state _unused_)
{
        static const char *const names[] = {
                "initializing new cluster",
                "initdb failed",
                "running custom bootstrap script",
                "custom bootstrap failed",
                "creating replica",
                "running",
                "starting",
                "starting after custom bootstrap",
                "start failed",
                "restarting",
                "restart failed",
                "stopping",
                "stopped",
                "stop failed",
                "crashed",
        };

        assert_int_equal(ELEMENTSOF(names), RUN_MAX - 1);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_string_equal(run_state_to_string((RunState)(i + 1)), names[i]);
                assert_int_equal(run_state_from_string(names[i]), i + 1);
        }
}

/* PostgreSQL's own words (pg_controldata, LC_ALL=C). */
static void test_control_states(void **state _unused_)
{
        assert_int_equal(control_state_from_string("starting up"), CONTROL_STARTING);
        assert_int_equal(control_state_from_string("shut down"), CONTROL_SHUT_DOWN);
        assert_int_equal(control_state_from_string("shut down in recovery"),
                         CONTROL_SHUT_DOWN_IN_RECOVERY);
        assert_int_equal(control_state_from_string("shutting down"), CONTROL_SHUTTING_DOWN);
        assert_int_equal(control_state_from_string("in crash recovery"), CONTROL_CRASH_RECOVERY);
        assert_int_equal(control_state_from_string("in archive recovery"),
                         CONTROL_ARCHIVE_RECOVERY);
        assert_int_equal(control_state_from_string("in production"), CONTROL_PRODUCTION);
        assert_int_equal(control_state_from_string("unrecognized status code"), CONTROL_UNKNOWN);
}

static void test_replication_state(void **state _unused_)
{
        assert_string_equal(replication_state_to_string(REPLICATION_STREAMING), "streaming");
        assert_string_equal(replication_state_to_string(REPLICATION_ARCHIVE), "in archive recovery");
}

/* A name for every value, found again by it; anything else is UNKNOWN, any number is printable. */
#define CHECK_TABLE(prefix, Type, MAX_)                                                            \
        do {                                                                                       \
                for (int i = 0; i < (MAX_); i++) {                                                 \
                        assert_string_not_equal(prefix##_to_string((Type)i), "?");                 \
                        assert_int_equal(prefix##_from_string(prefix##_to_string((Type)i)), i);    \
                }                                                                                  \
                assert_string_equal(prefix##_to_string((MAX_)), "?");                              \
                assert_string_equal(prefix##_to_string((Type)9999), "?");                          \
                assert_int_equal(prefix##_from_string("no such name"), 0);                         \
                assert_int_equal(prefix##_from_string(""), 0);                                     \
        } while (0)

static void test_tables(void **state _unused_)
{
        CHECK_TABLE(role, Role, ROLE_MAX);
        CHECK_TABLE(run_state, RunState, RUN_MAX);
        CHECK_TABLE(replication_state, ReplicationState, REPLICATION_MAX);
        CHECK_TABLE(control_state, ControlState, CONTROL_MAX);
        CHECK_TABLE(datadir, DataDir, DATADIR_MAX);
        CHECK_TABLE(tri, Tri, TRI_MAX);
        CHECK_TABLE(pg_operation, PgOperation, PGOP_MAX);
        CHECK_TABLE(sync_mode, SyncMode, SYNC_MODE_MAX);
        assert_int_equal(TRI(true), TRI_YES);
        assert_int_equal(TRI(false), TRI_NO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_roles),          cmocka_unit_test(test_states),
                cmocka_unit_test(test_control_states), cmocka_unit_test(test_replication_state),
                cmocka_unit_test(test_tables),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
