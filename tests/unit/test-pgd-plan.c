/* The first step still missing, whatever happened before; and what a primary does on its own. */
#include "pgd/plan.h"
#include "test-lib.h"
#include "wire/wire.h"

#define EPOCH 100

typedef struct World {
        MsgOrder order;
        PgState pg;
        Control control;
        PlanInput in;
} World;

static World w;

/* A standby that streams from node1 on timeline 3, ordered to do so. */
static int setup(void **state _unused_)
{
        w = (World){ .order = WIRE_INIT(MsgOrder, MSG_ORDER) };
        w.order.what = ORDER_FOLLOW;
        (void)STR_SET(w.order.leader.name, "node1");
        w.order.leader.timeline = 3;
        w.order.may_remake = true;
        w.pg = (PgState){ .run = RUN_RUNNING, .role = ROLE_REPLICA, .in_recovery = TRI_YES,
                          .datadir = DATADIR_VALID, .accepts = true, .receiver_alive = true,
                          .timeline = 3 };
        w.control = (Control){ .state = CONTROL_SHUT_DOWN_IN_RECOVERY, .timeline = 3 };
        w.in = (PlanInput){ .now = SEC(1000), .stop_from = USEC_INFINITY, .order = &w.order, .pg = &w.pg,
                            .control = &w.control, .version = 150020, .conf_current = true,
                            .may_rewind = true, .archived = true };
        return 0;
}

static void expect(Step step)
{
        Plan p = plan_next(&w.in);

        if (p.step != step)
                print_error("%s: %s\n", step_to_string(p.step), p.why);
        assert_int_equal(p.step, step);
        assert_true(p.why && p.why[0]);
}

static void stopped(ControlState state, uint32_t timeline)
{
        w.pg.run = RUN_STOPPED;
        w.pg.in_recovery = TRI_UNKNOWN;
        w.pg.accepts = w.pg.receiver_alive = false;
        w.control.state = state;
        w.control.timeline = timeline;
}

static void primary(void)
{
        w.pg.role = ROLE_PRIMARY;
        w.pg.in_recovery = TRI_NO;
}

static void permit(Epoch epoch, usec_t deadline)
{
        w.order.epoch = EPOCH;
        w.pg.permit_epoch = epoch;
        w.pg.permit_deadline = deadline;
}

/* ---- follow ---- */

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

/* ---- as primary: only under a permit of the order's own epoch ---- */

static void test_start(void **state _unused_)
{
        w.order.what = ORDER_START;
        stopped(CONTROL_PRODUCTION, 3);
        permit(EPOCH, w.in.now + 1);
        expect(STEP_START_PRIMARY);
        w.in.leaf_busy = true;
        expect(STEP_WAIT);
        w.in.leaf_busy = false;
        w.in.failures = 1; /* an order is one attempt: the mind counts them */
        expect(STEP_REFUSE);
        w.in.failures = 0;
        w.pg.datadir = DATADIR_BROKEN;
        expect(STEP_REFUSE);
        w.pg.datadir = DATADIR_VALID;
        w.pg.held = true;
        expect(STEP_REFUSE);
        w.pg.held = false;
        w.in.stop_from = w.in.now; /* it would be stopped again at once */
        expect(STEP_REFUSE);
        w.in.stop_from = w.in.now + 1;
        expect(STEP_START_PRIMARY);
        permit(EPOCH, w.in.now); /* over */
        expect(STEP_REFUSE);
        permit(EPOCH - 1, w.in.now + 1);
        expect(STEP_REFUSE);
        permit(EPOCH + 1, w.in.now + 1);
        expect(STEP_REFUSE);
        permit(EPOCH, w.in.now + 1);
        w.pg.revoked_epoch = EPOCH;
        expect(STEP_REFUSE);
        w.pg.revoked_epoch = EPOCH - 1;
        expect(STEP_START_PRIMARY);
        w.order.epoch = w.pg.permit_epoch = w.pg.revoked_epoch = 0;
        expect(STEP_REFUSE);
}

static void test_start_running(void **state _unused_)
{
        w.order.what = ORDER_START;
        permit(EPOCH, w.in.now + 1);
        expect(STEP_REFUSE); /* it runs as standby */
        primary();
        expect(STEP_DONE);
        w.pg.accepts = false;
        expect(STEP_WAIT);
}

static void test_promote(void **state _unused_)
{
        w.order.what = ORDER_PROMOTE;
        permit(EPOCH, w.in.now + 1);
        expect(STEP_PROMOTE);
        permit(EPOCH, w.in.now);
        expect(STEP_REFUSE);
        permit(EPOCH - 1, w.in.now + 1);
        expect(STEP_REFUSE);
        permit(EPOCH, w.in.now + 1);
        w.pg.revoked_epoch = EPOCH;
        expect(STEP_REFUSE);
        w.pg.revoked_epoch = 0;
        w.pg.accepts = false;
        expect(STEP_REFUSE);
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        expect(STEP_REFUSE);
        setup(NULL);
        w.order.what = ORDER_PROMOTE;
        primary();
        expect(STEP_DONE);
}

/* The script has the last word; a promotion forbidden by it is refused, so that another may lead. */
static void test_pre_promote(void **state _unused_)
{
        w.order.what = ORDER_PROMOTE;
        permit(EPOCH, w.in.now + 1);
        w.in.pre_promote = HOOK_DUE;
        expect(STEP_PRE_PROMOTE);
        w.in.pre_promote = HOOK_PASSED;
        expect(STEP_PROMOTE);
        w.in.pre_promote = HOOK_FAILED;
        expect(STEP_REFUSE);
        w.in.pre_promote = HOOK_PASSED;
        permit(EPOCH, w.in.now); /* the script took longer than the permit lasted */
        expect(STEP_REFUSE);
}

/* ---- the others ---- */

static void test_bootstrap(void **state _unused_)
{
        w.order.what = ORDER_BOOTSTRAP;
        stopped(CONTROL_UNKNOWN, 0);
        w.pg.datadir = DATADIR_EMPTY;
        expect(STEP_BOOTSTRAP);
        w.in.failures = 1;
        expect(STEP_REFUSE); /* once is enough: others may try */
        w.in.failures = 0;
        w.pg.held = true;
        expect(STEP_REFUSE);
        w.pg.held = false;
        w.pg.datadir = DATADIR_VALID;
        expect(STEP_REFUSE); /* data is never overwritten */
        w.pg.datadir = DATADIR_UNKNOWN;
        expect(STEP_REFUSE);
        w.pg.datadir = DATADIR_VALID;
        w.pg.fresh = true;
        expect(STEP_DONE);
}

static void test_stop(void **state _unused_)
{
        w.order.what = ORDER_STOP;
        expect(STEP_STOP_FAST);
        w.order.immediate = true;
        expect(STEP_STOP_IMMEDIATE);
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        expect(STEP_DONE);
        w.in.leaf_busy = true;
        expect(STEP_WAIT);
}

/* Before a fast stop, once, and never before an immediate one. */
static void test_before_stop(void **state _unused_)
{
        w.order.what = ORDER_STOP;
        w.in.before_stop = HOOK_DUE;
        expect(STEP_BEFORE_STOP);
        w.in.before_stop = HOOK_PASSED;
        expect(STEP_STOP_FAST);
        w.in.before_stop = HOOK_DUE;
        w.order.immediate = true;
        expect(STEP_STOP_IMMEDIATE);
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        expect(STEP_DONE);
}

static void test_checkpoint(void **state _unused_)
{
        w.order.what = ORDER_CHECKPOINT;
        w.in.order_since = SEC(900);
        expect(STEP_REFUSE); /* a standby */
        primary();
        expect(STEP_CHECKPOINT);
        w.pg.checkpointed = SEC(899);
        expect(STEP_CHECKPOINT);
        w.pg.checkpointed = SEC(900);
        expect(STEP_DONE);
        w.pg.accepts = false;
        expect(STEP_REFUSE);
}

static void test_configure(void **state _unused_)
{
        w.order.what = ORDER_SYNC_NAMES;
        expect(STEP_DONE);
        w.in.conf_current = false;
        expect(STEP_RECONFIGURE);
        w.pg.accepts = false;
        expect(STEP_WAIT);
        stopped(CONTROL_SHUT_DOWN, 3);
        expect(STEP_DONE);
}

/* What a clone or bootstrap that never ended left goes, and nothing else does. */
/* Once for each number: stopped, removed, cloned; and never a primary's data. */
static void test_anew(void **state _unused_)
{
        w.order.anew = 7;
        expect(STEP_STOP_IMMEDIATE);
        stopped(CONTROL_ARCHIVE_RECOVERY, 3);
        w.in.leaf_busy = true;
        expect(STEP_WAIT);
        w.in.leaf_busy = false;
        expect(STEP_REMOVE);
        w.in.keeps_data = true; /* the method takes what it finds */
        expect(STEP_CLONE);
        w.in.keeps_data = false;
        w.pg.anew = 7; /* it has begun: from here on as after any clone that was not completed */
        w.in.half_made = true;
        expect(STEP_REMOVE);
        w.pg.datadir = DATADIR_EMPTY;
        expect(STEP_CLONE);
        w.order.anew = 8; /* asked for again meanwhile */
        expect(STEP_CLONE);
        w.pg.datadir = DATADIR_BROKEN;
        expect(STEP_REMOVE);
        w.order.leader.name[0] = 0; /* nobody to clone from: what is there stays */
        w.pg.datadir = DATADIR_VALID;
        w.in.half_made = false;
        expect(STEP_START_STANDBY);
        setup(NULL);
        w.order.anew = 7;
        primary();
        expect(STEP_REFUSE);
}

/* A standby cluster: compared with the remote one, made from it, and back on an older timeline. */
static void test_remote(void **state _unused_)
{
        w.order.remote = true;
        w.order.leader.timeline = 0; /* nobody says */
        expect(STEP_DONE);
        w.pg.receiver_alive = false;
        expect(STEP_CHECK);
        w.in.diverged = TRI_NO;
        expect(STEP_DONE);
        w.in.diverged = TRI_YES;
        expect(STEP_STOP_FAST);
        w.order.remote = false; /* a replica of a standby leader that went back with it */
        w.in.diverged = TRI_UNKNOWN;
        w.order.leader.timeline = 2;
        expect(STEP_CHECK);
        w.order.leader.timeline = w.pg.timeline = 1;
        expect(STEP_DONE);
        setup(NULL);
        w.order.what = ORDER_BOOTSTRAP;
        w.order.remote = true;
        w.pg.run = RUN_STOPPED;
        w.pg.datadir = DATADIR_EMPTY;
        expect(STEP_CLONE);
        w.in.failures = 1;
        expect(STEP_REFUSE);
}

static void test_archive(void **state _unused_)
{
        stopped(CONTROL_SHUT_DOWN, 3);
        w.in.archived = false;
        w.in.diverged = TRI_YES;
        expect(STEP_ARCHIVE); /* before the rewind takes it away */
        w.in.archived = true;
        expect(STEP_REWIND);
        w.in.may_rewind = false;
        w.in.remove_on_divergence = true;
        w.in.archived = false;
        expect(STEP_REMOVE);
        w.order.remote = true; /* the end of a primary, for who follows by the archive */
        expect(STEP_ARCHIVE);
        w.in.archived = true;
        expect(STEP_REMOVE);
        stopped(CONTROL_SHUT_DOWN_IN_RECOVERY, 3);
        w.in.archived = false;
        w.in.diverged = TRI_NO;
        expect(STEP_START_STANDBY);
}

static void test_half_made(void **state _unused_)
{
        w.order.what = ORDER_FOLLOW;
        (void)STR_SET(w.order.leader.name, "node1");
        stopped(CONTROL_UNKNOWN, 0);
        w.pg.datadir = DATADIR_BROKEN;
        expect(STEP_REFUSE);
        w.in.half_made = true;
        expect(STEP_REMOVE);
        w.pg.datadir = DATADIR_VALID;
        expect(STEP_REMOVE);
        w.pg.datadir = DATADIR_EMPTY;
        expect(STEP_CLONE);
        w.in.keeps_data = true; /* its method goes on from what is there */
        w.pg.datadir = DATADIR_BROKEN;
        expect(STEP_CLONE);
        w.order.leader.name[0] = 0;
        expect(STEP_REMOVE); /* it cannot be run now */
        w.pg.datadir = DATADIR_EMPTY;
        expect(STEP_WAIT);
        w.in.clones_alone = true;
        expect(STEP_CLONE);
        w.in.keeps_data = w.in.clones_alone = false;
        w.order.what = ORDER_BOOTSTRAP;
        expect(STEP_BOOTSTRAP);
        w.pg.datadir = DATADIR_BROKEN;
        expect(STEP_REMOVE);
        w.in.half_made = false;
        expect(STEP_REFUSE);
}

static void test_notes(void **state _unused_)
{
        static const OrderWhat notes[] = { ORDER_LEAVE, ORDER_JOIN, ORDER_RELOAD, ORDER_NONE };

        for (size_t i = 0; i < ELEMENTSOF(notes); i++) {
                w.order.what = notes[i];
                expect(STEP_NONE);
        }
}

/*
 * Whatever pgd sees and is ordered, a primary is made only under a running permit of the order's
 * epoch that was not revoked, and data is made or removed only by the orders that may.
 */
static void test_every_situation(void **state _unused_)
{
        unsigned n = 0;

        for (int what = 0; what < ORDER_MAX; what++)
        for (int run = 0; run < RUN_MAX; run++)
        for (int role = 0; role <= ROLE_REPLICA; role++)
        for (int recovery = 0; recovery < TRI_MAX; recovery++)
        for (int dir = 0; dir < DATADIR_MAX; dir++)
        for (int diverged = 0; diverged < TRI_MAX; diverged++)
        for (int bits = 0; bits < 64; bits++) {
                setup(NULL);
                w.order.what = (uint32_t)what;
                w.order.epoch = bits & 1 ? EPOCH : 0;
                w.pg.permit_epoch = bits & 2 ? EPOCH : EPOCH - 1;
                w.pg.permit_deadline = bits & 4 ? w.in.now + 1 : w.in.now;
                w.pg.revoked_epoch = bits & 8 ? EPOCH : 0;
                w.pg.held = bits & 16;
                w.pg.accepts = bits & 32;
                w.pg.run = (RunState)run;
                w.pg.role = (Role)role;
                w.pg.in_recovery = (Tri)recovery;
                w.pg.datadir = (DataDir)dir;
                w.in.diverged = (Tri)diverged;
                w.in.rewind_failures = 2;
                w.in.remove_on_rewind_failure = true;
                Step step = plan_next(&w.in).step;
                bool permitted = (bits & 15) == 7;
                n++;
                if (step == STEP_PROMOTE || step == STEP_START_PRIMARY)
                        assert_true(permitted && (what == ORDER_PROMOTE || what == ORDER_START));
                if (step == STEP_START_PRIMARY || step == STEP_START_STANDBY ||
                    step == STEP_BOOTSTRAP || step == STEP_CLONE || step == STEP_REMOVE ||
                    step == STEP_REWIND || step == STEP_CRASH_RECOVERY)
                        assert_true(!pg_may_run(&w.pg) && !w.pg.held);
                if (step == STEP_REMOVE || step == STEP_REWIND)
                        assert_true(what == ORDER_FOLLOW && diverged == TRI_YES &&
                                    dir == DATADIR_VALID);
                if (step == STEP_CLONE)
                        assert_true(what == ORDER_FOLLOW && dir == DATADIR_EMPTY);
                if (step == STEP_BOOTSTRAP)
                        assert_true(what == ORDER_BOOTSTRAP && dir == DATADIR_EMPTY);
        }
        assert_true(n > 100000);
}

/* ---- the permit's end, DESIGN 2, 5: fast at permit - 2 budgets, immediate at permit - budget ---- */

static void at(usec_t now, PermitAction action, usec_t next)
{
        MsgPermit p = { .deadline = SEC(100), .stop_budget = MSEC(500) };
        usec_t got = 7;

        assert_int_equal(plan_permit(&p, now, &got), action);
        assert_true(got == next);
        p.standing = 1; /* pause: not enforced */
        assert_int_equal(plan_permit(&p, now, &got), PERMIT_GO_ON);
        assert_true(got == USEC_INFINITY);
}

static void test_permit(void **state _unused_)
{
        at(SEC(1), PERMIT_GO_ON, SEC(99));
        at(SEC(99) - 1, PERMIT_GO_ON, SEC(99));
        at(SEC(99), PERMIT_STOP_FAST, MSEC(99500));
        at(MSEC(99500) - 1, PERMIT_STOP_FAST, MSEC(99500));
        at(MSEC(99500), PERMIT_STOP_IMMEDIATE, SEC(100));
        at(SEC(100) - 1, PERMIT_STOP_IMMEDIATE, SEC(100));
        at(SEC(100), PERMIT_KILL, USEC_INFINITY);
        at(SEC(200), PERMIT_KILL, USEC_INFINITY);
}

static void test_no_permit_at_all(void **state _unused_)
{
        MsgPermit none = { 0 };
        usec_t next;

        assert_int_equal(plan_permit(&none, 1, &next), PERMIT_KILL);
}

static void test_names(void **state _unused_)
{
        for (int i = 0; i < STEP_MAX; i++)
                assert_string_not_equal(step_to_string((Step)i), "?");
        assert_string_equal(step_to_string(STEP_REWIND), "pg_rewind");
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_follow_running), TEST(test_follow_waits_for_parameters),
                TEST(test_follow_by_restart), TEST(test_recovery_waits),
                TEST(test_copies), TEST(test_restart),
        TEST(test_follow_not_streaming),
                TEST(test_follow_start),
                TEST(test_follow_old_primary),
                TEST(test_follow_diverged),
                TEST(test_follow_diverged_unclean),
                TEST(test_follow_without_data),
                TEST(test_start),
                TEST(test_start_running),
                TEST(test_promote),
                TEST(test_pre_promote),
                TEST(test_bootstrap),
                TEST(test_stop),
                TEST(test_before_stop),
                TEST(test_checkpoint),
                TEST(test_configure),
                TEST(test_anew),
                TEST(test_remote),
                TEST(test_archive),
                TEST(test_half_made),
                TEST(test_notes),
                TEST(test_every_situation),
                TEST(test_permit),
                TEST(test_no_permit_at_all),
                TEST(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
