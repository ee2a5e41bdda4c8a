/* What a new pgd takes up of the one before it. The server and the launcher are played by the test. */
#include <errno.h>

#include "pgd/pgd.h"
#include "test-lib.h"

#define LEAF 7
#define CGROUP 70
#define OVER 6

static PgdTable table;
static Pgd p;
static struct {
        bool runs; /* a postmaster is found in the files */
        bool watched, busy;
        uint64_t leaf, cgroup;
        int dir_fd;
} server;
static unsigned clears, sent;
static struct {
        launch_leaf_t done;
        uint64_t leaf;
        unsigned asked;
        bool away;
} launcher;

bool server_runs(const Server *s _unused_)
{
        return server.watched;
}

int server_adopt(Server *s _unused_, const char *data_dir _unused_)
{
        server.watched = server.runs;
        return server.runs;
}

pid_t server_pid(const Server *s _unused_)
{
        return server.watched ? 100 : 0;
}

uint64_t server_leaf(const Server *s _unused_)
{
        return server.leaf;
}

uint64_t server_leaf_of(pid_t pid _unused_)
{
        return LEAF;
}

void server_set_leaf(Server *s _unused_, uint64_t leaf, uint64_t cgroup, int dir_fd, int kill_fd _unused_)
{
        server.leaf = leaf;
        server.cgroup = cgroup;
        server.dir_fd = dir_fd;
}

bool server_leaf_busy(Server *s _unused_)
{
        return server.busy;
}

void server_clear(Server *s _unused_)
{
        clears++;
}

int launch_make_leaf(Launch *l _unused_, uint64_t leaf, launch_leaf_t done, void *userdata _unused_)
{
        launcher.asked++;
        if (launcher.away)
                return -ENOTCONN;
        launcher.leaf = leaf;
        launcher.done = done;
        return 0;
}

void pgd_send_leaf(Pgd *pgd _unused_)
{
        sent++;
}

void pgd_save(Pgd *pgd)
{
        pgd->table->leaf = server.leaf;
        pgd->table->cgroup = server.cgroup;
        pgd->table->pid = server_pid(NULL);
}

void pgd_set_run(Pgd *pgd, RunState run)
{
        pgd->pg.run = run;
}

DataDir pgd_look_at_datadir(const Pgd *pgd _unused_)
{
        return DATADIR_VALID;
}

bool pgd_has_file(const Pgd *pgd _unused_, const char *name _unused_)
{
        return false;
}

/* Not asked for anything here. */
void server_adopt_cgroup(Server *s _unused_) {}
void authority_adopt(Pgd *pgd _unused_) {}
void authority_arm(Pgd *pgd _unused_) {}
void heartbeat_soon(Pgd *pgd _unused_) {}
void pgd_changed(Pgd *pgd _unused_) {}
void settings_read_cache(Pgd *pgd _unused_) {}

static timer_handler_t looks;

int timer_init(Timer *t, sd_event *e _unused_, const char *name _unused_, Stall *stall _unused_,
               timer_handler_t handler, void *userdata)
{
        t->userdata = userdata;
        looks = handler;
        return 0;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

static int set_up(void **state _unused_)
{
        memset(&server, 0, sizeof server);
        memset(&launcher, 0, sizeof launcher);
        clears = sent = 0;
        table = (PgdTable){ .pid = 100, .leaf = LEAF, .leaf_over = OVER, .cgroup = CGROUP };
        p = (Pgd){ .table = &table };
        assert_int_equal(adopt_init(&p), 0);
        return 0;
}

static void launcher_answers(int r)
{
        MsgLeaf m = { .leaf = launcher.leaf, .cgroup = CGROUP };
        int fds[2] = { 8, 9 };

        launcher.done(r, &m, fds, &p);
}

/* Its backends may live in the leaf, and answer their clients. */
static void test_the_leaf_of_a_postmaster_that_is_gone(void **state _unused_)
{
        assert_int_equal(adopt_at_start(&p), 0);
        assert_int_equal(server.leaf, LEAF);
        assert_int_equal(server.cgroup, CGROUP);
        assert_int_equal(table.leaf, LEAF); /* for the next pgd */
        assert_int_equal(p.leaf_over, OVER);
        assert_true(p.leaf_unseen);
        assert_int_equal(launcher.leaf, LEAF);
        launcher_answers(0);
        assert_false(p.leaf_unseen);
        assert_int_equal(server.dir_fd, 8);
        assert_int_equal(clears, 1);
        assert_int_equal(sent, 1);
        looks(&p.found_timer, 0, &p);
        assert_int_equal(launcher.asked, 1);
}

static void test_the_launcher_is_asked_until_it_answers(void **state _unused_)
{
        launcher.away = true;
        assert_int_equal(adopt_at_start(&p), 0);
        assert_true(p.leaf_unseen);
        launcher.away = false;
        looks(&p.found_timer, 0, &p);
        launcher_answers(-ECONNRESET);
        assert_true(p.leaf_unseen);
        looks(&p.found_timer, 0, &p);
        launcher_answers(0);
        assert_false(p.leaf_unseen);
        assert_int_equal(launcher.asked, 3);
        assert_int_equal(clears, 1);
}

static void test_no_leaf_or_not_ours(void **state _unused_)
{
        table.leaf = 0;
        assert_int_equal(adopt_at_start(&p), 0);
        assert_false(p.leaf_unseen);
        table.leaf = LEAF_ADOPTED | CGROUP;
        assert_int_equal(adopt_at_start(&p), 0);
        assert_false(p.leaf_unseen);
        assert_int_equal(launcher.asked, 0);
        assert_int_equal(server.leaf, 0);
}

static void test_a_server_that_runs(void **state _unused_)
{
        server.runs = true;
        assert_int_equal(adopt_at_start(&p), 0);
        assert_true(p.leaf_unseen);
        assert_int_equal(server.leaf, LEAF);
        assert_int_equal(p.leaf_over, OVER);
        launcher_answers(0);
        assert_false(p.leaf_unseen);
        assert_int_equal(server.dir_fd, 8);
        assert_int_equal(sent, 1);
        assert_int_equal(clears, 0);
}

/* Born as the pgd before us was killed, or started by a person: whatever was over then, nobody knows. */
static void test_a_server_in_a_leaf_that_is_not_known(void **state _unused_)
{
        server.runs = true;
        table.leaf = LEAF - 1;
        p.leaf_over = OVER;
        assert_int_equal(adopt_at_start(&p), 0);
        assert_int_equal(server.leaf, LEAF);
        assert_int_equal(p.leaf_over, 0);
}

/* And dies before the launcher has answered, or while it is away. */
static void test_a_server_that_is_gone_before_its_leaf_is_seen(void **state _unused_)
{
        server.runs = true;
        launcher.away = true;
        assert_int_equal(adopt_at_start(&p), 0);
        server.runs = server.watched = false;
        assert_true(p.leaf_unseen);
        launcher.away = false;
        looks(&p.found_timer, 0, &p);
        server.busy = true;
        launcher_answers(0);
        assert_false(p.leaf_unseen);
        assert_int_equal(clears, 1);
        assert_int_equal(launcher.asked, 2);
}

/* A person starts one before the launcher has answered. */
static void test_a_server_that_is_found_meanwhile(void **state _unused_)
{
        assert_int_equal(adopt_at_start(&p), 0);
        launch_leaf_t last = launcher.done;
        server.runs = true;
        assert_true(adopt_found(&p));
        MsgLeaf m = { .leaf = LEAF, .cgroup = CGROUP };
        int fds[2] = { 8, 9 };
        last(0, &m, fds, &p);
        assert_false(p.leaf_unseen);
        assert_int_equal(clears, 0);
}

/* It comes, and nothing else begins before. */
static void test_not_beside_a_birth(void **state _unused_)
{
        table.leaf = 0;
        assert_int_equal(adopt_at_start(&p), 0);
        p.start.unborn = true;
        server.runs = true;
        assert_false(adopt_found(&p));
        p.start.unborn = false;
        p.step = STEP_START_STANDBY;
        assert_false(adopt_found(&p));
        p.step = STEP_NONE;
        assert_true(adopt_found(&p));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_the_leaf_of_a_postmaster_that_is_gone),
                TEST(test_the_launcher_is_asked_until_it_answers),
                TEST(test_no_leaf_or_not_ours),
                TEST(test_a_server_that_runs),
                TEST(test_a_server_in_a_leaf_that_is_not_known),
                TEST(test_a_server_that_is_gone_before_its_leaf_is_seen),
                TEST(test_a_server_that_is_found_meanwhile),
                TEST(test_not_beside_a_birth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
