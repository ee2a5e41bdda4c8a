#include <errno.h>

#include "pgd/control.h"
#include "test-lib.h"

/* pg_controldata of PostgreSQL 15, LC_ALL=C; some lines left out. */
static const char standby[] =
        "pg_control version number:            1300\n"
        "Catalog version number:               202209061\n"
        "Database system identifier:           7711884278017416255\n"
        "Database cluster state:               in archive recovery\n"
        "pg_control last modified:             Tue Nov 24 23:29:40 2026\n"
        "Latest checkpoint location:           0/5000028\n"
        "Latest checkpoint's REDO location:    0/5000000\n"
        "Latest checkpoint's REDO WAL file:    000000020000000000000005\n"
        "Latest checkpoint's TimeLineID:       2\n"
        "Latest checkpoint's PrevTimeLineID:   1\n"
        "Latest checkpoint's oldestCommitTsXid:0\n"
        "Minimum recovery ending location:     1/6000110\n"
        "Min recovery ending loc's timeline:   3\n"
        "Backup start location:                0/0\n"
        "wal_level setting:                    replica\n"
        "Bytes per WAL segment:                16777216\n"
        "wal_log_hints setting:                on\n"
        "max_connections setting:              150\n"
        "max_worker_processes setting:         9\n"
        "max_wal_senders setting:              11\n"
        "max_prepared_xacts setting:           5\n"
        "max_locks_per_xact setting:           65\n"
        "track_commit_timestamp setting:       off\n"
        "Data page checksum version:           0\n";

static void test_standby(void **state _unused_)
{
        Control c;

        assert_int_equal(control_parse(standby, &c), 0);
        assert_int_equal(c.state, CONTROL_ARCHIVE_RECOVERY);
        assert_true(c.sysid == 7711884278017416255ULL);
        assert_true(c.checkpoint_lsn == 0x5000028);
        assert_int_equal(c.timeline, 2);
        assert_true(c.min_recovery_lsn == 0x106000110ULL);
        assert_int_equal(c.min_recovery_timeline, 3);
        assert_int_equal(c.wal_file_size, 16777216);
        assert_true(c.wal_log_hints);
        assert_false(c.checksums);
        assert_int_equal(c.max_connections, 150);
        assert_int_equal(c.max_worker_processes, 9);
        assert_int_equal(c.max_wal_senders, 11);
        assert_int_equal(c.max_prepared_xacts, 5);
        assert_int_equal(c.max_locks_per_xact, 65);
        assert_false(control_was_primary(&c));
}

static void test_states(void **state _unused_)
{
        static const struct {
                const char *text;
                ControlState state;
                bool primary;
        } states[] = {
                { "shut down", CONTROL_SHUT_DOWN, true },
                { "shut down in recovery", CONTROL_SHUT_DOWN_IN_RECOVERY, false },
                { "shutting down", CONTROL_SHUTTING_DOWN, true },
                { "in crash recovery", CONTROL_CRASH_RECOVERY, true },
                { "in archive recovery", CONTROL_ARCHIVE_RECOVERY, false },
                { "in production", CONTROL_PRODUCTION, true },
                { "starting up", CONTROL_STARTING, false },
        };
        char text[256];
        Control c;

        for (size_t i = 0; i < ELEMENTSOF(states); i++) {
                snprintf(text, sizeof text,
                         "Database cluster state:               %s\n"
                         "Database system identifier:           7711884278017416255\n"
                         "Data page checksum version:           1",
                         states[i].text);
                assert_int_equal(control_parse(text, &c), 0);
                assert_int_equal(c.state, states[i].state);
                assert_int_equal(control_was_primary(&c), states[i].primary);
                assert_true(c.checksums); /* the last line has no newline */
                assert_false(c.wal_log_hints);
        }
}

static void test_refuse(void **state _unused_)
{
        static const char *const bad[] = {
                "",
                "pg_controldata: error: could not open file\n",
                "Database cluster state:               in production\n",
                "Database system identifier:           7711884278017416255\n",
                "Database cluster state:               unrecognized status code\n"
                "Database system identifier:           7711884278017416255\n",
                "Database cluster state:               in production\n"
                "Database system identifier:           0\n",
                "Database cluster state:               in production\n"
                "Database system identifier:           99999999999999999999\n",
                " Database cluster state: in production\nDatabase system identifier: 5\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Control c = { .timeline = 77 };
                assert_int_equal(control_parse(bad[i], &c), -EBADMSG);
                assert_int_equal(c.timeline, 77);
        }
}

/* What cannot be read as a number is passed over, not taken for something else. */
static void test_odd_values(void **state _unused_)
{
        Control c;

        assert_int_equal(control_parse("Database cluster state: in production\n"
                                       "Database system identifier: 5\n"
                                       "Latest checkpoint location: nowhere\n"
                                       "Latest checkpoint's TimeLineID: 4294967296\n"
                                       "max_connections setting: many\n"
                                       "wal_log_hints setting: maybe\n", &c), 0);
        assert_true(c.sysid == 5 && c.checkpoint_lsn == 0 && c.timeline == 0);
        assert_int_equal(c.max_connections, 0);
        assert_false(c.wal_log_hints);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_standby),
                cmocka_unit_test(test_states),
                cmocka_unit_test(test_refuse),
                cmocka_unit_test(test_odd_values),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
