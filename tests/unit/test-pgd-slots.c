/* Which slots a node keeps, and which go (PATRONI-SPEC 2.18). */
#include "config/json.h"
#include "pgd/slots.h"
#include "test-lib.h"

static Cluster cluster; /* node0 (we), node1, node-2 */
static PgState pg;
static Slots slots;
static SlotsSeen seen;
static Node *dynamic;
static Tags own;

static SlotsInput input(bool leads, usec_t now)
{
        return (SlotsInput){ .now = now, .cluster = &cluster, .pg = &pg, .slots = &slots, .dynamic = dynamic,
                             .own_name = "node0", .tags = own, .leads = leads };
}

static void note(usec_t now)
{
        SlotsInput in = input(true, now);

        slots_note(&seen, &in);
}

static void configure(const char *text)
{
        dynamic = node_free(dynamic);
        if (text)
                assert_int_equal(json_parse(text, strlen(text), false, &dynamic, NULL), 0);
}

static int setup(void **state _unused_)
{
        static const char *const names[] = { "node0", "node1", "node-2" };

        cluster = (Cluster){ .n_members = 3, .settings = SETTINGS_DEFAULT };
        for (unsigned i = 0; i < 3; i++)
                (void)STR_SET(cluster.members[i].name, names[i]);
        cluster.settings.member_slots_ttl = SEC(1800);
        cluster.config.mod_revision = 1;
        pg = (PgState){ .replay_lsn = 500, .server_version = 150020 };
        slots = (Slots){ 0 };
        own = TAGS_DEFAULT;
        seen = (SlotsSeen){ 0 };
        configure(NULL);
        note(SEC(1000));
        return 0;
}

static void have(const char *name, Lsn lsn)
{
        SlotRow *s = &slots.rows[slots.n++];

        *s = (SlotRow){ .restart = lsn };
        (void)STR_SET(s->name, name);
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
        SlotsInput in = input(leads, now);
        SlotPlan p = slots_plan(&seen, &in, skip);

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
        note(SEC(1001));
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
        note(SEC(2000));
        expect(true, SEC(2800), 0, SLOT_NOTHING, "", 0); /* 1800 s exactly */
        expect(true, SEC(2800) + 1, 0, SLOT_DROP, "node_2", 0);
        slots.n = 1;
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

/* G2: what another leader kept is kept on, for a whole ttl from when we read of it. */
static void test_retained(void **state _unused_)
{
        have("node1", 100);
        have("node_2", 100);
        have("gone", 100);
        have("node0", 100);
        (void)STR_SET(cluster.status.retain, "gone,node0,node1"); /* our own: none is needed here */
        note(SEC(1000));
        assert_int_equal(seen.n, 3);
        note(SEC(2800));
        expect(true, SEC(2800), 0, SLOT_NOTHING, NULL, 0);
        note(SEC(2801)); /* that it still stands in the key makes it no younger */
        expect(true, SEC(2801), 0, SLOT_DROP, "gone", 0);
        slots.n = 2;
        expect(true, SEC(2801), 0, SLOT_NOTHING, NULL, 0);
        expect(true, SEC(2800), 0, SLOT_CREATE, "gone", 0);
}

/* G3: on every node; advanced on a replica; gone with the configuration's word. */
static void test_permanent(void **state _unused_)
{
        have("node1", 100);
        have("node_2", 100);
        configure("{\"slots\":{\"keep\":null,\"node0\":null,\"Bad\":null,\"l\":{\"type\":\"logical\"},"
                  "\"m\":{\"database\":\"d\",\"plugin\":\"p\"}}}");
        note(SEC(1000));
        assert_int_equal(seen.n, 4);
        expect(true, SEC(1000), 0, SLOT_CREATE, "keep", 0);
        expect(false, SEC(1000), 0, SLOT_CREATE, "keep", 0);
        have("keep", 100);
        expect(true, SEC(9000), 2, SLOT_NOTHING, NULL, 0); /* members alone grow old */
        status("keep", 300);
        expect(false, SEC(1000), 0, SLOT_ADVANCE, "keep", 300);
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
        configure("{\"slots\":{}}");
        note(SEC(1000));
        expect(true, SEC(1000), 0, SLOT_DROP, "keep", 0);
        slots.rows[2].active = true; /* not while it is used */
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
        /* A member's slot that was permanent as well stays a member's. */
        configure("{\"permanent_slots\":{\"node1\":{\"type\":\"physical\"}},\"slots\":{\"x\":null}}");
        note(SEC(1000));
        configure(NULL);
        note(SEC(1000));
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
}

/* G5: a slot for one kind of cluster, and slots that are somebody else's. */
static void test_types(void **state _unused_)
{
        have("node1", 100);
        have("node_2", 100);
        configure("{\"slots\":{\"p\":{\"cluster_type\":\"primary\"},\"s\":{\"cluster_type\":\"standby\"}}}");
        note(SEC(1000));
        expect(true, SEC(1000), 0, SLOT_CREATE, "p", 0);
        expect(true, SEC(1000), 1, SLOT_NOTHING, NULL, 0);
        cluster.settings.standby_cluster = true;
        seen.n = 2;
        note(SEC(1000));
        expect(false, SEC(1000), 0, SLOT_CREATE, "s", 0);
        expect(false, SEC(1000), 1, SLOT_NOTHING, NULL, 0);

        configure("{\"ignore_slots\":[{\"name\":\"node_2\",\"type\":\"physical\"},{\"name\":\"node1\","
                  "\"plugin\":\"x\"},{}]}");
        assert_true(slots_ignored(dynamic, &slots.rows[1]));
        assert_false(slots_ignored(dynamic, &slots.rows[0]));
        note(SEC(1000));
        expect(true, SEC(9000), 0, SLOT_DROP, "node1", 0);
        expect(true, SEC(9000), 1, SLOT_NOTHING, NULL, 0);
        configure("{\"ignore_slots\":[{\"type\":\"physical\"}]}");
        assert_true(slots_ignored(dynamic, &slots.rows[0]));
        configure("{\"ignore_slots\":[{\"type\":\"logical\"}]}");
        assert_false(slots_ignored(dynamic, &slots.rows[0]));
}

/* G6: what is lost, and what would hold back the vacuum for nobody, is made again. */
static void test_spoilt(void **state _unused_)
{
        have("node1", 100);
        have("node_2", 100);
        slots.rows[0].lost = true;
        expect(true, SEC(1000), 0, SLOT_DROP, "node1", 0);
        slots.rows[0].active = true;
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0);
        slots.rows[0].lost = slots.rows[0].active = false;
        slots.rows[0].has_xmin = true;
        expect(true, SEC(1000), 0, SLOT_NOTHING, NULL, 0); /* its standby's feedback */
        expect(false, SEC(1000), 0, SLOT_NOTHING, NULL, 0); /* nobody leads: wait */
        (void)STR_SET(cluster.leader.name, "node1");
        expect(false, SEC(1000), 0, SLOT_DROP, "node1", 0); /* left from when we led */
        (void)STR_SET(cluster.leader.name, "node0");
        expect(false, SEC(1000), 0, SLOT_NOTHING, NULL, 0); /* about to be promoted */
        slots.rows[0].has_xmin = false;
        slots.rows[1].restart = 0;
        expect(true, SEC(1000), 0, SLOT_DROP, "node_2", 0);
}

static void test_many(void **state _unused_)
{
        seen = (SlotsSeen){ 0 };
        cluster.n_members = 1;
        for (unsigned i = 0; i < SLOTS_SEEN_MAX + 5; i++) {
                snprintf(cluster.members[0].name, NAME_SIZE, "m%u", i);
                note(SEC(1000 + i));
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
                TEST(test_retained), TEST(test_permanent), TEST(test_types), TEST(test_spoilt), TEST(test_many),
        };

        int r = cmocka_run_group_tests(tests, NULL, NULL);
        configure(NULL);
        return r;
}
