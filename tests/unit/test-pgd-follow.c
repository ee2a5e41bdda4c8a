/* The first step still missing to a standby that follows, whatever happened before. */
#include "pgd-plan-world.h"

static void test_follow_waits_for_parameters(void **state _unused_)
{
        pending_add(&w.pg.pending, "shared_buffers", "32MB", "64MB");
        pending_add(&w.pg.pending, "max_connections", "100", "120");
        expect(STEP_DONE);
        w.pg.replay_paused = true;
        expect(STEP_STOP_FAST);
        w.order.hands_off = true; /* the cluster is paused */
        expect(STEP_DONE);
        w.order.hands_off = false;
        (void)STR_SET(w.pg.pending.rows[1].new_value, "90"); /* less hinders no recovery: a person paused it */
        expect(STEP_DONE);
        w.pg.pending.n = 1;
        expect(STEP_DONE);
}

static void test_follow_running(void **state _unused_)
{
        expect(STEP_DONE);
        w.in.conf_current = false;
        expect(STEP_RECONFIGURE);
        w.pg.accepts = false;
        expect(STEP_WAIT);
        w.pg.held = true;
        expect(STEP_REFUSE);
        w.pg.held = false;
        primary();
        expect(STEP_REFUSE); /* never follow with a primary: it is stopped first */
        w.pg.in_recovery = TRI_UNKNOWN; /* started as one, not probed yet */
        expect(STEP_REFUSE);
        w.pg.in_recovery = TRI_NO;
        w.pg.role = ROLE_REPLICA; /* somebody called pg_promote() */
        expect(STEP_REFUSE);
}

/* Before 13 the server takes whom it follows at a start only: it is restarted, but not in pause. */
static void test_follow_by_restart(void **state _unused_)
{
        w.in.version = 120022;
        expect(STEP_DONE);
        w.in.conf_current = false;
        expect(STEP_STOP_FAST);
        w.in.before_stop = HOOK_DUE;
        expect(STEP_BEFORE_STOP);
        w.order.hands_off = true; /* what is stopped in pause stays so */
        expect(STEP_DONE);
        w.order.hands_off = false;
        w.pg.accepts = false;
        expect(STEP_WAIT);
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        w.order.leader.timeline = 4;
        expect(STEP_CHECK); /* and goes on as any other that was stopped */
        w.in.diverged = TRI_NO;
        expect(STEP_START_STANDBY);
        setup(NULL);
        w.in.version = 130000;
        w.in.conf_current = false;
        expect(STEP_RECONFIGURE);
        assert_true(plan_follows_by_restart(120000) && plan_follows_by_restart(129999));
        assert_false(plan_follows_by_restart(130000) || plan_follows_by_restart(180003));
}

/* The server says that something it recovers by waits for a start: all three before 13, one of them in 13. */
static void test_recovery_waits(void **state _unused_)
{
        for (uint32_t version = 120000; version <= 130000; version += 10000) {
                setup(NULL);
                w.in.version = version;
                w.in.recovery_waits = true;
                expect(STEP_STOP_FAST);
                w.order.hands_off = true;
                expect(STEP_DONE);
        }
        w.in.conf_current = false;
        expect(STEP_RECONFIGURE);
}

/* A standby takes copies of logical slots while it is stopped: not before it streams, not in pause. */
static void test_copies(void **state _unused_)
{
        expect(STEP_DONE);
        w.in.copies_wait = true;
        w.pg.receiver_alive = true;
        expect(STEP_STOP_FAST);
        assert_true(plan_next(&w.in).within > 0); /* one that hangs keeps it from leading */
        w.in.before_stop = HOOK_DUE;
        expect(STEP_BEFORE_STOP);
        w.order.hands_off = true;
        expect(STEP_DONE);
        w.order.hands_off = false;
        w.in.conf_current = false;
        expect(STEP_RECONFIGURE);
        w.in.conf_current = true;
        w.pg.receiver_alive = false;
        w.in.diverged = TRI_NO;
        expect(STEP_DONE);
}

static void test_restart(void **state _unused_)
{
        w.pg.postmaster_pid = 7;
        w.order.outgoing = 7;
        expect(STEP_STOP_FAST);
        assert_true(plan_next(&w.in).within == 0); /* the order says */
        w.pg.accepts = false; /* also one that is still starting */
        expect(STEP_STOP_FAST);
        w.in.before_stop = HOOK_DUE;
        expect(STEP_BEFORE_STOP);
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        w.in.diverged = TRI_NO;
        expect(STEP_START_STANDBY);
        setup(NULL);
        w.pg.postmaster_pid = 8; /* the next one is there */
        w.order.outgoing = 7;
        expect(STEP_DONE);
        w.order.outgoing = 8;
        primary();
        expect(STEP_REFUSE); /* a standby was ordered */
        w.order.what = ORDER_START;
        permit(EPOCH, SEC(2000));
        expect(STEP_STOP_FAST);
        permit(EPOCH, SEC(999));
        expect(STEP_REFUSE); /* what could not start again is not stopped */
        permit(EPOCH, SEC(2000));
        w.pg.postmaster_pid = 9;
        expect(STEP_DONE);
}

static void test_follow_not_streaming(void **state _unused_)
{
        w.pg.receiver_alive = false;
        expect(STEP_CHECK); /* the same timeline, or another of that number */
        w.in.diverged = TRI_NO;
        w.pg.replay_lsn = w.in.agreed_lsn = 1000;
        expect(STEP_DONE); /* it will come */
        w.pg.replay_lsn = 1056; /* from its own pg_wal: that was not compared */
        expect(STEP_CHECK);
        w.pg.receiver_alive = true;
        expect(STEP_DONE);
        w.pg.receiver_alive = false;
        w.pg.replay_lsn = 1000;
        w.in.diverged = TRI_UNKNOWN;
        w.order.leader.timeline = w.pg.timeline = 1;
        expect(STEP_DONE); /* there is only one */
        w.pg.timeline = 3;
        w.order.leader.timeline = 4;
        expect(STEP_CHECK);
        w.in.diverged = TRI_NO;
        expect(STEP_DONE);
        w.in.diverged = TRI_YES;
        expect(STEP_STOP_FAST);
        w.in.diverged = TRI_UNKNOWN;
        w.in.check_failures = 3; /* and is compared until it is known */
        expect(STEP_CHECK);
        w.in.check_failures = 0;
        w.order.leader.name[0] = 0; /* of nobody */
        expect(STEP_DONE);
        w.order.leader.name[0] = 'x';
        w.pg.receiver_alive = true;
        expect(STEP_DONE);
}

static void test_follow_start(void **state _unused_)
{
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 1);
        w.order.leader.timeline = 1;
        expect(STEP_START_STANDBY); /* there is but one timeline 1 */
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        w.order.leader.timeline = 3;
        expect(STEP_CHECK); /* it may be another timeline 3 */
        w.in.check_failures = 1;
        expect(STEP_START_STANDBY);
        w.in.check_failures = 0;
        w.in.diverged = TRI_YES;
        w.in.twin = true;
        w.in.may_rewind = w.in.remove_on_divergence = true;
        expect(STEP_REMOVE); /* pg_rewind would see nothing */
        w.in.remove_on_divergence = false;
        expect(STEP_REFUSE);
        w.in.twin = w.in.may_rewind = false;
        w.in.diverged = TRI_NO;
        expect(STEP_START_STANDBY);
        w.in.leaf_busy = true; /* a leaf belongs to one start */
        expect(STEP_WAIT);
        w.in.leaf_busy = false;
        w.in.control = NULL;
        expect(STEP_WAIT);
        w.in.control = &w.control;
        w.in.diverged = TRI_UNKNOWN;
        w.control.timeline = 2; /* another timeline than the leader's */
        expect(STEP_CHECK);
        w.in.diverged = TRI_NO;
        expect(STEP_START_STANDBY);
        w.in.diverged = TRI_UNKNOWN;
        w.in.check_failures = 3; /* the leader cannot be asked */
        expect(STEP_START_STANDBY);
        w.in.check_failures = 0;
        w.in.backup_label = true; /* fresh from pg_basebackup */
        expect(STEP_START_STANDBY);
        w.in.backup_label = false;
        w.order.leader.name[0] = 0;
        expect(STEP_START_STANDBY);
}

static void test_follow_old_primary(void **state _unused_)
{
        stopped(CONTROL_SHUT_DOWN, 3);
        expect(STEP_CHECK); /* even on the same timeline */
        w.control.state = CONTROL_PRODUCTION;
        expect(STEP_CRASH_RECOVERY);
        w.control.state = CONTROL_CRASH_RECOVERY;
        expect(STEP_CRASH_RECOVERY);
        w.control.state = CONTROL_SHUTTING_DOWN;
        expect(STEP_CRASH_RECOVERY);
        w.in.diverged = TRI_NO;
        expect(STEP_START_STANDBY);
}

static void test_follow_diverged(void **state _unused_)
{
        stopped(CONTROL_SHUT_DOWN, 3);
        w.in.diverged = TRI_YES;
        expect(STEP_REWIND);
        w.in.leader_checkpoint_pending = true;
        expect(STEP_WAIT);
        w.in.leader_checkpoint_pending = false;
        w.in.rewind_failures = 1;
        expect(STEP_REWIND);
        w.in.rewind_failures = 2;
        expect(STEP_REFUSE); /* nobody allowed to remove the data */
        w.in.remove_on_divergence = true;
        expect(STEP_REFUSE); /* that speaks of the case without pg_rewind */
        w.in.remove_on_rewind_failure = true;
        expect(STEP_REMOVE);
        w.in.may_rewind = w.in.remove_on_rewind_failure = w.in.remove_on_divergence = false;
        expect(STEP_REFUSE);
        w.in.remove_on_rewind_failure = true;
        expect(STEP_REFUSE);
        w.in.remove_on_divergence = true;
        expect(STEP_REMOVE);
}

/* Before 13 pg_rewind ends no recovery itself, and refuses a server that was not shut down. */
static void test_follow_diverged_unclean(void **state _unused_)
{
        stopped(CONTROL_ARCHIVE_RECOVERY, 3);
        w.in.diverged = TRI_YES;
        expect(STEP_REWIND);
        w.in.version = 120022;
        expect(STEP_CRASH_RECOVERY);
        w.in.archived = false; /* what is not archived goes first, as ever */
        expect(STEP_ARCHIVE);
        w.in.archived = true;
        w.control.state = CONTROL_PRODUCTION;
        expect(STEP_CRASH_RECOVERY);
        w.control.state = CONTROL_SHUT_DOWN; /* it did */
        expect(STEP_REWIND);
        w.control.state = CONTROL_SHUT_DOWN_IN_RECOVERY;
        expect(STEP_REWIND);
        w.control.state = CONTROL_ARCHIVE_RECOVERY;
        w.in.rewind_failures = 2;
        w.in.remove_on_rewind_failure = true;
        expect(STEP_REMOVE);
        w.in.may_rewind = false;
        w.in.remove_on_divergence = true;
        expect(STEP_REMOVE);
}

static void test_follow_without_data(void **state _unused_)
{
        stopped(CONTROL_UNKNOWN, 0);
        w.pg.datadir = DATADIR_EMPTY;
        expect(STEP_CLONE);
        w.order.leader.name[0] = 0;
        expect(STEP_WAIT);
        w.pg.datadir = DATADIR_BROKEN;
        expect(STEP_REFUSE);
        w.pg.datadir = DATADIR_INACCESSIBLE;
        expect(STEP_REFUSE);
        w.pg.datadir = DATADIR_UNKNOWN;
        expect(STEP_WAIT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_follow_waits_for_parameters),
                TEST(test_follow_running),
                TEST(test_follow_by_restart),
                TEST(test_recovery_waits),
                TEST(test_copies),
                TEST(test_restart),
                TEST(test_follow_not_streaming),
                TEST(test_follow_start),
                TEST(test_follow_old_primary),
                TEST(test_follow_diverged),
                TEST(test_follow_diverged_unclean),
                TEST(test_follow_without_data),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
