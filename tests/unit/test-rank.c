/* The leader race as PATRONI-SPEC 2.6 and 2.9 (no leader present) have it. */
#include "decide/rank.h"
#include "test-lib.h"

typedef struct World {
        Cluster cluster;
        PgState pg;
        Peer peers[3];
        RankInput in;
} World;

/* node1 led; node2 (we) and node3 are standbys as far as it was. */
static int setup(void **state)
{
        World *w = calloc(1, sizeof *w);
        Peer good = { .answered = true, .failover_priority = 1, .timeline = 3, .lsn = 1000 };

        w->cluster.settings = SETTINGS_DEFAULT;
        w->cluster.settings.maximum_lag_on_failover = 100;
        w->cluster.status.optime = 1000;
        w->cluster.history.timeline = 3;
        w->pg = (PgState){ .receive_lsn = 1000, .replay_lsn = 990, .timeline = 3 };
        w->peers[0] = w->peers[1] = good;
        (void)STR_SET(w->peers[0].name, "node1");
        (void)STR_SET(w->peers[1].name, "node3");
        w->in = (RankInput){ .cluster = &w->cluster, .pg = &w->pg, .name = "node2",
                             .tags = TAGS_DEFAULT, .last_leader = "node1", .peers = w->peers,
                             .n_peers = 2 };
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        free(*state);
        return 0;
}

static bool best(const World *w)
{
        RankVerdict v = rank_judge(&w->in);

        assert_true(v.reason[0]);
        return v.best;
}

static void use_sync(World *w, const char *leader, const char *standbys)
{
        w->cluster.settings.synchronous_mode = SYNC_MODE_ON;
        (void)STR_SET(w->cluster.sync.leader, leader);
        (void)STR_SET(w->cluster.sync.standbys, standbys);
}

static void request(World *w, const char *leader, const char *candidate)
{
        w->cluster.failover.requested = true;
        (void)STR_SET(w->cluster.failover.leader, leader);
        (void)STR_SET(w->cluster.failover.candidate, candidate);
}

static void test_equal_positions(void **state)
{
        World *w = *state;

        assert_true(best(w));
        w->in.n_peers = 0;
        assert_true(best(w));
}

static void test_a_peer_is_ahead(void **state)
{
        World *w = *state;

        w->peers[1].lsn = 1001;
        assert_false(best(w));
        w->pg.replay_lsn = 1001; /* the larger of received and replayed counts */
        assert_true(best(w));
        w->peers[1].lsn = 1002;
        w->peers[1].nofailover = true;
        assert_true(best(w));
        w->peers[1] = (Peer){ .answered = true, .lsn = 1002, .failover_priority = 0 };
        assert_true(best(w));
        w->peers[1] = (Peer){ .answered = true, .lsn = 1002, .failover_priority = 1,
                              .watchdog_failed = true };
        assert_true(best(w));
        w->peers[1] = (Peer){ .answered = false, .lsn = 1002, .failover_priority = 1 };
        assert_true(best(w));
}

static void test_a_primary_is_a_veto(void **state)
{
        World *w = *state;

        w->peers[0].primary = true;
        w->peers[0].lsn = 10;
        assert_false(best(w));
        w->peers[0].nofailover = true; /* even one that may not lead */
        assert_false(best(w));
        w->peers[0].answered = false;
        assert_true(best(w));
}

/* optime - own > maximum_lag_on_failover: no. */
static void test_lag(void **state)
{
        World *w = *state;

        w->peers[0].lsn = w->peers[1].lsn = 0;
        w->cluster.status.optime = 1100;
        assert_true(best(w)); /* behind by exactly as much */
        w->cluster.status.optime = 1101;
        assert_false(best(w));
        w->cluster.settings.maximum_lag_on_failover = 101;
        assert_true(best(w));
        w->cluster.settings.maximum_lag_on_failover = 0;
        w->cluster.status.optime = 1000;
        assert_true(best(w));
        w->cluster.settings.maximum_lag_on_failover = 1048576; /* more than there is WAL */
        assert_true(best(w));
}

static void test_check_timeline(void **state)
{
        World *w = *state;

        w->pg.timeline = 2;
        assert_true(best(w)); /* not asked for */
        w->cluster.settings.check_timeline = true;
        assert_false(best(w));
        w->pg.timeline = 0; /* unknown */
        assert_false(best(w));
        w->pg.timeline = 3;
        assert_true(best(w));
}

/* Equal position and the higher failover_priority: no, unless it is the former leader. */
static void test_priority(void **state)
{
        World *w = *state;

        w->peers[1].failover_priority = 2;
        assert_false(best(w));
        w->in.tags.failover_priority = 2;
        assert_true(best(w));
        w->peers[0].failover_priority = 9;
        assert_true(best(w));
        w->in.last_leader = "";
        assert_false(best(w));
        w->peers[0].lsn = 999; /* behind */
        assert_true(best(w));
        w->peers[0].lsn = 0;
        w->pg.receive_lsn = w->pg.replay_lsn = 0;
        w->peers[1].lsn = 0; /* a position of 0 does not count as equal */
        w->peers[1].failover_priority = 99;
        w->cluster.status.optime = 0;
        assert_true(best(w));
}

static void test_synchronous(void **state)
{
        World *w = *state;

        use_sync(w, "node1", "node3");
        assert_false(best(w)); /* not listed */
        use_sync(w, "node1", "node2");
        assert_true(best(w));
        w->peers[1].lsn = 2000; /* asynchronous: does not compete */
        assert_true(best(w));
        use_sync(w, "node1", "NODE2,node3"); /* names compare without case */
        assert_false(best(w));
        w->peers[1].lsn = 1000;
        w->peers[0].lsn = 2000; /* the former leader of /sync is ignored, though ahead */
        assert_true(best(w));
        use_sync(w, "", "");
        assert_false(best(w)); /* not active: node1 is ahead */
        w->cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        use_sync(w, "node1", "node3");
        w->cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        w->peers[0].lsn = 1000;
        assert_true(best(w)); /* the mode is off: the key means nothing */
}

/* The former synchronous leader leads again, as it is listed itself. */
static void test_synchronous_leader_itself(void **state)
{
        World *w = *state;

        w->in.name = "node1";
        w->in.n_peers = 1;
        w->peers[0] = w->peers[1];
        use_sync(w, "node1", "node3");
        assert_true(best(w));
}

static void test_named_candidate(void **state)
{
        World *w = *state;

        request(w, "", "node2"); /* a failover to us */
        w->peers[1].lsn = 5000;
        assert_true(best(w));
        request(w, "node1", "node2");
        assert_true(best(w));
        request(w, "node1", "node3"); /* to another one that can be reached */
        w->peers[1].lsn = 10;
        assert_false(best(w));
        w->peers[1].answered = false; /* that is gone: as if nobody was named */
        assert_true(best(w));
        w->peers[1].answered = true;
        w->peers[1].watchdog_failed = true; /* that may not */
        assert_true(best(w));
        w->peers[1].watchdog_failed = false;
        w->peers[1].nofailover = true;
        assert_true(best(w));
}

/* A switchover keeps what was acknowledged: the candidate must be in /sync; a failover need not. */
static void test_named_candidate_and_sync(void **state)
{
        World *w = *state;

        use_sync(w, "node1", "node3");
        request(w, "node1", "node2");
        assert_false(best(w));
        request(w, "", "node2");
        assert_true(best(w));
        use_sync(w, "node1", "node2");
        request(w, "node1", "node2");
        assert_true(best(w));
        request(w, "node1", "node3"); /* asked for before the mode was on: it may not, who is listed goes */
        assert_true(best(w));
        request(w, "", "node3");
        assert_false(best(w));
}

/* Without a candidate: everybody but the old leader competes, whatever the lag. */
static void test_switchover_to_anybody(void **state)
{
        World *w = *state;

        request(w, "node1", "");
        assert_true(best(w));
        w->cluster.status.optime = 100000;
        assert_true(best(w)); /* no lag check */
        w->peers[0].lsn = 1056; /* the old leader's shutdown checkpoint */
        assert_true(best(w));
        w->peers[0].primary = true;
        assert_false(best(w));
        w->peers[0].primary = false;
        w->peers[1].lsn = 1001;
        assert_false(best(w));
}

/* The old leader takes over again only if nobody else can. */
static void test_switchover_away_from_us(void **state)
{
        World *w = *state;

        request(w, "node2", "");
        assert_false(best(w));
        w->peers[0].answered = false;
        assert_false(best(w));
        w->peers[1].answered = false;
        assert_true(best(w));
        w->peers[1].answered = true;
        w->peers[1].nofailover = true;
        assert_true(best(w));
        w->peers[1].nofailover = false;
        w->peers[1].lsn = 899; /* too far behind: no failover to it is possible */
        assert_true(best(w));
        w->peers[1].lsn = 900;
        assert_false(best(w));
        use_sync(w, "node2", "node1"); /* node3 is not synchronous */
        assert_true(best(w));
}

/* Scheduled, and the leader is lost before it is due: its candidate is one of the others. */
static void test_scheduled(void **state)
{
        World *w = *state;

        request(w, "node1", "node2");
        w->in.now_wall = SEC(1000);
        w->pg.receive_lsn = w->pg.replay_lsn = 950;
        assert_true(best(w)); /* now: named, it goes, though node3 is ahead */
        w->cluster.failover.scheduled_wall_usec = SEC(1060);
        assert_false(best(w));
        (void)STR_SET(w->cluster.failover.candidate, "node3");
        w->pg.receive_lsn = 1001;
        assert_true(best(w));
        w->cluster.failover.scheduled_wall_usec = SEC(1001); /* by a clock that is behind the leader's */
        assert_false(best(w));
}

static void test_peer_is_good(void **state)
{
        World *w = *state;
        Peer *p = &w->peers[1];

        p->lsn = 900;
        assert_true(rank_peer_is_good(p, &w->cluster));
        p->lsn = 899;
        assert_false(rank_peer_is_good(p, &w->cluster));
        /* a shutdown position is compared exactly, without lag */
        p->lsn = 1000;
        assert_true(rank_peer_has_all(p, &w->cluster, 3, 1000));
        assert_false(rank_peer_has_all(p, &w->cluster, 3, 1001));
        assert_false(rank_peer_has_all(p, &w->cluster, 4, 1000)); /* further, with WAL of another timeline */
        w->cluster.settings.check_timeline = true;
        p->timeline = 2;
        assert_false(rank_peer_is_good(p, &w->cluster));
        p->timeline = 3;
        assert_true(rank_peer_is_good(p, &w->cluster));
        p->answered = false;
        assert_false(rank_peer_is_good(p, &w->cluster));
        p->answered = true;
        p->nofailover = true;
        assert_false(rank_peer_is_good(p, &w->cluster));
        p->nofailover = false;
        p->failover_priority = 0;
        assert_false(rank_peer_is_good(p, &w->cluster));
        p->failover_priority = 1;
        p->watchdog_failed = true;
        assert_false(rank_peer_is_good(p, &w->cluster));
}

/* With a quorum: as many other voters that are no further as the key asks for. */
static void test_votes(void **state)
{
        World *w = *state;

        use_sync(w, "node1", "node2,node3");
        w->cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        w->peers[0].answered = false;
        w->cluster.sync.quorum = 1;
        assert_true(best(w)); /* node3 */
        w->peers[1].answered = false;
        assert_false(best(w));
        w->peers[0].answered = true; /* the former leader counts, too, as a standby */
        assert_true(best(w));
        w->peers[0].lsn = 1001; /* but not what is further than we are */
        assert_false(best(w));
        w->peers[1].answered = true;
        assert_true(best(w)); /* and does not stand in our way */
        w->peers[1].nofailover = true; /* who may not lead can tell what it has */
        assert_true(best(w));
        w->peers[1].lsn = 1001;
        assert_false(best(w));
        w->peers[1].lsn = 0;
        assert_false(best(w)); /* a server that does not run */
        w->peers[1].lsn = 1000;
        w->cluster.sync.quorum = 2;
        assert_false(best(w));
        w->peers[0].lsn = 1000;
        assert_true(best(w));

        /* Of a switchover whose leader is gone: the candidate needs its votes, too. */
        use_sync(w, "node1", "node2,node3");
        w->cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        w->cluster.sync.quorum = 1;
        w->peers[0].answered = false;
        w->peers[1].nofailover = false;
        w->peers[1].lsn = 1001;
        request(w, "node1", "node2");
        assert_false(best(w));
        w->peers[1].lsn = 1000;
        assert_true(best(w));
        request(w, "node1", "node3"); /* and who is ahead of the candidate does not wait for it */
        assert_false(best(w));
        w->peers[0].answered = true;
        w->peers[1].lsn = 999;
        assert_true(best(w));
        request(w, "", "node3"); /* a failover may lose something: a person wanted it */
        assert_false(best(w));
        w->cluster.failover.requested = false;
        w->peers[1].lsn = 1000;

        use_sync(w, "node1", "node3"); /* we are no voter: one vote more */
        w->cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        w->cluster.sync.quorum = 1;
        assert_true(best(w));
        w->peers[0].answered = false;
        assert_false(best(w));

        use_sync(w, "node2", "node3"); /* we led last */
        w->cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        w->peers[1].answered = false;
        assert_true(best(w));
}

/* A former leader is far ahead, with WAL of its own that the next leader's timeline does not have. */
static void test_votes_and_timelines(void **state)
{
        World *w = *state;

        use_sync(w, "node1", "node2,node3");
        w->cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        w->cluster.sync.quorum = 1;
        w->peers[0].answered = false;
        w->peers[1].lsn = 900;
        assert_true(best(w));
        w->pg.timeline = 2; /* it is us */
        assert_false(best(w));
        w->pg.timeline = 3;
        w->peers[1].timeline = 2; /* who has not come to our timeline yet has nothing on it */
        assert_true(best(w));
        w->peers[1].timeline = 0;
        assert_false(best(w));
        w->peers[0] = w->peers[1]; /* it is another one: it neither votes nor stands in our way */
        w->peers[0].timeline = 2;
        w->peers[0].lsn = 5000;
        (void)STR_SET(w->peers[0].name, "node3");
        (void)STR_SET(w->peers[1].name, "node1");
        w->peers[1].timeline = 3;
        assert_true(best(w));
        w->peers[1].answered = false;
        assert_false(best(w));
        w->cluster.settings.synchronous_mode = SYNC_MODE_OFF; /* as Patroni has it */
        assert_false(best(w));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A former leader that came back with WAL nobody has: not in /failsafe, it may not bid. */
static void test_not_in_failsafe(void **state)
{
        World *w = *state;

        w->peers[0].lsn = 2000;
        assert_false(best(w));
        w->cluster.settings.failsafe_mode = true;
        assert_false(best(w)); /* no leader has written /failsafe */
        (void)STR_SET(w->cluster.failsafe_names, "node2,node3");
        assert_true(best(w));
        (void)STR_SET(w->cluster.failsafe_names, "node1,node2,node3");
        assert_false(best(w));
        (void)STR_SET(w->cluster.failsafe_names, "node2,node3");
        w->peers[0].primary = true;
        assert_false(best(w)); /* a primary is a veto all the same */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_not_in_failsafe),
                TEST(test_equal_positions),
                TEST(test_a_peer_is_ahead),
                TEST(test_a_primary_is_a_veto),
                TEST(test_lag),
                TEST(test_check_timeline),
                TEST(test_priority),
                TEST(test_synchronous),
                TEST(test_synchronous_leader_itself),
                TEST(test_named_candidate),
                TEST(test_named_candidate_and_sync),
                TEST(test_switchover_to_anybody),
                TEST(test_switchover_away_from_us),
                TEST(test_peer_is_good),
                TEST(test_scheduled),
                TEST(test_votes),
                TEST(test_votes_and_timelines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
