/* The mind's side of the watchdog: what it makes of watchdogd's answers. watchdogd is played by the test. */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

#define EPOCH 7

static Palisaded p;
static Cluster cluster;
static bool standby, stands;
static struct {
        MsgType type;
        MsgArm arm;
        MsgDisarm disarm;
        hands_answer_t answer;
        void *userdata;
} asked; /* last */
static unsigned n_asked, n_sent, permits;
static uint64_t seq;
static Epoch revoked; /* told to fenced */

static void note(MsgHeader *m)
{
        asked.type = (MsgType)m->type;
        if (m->type == MSG_ARM)
                asked.arm = *(MsgArm *)m;
        else
                asked.disarm = *(MsgDisarm *)m;
}

uint64_t hands_request(Hands *h _unused_, HandId id, MsgHeader *m, usec_t timeout _unused_, hands_answer_t answer,
                       void *userdata)
{
        m->seq = ++seq;
        if (m->type == MSG_REVOKE) {
                assert_int_equal(id, HAND_FENCED);
                revoked = ((MsgRevoke *)m)->epoch;
                return seq;
        }
        assert_int_equal(id, HAND_WATCHDOGD);
        note(m);
        asked.answer = answer;
        asked.userdata = userdata;
        n_asked++;
        return seq;
}

void hands_send(Hands *h _unused_, HandId id, MsgHeader *m)
{
        assert_int_equal(id, HAND_WATCHDOGD);
        note(m);
        n_sent++;
}

PermitInput authority_input(const Palisaded *m)
{
        return (PermitInput){ .timing = { 30 * USEC_PER_SEC, 10 * USEC_PER_SEC, 10 * USEC_PER_SEC },
                              .watchdog = m->watchdog.fires };
}

bool authority_is_standby(const Palisaded *m _unused_)
{
        return standby;
}

bool pause_stands(const Palisaded *m _unused_)
{
        return stands;
}

void authority_give_permit(Palisaded *m _unused_)
{
        permits++;
}

void palisaded_think(Palisaded *m _unused_) {}

void timer_set(Timer *t, usec_t due)
{
        t->due = due;
}

static int set_up(void **state _unused_)
{
        p = (Palisaded){ .authority.epoch = EPOCH, .node.watchdog_mode = WATCHDOG_AUTOMATIC, .cluster = &cluster };
        revoked = 0;
        standby = stands = false;
        n_asked = n_sent = permits = 0;
        return 0;
}

/* With the W that it says. */
static void answer(Outcome outcome, usec_t fires)
{
        MsgResult r = { .h.seq = seq, .outcome = outcome };

        p.watchdog.fires = fires;
        asked.answer(&r, asked.userdata);
}

static void test_armed(void **state _unused_)
{
        watchdog_arm(&p);
        assert_int_equal(asked.type, MSG_ARM);
        assert_int_equal(asked.arm.epoch, EPOCH);
        watchdog_arm(&p); /* once is enough */
        assert_int_equal(n_asked, 1);
        assert_int_equal(permits, 0);
        answer(OUTCOME_DONE, 5 * USEC_PER_SEC);
        assert_int_equal(permits, 1);
        assert_true(p.authority.armed_answered && !p.authority.unarmed);
}

static void test_none(void **state _unused_)
{
        watchdog_arm(&p);
        answer(OUTCOME_REFUSED, 0);
        assert_int_equal(permits, 1); /* automatic: it leads on without */

        p.authority.armed_answered = false;
        p.node.watchdog_mode = WATCHDOG_REQUIRED;
        watchdog_arm(&p);
        answer(OUTCOME_REFUSED, 0);
        assert_int_equal(permits, 1);
        assert_true(p.authority.unarmed && !p.authority.armed_answered);

        p.node.watchdog_mode = WATCHDOG_OFF;
        watchdog_arm(&p);
        assert_int_equal(n_asked, 2);
        assert_true(p.authority.armed_answered);
}

/* A device that resets so late that a renewal which is missed leaves no time for another one. */
static void test_unfit(void **state _unused_)
{
        watchdog_arm(&p);
        answer(OUTCOME_DONE, 29 * USEC_PER_SEC);
        assert_int_equal(permits, 0);
        assert_int_equal(asked.type, MSG_DISARM);
        assert_int_equal(asked.disarm.epoch, EPOCH);
        assert_true(asked.disarm.goes_on);
        answer(OUTCOME_DONE, 0);
        assert_int_equal(permits, 1);

        p.node.watchdog_mode = WATCHDOG_REQUIRED;
        p.authority.armed_answered = false;
        watchdog_arm(&p);
        answer(OUTCOME_DONE, 29 * USEC_PER_SEC);
        assert_int_equal(permits, 1);
        assert_true(p.authority.unarmed);
        assert_true(p.unfit_until > now_boottime()); /* another node may try */
}

/* An answer for an epoch that is over is nobody's. */
/* What is required and fails while a pause is to end is tried again: the pause goes on, and its primary with it. */
static void test_pause_goes_on(void **state _unused_)
{
        static Cluster paused = { .settings.pause = true };

        p.cluster = &paused;
        p.node.watchdog_mode = WATCHDOG_REQUIRED;
        p.authority.armed_answered = p.authority.disarmed = true;
        p.authority.permit.standing = 1;
        watchdog_arm(&p);
        answer(OUTCOME_REFUSED, 0);
        assert_true(p.authority.armed_answered && p.authority.disarmed && !p.authority.unarmed);
        assert_true(p.authority.arm_again > now_boottime());
        watchdog_arm(&p);
        answer(OUTCOME_DONE, 29 * USEC_PER_SEC); /* unfit: nothing stays armed in a pause */
        assert_int_equal(asked.type, MSG_DISARM);
        assert_true(asked.disarm.goes_on && p.authority.disarmed && !p.authority.unarmed);
        paused.settings.pause = false; /* by an edit of the configuration: nothing waits for us */
        watchdog_arm(&p);
        answer(OUTCOME_REFUSED, 0);
        assert_true(p.authority.unarmed);
        assert_int_equal(permits, 0);
}

static void test_late(void **state _unused_)
{
        watchdog_arm(&p);
        p.authority.armed_asked = 0;
        answer(OUTCOME_DONE, 5 * USEC_PER_SEC);
        assert_int_equal(permits, 0);
}

static void test_not_for_a_standby(void **state _unused_)
{
        standby = true;
        watchdog_arm(&p);
        assert_int_equal(n_asked, 0);
        standby = false;
        stands = true; /* in pause nothing has a deadline */
        watchdog_arm(&p);
        assert_int_equal(n_asked, 0);
        assert_true(p.authority.disarmed);
}

/* Let go of when the epoch is over and nothing of it is left, and not before. */
static void test_settle(void **state _unused_)
{
        const usec_t now = now_boottime();

        p.authority = (Authority){ .epoch = 0 };
        p.watchdog.armed = TRI_YES;
        p.watchdog.epoch = EPOCH;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 0); /* nobody has said what runs */
        p.known[HAND_PGD] = p.known[HAND_FENCED] = true;
        p.pg.pg = (PgState){ .run = RUN_RUNNING, .in_recovery = TRI_NO };
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 0); /* a primary */
        p.pg.pg = (PgState){ .run = RUN_RUNNING, .in_recovery = TRI_YES, .standby_signal = true, .promote_sent = true };
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 0); /* about to be one */
        p.pg.pg.promote_sent = false;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 1);
        assert_int_equal(asked.disarm.epoch, EPOCH);
        assert_false(asked.disarm.goes_on);
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 1); /* not again at once */

        p.disarm_again = 0;
        p.pg.pg = (PgState){ .run = RUN_STOPPED };
        p.fence = (MsgFenceState){ .populated = TRI_NO, .revoked_epoch = EPOCH - 1 };
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 1); /* not revoked */
        p.fence.revoked_epoch = EPOCH;
        p.fence.populated = TRI_YES;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 1);
        p.fence.populated = TRI_NO;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 2);

        p.disarm_again = 0;
        p.authority = (Authority){ .epoch = EPOCH, .revoked = true, .pgd_answered = true };
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 2); /* fenced has not */
        p.authority.fenced_answered = true;
        p.authority.empty = TRI_NO;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 3);
}

/* watchdogd was away when the epoch ended, and this node leads again: a standby cluster, which nothing is armed for. */
static void test_settle_what_a_standby_leader_finds_armed(void **state _unused_)
{
        usec_t now = now_boottime();

        p.authority = (Authority){ .epoch = EPOCH + 1 };
        p.watchdog = (MsgWatchdogState){ .armed = TRI_YES, .epoch = EPOCH };
        p.known[HAND_PGD] = p.known[HAND_FENCED] = true;
        p.pg.pg = (PgState){ .run = RUN_RUNNING, .in_recovery = TRI_YES, .standby_signal = true };
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 0); /* it is about to be armed for the new one */
        standby = true;
        p.watchdog.epoch = EPOCH + 1;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 0); /* it was, before the cluster became a standby cluster */
        p.watchdog.epoch = EPOCH;
        p.pg.pg.promote_sent = true;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 0);
        p.pg.pg.promote_sent = false;
        watchdog_settle(&p, now);
        assert_int_equal(n_sent, 1);
        assert_int_equal(asked.disarm.epoch, EPOCH);
        assert_false(asked.disarm.goes_on);
}

/* A mind that has never seen the cluster: what the device was armed for is over by its deadline alone. */
static void test_settle_without_the_cluster(void **state _unused_)
{
        usec_t now = now_boottime();

        p.authority = (Authority){ .epoch = 0 };
        p.cluster = NULL;
        p.think_timer.due = USEC_INFINITY;
        p.watchdog = (MsgWatchdogState){ .armed = TRI_YES, .epoch = EPOCH, .deadline = now + 1000 };
        p.known[HAND_PGD] = p.known[HAND_FENCED] = true;
        p.pg.pg = (PgState){ .run = RUN_STOPPED };
        p.fence = (MsgFenceState){ .populated = TRI_NO, .revoked_epoch = EPOCH - 1 };
        watchdog_settle(&p, now);
        assert_int_equal(revoked, 0); /* its permit runs */
        assert_int_equal(p.think_timer.due, now + 1000);
        p.pg.pg.run = RUN_RUNNING;
        watchdog_settle(&p, now += 1000);
        assert_int_equal(revoked, 0); /* pgd's to end */
        p.pg.pg.run = RUN_STOPPED;
        watchdog_settle(&p, now);
        assert_int_equal(revoked, EPOCH);
        assert_int_equal(n_sent, 0);
        revoked = 0;
        watchdog_settle(&p, now + 1);
        assert_int_equal(revoked, 0); /* not again at once */
        p.fence.revoked_epoch = EPOCH;
        watchdog_settle(&p, p.disarm_again);
        assert_int_equal(revoked, 0);
        assert_int_equal(n_sent, 1);
        assert_int_equal(asked.disarm.epoch, EPOCH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_armed, set_up),
                cmocka_unit_test_setup(test_none, set_up),
                cmocka_unit_test_setup(test_unfit, set_up),
                cmocka_unit_test_setup(test_pause_goes_on, set_up),
                cmocka_unit_test_setup(test_late, set_up),
                cmocka_unit_test_setup(test_not_for_a_standby, set_up),
                cmocka_unit_test_setup(test_settle, set_up),
                cmocka_unit_test_setup(test_settle_what_a_standby_leader_finds_armed, set_up),
                cmocka_unit_test_setup(test_settle_without_the_cluster, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
