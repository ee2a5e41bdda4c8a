/* Permanent logical slots (PATRONI-SPEC 2.18): made, copied, moved, dropped; and when a copy is safe. */
#include <errno.h>

#include "config/json.h"
#include "pgd/logical.h"
#include "test-lib.h"

static Cluster cluster; /* node0 (we), node1, node2 */
static PgState pg;
static Slots slots;
static SlotsSeen seen;
static Node *dynamic;
static Tags own;

static SlotsInput input(void)
{
        return (SlotsInput){ .now = SEC(1000), .cluster = &cluster, .pg = &pg, .slots = &slots,
                             .dynamic = dynamic, .own_name = "node0", .tags = own,
                             .leads = pg.in_recovery == TRI_NO };
}

static void configure(const char *text)
{
        dynamic = node_free(dynamic);
        if (text)
                assert_int_equal(json_parse(text, strlen(text), false, &dynamic, NULL), 0);
}

static void be(bool primary)
{
        pg.in_recovery = primary ? TRI_NO : TRI_YES;
        (void)STR_SET(cluster.leader.name, primary ? "node0" : "node1");
}

static SlotRow *have(const char *name, bool logical)
{
        SlotRow *s = &slots.rows[slots.n++];

        *s = (SlotRow){ .restart = 50, .logical = logical };
        (void)STR_SET(s->name, name);
        return s;
}

static SlotRow *have_logical(const char *name, Lsn confirmed)
{
        SlotRow *s = have(name, true);

        s->has_xmin = true;
        s->catalog_xmin = 700;
        s->confirmed = confirmed;
        (void)STR_SET(s->database, "app");
        (void)STR_SET(s->plugin, "pgoutput");
        return s;
}

static void status(const char *name, Lsn lsn)
{
        SlotLsn *s = &cluster.status.slots[cluster.status.n_slots++];

        (void)STR_SET(s->name, name);
        s->lsn = lsn;
}

static int setup(void **state _unused_)
{
        cluster = (Cluster){ .n_members = 3, .settings = SETTINGS_DEFAULT, .config.mod_revision = 1 };
        for (unsigned i = 0; i < 3; i++) {
                snprintf(cluster.members[i].name, NAME_SIZE, "node%u", i);
                (void)STR_SET(cluster.members[i].conn_url, "postgres://h/postgres");
                cluster.members[i].tags = TAGS_DEFAULT;
        }
        pg = (PgState){ .replay_lsn = 500, .server_version = 150020 };
        seen = (SlotsSeen){ 0 };
        slots = (Slots){ 0 };
        own = TAGS_DEFAULT;
        have("node1", false);
        have("node2", false);
        configure("{\"slots\":{\"feed\":{\"type\":\"logical\",\"database\":\"app\",\"plugin\":\"pgoutput\"}}}");
        be(false);
        return 0;
}

static void expect_lsn(LogicalAction action, const char *name, Lsn lsn)
{
        SlotsInput in = input();
        static const LogicalAction all[] = { LOGICAL_CREATE, LOGICAL_ADVANCE, LOGICAL_COPY };

        slots_note(&seen, &in);
        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                LogicalPlan p = logical_plan(&seen, &in, all[i], 0);
                assert_int_equal(p.action, all[i] == action ? action : LOGICAL_NOTHING);
                if (all[i] != action)
                        continue;
                assert_string_equal(p.name, name);
                assert_string_equal(p.database, "app");
                assert_string_equal(p.plugin, "pgoutput");
                assert_true(p.lsn == lsn);
                assert_int_equal(logical_plan(&seen, &in, action, 1).action, LOGICAL_NOTHING);
        }
}

static void expect(LogicalAction action, const char *name)
{
        expect_lsn(action, name, 0);
}

static void expect_drop(const char *name)
{
        SlotsInput in = input();

        slots_note(&seen, &in);
        SlotPlan p = slots_plan(&seen, &in, 0);
        assert_int_equal(p.action, name ? SLOT_DROP : SLOT_NOTHING);
        if (name) {
                assert_string_equal(p.name, name);
                assert_non_null(p.why);
                assert_int_equal(slots_plan(&seen, &in, 1).action, SLOT_NOTHING);
        }
}

/* On the primary it is made, and its reader moves it. */
static void test_create(void **state _unused_)
{
        be(true);
        expect(LOGICAL_CREATE, "feed");
        expect_drop(NULL); /* and is no physical one to be made */
        have_logical("feed", 100);
        status("feed", 300);
        expect(LOGICAL_NOTHING, NULL);
        expect_drop(NULL);
}

/* On a standby it is copied once the primary has it, then moved, never beyond what is replayed. */
static void test_copy_and_advance(void **state _unused_)
{
        expect(LOGICAL_NOTHING, NULL); /* nothing to copy yet */
        status("feed", 300);
        expect(LOGICAL_COPY, "feed");
        SlotRow *s = have_logical("feed", 100);
        expect_lsn(LOGICAL_ADVANCE, "feed", 300);
        cluster.status.slots[0].lsn = 501;
        expect_lsn(LOGICAL_ADVANCE, "feed", 500);
        s->confirmed = 500;
        expect(LOGICAL_NOTHING, NULL);
        cluster.status.slots[0].lsn = 99;
        expect(LOGICAL_NOTHING, NULL); /* never back */
        s->confirmed = 10;
        s->active = true;
        expect(LOGICAL_NOTHING, NULL);
}

/* None on a node that will not lead, or to which the primary's feedback does not reach. */
static void test_for_whom(void **state _unused_)
{
        status("feed", 300);
        own.nofailover = true;
        expect(LOGICAL_NOTHING, NULL);
        own.nofailover = false;
        own.nostream = true;
        expect(LOGICAL_NOTHING, NULL);
        own.nostream = false;
        (void)STR_SET(own.replicatefrom, "node2");
        expect(LOGICAL_COPY, "feed");
        cluster.members[2].tags.nostream = true; /* in between */
        expect(LOGICAL_NOTHING, NULL);
        own.replicatefrom[0] = 0;
        cluster.settings.standby_cluster = true;
        expect(LOGICAL_NOTHING, NULL);
        cluster.settings.standby_cluster = false;
        expect(LOGICAL_COPY, "feed");
}

/* Changes are lost with the primary's; a standby's is only copied again. */
static void expect_loss(bool loses)
{
        SlotsInput in = input();

        assert_int_equal(slots_plan(&seen, &in, 0).loses, loses);
}

static void test_drop(void **state _unused_)
{
        SlotRow *s = have_logical("feed", 100);

        for (int primary = 0; primary < 2; primary++) {
                be(primary);
                expect_drop(NULL);
                s->lost = true;
                expect_drop("feed");
                expect_loss(primary);
                s->active = true;
                expect_drop(NULL); /* not while it is used */
                s->lost = s->active = false;
                s->restart = 0;
                expect_drop("feed");
                s->restart = 50;
                (void)STR_SET(s->plugin, "test_decoding");
                expect_drop("feed");
                (void)STR_SET(s->plugin, "pgoutput");
                (void)STR_SET(s->database, "other");
                expect_drop("feed");
                s->logical = false;
                expect_drop("feed");
                s->logical = true;
                (void)STR_SET(s->database, "app");
        }
        configure("{\"slots\":{\"feed\":null}}"); /* a physical one now */
        expect_drop("feed");
        configure("{\"slots\":{},\"ignore_slots\":[{\"type\":\"logical\",\"database\":\"app\"}]}");
        expect_drop(NULL);
        configure("{\"slots\":{},\"ignore_slots\":[{\"type\":\"logical\",\"database\":\"other\"}]}");
        expect_drop("feed");
        be(false);
        expect_drop("feed");
}

/* What it made when it led: nobody reads it on a standby, and it holds back WAL and the vacuum. */
static void test_left_over(void **state _unused_)
{
        SlotRow *s = have_logical("somebodys", 100);

        expect_drop("somebodys");
        cluster.leader.name[0] = 0;
        expect_drop(NULL); /* it may come to lead again */
        be(true);
        expect_drop(NULL); /* people's own, on the primary */
        be(false);
        cluster.config.mod_revision = 0;
        expect_drop(NULL); /* what is wanted is not known */
        cluster.config.mod_revision = 1;
        pg.server_version = 160000;
        expect_drop(NULL); /* it may be read here */
        pg.server_version = 170000;
        s->failover = true;
        expect_drop("somebodys"); /* it is in the way of the server's own copy */
        s->synced = true;
        expect_drop(NULL);
}

/* Those that the server itself keeps in step are its own, even of a name that is configured. */
static void test_failover_slots(void **state _unused_)
{
        SlotRow *s = have_logical("feed", 100);

        pg.server_version = 170000;
        s->failover = s->synced = true;
        status("feed", 300);
        expect(LOGICAL_NOTHING, NULL);
        s->lost = true;
        expect_drop(NULL);
        be(true);
        expect(LOGICAL_NOTHING, NULL);
        expect_drop(NULL);
}

/* Making one may take long: it is given up when the configuration has it no more, or another one. */
static void test_wanted(void **state _unused_)
{
        be(true);
        expect(LOGICAL_CREATE, "feed");
        SlotsInput in = input();
        LogicalPlan p = logical_plan(&seen, &in, LOGICAL_CREATE, 0);
        assert_true(logical_is_wanted(&seen, &in, &p));
        (void)STR_SET(p.plugin, "test_decoding");
        assert_false(logical_is_wanted(&seen, &in, &p));
        (void)STR_SET(p.plugin, "pgoutput");
        own.nofailover = true; /* none for this node */
        in = input();
        slots_note(&seen, &in);
        assert_false(logical_is_wanted(&seen, &in, &p));
        own.nofailover = false;
        configure("{\"slots\":{}}");
        in = input();
        slots_note(&seen, &in);
        assert_false(logical_is_wanted(&seen, &in, &p));
}

/* In pause nothing is dropped; what is there is moved on, and what is not there is made. */
static void test_paused(void **state _unused_)
{
        SlotRow *s = have_logical("feed", 100);
        SlotsInput in = input();

        in.paused = true;
        slots_note(&seen, &in);
        s->lost = true;
        assert_int_equal(slots_plan(&seen, &in, 0).action, SLOT_NOTHING);
        s->lost = false;
        status("feed", 300);
        assert_int_equal(logical_plan(&seen, &in, LOGICAL_ADVANCE, 0).action, LOGICAL_ADVANCE);
        have_logical("somebodys", 100);
        assert_int_equal(slots_plan(&seen, &in, 0).action, SLOT_NOTHING);
        in.paused = false;
        assert_int_equal(slots_plan(&seen, &in, 0).action, SLOT_DROP);
}

static void expect_told(uint32_t n, const char *name, Lsn lsn)
{
        SlotsInput in = input();
        uint32_t found = 0;

        slots_note(&seen, &in);
        slots_tell(&seen, &in, &pg);
        assert_int_equal(pg.n_slots, n);
        for (uint32_t i = 0; i < n; i++)
                if (str_equal(pg.slots[i].name, name)) {
                        found++;
                        assert_true(pg.slots[i].lsn == lsn);
                }
        assert_int_equal(found, lsn != 0);
}

/* What /status says: of our own slots, the position of each in its way. */
static void test_tell(void **state _unused_)
{
        be(true);
        expect_told(2, "node1", 50);
        SlotRow *s = have_logical("feed", 120);
        have_logical("somebodys", 100);
        expect_told(3, "feed", 120);
        s->confirmed = 0; /* it is still being made */
        expect_told(2, "feed", 0);
        s->confirmed = 120;
        cluster.settings.member_slots_ttl = 0; /* permanent ones alone */
        expect_told(1, "feed", 120);
        s->logical = false;
        expect_told(0, "feed", 0);
}

static void expect_feedback(bool needed)
{
        SlotsInput in = input();

        assert_int_equal(slots_need_feedback(&in), needed);
}

/* Where logical slots are kept, and on whom those nodes stream through. */
static void test_feedback(void **state _unused_)
{
        char slot[IDENT_SIZE];

        expect_feedback(true);
        be(true);
        expect_feedback(true);
        be(false);
        own.nofailover = true;
        expect_feedback(false);
        (void)STR_SET(cluster.members[2].tags.replicatefrom, "node0");
        expect_feedback(true);
        cluster.members[2].tags.nofailover = true;
        expect_feedback(false);
        cluster.members[2].tags.nofailover = false;
        own.nostream = true; /* nothing of it would arrive */
        expect_feedback(false);
        own = TAGS_DEFAULT;
        cluster.settings.standby_cluster = true;
        expect_feedback(false);
        cluster.settings.standby_cluster = false;
        configure("{\"slots\":{\"physical\":null}}");
        expect_feedback(false);

        SlotsInput in = input();
        slots_name_on_primary(&in, slot);
        assert_string_equal(slot, "node0");
        cluster.members[2].tags = TAGS_DEFAULT;
        (void)STR_SET(in.tags.replicatefrom, "node2");
        slots_name_on_primary(&in, slot);
        assert_string_equal(slot, "node2");
}

static void test_complaints(void **state _unused_)
{
        static const struct {
                const char *slot;
                bool fine;
        } tests[] = {
                { "{\"a_1\":null}", true },
                { "{\"a\":{\"type\":\"physical\"}}", true },
                { "{\"a\":{\"database\":\"d\",\"plugin\":\"p\"}}", true },
                { "{\"a\":{\"type\":\"logical\",\"database\":\"d\",\"plugin\":\"p\"}}", true },
                { "{\"a\":{\"type\":\"logical\",\"database\":\"d\"}}", false },
                { "{\"a\":{\"type\":\"odd\"}}", false },
                { "{\"a\":{\"type\":\"odd\",\"database\":\"d\",\"plugin\":\"p\"}}", false },
                { "{\"Bad\":null}", false },
                { "{\"node1\":null}", true },
                { "{\"node1\":{\"database\":\"d\",\"plugin\":\"p\"}}", false },
        };
        SlotsInput in = input();

        for (size_t i = 0; i < ELEMENTSOF(tests); i++) {
                configure(tests[i].slot);
                assert_int_equal(slots_complaint(dynamic->children, &in) == NULL, tests[i].fine);
        }
        configure("{\"permanent_slots\":{\"a\":{\"database\":\"d\",\"plugin\":\"p\"}}}");
        assert_true(slots_has_logical(dynamic));
        configure("{\"slots\":{\"a\":{\"type\":\"logical\"}}}");
        assert_false(slots_has_logical(dynamic));
}

/* ---- copies ---- */

/* What PostgreSQL 13.23, 15.17, 17.9, 18.3 and 12.22 answer; between them the file became longer. */
static const char *const answers[] = {
        "feed|0/15C49F8|0/15C4A30|485|pgoutput|a11c050131e8e70802000000a800000066656564000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000473400000000000000000000e5010000f8495c01000000000000000000000000304a5c01"
        "0000000070676f7574707574000000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000000000000000000|postgres",
        "feed|0/14F4B38|0/14F4B70|724|pgoutput|a11c05013f537cea02000000b800000066656564000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000050000000000000000000000d4020000384b4f01000000000000000000000000704b4f01"
        "0000000000000000000000000070676f7574707574000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000|postgres",
        "feed|0/14D8AA0|0/14D8AD8|738|pgoutput|a11c05016507e04905000000b800000066656564000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000050000000000000000000000e2020000a08a4d01000000000000000000000000d88a4d01"
        "0000000000000000000000000070676f7574707574000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000|postgres",
        "feed|0/174B340|0/174B378|752|pgoutput|a11c0501164d3e9a05000000b800000066656564000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000050000000000000000000000f002000040b3740100000000000000000000000078b37401"
        "0000000000000000000000000070676f7574707574000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000|postgres",
        "feed|0/4057610|0/4057610|619|pgoutput|a11c0501ff020a1802000000a0000000666565640000000000"
        "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000005434000000000000000000006b0200001076050400000000107605040000000070"
        "676f757470757400000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000|postgres",
};

/* One of 15.17 that is still being made, whose file says so; the server that starts with it removes it. */
static const char half_made[] =
        "feed|0/14F4B38|0/14F4B70|724|pgoutput|a11c050152433acf02000000b800000066656564000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000050000000100000000000000d4020000384b4f0100000000000000000000000000000000"
        "0000000000000000000000000070676f7574707574000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000000000000|postgres";

static void expect_copy(const char *line, LogicalCopy *ret)
{
        assert_int_equal(logical_read_copy(line, ret), 0);
        assert_string_equal(ret->name, "feed");
        assert_string_equal(ret->database, "postgres");
        assert_string_equal(ret->plugin, "pgoutput");
        assert_true(logical_is_whole(ret->state, ret->size, "feed"));
}

static void test_read_copy(void **state _unused_)
{
        static const char *const bad[] = {
                "", "feed", "feed|0/64|0/12C|731|pgoutput|00", "feed|x|0/12C|731|pgoutput|00|app",
                "feed|0/64|0/12C|x|pgoutput|00|app", "feed|0/64|0/12C|731|pgoutput|0|app",
                "feed|0/64|0/12C|731|pgoutput|0x|app", "feed|0/64|0/12C|5000000000|pgoutput|00|app",
        };
        LogicalCopy copy;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(logical_read_copy(bad[i], &copy), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(answers); i++)
                expect_copy(answers[i], &copy);
        expect_copy(answers[1], &copy);
        assert_true(copy.restart == 0x14F4B38 && copy.confirmed == 0x14F4B70);
        assert_int_equal(copy.catalog_xmin, 724);
        assert_int_equal(copy.size, 200);

        assert_true(logical_copies_replayed(&copy, 1, 0x14F4B70));
        assert_false(logical_copies_replayed(&copy, 1, 0x14F4B6F));
        assert_false(logical_copies_replayed(&copy, 0, 0x14F4B70));
}

/* A server that finds half a file, or another one's, does not start: whatever byte is wrong. */
static void test_whole(void **state _unused_)
{
        LogicalCopy copy;

        expect_copy(answers[1], &copy);
        assert_false(logical_is_whole(copy.state, copy.size, "other"));
        assert_false(logical_is_whole(copy.state, copy.size, "fee"));
        for (size_t n = 0; n < copy.size; n++) {
                assert_false(logical_is_whole(copy.state, n, "feed"));
                copy.state[n] ^= 0x10;
                assert_false(logical_is_whole(copy.state, copy.size, "feed"));
                copy.state[n] ^= 0x10;
        }
        assert_int_equal(logical_read_copy(half_made, &copy), 0);
        assert_true(logical_is_state(copy.state, copy.size));
        assert_false(logical_is_whole(copy.state, copy.size, "feed"));
        memset(copy.state + 80, 0, 4); /* of no database: a physical one */
        assert_false(logical_is_state(copy.state, copy.size));
}

static void test_refused(void **state _unused_)
{
        LogicalCopy copy;

        expect_copy(answers[1], &copy);
        assert_non_null(logical_copy_refused(&copy, dynamic, true, true)); /* of another database */
        configure("{\"slots\":{\"feed\":{\"database\":\"postgres\",\"plugin\":\"pgoutput\"}}}");
        assert_null(logical_copy_refused(&copy, dynamic, true, true));
        assert_non_null(logical_copy_refused(&copy, dynamic, false, true)); /* WAL is gone */
        assert_non_null(logical_copy_refused(&copy, dynamic, true, false)); /* max_replication_slots */
        (void)STR_SET(copy.plugin, "test_decoding");
        assert_non_null(logical_copy_refused(&copy, dynamic, true, true));
        (void)STR_SET(copy.plugin, "pgoutput");
        copy.size = 80;
        assert_non_null(logical_copy_refused(&copy, dynamic, true, true));

        slots.most = 3; /* two are there */
        assert_true(logical_has_room(&slots, 1));
        assert_false(logical_has_room(&slots, 2));
        slots.most = 0; /* not known */
        assert_true(logical_has_room(&slots, 2));
}

/* What is sent to which version: an older server does not know the newer's columns and parameters. */
static void test_sql(void **state _unused_)
{
        char sql[1024];

        assert_true(logical_copy_sql("a,b", 150020, sql, sizeof sql));
        assert_non_null(strstr(sql, "slot_name IN ('a','b')"));
        assert_non_null(strstr(sql, "to_jsonb(s) ->> 'wal_status' IS DISTINCT FROM 'lost'"));
        assert_false(logical_copy_sql("a,b", 150020, sql, 100));
        assert_false(logical_copy_sql("", 150020, sql, sizeof sql));
        for (uint32_t version = 120000; version < 200000; version += 10000) {
                assert_true(logical_copy_sql("a", version, sql, sizeof sql));
                assert_int_equal(strstr(sql, "AND NOT failover") != NULL, version >= 170000);
                assert_int_equal(strstr(logical_session(version), "client_connection_check_interval") != NULL,
                                 version >= 140000);
        }
        assert_true(logical_ready_sql("a", "node0", sql, sizeof sql));
        assert_non_null(strstr(sql, "IN ('node0','a')"));
}

/* ---- is it safe ---- */

static char told[64];

static void tell(const char *name, void *userdata _unused_)
{
        (void)STR_SET(told, name);
}

static void test_ready(void **state _unused_)
{
        LogicalReady ready = { 0 };
        SlotRow *s = have_logical("feed", 100); /* needs the catalogs from 700 on */
        SlotsInput in = input();
        char names[256];

        slots_note(&seen, &in);
        logical_note_ready(&ready, &seen, &slots);
        assert_int_equal(ready.n, 1);
        assert_true(logical_unsafe(&ready, names, sizeof names));
        assert_string_equal(names, "feed");

        /* No feedback yet: what the primary's slot holds counts from when there is. */
        assert_false(logical_read_ready(&ready, &slots, "node0", "feed|690\nnode0|\n", tell, NULL));
        assert_false(logical_read_ready(&ready, &slots, "node0", "feed|690\n", tell, NULL));
        assert_true(logical_read_ready(&ready, &slots, "node0", "feed|710\nnode0|699\n", tell, NULL));
        assert_true(logical_unsafe(&ready, names, sizeof names));
        assert_true(logical_read_ready(&ready, &slots, "node0", "feed|720\nnode0|712\n", tell, NULL));
        assert_true(logical_unsafe(&ready, names, sizeof names)); /* 712 is after what the copy needs */
        s->catalog_xmin = 712;
        assert_true(logical_read_ready(&ready, &slots, "node0", "feed|720\nnode0|712\n", tell, NULL));
        assert_false(logical_unsafe(&ready, names, sizeof names));
        assert_string_equal(told, "feed");

        logical_note_ready(&ready, &seen, &slots);
        assert_false(logical_unsafe(&ready, names, sizeof names)); /* it stays so */
        slots.n--;
        logical_note_ready(&ready, &seen, &slots);
        slots.n++;
        logical_note_ready(&ready, &seen, &slots);
        assert_true(logical_unsafe(&ready, names, sizeof names)); /* another one of its name */

        /* Transaction ids go round. */
        s->catalog_xmin = 10;
        assert_true(logical_read_ready(&ready, &slots, "node0", "feed|4294967290\nnode0|5\n", tell, NULL));
        assert_false(logical_unsafe(&ready, names, sizeof names));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_create),     TEST(test_copy_and_advance), TEST(test_for_whom),
                TEST(test_drop),       TEST(test_left_over),        TEST(test_failover_slots),
                TEST(test_tell),       TEST(test_feedback),         TEST(test_complaints),
                TEST(test_read_copy),  TEST(test_whole),            TEST(test_refused),
                TEST(test_sql),        TEST(test_ready),            TEST(test_paused),
                TEST(test_wanted),
        };

        int r = cmocka_run_group_tests(tests, NULL, NULL);
        configure(NULL);
        return r;
}
