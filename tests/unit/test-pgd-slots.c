/* Slots of members (PATRONI-SPEC 2.18): every node keeps one for each other member. */
#include "config/json.h"
#include "pgd/slots.h"
#include "test-lib.h"

static Cluster cluster; /* node0 (we), node1, node-2 */
static PgState pg;
static SlotsSeen seen;

static int setup(void **state _unused_)
{
        static const char *const names[] = { "node0", "node1", "node-2" };

        cluster = (Cluster){ .n_members = 3, .settings = SETTINGS_DEFAULT };
        for (unsigned i = 0; i < 3; i++)
                (void)STR_SET(cluster.members[i].name, names[i]);
        cluster.settings.member_slots_ttl = SEC(1800);
        pg = (PgState){ .replay_lsn = 500 };
        seen = (SlotsSeen){ 0 };
        slots_note(&seen, &cluster, "node0", NULL, SEC(1000));
        return 0;
}

static void have(const char *name, Lsn lsn)
{
        SlotLsn *s = &pg.slots[pg.n_slots++];

        (void)STR_SET(s->name, name);
        s->lsn = lsn;
}

static void status(const char *name, Lsn lsn)
{
        SlotLsn *s = &cluster.status.slots[cluster.status.n_slots++];

        (void)STR_SET(s->name, name);
        s->lsn = lsn;
}

static void expect(bool leads, usec_t now, unsigned skip, SlotAction action, const char *name,
                   Lsn lsn)
{
        SlotPlan p = slots_plan(&seen, &cluster, &pg, leads, now, skip);

        assert_int_equal(p.action, action);
        if (action == SLOT_NOTHING)
                return;
        assert_string_equal(p.name, name);
        assert_true(p.lsn == lsn);
}

static void test_note(void **state _unused_)
{
        assert_int_equal(seen.n, 2); /* not our own */
        assert_string_equal(seen.rows[0].name, "node1");
        assert_string_equal(seen.rows[1].name, "node_2");
        assert_true(seen.rows[0].last == SEC(1000));
        cluster.members[2].tags.nostream = true;
        slots_note(&seen, &cluster, "node0", NULL, SEC(1001));
        assert_int_equal(seen.n, 2);
        assert_true(seen.rows[0].last == SEC(1001));
        assert_true(seen.rows[1].last == SEC(1000)); /* one that does not stream needs none */
}

static void test_create(void **state _unused_)
{
        expect(true, SEC(1000), 0, SLOT_CREATE, "node1", 0);
        expect(true, SEC(1000), 1, SLOT_CREATE, "node_2", 0); /* past one that failed */
        expect(true, SEC(1000), 2, SLOT_NOTHING, "", 0);
        have("node1", 100);
        expect(true, SEC(1000), 0, SLOT_CREATE, "node_2", 0);
        expect(false, SEC(1000), 0, SLOT_CREATE, "node_2", 0); /* on every node */
        have("node_2", 100);
        expect(true, SEC(1000), 0, SLOT_NOTHING, "", 0);
}

/* A slot of a member that went away is kept for member_slots_ttl; a stranger's for ever. */
static void test_drop(void **state _unused_)
{
        have("node1", 100);
        have("node_2", 100);
        have("somebody_elses", 1);
        cluster.n_members = 2;
        slots_note(&seen, &cluster, "node0", NULL, SEC(2000));
        expect(true, SEC(2800), 0, SLOT_NOTHING, "", 0); /* 1800 s exactly */
        expect(true, SEC(2800) + 1, 0, SLOT_DROP, "node_2", 0);
        pg.n_slots = 1;
        expect(true, SEC(2800) + 1, 0, SLOT_NOTHING, "", 0); /* it is gone: not made again */
        have("node_2", 100);
        cluster.settings.member_slots_ttl = 0; /* with the member key */
        expect(true, SEC(2000), 0, SLOT_DROP, "node_2", 0);
}

/* A replica moves its copies to what /status says, never beyond what it has replayed. */
static void test_advance(void **state _unused_)
{
        have("node1", 100);
        have("node_2", 100);
        expect(false, SEC(1000), 0, SLOT_NOTHING, "", 0); /* /status does not say */
        status("node1", 100);
        expect(false, SEC(1000), 0, SLOT_NOTHING, "", 0);
        status("node_2", 500);
        expect(false, SEC(1000), 0, SLOT_ADVANCE, "node_2", 500);
        expect(true, SEC(1000), 0, SLOT_NOTHING, "", 0); /* the leader's are moved by their owners */
        cluster.status.slots[1].lsn = 501;
        expect(false, SEC(1000), 0, SLOT_NOTHING, "", 0);
        cluster.status.slots[1].lsn = 99;
        expect(false, SEC(1000), 0, SLOT_NOTHING, "", 0); /* never back */
}

/* A slot kept on the leader for a member that streams from another one moves with that member. */
static void test_cascade(void **state _unused_)
{
        Member *m = &cluster.members[2];

        (void)STR_SET(cluster.leader.name, "node0");
        (void)STR_SET(cluster.members[1].conn_url, "postgres://h/postgres");
        pg.flush_lsn = 1000;
        have("node1", 100);
        have("node_2", 100);
        m->xlog_location = 300;
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
        (void)STR_SET(m->tags.replicatefrom, "node1");
        expect(true, SEC(1000), 0, SLOT_ADVANCE, "node_2", 300);
        expect(false, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
        m->xlog_location = 2000;
        expect(true, SEC(1000), 0, SLOT_ADVANCE, "node_2", 1000);
        (void)STR_SET(m->tags.replicatefrom, "gone"); /* then it streams from the leader */
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
}

static Node *dynamic(const char *json)
{
        Node *n = NULL;

        assert_int_equal(json_parse(json, strlen(json), false, &n, NULL), 0);
        return n;
}

/* On every node, from the first moment until they are taken out of the configuration. */
static void test_permanent(void **state _unused_)
{
        Node *n = dynamic("{\"slots\": {\"keep\": {\"type\": \"physical\"}, \"node0\": {}, \"Bad-Name\": {},"
                          " \"log\": {\"database\": \"d\", \"plugin\": \"p\"},"
                          " \"away\": {\"type\": \"physical\", \"cluster_type\": \"standby\"}}}");

        seen = (SlotsSeen){ 0 };
        have("node1", 100);
        have("node_2", 100);
        slots_note(&seen, &cluster, "node0", n, SEC(1000));
        assert_int_equal(seen.n, 3);
        expect(true, SEC(1000), 0, SLOT_CREATE, "keep", 0);
        expect(false, SEC(1000), 0, SLOT_CREATE, "keep", 0);
        have("keep", 100);
        status("keep", 300);
        expect(true, SEC(1000000), 2, SLOT_NOTHING, "", 0); /* past the members', which are old by then */
        expect(false, SEC(1000), 0, SLOT_ADVANCE, "keep", 300);
        cluster.settings.standby_cluster = true;
        slots_note(&seen, &cluster, "node0", n, SEC(1000));
        expect(true, SEC(1000), 0, SLOT_CREATE, "away", 0);
        cluster.settings.standby_cluster = false;
        slots_note(&seen, &cluster, "node0", NULL, SEC(1000)); /* taken out */
        expect(true, SEC(1000), 0, SLOT_DROP, "keep", 0);
        cluster.members[0].tags.nofailover = true; /* nobody will need it here */
        slots_note(&seen, &cluster, "node0", n, SEC(1000));
        expect(true, SEC(1000), 0, SLOT_DROP, "keep", 0);
        node_free(n);
}

static void test_ignored(void **state _unused_)
{
        Node *n = dynamic("{\"ignore_slots\": [{\"plugin\": \"p\"}, {\"name\": \"node_2\", \"type\": \"physical\"}]}");

        have("node1", 100);
        have("node_2", 100);
        cluster.n_members = 1;
        slots_note(&seen, &cluster, "node0", n, SEC(9000));
        expect(true, SEC(9000), 0, SLOT_DROP, "node1", 0);
        expect(true, SEC(9000), 1, SLOT_NOTHING, "", 0);
        node_free(n);
}

/* A new leader knows of members that it has never seen. */
static void test_retained(void **state _unused_)
{
        seen = (SlotsSeen){ 0 };
        cluster.n_members = 1;
        (void)STR_SET(cluster.status.retain, "gone,node0");
        slots_note(&seen, &cluster, "node0", NULL, SEC(5000));
        expect(true, SEC(5000), 0, SLOT_CREATE, "gone", 0);
        expect(true, SEC(5000), 1, SLOT_NOTHING, "", 0);
        have("gone", 100);
        slots_note(&seen, &cluster, "node0", NULL, SEC(6000)); /* it is not seen anew */
        expect(true, SEC(6800), 0, SLOT_NOTHING, "", 0);
        expect(true, SEC(6800) + 1, 0, SLOT_DROP, "gone", 0);
}

static void test_many(void **state _unused_)
{
        seen = (SlotsSeen){ 0 };
        cluster.n_members = 1;
        for (unsigned i = 0; i < SLOTS_SEEN_MAX + 5; i++) {
                snprintf(cluster.members[0].name, NAME_SIZE, "m%u", i);
                slots_note(&seen, &cluster, "node0", NULL, SEC(1000 + i));
        }
        assert_int_equal(seen.n, SLOTS_SEEN_MAX);
        bool newest = false, oldest = false;
        for (uint32_t i = 0; i < seen.n; i++) {
                newest = newest || str_equal(seen.rows[i].name, cluster.members[0].name);
                oldest = oldest || str_equal(seen.rows[i].name, "m0");
        }
        assert_true(newest);
        assert_false(oldest); /* the one not seen for longest is forgotten */
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_note), TEST(test_create), TEST(test_drop), TEST(test_advance), TEST(test_cascade),
                TEST(test_permanent), TEST(test_ignored), TEST(test_retained), TEST(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
