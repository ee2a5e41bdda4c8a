/* The first step still missing to a primary, or to what else is ordered; and what a primary does on its own. */
#include "pgd-plan-world.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
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
