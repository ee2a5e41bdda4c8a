/* The order of writes of PATRONI-SPEC 2.17: /sync never names who is not really synchronous. */
#include "decide/sync.h"
#include "test-lib.h"

static Cluster cluster; /* node0 leads, node1..node3 are members */
static PgState pg;

static void add_standby(const char *name, const char *sync_state, Lsn flush)
{
        Standby *s = &pg.standbys[pg.n_standbys++];

        *s = (Standby){ .flush_lsn = flush };
        (void)STR_SET(s->application_name, name);
        (void)STR_SET(s->state, "streaming");
        (void)STR_SET(s->sync_state, sync_state);
}

/* Mode on, nobody synchronous yet; node1 and node2 stream. */
static int setup(void **state _unused_)
{
        cluster = (Cluster){ .n_members = 4, .settings = SETTINGS_DEFAULT };
        for (unsigned i = 0; i < 4; i++) {
                Member *m = &cluster.members[i];
                snprintf(m->name, sizeof m->name, "node%u", i);
                m->state = RUN_RUNNING;
                m->tags = TAGS_DEFAULT;
        }
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        cluster.sync.mod_revision = 7;
        (void)STR_SET(cluster.sync.leader, "node0");
        pg = (PgState){ .flush_lsn = 1000 };
        add_standby("node1", "async", 1000);
        add_standby("node2", "async", 1000);
        return 0;
}

static void key(const char *standbys)
{
        (void)STR_SET(cluster.sync.standbys, standbys);
}

/* The parameter in force since `lsn`. */
static void names(const char *value, Lsn lsn)
{
        (void)STR_SET(pg.sync_names, value);
        pg.sync_names_lsn = lsn;
        pg.sync_managed = true;
}

static void expect(SyncAction action, const char *text)
{
        SyncPlan p = sync_plan(&cluster, &pg, "node0");

        assert_int_equal(p.action, action);
        if (action == SYNC_WRITE_KEY)
                assert_string_equal(p.standbys, text);
        if (action == SYNC_SET_NAMES)
                assert_string_equal(p.names, text);
}

static void test_whole_sequence(void **state _unused_)
{
        cluster.sync = (SyncKey){ 0 };
        expect(SYNC_WRITE_KEY, ""); /* (0) leader = self, no standbys */
        (void)STR_SET(cluster.sync.leader, "node0");
        expect(SYNC_SET_NAMES, "node1"); /* (3) */
        names("node1", 1000);
        expect(SYNC_NOTHING, ""); /* not sync yet */
        (void)STR_SET(pg.standbys[0].sync_state, "sync");
        pg.standbys[0].flush_lsn = 999;
        expect(SYNC_NOTHING, ""); /* sync, but behind where the parameter took effect */
        pg.standbys[0].flush_lsn = 1000;
        expect(SYNC_WRITE_KEY, "node1"); /* (5) */
        key("node1");
        expect(SYNC_NOTHING, "");
}

static void test_another_leaders_key(void **state _unused_)
{
        (void)STR_SET(cluster.sync.leader, "node3");
        key("node0,node1");
        names("node1", 1000);
        expect(SYNC_WRITE_KEY, "");
}

/* The standby dies: the key shrinks first, then the parameter goes to another. */
static void test_the_standby_dies(void **state _unused_)
{
        key("node1");
        names("node1", 900);
        pg.n_standbys = 0;
        add_standby("node2", "async", 1000);
        expect(SYNC_WRITE_KEY, "");
        key("");
        expect(SYNC_SET_NAMES, "node2");
        names("node2", 1000);
        expect(SYNC_NOTHING, "");
        (void)STR_SET(pg.standbys[0].sync_state, "sync");
        expect(SYNC_WRITE_KEY, "node2");
}

/* A standby that is synchronous is not exchanged for one that is as good. */
static void test_the_current_one_stays(void **state _unused_)
{
        key("node2");
        names("node2", 900);
        (void)STR_SET(pg.standbys[1].sync_state, "sync");
        expect(SYNC_NOTHING, "");
        pg.standbys[0].flush_lsn = 2000; /* further, but asynchronous */
        expect(SYNC_NOTHING, "");
}

static void test_nobody(void **state _unused_)
{
        pg.n_standbys = 0;
        expect(SYNC_NOTHING, "");
        names("node1", 900);
        expect(SYNC_SET_NAMES, "");
        cluster.settings.synchronous_mode_strict = true;
        expect(SYNC_SET_NAMES, "*");
        names("*", 900);
        expect(SYNC_NOTHING, "");
}

static void test_two_nodes(void **state _unused_)
{
        cluster.settings.synchronous_node_count = 2;
        expect(SYNC_SET_NAMES, "2 (node1,node2)");
        names("2 (node1,node2)", 1000);
        (void)STR_SET(pg.standbys[1].sync_state, "sync");
        expect(SYNC_WRITE_KEY, "node2"); /* who has caught up, without waiting for the other */
        key("node2");
        expect(SYNC_NOTHING, "");
        (void)STR_SET(pg.standbys[0].sync_state, "sync");
        expect(SYNC_WRITE_KEY, "node1,node2"); /* sorted */
        key("node1,node2");
        expect(SYNC_NOTHING, "");
        cluster.settings.synchronous_node_count = 1;
        expect(SYNC_WRITE_KEY, "node1"); /* shrink first */
        key("node1");
        expect(SYNC_SET_NAMES, "node1");
}

static void expect_choice(const char *name)
{
        names("", 0);
        key("");
        expect(name[0] ? SYNC_SET_NAMES : SYNC_NOTHING, name);
}

/* Who counts: running members that stream directly, not nosync, not self. */
static void test_who_counts(void **state _unused_)
{
        expect_choice("node1");
        (void)STR_SET(pg.standbys[0].state, "catchup");
        expect_choice("node2");
        (void)STR_SET(pg.standbys[0].state, "streaming");
        cluster.members[1].tags.nosync = true;
        expect_choice("node2");
        cluster.members[1].tags.nosync = false;
        cluster.members[1].state = RUN_STARTING;
        expect_choice("node2");
        cluster.members[1].state = RUN_RUNNING;
        pg.standbys[0].flush_lsn = 0;
        expect_choice("node2");
        (void)STR_SET(pg.standbys[0].application_name, "pg_receivewal"); /* no member */
        pg.standbys[0].flush_lsn = 9000;
        expect_choice("node2");
        (void)STR_SET(pg.standbys[0].application_name, "node0"); /* self */
        expect_choice("node2");
        (void)STR_SET(pg.standbys[0].application_name, "NODE1"); /* case does not matter */
        expect_choice("node1");
}

/* sync_priority, then sync_state, then LSN; nofailover members last. */
static void test_order(void **state _unused_)
{
        pg.standbys[1].flush_lsn = 1001;
        expect_choice("node2"); /* further */
        (void)STR_SET(pg.standbys[0].sync_state, "potential");
        expect_choice("node1");
        (void)STR_SET(pg.standbys[1].sync_state, "sync");
        expect_choice("node2");
        cluster.members[1].tags.sync_priority = 2;
        expect_choice("node1");
        cluster.members[1].tags.nofailover = true;
        expect_choice("node2");
}

/* maximum_lag_on_syncnode: against the furthest of them, or our own position if there is one. */
static void test_lag(void **state _unused_)
{
        cluster.settings.maximum_lag_on_syncnode = 100;
        (void)STR_SET(pg.standbys[0].sync_state, "sync");
        pg.standbys[0].flush_lsn = 900;
        expect_choice("node1");
        pg.standbys[0].flush_lsn = 899;
        expect_choice("node2");
        pg.n_standbys = 1;
        pg.standbys[0].flush_lsn = 900;
        expect_choice("node1");
        pg.standbys[0].flush_lsn = 899;
        expect_choice("");
        cluster.settings.maximum_lag_on_syncnode = 0; /* off */
        expect_choice("node1");
}

/* Names PostgreSQL would not read as one word are quoted. */
static void test_quoting(void **state _unused_)
{
        static const struct {
                const char *name, *value;
        } quoted[] = {
                { "pg-1", "\"pg-1\"" },   { "1pg", "\"1pg\"" }, { "a b", "\"a b\"" },
                { "a\"b", "\"a\"\"b\"" }, { "first", "\"first\"" }, { "ANY", "\"ANY\"" },
                { "_a1$", "_a1$" },       { "Node", "Node" },
        };

        pg.n_standbys = 1;
        for (size_t i = 0; i < ELEMENTSOF(quoted); i++) {
                (void)STR_SET(cluster.members[1].name, quoted[i].name);
                (void)STR_SET(pg.standbys[0].application_name, quoted[i].name);
                expect_choice(quoted[i].value);
        }
}

/* The key goes first: nobody may be promoted as synchronous who no longer is. */
static void test_mode_off(void **state _unused_)
{
        cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        key("node1");
        names("node1", 900);
        expect(SYNC_DELETE_KEY, "");
        cluster.sync = (SyncKey){ 0 };
        expect(SYNC_SET_NAMES, "");
        names("", 900);
        pg.sync_managed = false;
        expect(SYNC_NOTHING, "");
        names("theirs", 0);
        pg.sync_managed = false; /* the configuration's own value is left alone */
        expect(SYNC_NOTHING, "");
}

static void test_promotion(void **state _unused_)
{
        key("node1");
        SyncPlan p = sync_plan_promotion(&cluster, "node1");
        assert_int_equal(p.action, SYNC_WRITE_KEY);
        assert_string_equal(p.standbys, "");
        (void)STR_SET(cluster.sync.leader, "node1");
        p = sync_plan_promotion(&cluster, "node1");
        assert_int_equal(p.action, SYNC_WRITE_KEY); /* it still names itself as standby */
        key("");
        assert_int_equal(sync_plan_promotion(&cluster, "node1").action, SYNC_NOTHING);
        assert_int_equal(sync_plan_promotion(&cluster, "node2").action, SYNC_WRITE_KEY);
        cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        assert_int_equal(sync_plan_promotion(&cluster, "node2").action, SYNC_NOTHING);
}

static void expect_at_start(const char *value)
{
        char buf[SYNC_LIST_SIZE] = "before";

        sync_names_at_start(&cluster, "node0", buf, sizeof buf);
        assert_string_equal(buf, value);
}

/* A leader that crashed waits at once for whom /sync names. */
static void test_at_start(void **state _unused_)
{
        expect_at_start("");
        key("node1");
        expect_at_start("node1");
        key("node1,pg-2");
        expect_at_start("2 (node1,\"pg-2\")");
        (void)STR_SET(cluster.sync.leader, "node3"); /* another's list */
        expect_at_start("");
        cluster.settings.synchronous_mode_strict = true;
        expect_at_start("*");
        (void)STR_SET(cluster.sync.leader, "node0");
        cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        expect_at_start("2 (node1,\"pg-2\")"); /* they may be elected until the key is gone */
        cluster.sync = (SyncKey){ 0 };
        expect_at_start("");
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

/* The mode is off: a value of the configuration's own is left alone. */
static void test_off_leaves_the_users_value(void **state _unused_)
{
        cluster.settings.synchronous_mode = SYNC_MODE_OFF;
        cluster.sync = (SyncKey){ 0 };
        names("somebody", 500);
        pg.sync_managed = false;
        expect(SYNC_NOTHING, "");
        pg.sync_managed = true;
        expect(SYNC_SET_NAMES, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_whole_sequence),
                TEST(test_another_leaders_key),
                TEST(test_the_standby_dies),
                TEST(test_the_current_one_stays),
                TEST(test_nobody),
                TEST(test_two_nodes),
                TEST(test_who_counts),
                TEST(test_order),
                TEST(test_lag),
                TEST(test_quoting),
                TEST(test_mode_off),
                TEST(test_promotion),
                TEST(test_at_start),
                TEST(test_off_leaves_the_users_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
