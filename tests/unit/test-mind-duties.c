/* The leader's records: what waits for what around /sync. dcsd and pgd are played by the test. */
#include "decide/quorum.h"
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define EPOCH 7

static Palisaded p;
static Cluster cluster; /* node0 is this node */
static struct {
        RecordKey key;
        uint64_t revision;
        SyncKey sync;
        StatusKey status;
        hands_answer_t answer;
        void *userdata;
} written; /* last */
static unsigned n_written, n_ordered;

uint64_t hands_request(Hands *h _unused_, HandId id, MsgHeader *m, usec_t timeout _unused_, hands_answer_t answer,
                       void *userdata)
{
        const MsgRecord *r = (const MsgRecord *)m;

        assert_int_equal(id, HAND_DCSD);
        assert_int_equal(m->type, MSG_RECORD);
        written.key = (RecordKey)r->key;
        written.revision = r->revision;
        if (r->key == RECORD_SYNC)
                written.sync = *(const SyncKey *)r->value;
        if (r->key == RECORD_STATUS)
                written.status = *(const StatusKey *)r->value;
        written.answer = answer;
        written.userdata = userdata;
        return ++n_written;
}

void orders_send(Palisaded *m, MsgOrder *order)
{
        m->order = *order;
        m->order_open = true;
        n_ordered++;
}

void hands_send(Hands *h _unused_, HandId id _unused_, MsgHeader *m _unused_) {}
void node_member(const Palisaded *m _unused_, Member *ret _unused_) {}
void palisaded_think(Palisaded *m _unused_) {}

static void add_standby(const char *name, const char *sync_state)
{
        Standby *s = &p.pg.pg.standbys[p.pg.pg.n_standbys++];

        *s = (Standby){ .flush_lsn = 1000 };
        (void)STR_SET(s->application_name, name);
        (void)STR_SET(s->state, "streaming");
        (void)STR_SET(s->sync_state, sync_state);
}

static int set_up(void **state _unused_)
{
        cluster = (Cluster){ .revision = 50, .n_members = 4, .settings = SETTINGS_DEFAULT,
                             .initialize.state = INITIALIZE_DONE, .config.mod_revision = 3,
                             .sync.mod_revision = 7 };
        for (unsigned i = 0; i < cluster.n_members; i++) {
                Member *m = &cluster.members[i];
                snprintf(m->name, sizeof m->name, "node%u", i);
                m->state = RUN_RUNNING;
                m->tags = TAGS_DEFAULT;
        }
        p = (Palisaded){ .cluster = &cluster, .authority.epoch = EPOCH };
        (void)STR_SET(p.node.name, "node0");
        n_written = n_ordered = 0;
        return 0;
}

static void answer(Outcome outcome)
{
        MsgResult r = { .outcome = outcome };

        written.answer(&r, written.userdata);
}

/* What the watch brings. */
static void see(uint64_t revision, const char *standbys)
{
        cluster.revision = cluster.sync.mod_revision = revision;
        (void)STR_SET(cluster.sync.standbys, standbys);
}

static void expect_order(const char *names)
{
        assert_int_equal(n_ordered, 1);
        assert_int_equal(p.order.what, ORDER_SYNC_NAMES);
        assert_int_equal(p.order.epoch, EPOCH);
        assert_string_equal(p.order.text, names);
}

/*
 * node1 is synchronous and goes into /sync; the answer is lost. Then node1 is gone: as long as that write
 * may still take effect, commits go on waiting for it.
 */
static void test_lost_write_of_sync(void **state _unused_)
{
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        (void)STR_SET(cluster.sync.leader, "node0");
        (void)STR_SET(p.pg.pg.sync_names, "node1");
        p.pg.pg.sync_names_lsn = 1000;
        add_standby("node1", "sync");
        duties_run(&p);
        assert_int_equal(n_written, 1);
        assert_int_equal(written.key, RECORD_SYNC);
        assert_string_equal(written.sync.standbys, "node1");
        answer(OUTCOME_UNKNOWN);

        p.pg.pg.n_standbys = 0;
        cluster.revision++;
        duties_run(&p);
        assert_int_equal(n_ordered, 0);
        assert_int_equal(n_written, 2); /* as it stands, for the sake of its revision */
        assert_int_equal(written.key, RECORD_SYNC);
        assert_int_equal(written.revision, 7);
        assert_string_equal(written.sync.standbys, "");
        answer(OUTCOME_DONE);

        see(60, ""); /* what compares with revision 7 is refused from now on */
        duties_run(&p);
        assert_int_equal(n_written, 2);
        expect_order("");
}

/* It was carried out after all: the key names node1, and shrinks before the parameter does. */
static void test_lost_write_is_seen(void **state _unused_)
{
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        (void)STR_SET(cluster.sync.leader, "node0");
        (void)STR_SET(p.pg.pg.sync_names, "node1");
        duties_sync_in_doubt(&p);
        see(60, "node1");
        duties_run(&p);
        assert_int_equal(n_ordered, 0);
        assert_int_equal(written.key, RECORD_SYNC);
        assert_int_equal(written.revision, 60);
        assert_string_equal(written.sync.standbys, "");
}

/*
 * A leader of quorum mode has to wait for enough of the voters from its first commit on. The FOLLOW before
 * may compare timelines with a leader that is gone, for ever: it gives way.
 */
static void test_names_before_promotion(void **state _unused_)
{
        char names[SYNC_LIST_SIZE];

        cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        (void)STR_SET(cluster.sync.leader, "node3");
        (void)STR_SET(cluster.sync.standbys, "node0,node1,node2");
        cluster.sync.quorum = 2;
        p.order.what = ORDER_FOLLOW;
        p.order_open = true;
        p.pg.pg.operation = PGOP_REWIND;
        assert_true(quorum_names_at_start(&cluster, "node0", names, sizeof names));
        assert_false(duties_before_promotion(&p));
        expect_order(names);
        assert_false(duties_before_promotion(&p));
        assert_int_equal(n_ordered, 1); /* that is under way */

        p.order_open = false;
        (void)STR_SET(p.pg.pg.sync_names, names);
        assert_int_equal(n_written, 0);
        assert_false(duties_before_promotion(&p)); /* and then the key: node3 may lead again by it */
        assert_int_equal(n_ordered, 1);
        assert_string_equal(written.sync.leader, "node0");
        assert_string_equal(written.sync.standbys, "node1,node2,node3");
        assert_int_equal(written.sync.quorum, 2);
        answer(OUTCOME_DONE);
        (void)STR_SET(cluster.sync.leader, "node0");
        see(60, "node1,node2,node3");
        assert_true(duties_before_promotion(&p));
}

/* From its files, under its own key, which is left as it is; under another one's, which is taken first. */
static void test_key_before_a_start(void **state _unused_)
{
        static const SyncMode modes[] = { SYNC_MODE_ON, SYNC_MODE_QUORUM };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                set_up(NULL);
                cluster.settings.synchronous_mode = modes[i];
                (void)STR_SET(cluster.sync.leader, "node0");
                (void)STR_SET(cluster.sync.standbys, "node1");
                assert_true(duties_before_start(&p));
                (void)STR_SET(cluster.sync.leader, "node3");
                assert_false(duties_before_start(&p));
                assert_string_equal(written.sync.leader, "node0");
                assert_int_equal(n_ordered, 0);
        }
}

/* A crash while a write of /sync is on its way, which asks for more voters and so for more to wait for. */
static void test_names_at_a_start(void **state _unused_)
{
        char names[SYNC_LIST_SIZE];

        cluster.settings.synchronous_mode = SYNC_MODE_QUORUM;
        (void)STR_SET(cluster.sync.leader, "node0");
        (void)STR_SET(cluster.sync.standbys, "node1,node2");
        cluster.sync.quorum = 2; /* nobody is elected: nobody need be waited for */
        (void)STR_SET(p.pg.pg.sync_names, "ANY 1 (node1,node2,node3)");
        p.pg.pg.probed = 1;
        assert_true(duties_names_at_start(&p, names, sizeof names));
        assert_string_equal(names, "");
        duties_sync_in_doubt(&p);
        assert_true(duties_names_at_start(&p, names, sizeof names));
        assert_string_equal(names, "ANY 1 (node1,node2,node3)");
        p.pg.pg.probed = 0; /* a new pgd does not know */
        assert_false(duties_names_at_start(&p, names, sizeof names));
        assert_int_equal(n_written, 1); /* the key as it stands: then none of an earlier write can follow */
        assert_string_equal(written.sync.leader, "node0");
        assert_string_equal(written.sync.standbys, "node1,node2");
        assert_int_equal(written.sync.quorum, 2);
        assert_int_equal(written.revision, 7);
        assert_false(duties_names_at_start(&p, names, sizeof names));
        assert_int_equal(n_written, 1);
        see(60, "node1,node2");
        answer(OUTCOME_DONE);
        assert_true(duties_names_at_start(&p, names, sizeof names));
        assert_int_equal(n_written, 1);
}

/* In the other mode nobody is synchronous yet, and the key says so before the promotion. */
static void test_key_before_promotion(void **state _unused_)
{
        cluster.settings.synchronous_mode = SYNC_MODE_ON;
        (void)STR_SET(cluster.sync.leader, "node3");
        (void)STR_SET(cluster.sync.standbys, "node0");
        assert_false(duties_before_promotion(&p));
        assert_string_equal(written.sync.leader, "node0");
        assert_string_equal(written.sync.standbys, "");
        assert_int_equal(written.revision, 7);
        assert_false(duties_before_promotion(&p));
        assert_int_equal(n_written, 1);
        answer(OUTCOME_DONE);
        (void)STR_SET(cluster.sync.leader, "node0");
        see(60, "");
        assert_true(duties_before_promotion(&p));
}

/* Elected by hand, far behind the last leader: the next election must not ask for more than we have. */
static void test_status_before_promotion(void **state _unused_)
{
        cluster.settings.maximum_lag_on_failover = 100;
        p.pg.pg.receive_lsn = p.pg.pg.replay_lsn = 1000;
        cluster.status.optime = 1100;
        assert_true(duties_before_promotion(&p));
        assert_int_equal(n_written, 0);
        cluster.status.optime = 1101;
        assert_false(duties_before_promotion(&p));
        assert_int_equal(n_written, 1);
        assert_int_equal(written.key, RECORD_STATUS);
        assert_int_equal(written.status.optime, 1000);
        assert_false(duties_before_promotion(&p));
        assert_int_equal(n_written, 1); /* that is under way */
        answer(OUTCOME_DONE);
        cluster.status.optime = 1000;
        cluster.revision++;
        assert_true(duties_before_promotion(&p));
}

/* Our member key goes along, and tells whose claim it was: no claim without it. */
static void test_claim_with_the_member_key(void **state _unused_)
{
        duties_claim(&p);
        assert_int_equal(n_written, 0);
        cluster.members[0].lease = 5;
        duties_claim(&p);
        assert_int_equal(n_written, 1);
        assert_int_equal(written.key, RECORD_INITIALIZE);
        duties_claim(&p);
        assert_int_equal(n_written, 1); /* that is under way */
        answer(OUTCOME_REFUSED);
        assert_int_equal(p.claimed, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_lost_write_of_sync, set_up),
                cmocka_unit_test_setup(test_lost_write_is_seen, set_up),
                cmocka_unit_test_setup(test_names_before_promotion, set_up),
                cmocka_unit_test_setup(test_key_before_promotion, set_up),
                cmocka_unit_test_setup(test_names_at_a_start, set_up),
                cmocka_unit_test_setup(test_key_before_a_start, set_up),
                cmocka_unit_test_setup(test_status_before_promotion, set_up),
                cmocka_unit_test_setup(test_claim_with_the_member_key, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
