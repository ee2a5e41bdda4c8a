/* What the failover key asks of its leader. dcsd, and what the leader decides, are played by the test. */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define EPOCH 7
#define ASKED 42 /* revision of the failover key */

static Palisaded p;
static Cluster cluster; /* node0 is this node, and leads */
static uint64_t cleared; /* the revision that was to be compared; 0: none */
static unsigned n_asked, thoughts;

void duties_clear_failover(Palisaded *m _unused_, uint64_t revision)
{
        cleared = revision;
}

uint64_t race_send_ask(Palisaded *m _unused_, const PeerAddress *peers _unused_, uint32_t n _unused_,
                       usec_t within _unused_)
{
        return ++n_asked;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

void palisaded_think(Palisaded *m _unused_)
{
        thoughts++;
}

static int set_up(void **state _unused_)
{
        cluster = (Cluster){ .revision = 50, .n_members = 2, .settings = SETTINGS_DEFAULT,
                             .failover = { .requested = true, .mod_revision = ASKED } };
        for (unsigned i = 0; i < cluster.n_members; i++) {
                Member *m = &cluster.members[i];
                snprintf(m->name, sizeof m->name, "node%u", i);
                (void)STR_SET(m->api_url, "http://10.0.0.1:8008/patroni");
                m->state = RUN_RUNNING;
                m->tags = TAGS_DEFAULT;
        }
        (void)STR_SET(cluster.leader.name, "node0");
        (void)STR_SET(cluster.failover.leader, "node0");
        p = (Palisaded){ .cluster = &cluster, .authority.epoch = EPOCH, .decision.intent = INTENT_LEAD };
        (void)STR_SET(p.node.name, "node0");
        p.handover_timer.due = USEC_INFINITY;
        cleared = 0;
        n_asked = thoughts = 0;
        return 0;
}

static void peers_answer(bool well)
{
        static _Alignas(MsgPeers) char packet[sizeof(MsgPeers) + sizeof(Peer)];
        MsgPeers *m = (MsgPeers *)packet;

        m->h.seq = n_asked;
        m->n_peers = 1;
        m->peers[0] = (Peer){ .answered = well, .timeline = 1, .lsn = 1000, .failover_priority = 1 };
        (void)STR_SET(m->peers[0].name, "node1");
        assert_true(handover_on_peers(&p, m));
}

static void test_others_are_asked_and_it_begins(void **state _unused_)
{
        handover_look(&p);
        handover_look(&p);
        assert_int_equal(n_asked, 1);
        assert_false(p.handover.wanted);
        peers_answer(true);
        assert_true(p.handover.wanted);
        assert_int_equal(thoughts, 1);
        assert_int_equal(cleared, 0);
}

static void test_nobody_could_take_over(void **state _unused_)
{
        handover_look(&p);
        peers_answer(false);
        assert_false(p.handover.wanted);
        assert_int_equal(cleared, ASKED);
}

static void test_another_leader_is_named(void **state _unused_)
{
        (void)STR_SET(cluster.failover.leader, "node1");
        handover_look(&p);
        assert_int_equal(n_asked, 0);
        assert_int_equal(cleared, ASKED);
}

/* What was asked of it, nobody answers: the request is not forgotten with that. */
static void test_dcsd_goes_meanwhile(void **state _unused_)
{
        handover_look(&p);
        handover_lost_dcsd(&p);
        handover_look(&p);
        assert_int_equal(n_asked, 2);
        peers_answer(true);
        assert_true(p.handover.wanted);
}

/* The key is ours again, by a bid whose answer was lost. */
static void test_the_next_epoch_is_ours_too(void **state _unused_)
{
        handover_look(&p);
        peers_answer(true);
        p.authority.epoch = 0;
        handover_end(&p);
        assert_false(p.handover.wanted);
        handover_look(&p);
        assert_int_equal(n_asked, 1);
        p.authority.epoch = EPOCH;
        handover_look(&p);
        assert_int_equal(n_asked, 2);
        peers_answer(true);
        assert_true(p.handover.wanted);
        assert_int_equal(cleared, 0);
}

/* Also by who wins the lock again after it has handed over, and has looked at this key before. */
static void test_what_is_over_is_cleared_until_it_is_gone(void **state _unused_)
{
        handover_look(&p);
        peers_answer(true);
        handover_end(&p); /* its epoch is over, and the next one is ours */
        handover_over(&p);
        assert_int_equal(cleared, ASKED);
        cleared = 0;
        handover_look(&p); /* that write was lost */
        assert_int_equal(cleared, ASKED);
        assert_int_equal(n_asked, 1);
        cleared = 0;
        cluster.failover.mod_revision = ASKED + 1; /* a new one */
        handover_look(&p);
        assert_int_equal(cleared, 0);
        assert_int_equal(n_asked, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_others_are_asked_and_it_begins, set_up),
                cmocka_unit_test_setup(test_nobody_could_take_over, set_up),
                cmocka_unit_test_setup(test_another_leader_is_named, set_up),
                cmocka_unit_test_setup(test_dcsd_goes_meanwhile, set_up),
                cmocka_unit_test_setup(test_the_next_epoch_is_ours_too, set_up),
                cmocka_unit_test_setup(test_what_is_over_is_cleared_until_it_is_gone, set_up),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
