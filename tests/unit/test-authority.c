/*
 * When a fence is confirmed (DESIGN 2, "Confirmed fence"), and how the lock is held. The hands are played
 * by the test.
 */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define EPOCH 7
#define LEAF 3

typedef struct Asked {
        HandId hand;
        MsgRevoke revoke;
        hands_answer_t answer;
        void *userdata;
} Asked;

/* What was asked of the hands, the oldest first. */
static Asked asked[8];
static size_t n_asked;
static struct {
        hands_answer_t answer;
        void *userdata;
} bid;
static unsigned bids;
static hands_answer_t release_answer;
static uint64_t seq;
static unsigned thoughts, overs;

uint64_t hands_request(Hands *h _unused_, HandId id, MsgHeader *m, usec_t timeout _unused_,
                       hands_answer_t answer, void *userdata)
{
        m->seq = ++seq;
        if (m->type == MSG_BID) {
                bid.answer = answer;
                bid.userdata = userdata;
                bids++;
                return seq;
        }
        if (m->type == MSG_RELEASE) {
                release_answer = answer;
                return seq;
        }
        assert_true(n_asked < ELEMENTSOF(asked));
        assert_int_equal(m->type, MSG_REVOKE);
        asked[n_asked++] = (Asked){ id, *(MsgRevoke *)m, answer, userdata };
        return seq;
}

void palisaded_think(Palisaded *p _unused_)
{
        thoughts++;
}

static MsgHold hold; /* the last one */

void hands_send(Hands *h _unused_, HandId id _unused_, MsgHeader *m)
{
        if (m->type == MSG_HOLD)
                hold = *(MsgHold *)m;
}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

/* Not asked for anything here. */
void api_status(Api *a _unused_, bool everything _unused_) {}
void duties_sync_in_doubt(Palisaded *p _unused_) {}
void handover_end(Palisaded *p _unused_) {}
void handover_over(Palisaded *p _unused_)
{
        overs++;
}

void race_reset(Palisaded *p _unused_) {}
void watchdog_arm(Palisaded *p _unused_) {}
void watchdog_follow_timing(Palisaded *p _unused_) {}
void watchdog_settle(Palisaded *p _unused_, usec_t now _unused_) {}

static bool stands;
static unsigned disarms;

bool pause_stands(const Palisaded *p _unused_)
{
        return stands;
}

void watchdog_stand(Palisaded *p)
{
        p->authority.disarmed = true;
        disarms++;
}

Snapshot palisaded_snapshot(const Palisaded *p _unused_, usec_t now _unused_)
{
        return (Snapshot){ 0 };
}

static const Rule rule = { .name = "lost", .reason = "the lock is gone" };

static int set_up(void **state)
{
        static Palisaded p;

        p = (Palisaded){ .authority.epoch = EPOCH, .decision.rule = &rule };
        p.pg.pg.leaf = LEAF;
        p.fence = (MsgFenceState){ .leaf = LEAF, .populated = TRI_YES };
        n_asked = 0;
        thoughts = overs = disarms = bids = 0;
        stands = false;
        *state = &p;
        return 0;
}

/* The oldest REVOKE of this hand that is not answered yet. */
static void answer(HandId hand, Outcome outcome)
{
        for (size_t i = 0; i < n_asked; i++) {
                MsgResult r = { .h.seq = asked[i].revoke.h.seq, .outcome = outcome };
                if (asked[i].hand != hand || !asked[i].answer)
                        continue;
                hands_answer_t heard = asked[i].answer;
                asked[i].answer = NULL;
                heard(&r, asked[i].userdata);
                return;
        }
        fail_msg("%d was not asked", hand);
}

static void fenced_tells(Palisaded *p, Tri populated)
{
        p->fence.revoked_epoch = EPOCH;
        p->fence.populated = populated;
        authority_fence_state(p);
}

static void test_both_and_then_the_leaf(void **state)
{
        Palisaded *p = *state;

        authority_revoke(p);
        assert_int_equal(n_asked, 2);
        assert_true(asked[0].revoke.epoch == EPOCH && asked[1].revoke.epoch == EPOCH);
        answer(HAND_FENCED, OUTCOME_DONE);
        fenced_tells(p, TRI_NO); /* pgd may be starting a server just now */
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        answer(HAND_PGD, OUTCOME_DONE);
        assert_int_equal(p->authority.empty, TRI_UNKNOWN); /* what fenced said before is worth nothing */
        assert_int_equal(n_asked, 3);
        assert_int_equal(asked[2].hand, HAND_FENCED);
        fenced_tells(p, TRI_NO); /* on its way when it was asked again */
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        answer(HAND_FENCED, OUTCOME_DONE);
        assert_true(thoughts > 0);
        fenced_tells(p, TRI_YES);
        assert_int_equal(p->authority.empty, TRI_YES);
        fenced_tells(p, TRI_NO);
        assert_int_equal(p->authority.empty, TRI_NO);
}

static void test_refused_or_lost(void **state)
{
        Palisaded *p = *state;

        authority_revoke(p);
        answer(HAND_PGD, OUTCOME_UNKNOWN);
        answer(HAND_FENCED, OUTCOME_DONE);
        assert_int_equal(n_asked, 2); /* nobody has confirmed yet */
        assert_false(p->authority.pgd_answered);
        p->authority.revoke_again = 0;
        authority_revoke(p);
        assert_int_equal(n_asked, 3); /* only who owes an answer is asked */
        assert_int_equal(asked[2].hand, HAND_PGD);
        answer(HAND_PGD, OUTCOME_DONE);
        assert_int_equal(n_asked, 4);
        answer(HAND_FENCED, OUTCOME_UNKNOWN); /* the second time */
        fenced_tells(p, TRI_NO);
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
}

static void test_of_another_leaf_or_epoch(void **state)
{
        Palisaded *p = *state;

        authority_revoke(p);
        answer(HAND_PGD, OUTCOME_DONE);
        answer(HAND_FENCED, OUTCOME_DONE);
        answer(HAND_FENCED, OUTCOME_DONE);
        p->fence.leaf = LEAF - 1;
        fenced_tells(p, TRI_NO);
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        authority_pg_state(p);
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        p->fence.leaf = LEAF;
        p->fence.populated = TRI_NO;
        p->fence.revoked_epoch = EPOCH - 1;
        authority_fence_state(p);
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        fenced_tells(p, TRI_NO);
        assert_int_equal(p->authority.empty, TRI_NO);
}

/* A standby was on its way: fenced tells of its leaf before pgd does. */
static void test_of_a_new_leaf(void **state)
{
        Palisaded *p = *state;

        authority_revoke(p);
        fenced_tells(p, TRI_NO);
        answer(HAND_PGD, OUTCOME_DONE);
        answer(HAND_FENCED, OUTCOME_DONE);
        authority_pg_state(p); /* nothing was told since */
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        answer(HAND_FENCED, OUTCOME_DONE);
        authority_pg_state(p);
        assert_int_equal(p->authority.empty, TRI_UNKNOWN);
        fenced_tells(p, TRI_NO);
        assert_int_equal(p->authority.empty, TRI_NO);
        p->fence.leaf = LEAF + 1;
        fenced_tells(p, TRI_YES);
        assert_int_equal(p->authority.empty, TRI_NO);
        p->pg.pg.leaf = LEAF + 1;
        authority_pg_state(p);
        assert_int_equal(p->authority.empty, TRI_YES);
}

/* Its primary took the key again: the answers to the REVOKE of before say nothing of this epoch. */
static void test_answers_of_the_epoch_before(void **state)
{
        Palisaded *p = *state;

        authority_revoke(p);
        p->authority = (Authority){ .epoch = EPOCH + 1 };
        answer(HAND_PGD, OUTCOME_DONE);
        assert_false(p->authority.pgd_answered);
        authority_revoke(p);
        answer(HAND_FENCED, OUTCOME_DONE);
        assert_false(p->authority.fenced_answered);
        answer(HAND_FENCED, OUTCOME_DONE);
        assert_true(p->authority.fenced_answered);
}

/* A mind that was started anew: what any hand still permits is ended, not only what the key tells. */
static void test_the_newest_epoch_is_ended(void **state)
{
        Palisaded *p = *state;

        p->authority.epoch = 0;
        p->pg.pg.permit_epoch = EPOCH + 2;
        p->fence.epoch = EPOCH + 1;
        authority_revoke(p);
        assert_true(asked[0].revoke.epoch == EPOCH + 2);
        p->authority = (Authority){ 0 };
        p->watchdog.epoch = EPOCH + 3;
        authority_revoke(p);
        assert_true(asked[2].revoke.epoch == EPOCH + 3);
}

static void hold_with(Palisaded *p, usec_t lease_ttl, usec_t ttl)
{
        static MsgCluster cluster;

        cluster.cluster.settings.timing = (Timing){ ttl, SEC(10), SEC(10) };
        p->cluster = &cluster.cluster;
        p->authority.lease = (MsgLease){ .epoch = EPOCH, .ttl = lease_ttl };
        p->authority.holding = HOLD_NOTHING;
        authority_hold(p, HOLD_LOCK);
        assert_true(hold.epoch == EPOCH && hold.ttl == ttl);
}

/* The permit of the longer lease runs on: the key does not move to a shorter one before it may. */
static void test_a_shorter_ttl(void **state)
{
        Palisaded *p = *state;

        p->authority.permit.deadline = now_boottime() + SEC(80);
        hold_with(p, SEC(90), SEC(30));
        assert_false(hold.move);
        p->authority.permit.deadline = now_boottime() + SEC(5);
        hold_with(p, SEC(90), SEC(30));
        assert_true(hold.move);
}

/* Until the key is under the longer lease, it is renewed at the pace of the shorter one. */
static void test_a_longer_ttl(void **state)
{
        Palisaded *p = *state;
        usec_t now = now_boottime();

        hold_with(p, SEC(90), SEC(90));
        usec_t of_the_longer = hold.interval;
        assert_true(hold.renew_until < now + hold.interval + SEC(5)); /* not far ahead: we may hang */
        hold_with(p, SEC(30), SEC(90));
        assert_true(hold.interval < of_the_longer);
}

/* Armed because the pause was to end; it goes on, and so its primary has to be left alone. */
static void test_pause_goes_on(void **state)
{
        Palisaded *p = *state;

        p->authority.permit = (MsgPermit){ .epoch = EPOCH, .deadline = 1, .standing = 1 };
        p->authority.armed_answered = true;
        stands = true;
        authority_stand(p);
        authority_stand(p);
        assert_int_equal(disarms, 1);
}

/* Whatever the failover key asks: who wins the lock has seen to it. */
static void test_a_request_ends_with_the_lock(void **state)
{
        Palisaded *p = *state;
        static Cluster cluster = { .failover = { .requested = true, .mod_revision = 42 } };
        MsgResult refused = { .outcome = OUTCOME_REFUSED }, won = { .outcome = OUTCOME_DONE, .epoch = EPOCH };

        p->authority.epoch = 0;
        p->cluster = &cluster;
        authority_bid(p, false);
        bid.answer(&refused, bid.userdata);
        assert_int_equal(overs, 0);
        p->authority.bid_again = 0;
        authority_bid(p, false);
        bid.answer(&won, bid.userdata);
        assert_int_equal(p->authority.epoch, EPOCH);
        assert_int_equal(overs, 1);
}

/* The key was to be taken again; meanwhile the epoch ended. That bid is still the only one. */
static void test_a_bid_outlives_the_epoch(void **state)
{
        Palisaded *p = *state;
        static Cluster cluster;
        MsgResult won = { .outcome = OUTCOME_DONE, .epoch = EPOCH + 1 };

        p->cluster = &cluster;
        authority_bid(p, true);
        authority_lost(p);
        assert_int_equal(p->authority.epoch, 0);
        assert_true(p->authority.bidding); /* no promise is given, and a key that shows up is ours */
        authority_bid(p, false);
        assert_int_equal(bids, 1);
        bid.answer(&won, bid.userdata);
        assert_int_equal(p->authority.epoch, EPOCH + 1);
        assert_false(p->authority.bidding || p->authority.retaken); /* whoever led on is gone */
}

static void release(Palisaded *p, Outcome outcome)
{
        MsgResult r = { .outcome = (uint32_t)outcome };

        p->authority = (Authority){ .epoch = EPOCH, .ended = EPOCH - 1, .revoked = true };
        authority_release(p);
        release_answer(&r, p);
        assert_int_equal(p->authority.epoch, outcome == OUTCOME_UNKNOWN ? EPOCH : 0);
        assert_int_equal(p->authority.ended, outcome == OUTCOME_UNKNOWN ? EPOCH - 1 : EPOCH);
}

/* Without an answer it is not: it is released again. */
static void test_what_is_released_is_over(void **state)
{
        Palisaded *p = *state;

        release(p, OUTCOME_DONE);
        release(p, OUTCOME_REFUSED);
        release(p, OUTCOME_UNKNOWN);
}

/* Only who has never had a permit of this epoch, in a standby cluster, need not be fenced. */
static void test_who_yields(void **state)
{
        Palisaded *p = *state;
        static Cluster cluster;
        const struct {
                bool standby_cluster;
                Epoch sent;
                usec_t deadline;
                Epoch pgd_has;
                Role role;
                bool yields;
        } cases[] = {
                { true, 0, 0, 0, ROLE_REPLICA, true },
                { true, EPOCH, 0, 0, ROLE_REPLICA, true }, /* adopted */
                { true, EPOCH - 1, 9, EPOCH - 1, ROLE_REPLICA, true },
                { false, 0, 0, 0, ROLE_REPLICA, false },
                { true, EPOCH, 9, 0, ROLE_REPLICA, false },
                { true, 0, 0, EPOCH, ROLE_REPLICA, false },
                { true, 0, 0, 0, ROLE_PRIMARY, false },
        };

        p->cluster = &cluster;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                cluster.settings.standby_cluster = cases[i].standby_cluster;
                p->authority = (Authority){ .epoch = EPOCH, .permit = { .epoch = cases[i].sent, .deadline = cases[i].deadline } };
                p->pg.pg = (PgState){ .run = RUN_RUNNING, .role = cases[i].role, .permit_epoch = cases[i].pgd_has };
                n_asked = 0;
                authority_revoke(p);
                assert_int_equal(p->authority.yielding, cases[i].yields);
                assert_int_equal(n_asked, 2);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_both_and_then_the_leaf, set_up),
                cmocka_unit_test_setup(test_refused_or_lost, set_up),
                cmocka_unit_test_setup(test_of_another_leaf_or_epoch, set_up),
                cmocka_unit_test_setup(test_of_a_new_leaf, set_up),
                cmocka_unit_test_setup(test_answers_of_the_epoch_before, set_up),
                cmocka_unit_test_setup(test_the_newest_epoch_is_ended, set_up),
                cmocka_unit_test_setup(test_a_shorter_ttl, set_up),
                cmocka_unit_test_setup(test_a_longer_ttl, set_up),
                cmocka_unit_test_setup(test_pause_goes_on, set_up),
                cmocka_unit_test_setup(test_a_bid_outlives_the_epoch, set_up),
                cmocka_unit_test_setup(test_a_request_ends_with_the_lock, set_up),
                cmocka_unit_test_setup(test_what_is_released_is_over, set_up),
                cmocka_unit_test_setup(test_who_yields, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
