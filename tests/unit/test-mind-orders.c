/*
 * What is wished of fenced, and what is ordered of pgd: when, and that nothing is said twice. The hands
 * are played by the test.
 */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define EPOCH 7
#define LEAF 3

static struct {
        MsgWant want; /* the last one */
        unsigned wants;
        size_t n_fds;
        hands_answer_t want_answer;
        MsgOrder order;
        unsigned orders;
        hands_answer_t order_answer;
        MsgGate gate;
        unsigned gates;
        uint64_t forgotten;
        bool fenced_is_up;
} said;
static uint64_t seq;

uint64_t hands_request_fds(Hands *h _unused_, HandId id, MsgHeader *m, const int *fds _unused_, size_t n_fds,
                           usec_t timeout _unused_, hands_answer_t answer, void *userdata _unused_)
{
        assert_int_equal(id, HAND_FENCED);
        assert_int_equal(m->type, MSG_WANT);
        said.want = *(MsgWant *)m;
        said.wants++;
        said.n_fds = n_fds;
        said.want_answer = answer;
        return ++seq;
}

uint64_t hands_request(Hands *h _unused_, HandId id, MsgHeader *m, usec_t timeout _unused_,
                       hands_answer_t answer, void *userdata _unused_)
{
        assert_int_equal(id, HAND_PGD);
        assert_int_equal(m->type, MSG_ORDER);
        m->seq = ++seq;
        said.order = *(MsgOrder *)m;
        said.orders++;
        said.order_answer = answer;
        return seq;
}

void hands_forget(Hands *h _unused_, uint64_t order)
{
        said.forgotten = order;
}

void hands_send(Hands *h _unused_, HandId id, MsgHeader *m)
{
        assert_int_equal(id, HAND_PGD);
        assert_int_equal(m->type, MSG_GATE);
        said.gate = *(MsgGate *)m;
        said.gates++;
}

bool hands_is_up(const Hands *h _unused_, HandId id _unused_)
{
        return said.fenced_is_up;
}

/* Not asked for anything here. */
bool authority_is_standby(const Palisaded *p _unused_)
{
        return false;
}

bool duties_before_promotion(Palisaded *p _unused_)
{
        return true;
}

bool duties_before_start(Palisaded *p _unused_)
{
        return true;
}

bool duties_names_at_start(Palisaded *p _unused_, char *names _unused_, size_t size _unused_)
{
        return true;
}

void duties_unclaim(Palisaded *p _unused_) {}
void palisaded_think(Palisaded *p _unused_) {}

bool restart_stops(const Palisaded *p _unused_)
{
        return false;
}

bool unsync_waits(Palisaded *p _unused_)
{
        return false;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

/* A mind that has wished for the leaf LEAF, where a standby runs, and was told that it is so. */
static int set_up(void **state)
{
        static Palisaded p;

        memset(&said, 0, sizeof said);
        said.fenced_is_up = true;
        p = (Palisaded){ .leaf = { .leaf = LEAF, .cgroup = 1 }, .leaf_fds = { 8, 9 } };
        p.known[HAND_FENCED] = true;
        p.fence.leaf = LEAF;
        p.want = WIRE_INIT(MsgWant, MSG_WANT);
        p.want.leaf = LEAF;
        p.want.cgroup = 1;
        p.want_state = WANT_GRANTED;
        *state = &p;
        return 0;
}

static void apply(Palisaded *p, Intent intent)
{
        Actions a = actuate(intent);

        orders_apply(p, &a);
}

static void another_leaf(Palisaded *p)
{
        p->leaf.leaf = LEAF + 1;
        p->leaf.cgroup = 2;
        p->gate_owed = true;
}

/* Of an epoch that the mind before this one led under, or this one without a permit. */
static void revoke_anothers(Palisaded *p)
{
        p->authority.epoch = EPOCH;
        p->authority.revoked = true;
}

static void fenced_answers(Palisaded *p, Outcome outcome)
{
        MsgResult r = { .h.seq = seq, .outcome = outcome };

        said.want_answer(&r, p);
}

/* ---- fenced ---- */

static void test_a_wish_is_said_once(void **state)
{
        Palisaded *p = *state;

        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 0);
        another_leaf(p);
        apply(p, INTENT_KEEP);
        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 1);
        assert_int_equal(said.want.leaf, LEAF + 1);
        assert_int_equal(said.want.epoch, 0);
        assert_int_equal(said.n_fds, 2);
        fenced_answers(p, OUTCOME_DONE);
        assert_int_equal(said.gates, 1);
        assert_int_equal(said.gate.leaf, LEAF + 1);
        assert_int_equal(said.gate.outcome, OUTCOME_DONE);
        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 1);
}

static void test_a_new_fenced_is_told_again(void **state)
{
        Palisaded *p = *state;

        orders_again(p, HAND_FENCED);
        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 1);
        assert_int_equal(said.n_fds, 2);
}

static void test_a_failed_wish_is_said_again_while_fenced_is_there(void **state)
{
        Palisaded *p = *state;

        p->want_state = WANT_FAILED;
        said.fenced_is_up = false;
        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 0);
        said.fenced_is_up = true;
        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 1);
}

static void test_the_epoch_goes_with_its_permit(void **state)
{
        Palisaded *p = *state;

        p->authority.epoch = EPOCH;
        apply(p, INTENT_PROMOTE);
        assert_int_equal(said.wants, 0);
        p->authority.permit.epoch = EPOCH;
        p->authority.permit.deadline = now_boottime() + USEC_PER_SEC;
        apply(p, INTENT_LEAD);
        assert_int_equal(said.wants, 1);
        assert_int_equal(said.want.epoch, EPOCH);
        assert_int_equal(said.want.take, 1);
        p->authority.revoked = true;
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.want.epoch, EPOCH);
        assert_int_equal(said.want.take, 0);
}

static void test_anothers_right_stays_as_fenced_knows_it(void **state)
{
        Palisaded *p = *state;

        revoke_anothers(p);
        p->want_state = WANT_UNSENT;
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.wants, 0);
}

/* fenced was killed, and the mind stood still, when pgd began a standby in a new leaf. */
static void test_of_a_new_leaf_fenced_learns_while_anothers_right_ends(void **state)
{
        Palisaded *p = *state;

        revoke_anothers(p);
        another_leaf(p);
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.wants, 1);
        assert_int_equal(said.want.leaf, LEAF + 1);
        assert_int_equal(said.want.epoch, EPOCH);
        assert_int_equal(said.n_fds, 2);
        fenced_answers(p, OUTCOME_UNKNOWN);
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.wants, 2);
        p->fence.leaf = LEAF + 1;
        p->want_state = WANT_UNSENT;
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.wants, 2);
}

/* fenced is told again what it knows, or was not there when the standby was begun, or its permit's end is long past. */
static void test_a_standby_begun_after_the_end_of_a_right_is_not_of_it(void **state)
{
        Palisaded *p = *state;
        static const struct {
                Epoch over, epoch;
        } rows[] = { { EPOCH - 1, EPOCH }, { EPOCH, 0 }, { EPOCH + 1, 0 } };

        p->authority.epoch = p->authority.permit.epoch = EPOCH;
        p->authority.permit.deadline = now_boottime() + USEC_PER_SEC;
        p->authority.revoked = true;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                another_leaf(p);
                p->leaf.over = rows[i].over;
                p->want_state = WANT_UNSENT;
                apply(p, INTENT_REVOKE);
                assert_int_equal(said.wants, i + 1);
                assert_int_equal(said.want.leaf, LEAF + 1);
                assert_int_equal(said.want.epoch, rows[i].epoch);
        }
}

static void test_but_not_before_fenced_has_told_what_it_knows(void **state)
{
        Palisaded *p = *state;

        revoke_anothers(p);
        another_leaf(p);
        p->known[HAND_FENCED] = false;
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.wants, 0);
}

static void test_nor_where_the_server_need_not_end(void **state)
{
        Palisaded *p = *state;

        revoke_anothers(p);
        another_leaf(p);
        p->authority.yielding = true;
        apply(p, INTENT_REVOKE);
        assert_int_equal(said.wants, 0);
}

static void test_a_new_mind_waits_for_what_is(void **state)
{
        Palisaded *p = *state;

        p->want = (MsgWant){ 0 };
        p->want_state = WANT_UNSENT;
        apply(p, INTENT_WAIT);
        apply(p, INTENT_CLING);
        assert_int_equal(said.wants, 0);
        apply(p, INTENT_KEEP);
        assert_int_equal(said.wants, 1);
}

/* ---- pgd ---- */

static void pgd_answers(Palisaded *p, Outcome outcome)
{
        MsgResult r = { .h.seq = seq, .outcome = outcome };

        said.order_answer(&r, p);
}

static void test_an_order_is_said_once_and_again_after_it_failed(void **state)
{
        Palisaded *p = *state;

        apply(p, INTENT_STOP);
        apply(p, INTENT_STOP);
        assert_int_equal(said.orders, 1);
        assert_int_equal(said.order.what, ORDER_STOP);
        pgd_answers(p, OUTCOME_REFUSED);
        apply(p, INTENT_STOP);
        assert_int_equal(said.orders, 1);
        p->order_again = 0;
        apply(p, INTENT_STOP);
        assert_int_equal(said.orders, 2);
        pgd_answers(p, OUTCOME_DONE);
        apply(p, INTENT_STOP);
        assert_int_equal(said.orders, 2);
        orders_again(p, HAND_PGD);
        apply(p, INTENT_STOP);
        assert_int_equal(said.orders, 3);
}

/* The two may be of one epoch, and the order to pgd the same. */
static void test_each_handover_has_its_checkpoint(void **state)
{
        Palisaded *p = *state;

        p->handover.since = 1;
        apply(p, INTENT_CHECKPOINT);
        pgd_answers(p, OUTCOME_DONE);
        apply(p, INTENT_CHECKPOINT);
        assert_int_equal(said.orders, 1);
        uint64_t first = said.order.h.seq;
        p->handover.since = 2;
        apply(p, INTENT_CHECKPOINT);
        assert_int_equal(said.orders, 2);
        assert_int_equal(said.forgotten, first); /* else each one that was replaced would wait for its answer for a day */
        assert_int_equal(said.order.what, ORDER_CHECKPOINT);
}

static void test_nobody_is_promoted_before_fenced_has_the_permit(void **state)
{
        Palisaded *p = *state;

        p->authority.epoch = EPOCH;
        p->authority.permit.epoch = EPOCH;
        p->authority.permit.deadline = now_boottime() + USEC_PER_SEC;
        apply(p, INTENT_PROMOTE);
        assert_int_equal(said.wants, 1);
        assert_int_equal(said.orders, 0);
        fenced_answers(p, OUTCOME_UNKNOWN);
        apply(p, INTENT_PROMOTE);
        assert_int_equal(said.orders, 0);
        fenced_answers(p, OUTCOME_DONE);
        apply(p, INTENT_PROMOTE);
        assert_int_equal(said.orders, 1);
        assert_int_equal(said.order.what, ORDER_PROMOTE);
        assert_int_equal(said.order.epoch, EPOCH);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_a_wish_is_said_once),
                TEST(test_a_new_fenced_is_told_again),
                TEST(test_a_failed_wish_is_said_again_while_fenced_is_there),
                TEST(test_the_epoch_goes_with_its_permit),
                TEST(test_anothers_right_stays_as_fenced_knows_it),
                TEST(test_of_a_new_leaf_fenced_learns_while_anothers_right_ends),
                TEST(test_a_standby_begun_after_the_end_of_a_right_is_not_of_it),
                TEST(test_but_not_before_fenced_has_told_what_it_knows),
                TEST(test_nor_where_the_server_need_not_end),
                TEST(test_a_new_mind_waits_for_what_is),
                TEST(test_an_order_is_said_once_and_again_after_it_failed),
                TEST(test_each_handover_has_its_checkpoint),
                TEST(test_nobody_is_promoted_before_fenced_has_the_permit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
