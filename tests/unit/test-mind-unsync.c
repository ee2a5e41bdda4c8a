/* Out of the synchronous set before a standby stops, so that no commit waits for it; but not for ever. */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

static Palisaded p;
static Cluster cluster; /* n1 leads, n2 is this node and in sync */

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

static int set_up(void **state _unused_)
{
        cluster = (Cluster){ .settings = SETTINGS_DEFAULT };
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        cluster.settings.timing.loop_wait = SEC(10);
        cluster.leader.epoch = 7;
        (void)STR_SET(cluster.leader.name, "n1");
        (void)STR_SET(cluster.sync.leader, "n1");
        (void)STR_SET(cluster.sync.standbys, "n2");
        p = (Palisaded){ .cluster = &cluster, .link.state = LINK_UP, .leaving = true };
        (void)STR_SET(p.node.name, "n2");
        p.pg.pg.run = RUN_RUNNING;
        p.pg.pg.in_recovery = TRI_YES;
        return 0;
}

static void test_waits_until_it_is_out(void **state _unused_)
{
        assert_true(unsync_waits(&p));
        assert_true(p.restart.timer.due <= now_boottime() + 2 * SEC(10)); /* it looks again by then */
        (void)STR_SET(cluster.sync.standbys, "n3");
        assert_false(unsync_waits(&p));
}

/* The leader's parameter follows its key: where nobody takes its place, a loop_wait later. */
static void test_waits_a_moment_longer_where_nobody_follows(void **state _unused_)
{
        assert_true(unsync_waits(&p));
        cluster.sync.standbys[0] = 0;
        assert_true(unsync_waits(&p));
        p.unsync_out = now_boottime() - SEC(10);
        assert_false(unsync_waits(&p));
}

static void test_not_for_ever(void **state _unused_)
{
        assert_true(unsync_waits(&p));
        p.unsync_until = now_boottime();
        assert_false(unsync_waits(&p));
}

static void test_nobody_waits_for_it(void **state _unused_)
{
        (void)STR_SET(cluster.sync.standbys, "n3");
        assert_false(unsync_waits(&p));
        (void)STR_SET(cluster.sync.standbys, "n2");
        cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        assert_false(unsync_waits(&p));
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        p.leaving = false;
        assert_false(unsync_waits(&p));
        p.leaving = true;
        p.pg.pg.in_recovery = TRI_NO;
        assert_false(unsync_waits(&p));
        p.pg.pg.in_recovery = TRI_YES;
        assert_true(unsync_waits(&p));
}

static void test_nobody_can_take_it_out(void **state _unused_)
{
        p.link.state = LINK_DOWN;
        assert_false(unsync_waits(&p));
        p.link.state = LINK_UP;
        cluster.leader = (LeaderKey){ 0 };
        assert_false(unsync_waits(&p));
}

/* It has won the lock: it is nobody's standby, though /sync names it still. */
static void test_not_who_has_the_lock(void **state _unused_)
{
        assert_true(unsync_waits(&p));
        p.authority.epoch = 7;
        assert_false(unsync_waits(&p));
        assert_int_equal(p.unsync_until, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_waits_until_it_is_out),
                TEST(test_waits_a_moment_longer_where_nobody_follows),
                TEST(test_not_for_ever),
                TEST(test_nobody_waits_for_it),
                TEST(test_nobody_can_take_it_out),
                TEST(test_not_who_has_the_lock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
