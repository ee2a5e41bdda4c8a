/* Who holds an address for a replica role. */
#include "decide/vip.h"
#include "test-lib.h"

#define NOW SEC(1000)

static Cluster cluster; /* a leads, b and c stream */
static PgState pg;      /* of b */
static Tags tags;

static int setup(void **state _unused_)
{
        static const char *const names[] = { "a", "b", "c" };

        cluster = (Cluster){ .n_members = 3, .settings = SETTINGS_DEFAULT };
        for (unsigned i = 0; i < 3; i++) {
                cluster.members[i] = (Member){ .state = RUN_RUNNING, .tags = TAGS_DEFAULT,
                                               .role = i == 0 ? ROLE_PRIMARY : ROLE_REPLICA,
                                               .replication_state = REPLICATION_STREAMING,
                                               .xlog_location = 1 << 24 };
                (void)STR_SET(cluster.members[i].name, names[i]);
        }
        (void)STR_SET(cluster.leader.name, "a");
        cluster.status.optime = 1 << 24;
        pg = (PgState){ .run = RUN_RUNNING, .role = ROLE_REPLICA, .in_recovery = TRI_YES,
                        .accepts = true, .receiver_alive = true, .receive_lsn = 1 << 24 };
        tags = TAGS_DEFAULT;
        return 0;
}

static VipFitness fitness(void)
{
        return vip_fitness(&pg, &cluster, "b", &tags, false);
}

static void test_fitness(void **state)
{
        assert_int_equal(fitness(), VIP_FIT);
        pg.receiver_alive = false;
        assert_int_equal(fitness(), VIP_POOR);
        setup(state);
        cluster.status.optime += 1048576;
        assert_int_equal(fitness(), VIP_FIT); /* the most that is allowed */
        cluster.status.optime++;
        assert_int_equal(fitness(), VIP_POOR);
        pg.replay_lsn = cluster.status.optime; /* from the archive */
        assert_int_equal(fitness(), VIP_FIT);
}

static void test_unfit(void **state)
{
        assert_int_equal(vip_fitness(NULL, &cluster, "b", &tags, false), VIP_UNFIT);
        assert_int_equal(vip_fitness(&pg, &cluster, "b", &tags, true), VIP_UNFIT);
        assert_int_equal(vip_fitness(&pg, &cluster, "a", &tags, false), VIP_UNFIT);
        tags.noloadbalance = true;
        assert_int_equal(fitness(), VIP_UNFIT);
        setup(state);
        pg.role = ROLE_PRIMARY;
        assert_int_equal(fitness(), VIP_UNFIT);
        setup(state);
        pg.promote_sent = true;
        assert_int_equal(fitness(), VIP_UNFIT);
        setup(state);
        pg.in_recovery = TRI_NO;
        assert_int_equal(fitness(), VIP_UNFIT);
        setup(state);
        pg.accepts = false;
        assert_int_equal(fitness(), VIP_UNFIT);
        setup(state);
        pg.run = RUN_STOPPING;
        assert_int_equal(fitness(), VIP_UNFIT);
}

static void test_others(void **state)
{
        assert_true(vip_has_other(&cluster, "b"));
        cluster.members[2].tags.noloadbalance = true;
        assert_false(vip_has_other(&cluster, "b")); /* never the leader */
        setup(state);
        cluster.members[2].xlog_location = 1;
        assert_false(vip_has_other(&cluster, "b"));
        setup(state);
        cluster.members[2].replication_state = REPLICATION_NONE;
        assert_false(vip_has_other(&cluster, "b"));
        setup(state);
        cluster.members[2].state = RUN_STOPPED;
        assert_false(vip_has_other(&cluster, "b"));
}

static void test_taking(void **state _unused_)
{
        VipFacts f = { .now = NOW, .fitness = VIP_FIT, .free_since = NOW, .patience = SEC(10) };

        assert_int_equal(vip_move(&f), VIP_BID);
        f.others = 2; /* others first */
        assert_int_equal(vip_move(&f), VIP_STAY);
        f.now = NOW + SEC(2);
        assert_int_equal(vip_move(&f), VIP_BID);
        f.taken = true;
        assert_int_equal(vip_move(&f), VIP_STAY);
        f.taken = false;
        f.fitness = VIP_POOR;
        assert_int_equal(vip_move(&f), VIP_STAY);
        f.fitness = VIP_UNFIT;
        assert_int_equal(vip_move(&f), VIP_STAY);
}

static void test_giving(void **state _unused_)
{
        VipFacts f = { .now = NOW, .mine = true, .fitness = VIP_FIT, .patience = SEC(10) };

        assert_int_equal(vip_move(&f), VIP_STAY);
        f.fitness = VIP_UNFIT; /* whoever else is there */
        assert_int_equal(vip_move(&f), VIP_GIVE);
        f.fitness = VIP_POOR;
        f.has_other = true;
        f.poor_since = NOW - SEC(9);
        assert_int_equal(vip_move(&f), VIP_STAY);
        f.poor_since = NOW - SEC(10);
        assert_int_equal(vip_move(&f), VIP_GIVE);
        f.has_other = false; /* stale reads are better than none */
        assert_int_equal(vip_move(&f), VIP_STAY);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_fitness, setup), cmocka_unit_test_setup(test_unfit, setup),
                cmocka_unit_test_setup(test_others, setup),  cmocka_unit_test(test_taking),
                cmocka_unit_test(test_giving),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
