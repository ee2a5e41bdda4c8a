#include "model/pg.h"
#include "test-lib.h"

/* PATRONI-SPEC 2.6, 11: the larger of received and replayed. */
static void test_standby_lsn(void **state _unused_)
{
        PgState pg = { .receive_lsn = 100, .replay_lsn = 90 };

        assert_true(pg_standby_lsn(&pg) == 100);
        pg.replay_lsn = 110;
        assert_true(pg_standby_lsn(&pg) == 110);
        pg = (PgState){ .replay_lsn = 50 }; /* restored from the archive, never streamed */
        assert_true(pg_standby_lsn(&pg) == 50);
        assert_true(pg_standby_lsn(&(PgState){ .flush_lsn = 7 }) == 0);
}

/* Unknown counts as running: nothing is started over it, nothing is taken for fenced. */
static void test_may_run(void **state _unused_)
{
        static const bool may_run[RUN_MAX] = {
                [RUN_UNKNOWN] = true,
                [RUN_RUNNING] = true,
                [RUN_STARTING] = true,
                [RUN_RESTARTING] = true,
                [RUN_STOPPING] = true,
                [RUN_STOP_FAILED] = true,
        };

        for (int i = 0; i < RUN_MAX; i++)
                assert_int_equal(pg_may_run(&(PgState){ .run = (RunState)i }), may_run[i]);
        assert_true(pg_may_run(&(PgState){ .run = (RunState)99 })); /* what nobody knows may run */
}

/* "In recovery" is not believed of who was started as primary, or told to promote. */
static void test_acts_as_primary(void **state _unused_)
{
        PgState pg = { .run = RUN_RUNNING, .role = ROLE_REPLICA, .in_recovery = TRI_YES };

        assert_false(pg_acts_as_primary(&pg));
        pg.promote_sent = true;
        assert_true(pg_acts_as_primary(&pg));
        pg.run = RUN_STOPPED;
        assert_false(pg_acts_as_primary(&pg));
        pg = (PgState){ .run = RUN_STARTING, .role = ROLE_PRIMARY };
        assert_true(pg_acts_as_primary(&pg));
        pg = (PgState){ .run = RUN_RUNNING, .role = ROLE_REPLICA, .in_recovery = TRI_NO };
        assert_true(pg_acts_as_primary(&pg)); /* whatever it was started as */
        pg.in_recovery = TRI_UNKNOWN;
        assert_false(pg_acts_as_primary(&pg));
}

static void test_copy_progress(void **state _unused_)
{
        char text[COPY_PROGRESS_TEXT_MAX];
        CopyProgress p = copy_progress_after(UINT64_C(120) << 20, UINT64_C(264) << 20,
                                             2 * USEC_PER_SEC);

        assert_int_equal(copy_progress_percent(&p), 45);
        copy_progress_format(&p, text);
        assert_string_equal(text, "45 %, 120 of 264 MB, 60 MB/s");
        p = copy_progress_after(UINT64_MAX / 2, UINT64_MAX / 4, USEC_PER_SEC); /* an estimate */
        assert_int_equal(copy_progress_percent(&p), 100);
        assert_true(p.rate == UINT64_MAX / 2);
        p = copy_progress_after(3 << 20, 0, 0);
        assert_int_equal(copy_progress_percent(&p), 0);
        copy_progress_format(&p, text);
        assert_string_equal(text, "3 MB, 0 MB/s");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_standby_lsn),
                cmocka_unit_test(test_may_run),
                cmocka_unit_test(test_acts_as_primary),
                cmocka_unit_test(test_copy_progress),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
