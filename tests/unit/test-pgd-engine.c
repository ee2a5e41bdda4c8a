/* From the order to the next step, and what follows. The plan, the steps and the server are played by the test. */
#include <errno.h>

#include "io/fdutil.h"
#include "pgd/chores.h"
#include "pgd/conninfo.h"
#include "pgd/methods.h"
#include "pgd/pgd.h"
#include "pgd/scripts.h"
#include "pgd/source.h"
#include "pgd/verify.h"
#include "test-lib.h"

#define SEQ 99

static PgdTable table;
static Pgd p;
static Node names; /* the installed server's parameters, as known */
static struct {
        bool runs, leaf_busy;
} server;
static struct {
        Step step;      /* its answer */
        unsigned asked;
        PlanInput input; /* the last one */
} plan;
static struct {
        Step step; /* begun last */
        unsigned begun, given_up;
        int r; /* what each answers */
} steps;
static unsigned reads, results, tools_freed;
static Outcome outcome;
static bool found, verifies;

Plan plan_next(const PlanInput *in)
{
        plan.asked++;
        plan.input = *in;
        return (Plan){ .step = plan.step, .why = "so says the test" };
}

PermitAction plan_permit(const MsgPermit *permit _unused_, usec_t now _unused_, usec_t *ret_next)
{
        *ret_next = USEC_INFINITY;
        return PERMIT_GO_ON;
}

const char *step_to_string(Step step _unused_)
{
        return "a step";
}

static int begin(Step step)
{
        assert_int_equal(p.step, step);
        steps.step = step;
        steps.begun++;
        return steps.r;
}

#define PLAY(name, step)                                                                             \
        int name(Pgd *pgd _unused_)                                                                  \
        {                                                                                            \
                return begin(step);                                                                  \
        }

PLAY(step_bootstrap, STEP_BOOTSTRAP)
PLAY(step_clone, STEP_CLONE)
PLAY(step_remove, STEP_REMOVE)
PLAY(step_crash_recovery, STEP_CRASH_RECOVERY)
PLAY(step_check, STEP_CHECK)
PLAY(step_archive, STEP_ARCHIVE)
PLAY(step_rewind, STEP_REWIND)
PLAY(step_reconfigure, STEP_RECONFIGURE)
PLAY(step_pre_promote, STEP_PRE_PROMOTE)
PLAY(step_promote, STEP_PROMOTE)
PLAY(step_before_stop, STEP_BEFORE_STOP)
PLAY(step_checkpoint, STEP_CHECKPOINT)

int step_start(Pgd *pgd _unused_, bool standby)
{
        return begin(standby ? STEP_START_STANDBY : STEP_START_PRIMARY);
}

int step_stop(Pgd *pgd _unused_, bool immediate)
{
        return begin(immediate ? STEP_STOP_IMMEDIATE : STEP_STOP_FAST);
}

bool server_runs(const Server *s _unused_)
{
        return server.runs;
}

bool server_leaf_busy(Server *s _unused_)
{
        return server.leaf_busy;
}

bool adopt_found(Pgd *pgd _unused_)
{
        return found;
}

bool verify_wait(Verify *v _unused_)
{
        return verifies;
}

void pgd_read_control(Pgd *pgd _unused_)
{
        reads++;
}

DataDir pgd_look_at_datadir(const Pgd *pgd)
{
        return pgd->pg.datadir;
}

void pgd_set_run(Pgd *pgd, RunState run)
{
        pgd->pg.run = run;
}

Mind *hand_find(const Hand *h _unused_, const char *cluster _unused_)
{
        static Mind mind;

        return &mind;
}

void link_send_result(Link *l _unused_, uint64_t seq, Outcome o, const char *format _unused_, ...)
{
        assert_int_equal(seq, SEQ);
        results++;
        outcome = o;
}

Tool *tool_free(Tool *t)
{
        tools_freed += !!t;
        return NULL;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

/* Nothing of this is configured here. */
PgConf pgd_section(const Pgd *pgd _unused_)
{
        return (PgConf){ 0 };
}

const char *pgd_setting_text(const Pgd *pgd _unused_, const char *key _unused_)
{
        return NULL;
}

bool pgconf_flag(const PgConf *c _unused_, const char *key _unused_, bool fallback)
{
        return fallback;
}

bool methods_keep_data(const PgConf *c _unused_)
{
        return false;
}

bool methods_need_no_source(const PgConf *c _unused_)
{
        return false;
}

bool source_remote(const Node *standby_cluster _unused_, Member *ret _unused_)
{
        return false;
}

bool chores_copies_wait(const Chores *c _unused_)
{
        return false;
}

bool pgd_has_backup_label(const Pgd *pgd _unused_)
{
        return false;
}

bool conninfo_same(const char *live _unused_, const char *wanted _unused_, uint32_t server_version _unused_)
{
        return true;
}

/* Not asked for anything here. */
void conn_reset(Conn *c _unused_) {}
void files_want_conninfo(Pgd *pgd _unused_) {}
void pgd_changed(Pgd *pgd _unused_) {}
void pgd_save(Pgd *pgd _unused_) {}
void scripts_call(Scripts *s _unused_, Callback what _unused_, Role role _unused_) {}

static MsgOrder follow(const char *leader)
{
        MsgOrder order = { .h.seq = SEQ, .what = ORDER_FOLLOW };

        (void)STR_SET(order.leader.name, leader); /* fits */
        return order;
}

/* An order, a valid data directory, no server, and nothing known of its control file. */
static int set_up(void **state _unused_)
{
        memset(&server, 0, sizeof server);
        memset(&plan, 0, sizeof plan);
        memset(&steps, 0, sizeof steps);
        reads = results = tools_freed = 0;
        outcome = OUTCOME_UNKNOWN;
        found = verifies = false;
        plan.step = STEP_WAIT;
        table = (PgdTable){ 0 };
        p = (Pgd){ .table = &table, .known = &names, .order = follow("a"), .pg.datadir = DATADIR_VALID };
        return 0;
}

static void give_up(Pgd *pgd _unused_)
{
        steps.given_up++;
}

/* A step that was given up may have kept it from being read, and the mind waits for it. */
static void test_control_is_read_where_nothing_begins(void **state _unused_)
{
        static const Step idle[] = { STEP_DONE, STEP_REFUSE, STEP_WAIT, STEP_NONE };

        for (size_t told = 0; told < 2; told++)
                for (size_t i = 0; i < ELEMENTSOF(idle); i++) {
                        reads = 0;
                        p.order_told = told;
                        plan.step = idle[i];
                        engine_advance(&p);
                        assert_int_equal(reads, 1);
                }
        assert_int_equal(steps.begun, 0);
}

static void test_control_that_need_not_be_read(void **state _unused_)
{
        static const Step idle[] = { STEP_DONE, STEP_REFUSE, STEP_WAIT, STEP_NONE };
        static const DataDir bad[] = { DATADIR_UNKNOWN, DATADIR_EMPTY, DATADIR_BROKEN, DATADIR_INACCESSIBLE };

        for (size_t i = 0; i < ELEMENTSOF(idle); i++) {
                plan.step = idle[i];
                p.control_known = true;
                engine_advance(&p);
                p.control_known = false;
                server.runs = true;
                engine_advance(&p);
                server.runs = false;
                for (size_t j = 0; j < ELEMENTSOF(bad); j++) {
                        p.pg.datadir = bad[j];
                        engine_advance(&p);
                }
                p.pg.datadir = DATADIR_VALID;
        }
        assert_int_equal(plan.asked, ELEMENTSOF(idle) * (2 + ELEMENTSOF(bad)));
        assert_int_equal(reads, 0);
}

/* The plan gets it as soon as it is known. */
static void test_control_in_the_plan(void **state _unused_)
{
        engine_advance(&p);
        assert_null(plan.input.control);
        p.control_known = true;
        engine_advance(&p);
        assert_ptr_equal(plan.input.control, &p.control);
}

/* Each of three alone makes the leaf of a server that does not run a busy one. */
static void test_busy_leaf(void **state _unused_)
{
        for (unsigned bits = 0; bits < 16; bits++) {
                server.runs = bits & 8;
                server.leaf_busy = bits & 4;
                p.leaf_unseen = bits & 2;
                p.start.unborn = bits & 1;
                engine_advance(&p);
                assert_int_equal(plan.asked, bits + 1);
                assert_int_equal(plan.input.leaf_busy, bits > 0 && bits < 8);
        }
}

static void nothing_is_planned(void)
{
        engine_advance(&p);
        assert_int_equal(plan.asked, 0);
        assert_int_equal(steps.begun, 0);
        assert_int_equal(reads, 0);
        assert_int_equal(results, 0);
}

static void test_nothing_beside_a_step_or_tool(void **state _unused_)
{
        static char tool;

        plan.step = STEP_CLONE;
        for (Step s = STEP_BOOTSTRAP; s < STEP_MAX; s++) {
                p.step = s;
                nothing_is_planned();
        }
        p.step = STEP_NONE;
        p.tool = (Tool *)&tool;
        nothing_is_planned();
        p.tool = NULL;
        engine_advance(&p);
        assert_int_equal(plan.asked, 1);
        assert_int_equal(steps.step, STEP_CLONE);
}

static void test_nothing_before_all_is_known(void **state _unused_)
{
        plan.step = STEP_CLONE;
        p.known = NULL;
        nothing_is_planned();
        p.known = &names;
        p.unread = true;
        nothing_is_planned();
        p.unread = false;
        p.order.what = ORDER_NONE;
        nothing_is_planned();
        p.order.what = ORDER_FOLLOW;
        engine_advance(&p);
        assert_int_equal(steps.step, STEP_CLONE);
}

static void test_nothing_before_its_time(void **state _unused_)
{
        plan.step = STEP_CLONE;
        p.retry_at = now_boottime() + SEC(60);
        nothing_is_planned();
        p.retry_at = now_boottime();
        engine_advance(&p);
        assert_int_equal(steps.step, STEP_CLONE);
}

/* Whoever started it: it is taken over, and its first probe asks again. */
static void test_nothing_where_a_server_was_found(void **state _unused_)
{
        plan.step = STEP_CLONE;
        found = true;
        nothing_is_planned();
        found = false;
        engine_advance(&p);
        assert_int_equal(steps.step, STEP_CLONE);
}

static void test_what_is_planned_begins(void **state _unused_)
{
        for (Step s = STEP_BOOTSTRAP; s < STEP_MAX; s++) {
                p.step = STEP_NONE;
                plan.step = s;
                engine_advance(&p);
                assert_int_equal(p.step, s);
                assert_int_equal(steps.step, s);
                assert_int_equal(p.pg.order_seq, SEQ);
                assert_int_not_equal(p.pg.operation, PGOP_NONE);
        }
        assert_int_equal(steps.begun, STEP_MAX - STEP_BOOTSTRAP);
        assert_int_equal(results, 0);
        assert_int_equal(reads, 0);
}

/* What writes the files waits until the server has said what it takes. */
static void test_files_wait_for_the_verdict(void **state _unused_)
{
        static const Step writing[] = { STEP_START_STANDBY, STEP_START_PRIMARY, STEP_RECONFIGURE };

        verifies = true;
        for (size_t i = 0; i < ELEMENTSOF(writing); i++) {
                plan.step = writing[i];
                engine_advance(&p);
                assert_int_equal(p.step, STEP_NONE);
        }
        assert_int_equal(steps.begun, 0);
        plan.step = STEP_STOP_FAST;
        engine_advance(&p);
        assert_int_equal(steps.step, STEP_STOP_FAST);
}

static void test_result_is_told_once(void **state _unused_)
{
        plan.step = STEP_DONE;
        engine_advance(&p);
        engine_advance(&p);
        assert_int_equal(results, 1);
        assert_int_equal(outcome, OUTCOME_DONE);
        plan.step = STEP_REFUSE; /* told is told */
        p.pg.operation = PGOP_STOP;
        engine_advance(&p);
        assert_int_equal(results, 1);
        assert_int_equal(p.pg.operation, PGOP_NONE);

        MsgOrder again = p.order;
        engine_order(&p, &again);
        engine_advance(&p);
        assert_int_equal(results, 2);
        assert_int_equal(outcome, OUTCOME_REFUSED);
}

/* Its server met first what pgd would have: the files cannot be read any more. */
static void test_an_order_that_was_done_and_cannot_be_any_more(void **state _unused_)
{
        plan.step = STEP_DONE;
        engine_advance(&p);
        plan.step = STEP_REFUSE;
        engine_advance(&p);
        assert_string_equal(p.pg.detail, "so says the test");
        assert_int_equal(results, 1);
        p.pg.detail[0] = 0;
        engine_advance(&p);
        assert_string_equal(p.pg.detail, ""); /* told is told */

        plan.step = STEP_START_STANDBY;
        engine_advance(&p);
        p.step = STEP_NONE;
        plan.step = STEP_REFUSE;
        engine_advance(&p);
        assert_string_equal(p.pg.detail, "so says the test");
}

static void test_a_step_that_failed_is_tried_later(void **state _unused_)
{
        usec_t wait = 0;

        plan.step = STEP_CLONE;
        steps.r = -EIO;
        for (unsigned n = 1; n <= 3; n++) {
                usec_t before = now_boottime();
                p.retry_at = 0;
                engine_advance(&p);
                assert_int_equal(steps.begun, n);
                assert_int_equal(p.step, STEP_NONE);
                assert_int_equal(p.failures, n);
                assert_int_equal(p.retry_timer.due, p.retry_at);
                assert_true(p.retry_at - before > wait); /* longer each time */
                wait = p.retry_at - before;
        }
        assert_true(p.half_made);
        assert_int_equal(results, 0);
        steps.r = 0;
        p.retry_at = 0;
        engine_advance(&p);
        plan.step = STEP_WAIT;
        engine_step_done(&p, 0, "done");
        assert_int_equal(p.failures, 0);
        assert_false(p.half_made);
}

/* Another node's turn: the plan refuses it at once. */
static void test_a_start_that_failed_is_not_tried_again(void **state _unused_)
{
        p.order.what = ORDER_START;
        plan.step = STEP_START_PRIMARY;
        engine_advance(&p);
        plan.step = STEP_REFUSE;
        engine_step_done(&p, -EIO, "it failed");
        assert_int_equal(plan.input.failures, 1);
        assert_int_equal(steps.begun, 1);
        assert_int_equal(p.retry_timer.due, USEC_INFINITY);
        assert_int_equal(results, 1);
        assert_int_equal(outcome, OUTCOME_REFUSED);
}

/* With its tool, and what it leaves behind is looked at. */
static void test_a_clone_goes_with_its_leader(void **state _unused_)
{
        static char tool;
        MsgOrder same = follow("a"), other = follow("b");

        plan.step = STEP_CLONE;
        engine_advance(&p);
        p.tool = (Tool *)&tool;
        p.give_up = give_up;
        p.control_known = true;
        engine_order(&p, &same);
        assert_int_equal(p.step, STEP_CLONE);
        assert_int_equal(tools_freed, 0);

        plan.step = STEP_WAIT;
        engine_order(&p, &other);
        assert_int_equal(p.step, STEP_NONE);
        assert_int_equal(steps.given_up, 1);
        assert_int_equal(tools_freed, 1);
        assert_null(p.tool);
        assert_string_equal(plan.input.order->leader.name, "b");
        assert_int_equal(reads, 1);
        assert_int_equal(results, 0);
}

static void test_a_rewind_is_not_given_up(void **state _unused_)
{
        MsgOrder other = follow("b");

        plan.step = STEP_REWIND;
        engine_advance(&p);
        engine_order(&p, &other);
        assert_int_equal(p.step, STEP_REWIND);
        assert_int_equal(plan.asked, 1);
        plan.step = STEP_WAIT;
        engine_step_done(&p, 0, "done");
        assert_int_equal(plan.asked, 2);
        assert_string_equal(plan.input.order->leader.name, "b");
}

/* What was found about one leader says nothing of another. */
static void test_another_leader_is_compared_anew(void **state _unused_)
{
        MsgOrder same = follow("a"), other = follow("b");

        p.diverged = TRI_YES;
        p.check_failures = p.rewind_failures = 2;
        engine_order(&p, &same);
        assert_int_equal(plan.input.diverged, TRI_YES);
        assert_int_equal(plan.input.rewind_failures, 2);
        engine_order(&p, &other);
        assert_int_equal(plan.input.diverged, TRI_UNKNOWN);
        assert_int_equal(plan.input.check_failures, 0);
        assert_int_equal(plan.input.rewind_failures, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_control_is_read_where_nothing_begins),
                TEST(test_control_that_need_not_be_read),
                TEST(test_control_in_the_plan),
                TEST(test_busy_leaf),
                TEST(test_nothing_beside_a_step_or_tool),
                TEST(test_nothing_before_all_is_known),
                TEST(test_nothing_before_its_time),
                TEST(test_nothing_where_a_server_was_found),
                TEST(test_what_is_planned_begins),
                TEST(test_files_wait_for_the_verdict),
                TEST(test_result_is_told_once),
                TEST(test_an_order_that_was_done_and_cannot_be_any_more),
                TEST(test_a_step_that_failed_is_tried_later),
                TEST(test_a_start_that_failed_is_not_tried_again),
                TEST(test_a_clone_goes_with_its_leader),
                TEST(test_a_rewind_is_not_given_up),
                TEST(test_another_leader_is_compared_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
