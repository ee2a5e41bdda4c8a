/*
 * Quorum commit: the parameter's value, single steps, and a long random walk in which whoever may be
 * elected must have everything that was acknowledged.
 */
#include "decide/quorum.h"
#include "decide/sync-names.h"
#include "test-lib.h"

/* ---- the value ---- */

static void test_parse(void **state _unused_)
{
        static const struct {
                const char *text;
                int r;
                bool any, everybody;
                unsigned need;
                size_t n;
                const char *last;
        } cases[] = {
                { "", 0, false, false, 0, 0, NULL },
                { " \t", 0, false, false, 0, 0, NULL },
                { "a", 0, false, false, 1, 1, "a" },
                { "a , b", 0, false, false, 1, 2, "b" },
                { "*", 0, false, true, 1, 0, NULL },
                { "2 (a,b)", 0, false, false, 2, 2, "b" },
                { "FIRST 1 (a, \"b c\")", 0, false, false, 1, 2, "b c" },
                { "any 2(a,b,\"q\"\"q\")", 0, true, false, 2, 3, "q\"q" },
                { "ANY 1 (*)", 0, true, true, 1, 0, NULL },
                { "any", 0, false, false, 1, 1, "any" },
                { "\"any\"", 0, false, false, 1, 1, "any" },
                { "ANY 2 (a,b", -22, false, false, 0, 0, NULL },
                { "2 (a,b) c", -22, false, false, 0, 0, NULL },
                { "0 (a)", -22, false, false, 0, 0, NULL },
                { "2 ()", -22, false, false, 0, 0, NULL },
                { "a,,b", -22, false, false, 0, 0, NULL },
                { "\"a", -22, false, false, 0, 0, NULL },
                { "\"\"", -22, false, false, 0, 0, NULL },
                { "99999999999 (a)", -22, false, false, 0, 0, NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                SyncNames v;
                assert_int_equal(sync_names_parse(cases[i].text, &v), cases[i].r);
                assert_int_equal(v.any, cases[i].any);
                assert_int_equal(v.everybody, cases[i].everybody);
                assert_int_equal(v.need, cases[i].need);
                assert_int_equal(v.n, cases[i].n);
                if (cases[i].last)
                        assert_string_equal(v.names[v.n - 1], cases[i].last);
        }
}

static void test_format(void **state _unused_)
{
        static const char *const values[] = { "", "a", "2 (a,b)", "ANY 1 (a)", "ANY 2 (a,b,\"c-d\")",
                                              "*", "ANY 1 (*)", "\"first\"" };
        char buf[SYNC_LIST_SIZE];
        SyncNames v;

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                assert_int_equal(sync_names_parse(values[i], &v), 0);
                sync_names_format(&v, buf, sizeof buf);
                assert_string_equal(buf, values[i]);
        }
}

/* ---- a cluster as a walk ---- */

#define NODES 6

static Cluster cluster;
static PgState pg;
static int leader;
static Lsn flush[NODES]; /* the leader's: its position */
static bool streams[NODES];
static Lsn acknowledged;
static uint64_t seed;

static uint64_t chance(uint64_t below)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (seed >> 33) % below;
}

static int index_of(const char *name)
{
        return name[0] == 'n' ? name[1] - '0' : -1;
}

static const char *name_of(int i)
{
        return cluster.members[i].name;
}

static int setup(void **state _unused_)
{
        cluster = (Cluster){ .n_members = NODES, .settings = SETTINGS_DEFAULT };
        cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        for (int i = 0; i < NODES; i++) {
                Member *m = &cluster.members[i];
                snprintf(m->name, sizeof m->name, "n%d", i);
                m->state = RUN_RUNNING;
                m->tags = TAGS_DEFAULT;
                flush[i] = 100;
                streams[i] = true;
        }
        pg = (PgState){ .flush_lsn = 100, .sync_names_lsn = 100 };
        leader = 0;
        acknowledged = 0;
        return 0;
}

/* What the leader's server tells of its standbys. */
static void look(void)
{
        pg.flush_lsn = flush[leader];
        pg.n_standbys = 0;
        for (int i = 0; i < NODES; i++)
                if (i != leader && streams[i]) {
                        Standby *s = &pg.standbys[pg.n_standbys++];
                        *s = (Standby){ .flush_lsn = flush[i] };
                        (void)STR_SET(s->application_name, name_of(i));
                        (void)STR_SET(s->state, "streaming");
                        (void)STR_SET(s->sync_state, "quorum");
                }
}

/* What PostgreSQL has let its clients know by now. */
static void acknowledge(void)
{
        SyncNames v;
        unsigned have = 0;

        assert_int_equal(sync_names_parse(pg.sync_names, &v), 0);
        for (Lsn lsn = flush[leader]; lsn > acknowledged; lsn--) {
                have = 0;
                for (size_t i = 0; i < v.n; i++)
                        have += flush[index_of(v.names[i])] >= lsn;
                if (have >= v.need || v.n == 0) {
                        acknowledged = lsn;
                        return;
                }
        }
}

static bool votes(int i)
{
        return str_list_contains(cluster.sync.standbys, name_of(i)) ||
               str_equal(cluster.sync.leader, name_of(i));
}

static int compare_lsn(const void *a, const void *b)
{
        const Lsn *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

/* The voters that are furthest behind, as many as an election needs: the best of them has it all. */
static void check_elections(void)
{
        Lsn all[NODES];
        size_t n = 0;

        for (int i = 0; i < NODES; i++)
                if (votes(i) && !str_equal(cluster.sync.leader, name_of(i)))
                        all[n++] = flush[i];
        qsort(all, n, sizeof *all, compare_lsn);
        if (n > cluster.sync.quorum && all[cluster.sync.quorum] < acknowledged) {
                print_error("/sync %s quorum %u of %s, parameter \"%s\": acknowledged up to %llu, an "
                            "election may stop at %llu\n",
                            cluster.sync.leader, cluster.sync.quorum, cluster.sync.standbys,
                            pg.sync_names, (unsigned long long)acknowledged,
                            (unsigned long long)all[cluster.sync.quorum]);
                fail();
        }
        /* Whom the key names as leader may lead again without a vote. */
        int again = index_of(cluster.sync.leader);
        assert_true(again < 0 || again == leader || flush[again] >= acknowledged);
}

static void write_key(const char *by, const SyncPlan *p)
{
        (void)STR_SET(cluster.sync.leader, by);
        (void)STR_SET(cluster.sync.standbys, p->standbys);
        cluster.sync.quorum = p->quorum;
}

static bool step(void)
{
        look();
        SyncPlan p = sync_plan(&cluster, &pg, name_of(leader));
        switch (p.action) {
        case SYNC_NOTHING: return false;
        case SYNC_WRITE_KEY: write_key(name_of(leader), &p); break;
        case SYNC_SET_NAMES:
                acknowledge(); /* by the value that ends now */
                (void)STR_SET(pg.sync_names, p.names);
                pg.sync_names_lsn = flush[leader];
                break;
        case SYNC_DELETE_KEY: fail(); break;
        }
        return true;
}

/* The leader is gone; one of the others wins, if the votes it gets suffice. */
static void elect(int winner)
{
        unsigned got = 0, needed = cluster.sync.quorum + !votes(winner);
        char names[SYNC_LIST_SIZE];

        for (int i = 0; i < NODES; i++)
                got += i != winner && votes(i) && flush[i] <= flush[winner] && i != leader && chance(4) > 0;
        if (!cluster.sync.leader[0] || winner == leader || got < needed ||
            (cluster.sync.standbys[0] == 0 && !str_equal(cluster.sync.leader, name_of(winner))))
                return;
        assert_true(flush[winner] >= acknowledged);
        if (sync_names_before_promotion(&cluster, &pg, name_of(winner), names, sizeof names))
                (void)STR_SET(pg.sync_names, names);
        else if (!quorum_names_at_start(&cluster, name_of(winner), names, sizeof names))
                pg.sync_names[0] = 0;
        SyncPlan p = sync_plan_promotion(&cluster, name_of(winner));
        if (p.action == SYNC_WRITE_KEY)
                write_key(name_of(winner), &p);
        leader = winner;
        pg.sync_names_lsn = flush[leader];
        for (int i = 0; i < NODES; i++) {
                flush[i] = flush[i] < flush[leader] ? flush[i] : flush[leader]; /* rewound */
                streams[i] = i != leader && chance(2);
        }
}

static void disturb(void)
{
        int i = (int)chance(NODES);

        switch (chance(9)) {
        case 0:
        case 1: flush[leader] += 1 + chance(3); break;
        case 2:
        case 3:
        case 4:
                if (i != leader && streams[i])
                        flush[i] += chance(flush[leader] - flush[i] + 1);
                break;
        case 5: streams[i] = !streams[i]; break;
        case 6:
                if (chance(6) == 0)
                        cluster.settings.synchronous_node_count = (uint32_t)(1 + chance(4));
                break;
        case 7:
                if (chance(10) == 0)
                        cluster.members[i].tags.nofailover = !cluster.members[i].tags.nofailover;
                break;
        case 8:
                if (chance(15) == 0)
                        elect(i);
                break;
        }
        acknowledge();
}

static void test_whoever_is_elected_has_everything(void **state _unused_)
{
        for (uint64_t walk = 0; walk < 400; walk++) {
                setup(NULL);
                seed = walk;
                for (int i = 0; i < 2000; i++) {
                        if (chance(3) == 0)
                                (void)step(); /* whether it is settled does not matter here */
                        else
                                disturb();
                        check_elections();
                }
        }
}

/* Undisturbed, it comes to rest with every standby a voter. */
static void test_settles(void **state _unused_)
{
        for (uint32_t need = 1; need < NODES; need++) {
                setup(NULL);
                cluster.settings.synchronous_node_count = need;
                int steps = 0;
                while (step())
                        assert_true(++steps < 20);
                assert_string_equal(cluster.sync.standbys, "n1,n2,n3,n4,n5");
                assert_int_equal(cluster.sync.quorum, NODES - 1 - need);
                char names[64];
                snprintf(names, sizeof names, "ANY %u (n1,n2,n3,n4,n5)", need);
                assert_string_equal(pg.sync_names, names);
        }
}

static void expect(SyncAction action, const char *text, unsigned quorum)
{
        look();
        SyncPlan p = sync_plan(&cluster, &pg, name_of(leader));

        assert_int_equal(p.action, action);
        if (action == SYNC_WRITE_KEY) {
                assert_string_equal(p.standbys, text);
                assert_int_equal(p.quorum, quorum);
        }
        if (action == SYNC_SET_NAMES)
                assert_string_equal(p.names, text);
        if (action != SYNC_NOTHING)
                (void)step();
}

static void use(int n)
{
        for (int i = 0; i < NODES; i++)
                streams[i] = i < n;
}

/* PATRONI-SPEC 2.17: which side is first. */
static void test_order(void **state _unused_)
{
        use(3);
        expect(SYNC_WRITE_KEY, "", 0);
        expect(SYNC_SET_NAMES, "ANY 1 (n1,n2)", 0);
        expect(SYNC_WRITE_KEY, "n1,n2", 1);
        expect(SYNC_NOTHING, "", 0);

        use(4); /* one more: more votes first, then the parameter, then the voter */
        expect(SYNC_WRITE_KEY, "n1,n2", 2);
        expect(SYNC_SET_NAMES, "ANY 1 (n1,n2,n3)", 0);
        expect(SYNC_WRITE_KEY, "n1,n2,n3", 2);

        cluster.settings.synchronous_node_count = 2; /* replication factor up: the parameter first */
        expect(SYNC_SET_NAMES, "ANY 2 (n1,n2,n3)", 0);
        expect(SYNC_WRITE_KEY, "n1,n2,n3", 1);

        cluster.settings.synchronous_node_count = 1; /* and down: the key first */
        expect(SYNC_WRITE_KEY, "n1,n2,n3", 2);
        expect(SYNC_SET_NAMES, "ANY 1 (n1,n2,n3)", 0);

        use(3); /* one is gone */
        expect(SYNC_SET_NAMES, "ANY 1 (n1,n2)", 0);
        expect(SYNC_WRITE_KEY, "n1,n2", 1);
        use(1); /* all are */
        expect(SYNC_WRITE_KEY, "", 0);
        expect(SYNC_SET_NAMES, "", 0);
        expect(SYNC_NOTHING, "", 0);
        cluster.settings.synchronous_mode_strict = true;
        expect(SYNC_SET_NAMES, "ANY 1 (*)", 0);
}

/* A standby becomes a voter by what it has, not by being listed. */
static void test_waits_until_it_is_confirmed(void **state _unused_)
{
        use(3);
        expect(SYNC_WRITE_KEY, "", 0);
        flush[0] = 200;
        expect(SYNC_SET_NAMES, "ANY 1 (n1,n2)", 0);
        expect(SYNC_NOTHING, "", 0);
        flush[1] = 199;
        expect(SYNC_NOTHING, "", 0);
        flush[1] = 200;
        expect(SYNC_WRITE_KEY, "n1,n2", 1);
}

/* Who was elected writes itself into the key, with the old leader as a voter. */
static void test_after_an_election(void **state _unused_)
{
        char names[SYNC_LIST_SIZE];

        use(3);
        while (step())
                ;
        assert_true(sync_names_before_promotion(&cluster, &pg, "n1", names, sizeof names));
        assert_string_equal(names, "ANY 1 (n0,n2)");
        SyncPlan p = sync_plan_promotion(&cluster, "n1");
        assert_int_equal(p.action, SYNC_WRITE_KEY);
        assert_string_equal(p.standbys, "n0,n2");
        assert_int_equal(p.quorum, 1);
        assert_int_equal(sync_plan_promotion(&cluster, "n0").action, SYNC_NOTHING); /* its own key */
        leader = 1;
        (void)STR_SET(pg.sync_names, names);
        streams[0] = streams[1] = false;
        expect(SYNC_WRITE_KEY, "n0,n2", 1);
        assert_string_equal(cluster.sync.leader, "n1");
        assert_false(sync_names_before_promotion(&cluster, &pg, "n1", names, sizeof names)); /* the same under it */
        sync_names_at_start(&cluster, "n1", names, sizeof names); /* a start after a crash */
        assert_string_equal(names, "ANY 1 (n0,n2)");
}

/* From on to quorum and back: what is listed has confirmed everything, and again after it. */
static void test_mode_switch(void **state _unused_)
{
        use(3);
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        (void)STR_SET(cluster.sync.leader, "n0");
        (void)STR_SET(cluster.sync.standbys, "n1");
        (void)STR_SET(pg.sync_names, "n1");
        cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        expect(SYNC_WRITE_KEY, "n1", 1);
        expect(SYNC_SET_NAMES, "ANY 1 (n1,n2)", 0);
        expect(SYNC_WRITE_KEY, "n1,n2", 1);
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        expect(SYNC_WRITE_KEY, "", 0);
        expect(SYNC_SET_NAMES, "n1", 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_parse),
                TEST(test_format),
                TEST(test_order),
                TEST(test_waits_until_it_is_confirmed),
                TEST(test_after_an_election),
                TEST(test_mode_switch),
                TEST(test_settles),
                TEST(test_whoever_is_elected_has_everything),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
