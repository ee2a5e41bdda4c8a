/* What each intent means for the hands (DESIGN 2). */
#include "decide/actuate.h"
#include "test-lib.h"

static void check(Intent intent, PgGoal goal, Holding hold, DcsAct act, bool serve, bool permit)
{
        Actions a = actuate(intent);

        assert_int_equal(a.goal, goal);
        assert_int_equal(a.hold, hold);
        assert_int_equal(a.act, act);
        assert_int_equal(a.serve, serve);
        assert_int_equal(a.permit, permit);
}

static void test_leading(void **state _unused_)
{
        check(INTENT_LEAD, GOAL_NOTHING, HOLD_LOCK, ACT_NONE, true, true);
        check(INTENT_CLING, GOAL_NOTHING, HOLD_LOCK, ACT_NONE, true, true);
        check(INTENT_CHECKPOINT, GOAL_CHECKPOINT, HOLD_LOCK, ACT_NONE, true, true);
}

/* The address and the API follow when it is a primary, not before. */
static void test_becoming(void **state _unused_)
{
        check(INTENT_PROMOTE, GOAL_PROMOTE, HOLD_LOCK, ACT_NONE, false, true);
        check(INTENT_START, GOAL_START, HOLD_LOCK, ACT_NONE, false, true);
        check(INTENT_BECOME, GOAL_NOTHING, HOLD_LOCK, ACT_NONE, false, true);
}

/* "Orderly demotion": API 503 and address away first, the lock is kept until it is confirmed. */
static void test_handing_over(void **state _unused_)
{
        check(INTENT_STEP_DOWN, GOAL_STOP, HOLD_LOCK, ACT_NONE, false, true);
        check(INTENT_AWAIT, GOAL_NOTHING, HOLD_LOCK, ACT_ASK_CANDIDATE, false, true);
        check(INTENT_REVOKE, GOAL_NOTHING, HOLD_NOTHING, ACT_REVOKE, false, false);
        check(INTENT_CLEAR, GOAL_STOP, HOLD_NOTHING, ACT_REVOKE, false, false);
        check(INTENT_RELEASE, GOAL_NOTHING, HOLD_NOTHING, ACT_RELEASE, false, false);
        check(INTENT_FORGET, GOAL_NOTHING, HOLD_MEMBER, ACT_FORGET, false, false);
}

static void test_standby(void **state _unused_)
{
        check(INTENT_FOLLOW, GOAL_FOLLOW, HOLD_MEMBER, ACT_NONE, false, false);
        check(INTENT_KEEP, GOAL_NOTHING, HOLD_MEMBER, ACT_NONE, false, false);
        check(INTENT_ASK, GOAL_NOTHING, HOLD_MEMBER, ACT_ASK, false, false);
        check(INTENT_BID, GOAL_NOTHING, HOLD_MEMBER, ACT_BID, false, false);
}

static void test_staying_out(void **state _unused_)
{
        check(INTENT_WAIT, GOAL_NOTHING, HOLD_AS_BEFORE, ACT_NONE, false, true);
        check(INTENT_REFUSE, GOAL_STOP, HOLD_MEMBER, ACT_NONE, false, false);
        check(INTENT_STOP, GOAL_STOP, HOLD_MEMBER, ACT_NONE, false, false);
        check(INTENT_STAY_OUT, GOAL_NOTHING, HOLD_MEMBER, ACT_NONE, false, false);
}

static void test_making_a_cluster(void **state _unused_)
{
        check(INTENT_CLAIM, GOAL_NOTHING, HOLD_MEMBER, ACT_CLAIM, false, false);
        check(INTENT_BOOTSTRAP, GOAL_BOOTSTRAP, HOLD_MEMBER, ACT_NONE, false, false);
        check(INTENT_RECORD, GOAL_NOTHING, HOLD_MEMBER, ACT_RECORD_SYSID, false, false);
        check(INTENT_CONFIGURE, GOAL_NOTHING, HOLD_MEMBER, ACT_WRITE_CONFIG, false, false);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_leading),      cmocka_unit_test(test_becoming),
                cmocka_unit_test(test_handing_over), cmocka_unit_test(test_standby),
                cmocka_unit_test(test_staying_out),  cmocka_unit_test(test_making_a_cluster),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
