/* Status codes, texts and the order of the checks are Patroni's (PATRONI-SPEC 4.6). */
#include "decide/switchover.h"
#include "test-lib.h"

#define NOW SEC(1800000000)

static Cluster cluster; /* node0 leads, node1 and node2 follow */

static int setup(void **state _unused_)
{
        cluster = (Cluster){ .n_members = 3, .settings = SETTINGS_DEFAULT };
        for (unsigned i = 0; i < 3; i++) {
                Member *m = &cluster.members[i];
                snprintf(m->name, sizeof m->name, "node%u", i);
                snprintf(m->api_url, sizeof m->api_url, "http://10.0.0.%u:8008/patroni", i);
                m->tags = TAGS_DEFAULT;
        }
        (void)STR_SET(cluster.leader.name, "node0");
        cluster.leader.epoch = 100;
        return 0;
}

static void check(SwitchoverAsk ask, unsigned http, const char *text)
{
        SwitchoverAnswer a = switchover_check(&ask, &cluster, NOW);

        assert_string_equal(a.text, text);
        assert_int_equal(a.http, http);
}

static void use_sync(const char *standbys)
{
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        (void)STR_SET(cluster.sync.leader, "node0");
        (void)STR_SET(cluster.sync.standbys, standbys);
}

#define SWITCH(l, c) ((SwitchoverAsk){ .leader = (l), .candidate = (c) })
#define AT(l, c, t) ((SwitchoverAsk){ .leader = (l), .candidate = (c), .scheduled = (t) })
#define FAIL_TO(l, c) ((SwitchoverAsk){ .failover = true, .leader = (l), .candidate = (c) })

static void test_fine(void **state _unused_)
{
        check(SWITCH("node0", "node1"), 0, "");
        check(SWITCH("node0", ""), 0, "");
        check(SWITCH("node0", NULL), 0, "");
        check(FAIL_TO("", "node1"), 0, "");
        check(FAIL_TO("node0", "node1"), 0, "");
        check(AT("node0", "node1", NOW + 1), 0, "");
        check(AT("node0", "", NOW), 0, "");
        check(AT("whoever", "", NOW + 1), 0, ""); /* looked at when its time comes */
}

static void test_words(void **state _unused_)
{
        check(FAIL_TO("", ""), 400, "Failover could be performed only to a specific candidate");
        check(FAIL_TO("node0", NULL), 400,
              "Failover could be performed only to a specific candidate");
        check(SWITCH("", "node1"), 400,
              "Switchover could be performed only from a specific leader");
        check(SWITCH(NULL, ""), 400, "Switchover could be performed only from a specific leader");
        check((SwitchoverAsk){ .failover = true, .candidate = "node1", .scheduled = NOW + 1 }, 400,
              "Failover can't be scheduled");
        check(AT("node0", "node1", NOW - 1), 422, "Cannot schedule switchover in the past");
        check(SWITCH("node1", "node1"), 400, "Switchover target and source are the same");
        check(FAIL_TO("node1", "node1"), 400, "Switchover target and source are the same");
}

static void test_paused(void **state _unused_)
{
        cluster.settings.pause = true;
        check(AT("node0", "node1", NOW + 1), 400,
              "Can't schedule switchover in the paused state");
        check(SWITCH("node0", ""), 400,
              "Switchover is possible only to a specific candidate in a paused state");
        check(SWITCH("node0", "node1"), 0, "");
        check(FAIL_TO("", "node1"), 0, "");
}

static void test_cluster(void **state _unused_)
{
        check(SWITCH("node1", "node2"), 412, "leader name does not match");
        check(SWITCH("node0", "node9"), 412, "candidate does not exists");
        check(FAIL_TO("", "node9"), 412, "candidate does not exists");
        cluster.members[1].tags.nofailover = true;
        check(SWITCH("node0", "node1"), 412,
              "switchover is not possible: no good candidates have been found");
        check(FAIL_TO("", "node1"), 412,
              "failover is not possible: no good candidates have been found");
        check(SWITCH("node0", ""), 0, ""); /* node2 is left */
        cluster.members[2].api_url[0] = 0;
        check(SWITCH("node0", ""), 412,
              "switchover is not possible: no good candidates have been found");
        cluster.n_members = 1;
        check(SWITCH("node0", ""), 412,
              "switchover is not possible: cluster does not have members except leader");
}

static void test_synchronous(void **state _unused_)
{
        use_sync("node2");
        check(SWITCH("node0", "node1"), 412, "candidate name does not match with sync_standby");
        check(SWITCH("node0", "node2"), 0, "");
        check(FAIL_TO("", "node1"), 0, ""); /* a failover may lose transactions */
        check(FAIL_TO("node0", "node1"), 412, "candidate name does not match with sync_standby");
        check(SWITCH("node0", ""), 0, "");
        use_sync("");
        check(SWITCH("node0", ""), 412, "switchover is not possible: can not find sync_standby");
        cluster.sync.leader[0] = 0; /* on, and not active yet */
        check(SWITCH("node0", "node1"), 0, "");
        use_sync("node2");
        cluster.settings.synchronous_mode = SYNC_MODE_OFF; /* a key left behind */
        check(SWITCH("node0", "node1"), 0, "");
}

static void test_candidates(void **state _unused_)
{
        const Member *found[CLUSTER_MEMBERS_MAX];
        SwitchoverAsk any = SWITCH("node0", ""), one = SWITCH("node0", "node2"),
                      leader = SWITCH("node0", "node0");

        assert_int_equal(switchover_candidates(&any, &cluster, "node0", found), 2);
        assert_string_equal(found[0]->name, "node1");
        assert_string_equal(found[1]->name, "node2");
        assert_int_equal(switchover_candidates(&one, &cluster, "node0", found), 1);
        assert_string_equal(found[0]->name, "node2");
        assert_int_equal(switchover_candidates(&leader, &cluster, "node0", found), 0);
        cluster.members[2].tags.nofailover = true;
        assert_int_equal(switchover_candidates(&one, &cluster, "node0", found), 0);
        use_sync("Node1");
        assert_int_equal(switchover_candidates(&any, &cluster, "node0", found), 1);
        assert_string_equal(found[0]->name, "node1");
}

/* PATRONI-SPEC 2.9, "Failover possible". */
static void test_possible(void **state _unused_)
{
        Peer p = { .answered = true, .failover_priority = 1, .timeline = 1, .lsn = 1000 };

        cluster.settings.maximum_lag_on_failover = 100;
        cluster.status.optime = 1100;
        assert_true(switchover_is_possible(&p, 1, &cluster));
        assert_false(switchover_is_possible(&p, 0, &cluster));
        cluster.status.optime = 1101;
        assert_false(switchover_is_possible(&p, 1, &cluster));
        cluster.status.optime = 1000;
        cluster.settings.check_timeline = true;
        cluster.history.timeline = 2;
        assert_false(switchover_is_possible(&p, 1, &cluster));
        p.timeline = 2;
        assert_true(switchover_is_possible(&p, 1, &cluster));
        Peer bad[5] = { p, p, p, p, p };
        bad[0].answered = false;
        bad[1].primary = true;
        bad[2].nofailover = true;
        bad[3].failover_priority = 0;
        bad[4].watchdog_failed = true;
        assert_false(switchover_is_possible(bad, 5, &cluster));
        bad[4].watchdog_failed = false;
        assert_true(switchover_is_possible(bad, 5, &cluster));
}

static void outcome(SwitchoverAsk ask, unsigned http, const char *text)
{
        SwitchoverAnswer a = switchover_outcome(&ask, &cluster, "node0");

        assert_string_equal(a.text, text);
        assert_int_equal(a.http, http);
}

static void test_outcome(void **state _unused_)
{
        cluster.failover.requested = true;
        outcome(SWITCH("node0", "node1"), 0, ""); /* still under way */
        cluster.leader.name[0] = 0;
        outcome(SWITCH("node0", "node1"), 0, "");
        cluster.failover.requested = false;
        outcome(SWITCH("node0", "node1"), 0, ""); /* the winner clears the key first */
        (void)STR_SET(cluster.leader.name, "node1");
        cluster.leader.epoch = 120;
        outcome(SWITCH("node0", "node1"), 200, "Successfully switched over to \"node1\"");
        outcome(SWITCH("node0", ""), 200, "Successfully switched over to \"node1\"");
        outcome(FAIL_TO("", "node1"), 200, "Successfully failed over to \"node1\"");
        outcome(SWITCH("node0", "node2"), 200, "Switched over to \"node1\" instead of \"node2\"");
        outcome(FAIL_TO("", "node2"), 200, "Failed over to \"node1\" instead of \"node2\"");
}

static void test_outcome_failed(void **state _unused_)
{
        outcome(SWITCH("node0", "node1"), 503, "Switchover failed");
        outcome(FAIL_TO("", "node1"), 503, "Failover failed");
        cluster.leader.epoch = 120; /* it lost its lock meanwhile, and got another one */
        outcome(SWITCH("node0", ""), 503, "Switchover failed");
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_fine),       TEST(test_words),    TEST(test_paused),
                TEST(test_cluster),    TEST(test_synchronous), TEST(test_candidates),
                TEST(test_possible),   TEST(test_outcome),  TEST(test_outcome_failed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
