/* A start from the leaf to the birth. The launcher, the server and the engine are played by the test. */
#include <errno.h>

#include "io/fdutil.h"
#include "pgd/chores.h"
#include "pgd/pgd.h"
#include "test-lib.h"

#define OLD_LEAF 5
#define PID 100
#define PIDFD 9

static PgdTable table;
static Pgd p;
static struct {
        uint64_t leaf;
        bool busy; /* something lives in it */
        int watch; /* what server_watch() answers */
        pid_t watched;
        unsigned kills;
} server;
static struct {
        launch_leaf_t made;
        launch_born_t born;
        launch_dropped_t dropped;
        uint64_t leaf, born_in, drop; /* asked for last */
        unsigned spawns, drops;
        bool away;
} launcher;
static struct {
        unsigned done, advances;
        int r;
} engine;
static bool mind_there;
static unsigned leaves_sent, births;
static timer_handler_t doubts;

int launch_make_leaf(Launch *l _unused_, uint64_t leaf, launch_leaf_t done, void *userdata _unused_)
{
        launcher.leaf = leaf;
        launcher.made = done;
        return 0;
}

int launch_drop_leaf(Launch *l _unused_, uint64_t leaf, launch_dropped_t done, void *userdata _unused_)
{
        launcher.drops++;
        launcher.drop = leaf;
        launcher.dropped = done;
        return launcher.away ? -ENOTCONN : 0;
}

int launch_spawn(Launch *l _unused_, uint64_t leaf, const Node *argv, launch_born_t born, void *userdata _unused_)
{
        assert_non_null(argv);
        launcher.spawns++;
        launcher.born_in = leaf;
        launcher.born = born;
        return launcher.away ? -ENOTCONN : 0;
}

bool server_leaf_busy(Server *s _unused_)
{
        return server.busy;
}

uint64_t server_leaf(const Server *s _unused_)
{
        return server.leaf;
}

void server_set_leaf(Server *s _unused_, uint64_t leaf, uint64_t cgroup _unused_, int dir_fd _unused_, int kill_fd _unused_)
{
        server.leaf = leaf;
}

int server_watch(Server *s _unused_, pid_t pid, int pidfd)
{
        assert_int_equal(pidfd, PIDFD);
        server.watched = server.watch < 0 ? 0 : pid;
        return server.watch;
}

void server_kill(Server *s _unused_)
{
        server.kills++;
}

void engine_step_done(Pgd *pgd, int r, const char *text)
{
        assert_non_null(text);
        engine.done++;
        engine.r = r;
        pgd->step = STEP_NONE;
}

void engine_advance(Pgd *pgd)
{
        assert_false(pgd->start.unborn);
        engine.advances++;
}

/* A REVOKE that waits for the birth is answered here: what came must have been killed before. */
void authority_born(Pgd *pgd)
{
        assert_false(pgd->start.unborn);
        births++;
}

void pgd_set_run(Pgd *pgd, RunState run)
{
        pgd->pg.run = run;
}

void pgd_send_leaf(Pgd *pgd _unused_)
{
        leaves_sent++;
}

Mind *hand_find(const Hand *h _unused_, const char *cluster _unused_)
{
        static Mind mind;

        return mind_there ? &mind : NULL;
}

Node *run_argv(const char *program _unused_, ...)
{
        return node_new(NODE_LIST);
}

int run_arg(Node *argv, const char *format _unused_, ...)
{
        assert_non_null(argv);
        return 0;
}

int files_write(Pgd *pgd _unused_, bool standby _unused_, Node **ret_arguments)
{
        *ret_arguments = NULL;
        return 0;
}

int files_write_signal(Pgd *pgd _unused_, bool standby _unused_)
{
        return 0;
}

const Member *files_upstream(const Pgd *pgd)
{
        return &pgd->order.leader;
}

int timer_init(Timer *t _unused_, sd_event *e _unused_, const char *name _unused_, Stall *stall _unused_,
               timer_handler_t handler, void *userdata _unused_)
{
        doubts = handler;
        return 0;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

/* Not asked for anything here. */
void authority_arm(Pgd *pgd _unused_) {}
void chores_before_start(Chores *c _unused_, bool standby _unused_) {}
void heartbeat_schedule(Pgd *pgd _unused_) {}
void pgd_program(const Pgd *pgd _unused_, const char *name _unused_, char *buf, size_t size _unused_)
{
        buf[0] = 0;
}
void pgd_save(Pgd *pgd _unused_) {}

static int set_up(void **state _unused_)
{
        memset(&server, 0, sizeof server);
        memset(&launcher, 0, sizeof launcher);
        memset(&engine, 0, sizeof engine);
        leaves_sent = births = 0;
        mind_there = true;
        server.leaf = OLD_LEAF;
        table = (PgdTable){ 0 };
        p = (Pgd){ .table = &table, .data_dir = "/data", .config_dir = "/data",
                   .birth_timer.due = USEC_INFINITY, .retry_timer.due = USEC_INFINITY };
        return step_start_init(&p);
}

static int tear_down(void **state _unused_)
{
        p.start.argv = node_free(p.start.argv);
        return 0;
}

static void begin(Step step)
{
        p.step = step;
        assert_int_equal(step_start(&p, step == STEP_START_STANDBY), 0);
}

static void leaf_comes(int r)
{
        MsgLeaf m = { .leaf = launcher.leaf, .cgroup = 70 };
        int fds[2] = { -1, -1 };

        launcher.made(r, &m, fds, &p);
}

static void gate_of(uint64_t leaf, Outcome outcome)
{
        MsgGate m = { .leaf = leaf, .outcome = outcome, .text = "so says the test" };

        step_start_gate(&p, &m);
}

/* Up to the launcher's being told. */
static void begin_birth(void)
{
        begin(STEP_START_STANDBY);
        leaf_comes(0);
        gate_of(launcher.leaf, OUTCOME_DONE);
        assert_int_equal(launcher.spawns, 1);
        assert_true(p.start.unborn);
        launcher.drops = 0;
}

static void born(int r)
{
        int pidfd = r < 0 ? -1 : PIDFD;

        launcher.born(r, r < 0 ? -1 : PID, &pidfd, &p);
        assert_int_equal(pidfd, -1); /* taken */
}

static void birth_timer_runs_out(void)
{
        assert_true(p.birth_timer.due <= now_boottime() + SEC(1));
        p.birth_timer.due = USEC_INFINITY;
        doubts(&p.birth_timer, now_boottime(), &p);
}

/* The start is as it was when its birth came into doubt. */
static void nothing_else_has_begun(void)
{
        assert_true(p.start.unborn);
        assert_int_equal(p.step, STEP_START_STANDBY);
        assert_int_equal(engine.done, 0);
        assert_int_equal(engine.advances, 0);
        assert_int_equal(births, 0);
        assert_int_equal(launcher.spawns, 1);
}

static void given_up(int r)
{
        assert_int_equal(engine.done, 1);
        assert_int_equal(engine.r, r);
        assert_int_equal(p.pg.run, RUN_START_FAILED);
        assert_null(p.start.argv);
        assert_false(p.start.unborn);
}

static void test_started(void **state _unused_)
{
        begin(STEP_START_STANDBY);
        assert_int_equal(launcher.leaf, p.start.leaf);
        leaf_comes(0);
        assert_int_equal(server.leaf, launcher.leaf);
        assert_int_equal(launcher.drop, OLD_LEAF);
        assert_int_equal(leaves_sent, 1);
        assert_int_equal(launcher.spawns, 0); /* not before the gate */
        gate_of(launcher.leaf, OUTCOME_DONE);
        assert_int_equal(launcher.born_in, launcher.leaf);
        assert_int_equal(p.retry_timer.due, USEC_INFINITY);
        born(0);
        assert_false(p.start.unborn);
        assert_int_equal(server.watched, PID);
        assert_int_equal(p.pg.postmaster_pid, PID);
        assert_int_equal(p.pg.role, ROLE_REPLICA);
        assert_int_equal(p.pg.run, RUN_STARTING);
        assert_int_equal(engine.done, 1);
        assert_int_equal(engine.r, 0);
        assert_int_equal(births, 1);
        assert_int_equal(server.kills, 0);
}

/* One that is revoked until it is there: a start that this would end is given up by then. */
static void test_a_leaf_knows_what_was_over_when_it_was_made(void **state _unused_)
{
        p.pg.revoked_epoch = 6;
        begin(STEP_START_STANDBY);
        p.pg.revoked_epoch = 7;
        leaf_comes(0);
        assert_int_equal(p.leaf_over, 7);
        assert_int_equal(leaves_sent, 1);
        p.pg.revoked_epoch = 8;
        gate_of(launcher.leaf, OUTCOME_DONE);
        born(0);
        assert_int_equal(p.leaf_over, 7);
}

static void test_no_gate_no_birth(void **state _unused_)
{
        begin(STEP_START_STANDBY);
        leaf_comes(0);
        gate_of(launcher.leaf, OUTCOME_REFUSED);
        given_up(-EPERM);
        assert_int_equal(launcher.spawns, 0);
        p.step = STEP_START_STANDBY;
        gate_of(launcher.leaf, OUTCOME_DONE); /* too late */
        assert_int_equal(launcher.spawns, 0);
}

static void test_no_word_about_the_gate(void **state _unused_)
{
        begin(STEP_START_STANDBY);
        leaf_comes(0);
        assert_true(p.retry_timer.due < now_boottime() + SEC(60));
        step_start_overdue(&p);
        given_up(-ETIMEDOUT);
        assert_int_equal(launcher.spawns, 0);
}

static void test_gate_told_twice(void **state _unused_)
{
        begin_birth();
        gate_of(launcher.leaf, OUTCOME_DONE);
        gate_of(launcher.leaf, OUTCOME_REFUSED);
        step_start_overdue(&p);
        nothing_else_has_begun();
        assert_non_null(p.start.argv);
}

static void test_gate_of_another_leaf(void **state _unused_)
{
        begin(STEP_START_STANDBY);
        leaf_comes(0);
        gate_of(launcher.leaf - 1, OUTCOME_DONE);
        gate_of(launcher.leaf - 1, OUTCOME_REFUSED);
        assert_int_equal(launcher.spawns, 0);
        assert_int_equal(engine.done, 0);
        gate_of(launcher.leaf, OUTCOME_DONE);
        assert_int_equal(launcher.spawns, 1);
}

static void test_launcher_away_at_the_gate(void **state _unused_)
{
        begin(STEP_START_STANDBY);
        leaf_comes(0);
        launcher.away = true;
        gate_of(launcher.leaf, OUTCOME_DONE);
        given_up(-ENOTCONN);
}

static void test_no_leaf_or_nobody_to_gate_it(void **state _unused_)
{
        begin(STEP_START_STANDBY);
        leaf_comes(-EIO);
        given_up(-EIO);
        engine.done = 0;
        begin(STEP_START_STANDBY);
        mind_there = false;
        leaf_comes(0);
        given_up(-ENOTCONN);
        assert_int_equal(server.leaf, OLD_LEAF);
        assert_int_equal(leaves_sent, 0);
}

static void test_not_born(void **state _unused_)
{
        begin_birth();
        server.busy = true;
        born(-EIO);
        given_up(-EIO);
        assert_int_equal(births, 1);
        assert_int_equal(launcher.drops, 0);
        assert_int_equal(server.kills, 0);
        assert_int_equal(p.birth_timer.due, USEC_INFINITY);
}

/* The launcher has ended, or is silent: its child may still come, and the leaf is closed to it first. */
static void test_birth_in_doubt(void **state _unused_)
{
        begin_birth();
        born(-ECONNRESET);
        assert_int_equal(server.kills, 0);
        assert_int_equal(launcher.drops, 1);
        assert_int_equal(launcher.drop, launcher.leaf);
        nothing_else_has_begun();
        launcher.dropped(0, &p);
        given_up(-ECONNRESET);
        assert_int_equal(births, 1);
        doubts(&p.birth_timer, now_boottime(), &p); /* it is over */
        assert_int_equal(launcher.drops, 1);
}

static void test_birth_in_doubt_and_it_came(void **state _unused_)
{
        begin_birth();
        server.busy = true;
        born(-ECONNRESET);
        assert_int_equal(server.kills, 1);
        for (unsigned n = 1; n <= 3; n++) {
                assert_int_equal(launcher.drops, n);
                assert_int_equal(launcher.drop, launcher.leaf);
                launcher.dropped(-EBUSY, &p);
                gate_of(launcher.leaf, OUTCOME_DONE);
                step_start_overdue(&p);
                nothing_else_has_begun();
                birth_timer_runs_out();
                assert_int_equal(server.kills, n + 1);
        }
        server.busy = false;
        launcher.dropped(-EBUSY, &p);
        birth_timer_runs_out();
        assert_int_equal(server.kills, 4);
        nothing_else_has_begun();
        launcher.dropped(0, &p);
        given_up(-ECONNRESET);
        assert_int_equal(p.birth_timer.due, USEC_INFINITY);
}

static void test_birth_in_doubt_and_no_launcher(void **state _unused_)
{
        begin_birth();
        launcher.away = true;
        born(-ECONNRESET);
        nothing_else_has_begun();
        birth_timer_runs_out();
        assert_int_equal(launcher.drops, 2);
        nothing_else_has_begun();
        launcher.away = false;
        birth_timer_runs_out();
        assert_int_equal(launcher.drops, 3);
        assert_int_equal(p.birth_timer.due, USEC_INFINITY); /* it answers */
        nothing_else_has_begun();
        launcher.dropped(0, &p);
        given_up(-ECONNRESET);
}

/* Nobody would learn of its end. */
static void test_born_and_not_watched(void **state _unused_)
{
        begin_birth();
        server.busy = true;
        server.watch = -ENOMEM;
        born(0);
        assert_int_equal(server.kills, 1);
        assert_int_equal(launcher.drops, 1);
        nothing_else_has_begun();
}

static void test_given_up_before_the_birth(void **state _unused_)
{
        begin_birth();
        p.step = STEP_NONE;
        born(0);
        assert_int_equal(server.watched, PID); /* its end is waited for */
        assert_int_equal(server.kills, 1);
        assert_false(p.start.unborn);
        assert_int_equal(births, 1);
        assert_int_equal(engine.done, 0);
        assert_int_equal(p.pg.run, RUN_UNKNOWN);
}

static void test_given_up_and_in_doubt(void **state _unused_)
{
        begin_birth();
        p.step = STEP_NONE;
        born(-ECONNRESET);
        assert_true(p.start.unborn);
        assert_int_equal(launcher.drop, launcher.leaf);
        assert_int_equal(engine.advances, 0);
        launcher.dropped(0, &p);
        assert_false(p.start.unborn);
        assert_int_equal(births, 1);
        assert_int_equal(engine.advances, 1);
        assert_int_equal(engine.done, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_started),
                TEST(test_a_leaf_knows_what_was_over_when_it_was_made),
                TEST(test_no_gate_no_birth),
                TEST(test_no_word_about_the_gate),
                TEST(test_gate_told_twice),
                TEST(test_gate_of_another_leaf),
                TEST(test_launcher_away_at_the_gate),
                TEST(test_no_leaf_or_nobody_to_gate_it),
                TEST(test_not_born),
                TEST(test_birth_in_doubt),
                TEST(test_birth_in_doubt_and_it_came),
                TEST(test_birth_in_doubt_and_no_launcher),
                TEST(test_born_and_not_watched),
                TEST(test_given_up_before_the_birth),
                TEST(test_given_up_and_in_doubt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
