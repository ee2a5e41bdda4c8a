/* How facts are read from a snapshot. What has not been told is UNKNOWN. */
#include "decide/snapshot.h"
#include "test-lib.h"

#define OURS 7711114259498795507ULL

static Cluster cluster;
static PgState pg;
static Snapshot s;

/* node2, a healthy standby of node1. */
static int setup(void **state _unused_)
{
        cluster = (Cluster){ .revision = 500, .settings = SETTINGS_DEFAULT };
        (void)STR_SET(cluster.leader.name, "node1");
        cluster.leader.epoch = 100;
        cluster.initialize = (InitializeKey){ .state = INITIALIZE_DONE, .sysid = OURS,
                                              .mod_revision = 3 };
        cluster.config.mod_revision = 4;
        pg = (PgState){ .probed = 5, .run = RUN_RUNNING, .role = ROLE_REPLICA,
                        .in_recovery = TRI_YES, .datadir = DATADIR_VALID, .sysid = OURS,
                        .accepts = true, .standby_signal = true, .leaf = 1, .leaf_cgroup = 77 };
        s = (Snapshot){ .now = SEC(1000), .name = "node2", .hands_known = true, .dcs_known = true,
                        .dcs_up = true, .cluster = &cluster, .pg = &pg, .can_bootstrap = true };
        return 0;
}

static unsigned fact(FactId id)
{
        return facts_read(&s).value[id];
}

static void lead(Epoch epoch)
{
        (void)STR_SET(cluster.leader.name, "node2");
        cluster.leader.epoch = epoch;
        s.epoch = epoch;
}

static void run_as_primary(void)
{
        pg.role = ROLE_PRIMARY;
        pg.in_recovery = TRI_NO;
        pg.standby_signal = false;
}

static void stop(ControlState control, bool standby_signal)
{
        pg.run = RUN_STOPPED;
        pg.in_recovery = TRI_UNKNOWN;
        pg.accepts = false;
        pg.control = control;
        pg.standby_signal = standby_signal;
}

static void test_nothing_known(void **state _unused_)
{
        s = (Snapshot){ .name = "node2" };
        Facts f = facts_read(&s);
        assert_int_equal(f.value[FACT_HANDS], HANDS_UNKNOWN);
        assert_int_equal(f.value[FACT_DCS], DCS_UNKNOWN);
        assert_int_equal(f.value[FACT_LOCK], LOCK_UNKNOWN);
        assert_int_equal(f.value[FACT_PERMIT], PERMIT_NONE);
        assert_int_equal(f.value[FACT_PG], PG_UNKNOWN);
        assert_int_equal(f.value[FACT_DATA], DATA_UNKNOWN);
        assert_int_equal(f.value[FACT_INIT], INIT_UNKNOWN);
        assert_int_equal(f.value[FACT_CONFIG], CONFIG_UNKNOWN);
        assert_int_equal(f.value[FACT_RANK], RANK_UNKNOWN);
        assert_int_equal(f.value[FACT_FENCE], FENCE_NONE);
        assert_int_equal(f.value[FACT_HANDOVER], HANDOVER_NO);
        assert_int_equal(f.value[FACT_PATIENCE], PATIENCE_LEFT);
}

static void test_hands_and_dcs(void **state _unused_)
{
        s.twin = true;
        assert_int_equal(fact(FACT_HANDS), HANDS_TWIN);
        s.twin = false;
        assert_int_equal(fact(FACT_HANDS), HANDS_KNOWN);
        s.hand_away = true;
        assert_int_equal(fact(FACT_HANDS), HANDS_AWAY);
        s.hand_away = false;
        assert_int_equal(fact(FACT_DCS), DCS_UP);
        s.dcs_up = false;
        assert_int_equal(fact(FACT_DCS), DCS_DOWN);
        s.dcs_known = false;
        assert_int_equal(fact(FACT_DCS), DCS_UNKNOWN);
        s.hands_known = false;
        assert_int_equal(fact(FACT_HANDS), HANDS_UNKNOWN);
}

static void test_lock(void **state _unused_)
{
        assert_int_equal(fact(FACT_LOCK), LOCK_OTHER);
        cluster.leader.name[0] = 0;
        assert_int_equal(fact(FACT_LOCK), LOCK_FREE);
        (void)STR_SET(cluster.leader.name, "node2");
        assert_int_equal(fact(FACT_LOCK), LOCK_STALE); /* names us, and we have no epoch */
        s.epoch = 100;
        assert_int_equal(fact(FACT_LOCK), LOCK_MINE);
        cluster.leader.epoch = 200; /* ours by name, of another epoch */
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
        cluster.leader.epoch = 100;
        (void)STR_SET(cluster.leader.name, "Node2"); /* bytes are compared */
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
        cluster.leader.name[0] = 0;
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
        /* a snapshot older than the epoch cannot speak of it */
        s.epoch = 501;
        assert_int_equal(fact(FACT_LOCK), LOCK_MINE);
        s.epoch = 500;
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
}

/* What was released may still stand in the snapshot. */
static void test_lock_of_an_ended_epoch(void **state _unused_)
{
        (void)STR_SET(cluster.leader.name, "node2");
        s.ended = 100;
        assert_int_equal(fact(FACT_LOCK), LOCK_UNKNOWN);
        s.ended = 99;
        assert_int_equal(fact(FACT_LOCK), LOCK_STALE);
        (void)STR_SET(cluster.leader.name, "node1");
        s.ended = 100;
        assert_int_equal(fact(FACT_LOCK), LOCK_OTHER);
}

/* The watch may be faster than the answer to the bid that made the key. */
static void test_lock_while_bidding(void **state _unused_)
{
        s.bidding = true;
        assert_int_equal(fact(FACT_LOCK), LOCK_OTHER);
        cluster.leader.name[0] = 0;
        assert_int_equal(fact(FACT_LOCK), LOCK_FREE);
        (void)STR_SET(cluster.leader.name, "node2");
        assert_int_equal(fact(FACT_LOCK), LOCK_UNKNOWN);
        s.epoch = 100; /* answered */
        assert_int_equal(fact(FACT_LOCK), LOCK_MINE);
        cluster.leader.epoch = 200; /* it was gone, and is taken again: that is no reason to stop */
        assert_int_equal(fact(FACT_LOCK), LOCK_UNKNOWN);
        s.bidding = false;
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
        s.epoch = 0;
        assert_int_equal(fact(FACT_LOCK), LOCK_STALE);
}

static void test_permit(void **state _unused_)
{
        assert_int_equal(fact(FACT_PERMIT), PERMIT_NONE);
        s.permit = s.now + 1;
        assert_int_equal(fact(FACT_PERMIT), PERMIT_RUNS);
        s.permit = s.now; /* over at the instant itself */
        assert_int_equal(fact(FACT_PERMIT), PERMIT_OVER);
        s.standing = true;
        assert_int_equal(fact(FACT_PERMIT), PERMIT_RUNS);
        s.permit = 0;
        assert_int_equal(fact(FACT_PERMIT), PERMIT_NONE);
}

static void test_pg_running(void **state _unused_)
{
        assert_int_equal(fact(FACT_PG), PG_STANDBY);
        pg.accepts = false;
        assert_int_equal(fact(FACT_PG), PG_STARTING);
        pg.promote_sent = true;
        assert_int_equal(fact(FACT_PG), PG_PROMOTING);
        pg.in_recovery = TRI_UNKNOWN;
        assert_int_equal(fact(FACT_PG), PG_PROMOTING);
        pg.in_recovery = TRI_NO;
        assert_int_equal(fact(FACT_PG), PG_PRIMARY);
        pg.promote_sent = false; /* somebody called pg_promote() */
        assert_int_equal(fact(FACT_PG), PG_PRIMARY);
        run_as_primary();
        assert_int_equal(fact(FACT_PG), PG_PRIMARY);
        pg.in_recovery = TRI_UNKNOWN; /* started again after a crash */
        assert_int_equal(fact(FACT_PG), PG_STARTING_PRIMARY);
        pg.run = RUN_STOPPING;
        assert_int_equal(fact(FACT_PG), PG_STOPPING);
        pg.run = RUN_UNKNOWN;
        assert_int_equal(fact(FACT_PG), PG_UNKNOWN);
}

/* pgd came back and has not probed: not a start. A start of its own is one. */
static void test_pg_adopted(void **state _unused_)
{
        run_as_primary();
        pg.in_recovery = TRI_UNKNOWN;
        pg.probed = 0;
        pg.run = RUN_STARTING;
        assert_int_equal(fact(FACT_PG), PG_ADOPTED);
        pg.operation = PGOP_RECONFIGURE;
        assert_int_equal(fact(FACT_PG), PG_ADOPTED);
        pg.operation = PGOP_START;
        assert_int_equal(fact(FACT_PG), PG_STARTING_PRIMARY);
        pg.operation = PGOP_NONE;
        pg.promote_sent = true; /* once, by the pgd before */
        assert_int_equal(fact(FACT_PG), PG_ADOPTED);
        pg.in_recovery = TRI_YES;
        assert_int_equal(fact(FACT_PG), PG_PROMOTING);
        pg.in_recovery = TRI_NO;
        assert_int_equal(fact(FACT_PG), PG_PRIMARY);
        pg = (PgState){ .run = RUN_STARTING, .role = ROLE_REPLICA }; /* a standby is none */
        assert_int_equal(fact(FACT_PG), PG_STARTING);
}

static void test_pg_stopped(void **state _unused_)
{
        stop(CONTROL_SHUT_DOWN_IN_RECOVERY, true);
        assert_int_equal(fact(FACT_PG), PG_STOPPED);
        pg.control = CONTROL_UNKNOWN; /* not read yet */
        assert_int_equal(fact(FACT_PG), PG_UNKNOWN);
        pg.datadir = DATADIR_UNKNOWN;
        assert_int_equal(fact(FACT_PG), PG_UNKNOWN);
        pg.datadir = DATADIR_EMPTY;
        assert_int_equal(fact(FACT_PG), PG_ABSENT);
        pg.datadir = DATADIR_BROKEN;
        assert_int_equal(fact(FACT_PG), PG_BROKEN);
        pg.operation = PGOP_CLONE; /* it is being made */
        assert_int_equal(fact(FACT_PG), PG_ABSENT);
        pg.operation = PGOP_NONE;
        pg.datadir = DATADIR_INACCESSIBLE;
        assert_int_equal(fact(FACT_PG), PG_BROKEN);
}

static void test_data(void **state _unused_)
{
        static const FactData data[CONTROL_MAX] = {
                [CONTROL_STARTING] = DATA_CRASHED,
                [CONTROL_SHUT_DOWN] = DATA_CLEAN,
                [CONTROL_SHUT_DOWN_IN_RECOVERY] = DATA_STANDBY,
                [CONTROL_SHUTTING_DOWN] = DATA_CRASHED,
                [CONTROL_CRASH_RECOVERY] = DATA_CRASHED,
                [CONTROL_ARCHIVE_RECOVERY] = DATA_STANDBY,
                [CONTROL_PRODUCTION] = DATA_CRASHED,
        };

        for (int c = 0; c < CONTROL_MAX; c++) {
                stop((ControlState)c, false);
                assert_int_equal(fact(FACT_DATA), data[c]);
                stop((ControlState)c, true);
                assert_int_equal(fact(FACT_DATA), DATA_STANDBY); /* standby.signal decides */
        }
        stop(CONTROL_SHUT_DOWN, false);
        pg.fresh = true;
        assert_int_equal(fact(FACT_DATA), DATA_FRESH);
        pg.fresh = false;
        pg.datadir = DATADIR_BROKEN;
        assert_int_equal(fact(FACT_DATA), DATA_UNKNOWN);
}

static void test_data_of_a_running_server(void **state _unused_)
{
        assert_int_equal(fact(FACT_DATA), DATA_STANDBY);
        run_as_primary();
        assert_int_equal(fact(FACT_DATA), DATA_UNKNOWN);
}

static void test_initialize(void **state _unused_)
{
        assert_int_equal(fact(FACT_INIT), INIT_MATCH);
        pg.sysid = OURS + 1;
        assert_int_equal(fact(FACT_INIT), INIT_MISMATCH);
        pg.datadir = DATADIR_EMPTY;
        assert_int_equal(fact(FACT_INIT), INIT_MATCH); /* no data yet */
        pg.datadir = DATADIR_VALID;
        pg.sysid = 0;
        assert_int_equal(fact(FACT_INIT), INIT_MATCH);
        cluster.initialize.state = INITIALIZE_ABSENT;
        assert_int_equal(fact(FACT_INIT), INIT_ABSENT);
        cluster.initialize.state = INITIALIZE_INVALID;
        assert_int_equal(fact(FACT_INIT), INIT_UNKNOWN);
        cluster.initialize.state = INITIALIZE_RUNNING;
        assert_int_equal(fact(FACT_INIT), INIT_OTHER);
        s.initialize_is_ours = true;
        assert_int_equal(fact(FACT_INIT), INIT_OURS);
        s.initialize_is_ours = false; /* the mind was restarted, pgd still makes it */
        pg.operation = PGOP_BOOTSTRAP;
        assert_int_equal(fact(FACT_INIT), INIT_OURS);
        pg.operation = PGOP_NONE;
        pg.fresh = true;
        assert_int_equal(fact(FACT_INIT), INIT_OURS);
}

/* Who may not make a cluster does not claim the right to; one with data may record it. */
static void test_cannot_bootstrap(void **state _unused_)
{
        cluster.initialize.state = INITIALIZE_ABSENT;
        s.can_bootstrap = false;
        assert_int_equal(fact(FACT_INIT), INIT_ABSENT);
        pg = (PgState){ .run = RUN_STOPPED, .datadir = DATADIR_EMPTY };
        assert_int_equal(fact(FACT_INIT), INIT_OTHER);
        s.can_bootstrap = true;
        assert_int_equal(fact(FACT_INIT), INIT_ABSENT);
}

static void test_config_and_rank(void **state _unused_)
{
        assert_int_equal(fact(FACT_CONFIG), CONFIG_PRESENT);
        cluster.config.mod_revision = 0;
        assert_int_equal(fact(FACT_CONFIG), CONFIG_ABSENT);
        assert_int_equal(fact(FACT_RANK), RANK_UNKNOWN);
        s.race = RACE_WAITING;
        assert_int_equal(fact(FACT_RANK), RANK_ASKED);
        s.race = RACE_BEST_PLACED;
        assert_int_equal(fact(FACT_RANK), RANK_BEST);
        s.race = RACE_BEHIND;
        assert_int_equal(fact(FACT_RANK), RANK_BEHIND);
        s.race = RACE_BEST_PLACED;
        s.barred = true; /* whatever the race says */
        assert_int_equal(fact(FACT_RANK), RANK_BARRED);
}

/* Both have answered, and afterwards the leaf was seen empty (DESIGN 2, "Confirmed fence"). */
static void test_fence(void **state _unused_)
{
        lead(100);
        run_as_primary();
        assert_int_equal(fact(FACT_FENCE), FENCE_NONE);
        s.revoked = true;
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.empty = TRI_NO;
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.pgd_answered = true;
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.fenced_answered = true;
        assert_int_equal(fact(FACT_FENCE), FENCE_CONFIRMED);
        s.pgd_answered = false;
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.pgd_answered = true;
        s.empty = TRI_UNKNOWN;
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.empty = TRI_YES; /* `empty` holds what fenced said of "populated" */
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.empty = TRI_NO;
        s.pg = NULL; /* pgd is away */
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
}

/* A standby leader: its server runs on, and both have answered. */
static void test_yielding(void **state _unused_)
{
        lead(100);
        s.revoked = s.yielding = true;
        assert_int_equal(fact(FACT_FENCE), FENCE_YIELDING);
        s.empty = TRI_NO;
        s.pgd_answered = true;
        assert_int_equal(fact(FACT_FENCE), FENCE_YIELDING);
        s.fenced_answered = true;
        s.empty = TRI_YES;
        assert_int_equal(fact(FACT_FENCE), FENCE_CONFIRMED);
        s.pg = NULL;
        assert_int_equal(fact(FACT_FENCE), FENCE_YIELDING);
}

/* A machine without cgroups: the pidfd of pgd stands for the leaf. */
static void test_fence_without_leaf(void **state _unused_)
{
        lead(100);
        run_as_primary();
        pg.leaf_cgroup = 0;
        s.revoked = s.pgd_answered = s.fenced_answered = true;
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        stop(CONTROL_PRODUCTION, false);
        s.populated = true; /* pgd was away at the postmaster's end, and does not know of its backends */
        assert_int_equal(fact(FACT_FENCE), FENCE_PENDING);
        s.populated = false;
        assert_int_equal(fact(FACT_FENCE), FENCE_CONFIRMED);
}

static void test_handover(void **state _unused_)
{
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_NO);
        assert_int_equal(fact(FACT_LEAVING), LEAVING_NO);
        s.handover = true;
        s.handover_since = SEC(900);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_WANTED);
        pg.checkpointed = SEC(899);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_WANTED);
        pg.checkpointed = SEC(900);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_PREPARED);
        s.handover = false;
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_NO);
        s.leaving = true;
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_PREPARED);
        assert_int_equal(fact(FACT_LEAVING), LEAVING_YES);
        assert_int_equal(fact(FACT_CANDIDATE), CANDIDATE_WAITING);
        s.candidate_ready = true;
        assert_int_equal(fact(FACT_CANDIDATE), CANDIDATE_READY);
}

/* A primary is restarted after a checkpoint, a standby without one; who hands over does that first. */
static void test_restart(void **state _unused_)
{
        s.restart_since = SEC(900);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_RESTARTING);
        lead(100);
        run_as_primary();
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_RESTART);
        pg.checkpointed = SEC(900);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_RESTARTING);
        pg.checkpointed = 0;
        stop(CONTROL_SHUT_DOWN, false);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_RESTARTING);
        cluster.settings.pause = true; /* what a person asked for is carried out */
        assert_int_equal(fact(FACT_PAUSE), PAUSE_NO);
        s.leaving = true;
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_WANTED);
}

static void test_patience(void **state _unused_)
{
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        s.start_since = s.now - SEC(299);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        s.start_since = s.now - SEC(300); /* primary_start_timeout */
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        s.start_since = 0;
        s.start_failures = 2;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        s.start_failures = 3;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        s.start_failures = 0;
        pg.promotion_refused = s.now - SEC(30) + 1; /* ttl */
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        pg.promotion_refused = s.now - SEC(30);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
}

/* A primary that answers nothing is borne for ttl - loop_wait, but for two slow answers at least. */
static void test_silence(void **state _unused_)
{
        lead(100);
        run_as_primary();
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        cluster.settings.timing = (Timing){ .ttl = SEC(30), .loop_wait = SEC(10) };
        pg.silent_since = s.now - SEC(20) + 1;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        pg.silent_since = s.now - SEC(20);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        s.standing = true;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        s.standing = false;
        cluster.settings.timing = (Timing){ .ttl = SEC(3), .loop_wait = SEC(1) };
        pg.silent_since = s.now - SEC(8) + 1;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        pg.silent_since = s.now - SEC(8);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        pg.in_recovery = TRI_UNKNOWN; /* one that is starting answers nothing either */
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        pg.in_recovery = TRI_NO;
        s.start_failures = 3; /* of before: it runs */
        pg.silent_since = 0;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
}

/* A pause that an edit has ended, and a required watchdog that cannot be armed. */
static void test_stands_unarmed(void **state _unused_)
{
        lead(100);
        run_as_primary();
        s.unarmed = true; /* its deadline ends it */
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        s.standing = true;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        s.unarmed = false;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
}

/* PATRONI-SPEC 3.2: 0 means fail over at once after a crash. A promotion is no start. */
static void test_no_patience_after_a_crash(void **state _unused_)
{
        cluster.settings.primary_start_timeout = 0;
        lead(100);
        s.start_since = SEC(10);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        stop(CONTROL_PRODUCTION, false);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        stop(CONTROL_SHUT_DOWN, false);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        pg.fresh = true;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
}

/* A key that names us is adopted only with a server here that leads under it. */
static void test_may_adopt(void **state _unused_)
{
        lead(100);
        s.epoch = 0;
        assert_false(snapshot_may_adopt(&s)); /* a standby */
        run_as_primary();
        assert_true(snapshot_may_adopt(&s));
        pg.permit_epoch = 100;
        assert_true(snapshot_may_adopt(&s));
        s.bidding = true;
        assert_false(snapshot_may_adopt(&s));
        s.bidding = false;
        pg.permit_epoch = 99; /* its permit is of another epoch */
        assert_false(snapshot_may_adopt(&s));
        pg.permit_epoch = 100;
        pg.revoked_epoch = 100;
        assert_false(snapshot_may_adopt(&s));
        pg.revoked_epoch = 99;
        assert_true(snapshot_may_adopt(&s));
        (void)STR_SET(cluster.leader.name, "node1");
        assert_false(snapshot_may_adopt(&s));
        (void)STR_SET(cluster.leader.name, "node2");
        stop(CONTROL_PRODUCTION, false);
        assert_false(snapshot_may_adopt(&s));
}

/* A standby leader's lock, under which nothing was permitted; a primary there is to hand over. */
static void test_standby_cluster(void **state _unused_)
{
        assert_int_equal(fact(FACT_KIND), KIND_PRIMARY);
        cluster.settings.standby_cluster = true;
        assert_int_equal(fact(FACT_KIND), KIND_STANDBY);
        lead(100);
        s.epoch = 0;
        assert_true(snapshot_may_adopt(&s));
        pg.permit_epoch = 100; /* it may have been promoted: fenced, not adopted */
        assert_false(snapshot_may_adopt(&s));
        pg.permit_epoch = 90;
        assert_true(snapshot_may_adopt(&s));
        pg.revoked_epoch = 100;
        assert_false(snapshot_may_adopt(&s));
        pg.revoked_epoch = 0;
        s.ended = 100; /* given up: the next snapshot shows it */
        assert_false(snapshot_may_adopt(&s));
        s.ended = 0;
        s.epoch = 100;
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_NO);
        s.demoting = true;
        s.handover_since = SEC(900);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_WANTED);
        pg.checkpointed = SEC(901);
        assert_int_equal(fact(FACT_HANDOVER), HANDOVER_PREPARED);
        stop(CONTROL_SHUT_DOWN_IN_RECOVERY, true);
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_LEFT);
        pg.failures = 3;
        assert_int_equal(fact(FACT_PATIENCE), PATIENCE_OVER);
        s.cluster = NULL;
        assert_int_equal(fact(FACT_KIND), KIND_UNKNOWN);
}

/* Our key is gone and nobody has it: kept where nobody else may take it, else lost. */
static void test_kept(void **state _unused_)
{
        lead(100);
        run_as_primary();
        s.permit = SEC(2000);
        assert_int_equal(fact(FACT_LOCK), LOCK_MINE);
        cluster.leader = (LeaderKey){ 0 };
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
        s.failsafe = true;
        assert_int_equal(fact(FACT_LOCK), LOCK_KEPT);
        s.failsafe = false;
        s.standing = true;
        assert_int_equal(fact(FACT_LOCK), LOCK_KEPT);
        (void)STR_SET(cluster.leader.name, "node1"); /* somebody else does have it */
        cluster.leader.epoch = 120;
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
        (void)STR_SET(cluster.leader.name, "node2"); /* another mind of ours, in another life */
        assert_int_equal(fact(FACT_LOCK), LOCK_LOST);
}

static void test_pause(void **state _unused_)
{
        assert_int_equal(fact(FACT_PAUSE), PAUSE_NO);
        cluster.settings.pause = true;
        assert_int_equal(fact(FACT_PAUSE), PAUSE_YES);
        cluster.resuming = true;
        assert_int_equal(fact(FACT_PAUSE), PAUSE_NO);
        cluster.resuming = false;
        s.stopped_by_order = true;
        assert_int_equal(fact(FACT_PAUSE), PAUSE_NO);
        s.cluster = NULL;
        assert_int_equal(fact(FACT_PAUSE), PAUSE_UNKNOWN);
}

static void test_names(void **state _unused_)
{
        assert_string_equal(fact_name(FACT_HANDS), "hands");
        assert_string_equal(fact_name(FACT_PATIENCE), "patience");
        assert_int_equal(fact_max(FACT_PG), PG_MAX);
        assert_string_equal(fact_value_name(FACT_LOCK, LOCK_STALE), "stale");
        assert_string_equal(fact_value_name(FACT_LOCK, LOCK_MAX), "?");
        for (int f = 0; f < FACT_COUNT; f++)
                assert_string_equal(fact_value_name((FactId)f, 0), "unknown");
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_nothing_known),
                TEST(test_hands_and_dcs),
                TEST(test_lock),
                TEST(test_lock_of_an_ended_epoch),
                TEST(test_lock_while_bidding),
                TEST(test_permit),
                TEST(test_pg_running),
                TEST(test_pg_adopted),
                TEST(test_pg_stopped),
                TEST(test_data),
                TEST(test_data_of_a_running_server),
                TEST(test_initialize),
                TEST(test_cannot_bootstrap),
                TEST(test_config_and_rank),
                TEST(test_fence),
                TEST(test_yielding),
                TEST(test_stands_unarmed),
                TEST(test_fence_without_leaf),
                TEST(test_handover),
                TEST(test_restart),
                TEST(test_patience),
                TEST(test_silence),
                TEST(test_no_patience_after_a_crash),
                TEST(test_may_adopt),
                TEST(test_kept),
                TEST(test_standby_cluster),
                TEST(test_pause),
                TEST(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
