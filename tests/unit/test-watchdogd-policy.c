/* When the device may be petted, and what if not: DESIGN 2, item 6. */
#include "test-lib.h"
#include "watchdogd/policy.h"

#define NOW SEC(1000)
#define W SEC(4)

static PolicyTable armed(usec_t deadline)
{
        PolicyTable t = { .n = 1, .fires = W, .last_pet = NOW };

        (void)STR_SET(t.clusters[0].name, "main");
        t.clusters[0].armed = 1;
        t.clusters[0].epoch = 7;
        t.clusters[0].deadline = deadline;
        return t;
}

static void add(PolicyTable *t, const char *name, Epoch epoch, usec_t deadline)
{
        PolicyCluster *c = policy_row(t, name, true);

        policy_arm(c, epoch, WATCHDOG_AUTOMATIC);
        c->deadline = deadline;
}

/* A quarter of W after the last pet, while the permit runs; no pet at the permit itself. */
static void test_pets(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        Policy v = policy_now(&t, NOW);

        assert_int_equal(v.act, POLICY_WAIT);
        assert_true(v.next == NOW + SEC(1));
        assert_int_equal(policy_now(&t, NOW + SEC(1) - 1).act, POLICY_WAIT);
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_PET);
        assert_int_equal(policy_now(&t, NOW + SEC(10) - 1).act, POLICY_PET);
        v = policy_now(&t, NOW + SEC(10));
        assert_int_equal(v.act, POLICY_STOP);
        assert_ptr_equal(v.who, &t.clusters[0]);
}

static void test_nothing_open(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));

        t.fires = 0;
        assert_int_equal(policy_now(&t, NOW).act, POLICY_NONE);
        assert_true(policy_now(&t, NOW).next == USEC_INFINITY);
        t.fires = W;
        t.clusters[0].armed = 0;
        assert_int_equal(policy_now(&t, NOW + SEC(100)).act, POLICY_NONE);
}

/* A device that cannot be disarmed is petted though nobody has it armed. */
static void test_nowayout(void **state _unused_)
{
        PolicyTable t = armed(NOW);

        t.nowayout = 1;
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_STOP);
        assert_true(policy_disarm(&t.clusters[0], 7, false));
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_PET);
}

/* Armed, no permit in this epoch yet: nothing acts as primary, so there is nothing to fence. */
static void test_before_the_first_permit(void **state _unused_)
{
        PolicyTable t = armed(0);

        assert_int_equal(policy_now(&t, NOW + SEC(60)).act, POLICY_PET);
        policy_revoke(&t.clusters[0], 7);
        assert_int_equal(policy_now(&t, NOW + SEC(60)).act, POLICY_PET);
        assert_int_equal(policy_after_pet(&t, NOW + SEC(60)).act, POLICY_WAIT);
}

static void test_standing(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(1));
        PolicyCluster *c = &t.clusters[0];
        MsgPermit drop = { .epoch = 7, .deadline = NOW + SEC(1) };

        c->standing = 1;
        assert_int_equal(policy_now(&t, NOW + SEC(3600)).act, POLICY_PET);
        assert_int_equal(policy_after_pet(&t, NOW + SEC(3600)).act, POLICY_WAIT);
        policy_permit(c, &drop); /* dropping it leaves the deadline in force */
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_STOP);
        c->standing = 1;
        policy_revoke(c, 7);
        assert_int_equal(policy_now(&t, NOW).act, POLICY_STOP);
}

static void test_every_cluster_counts(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));

        add(&t, "other", 99, NOW + SEC(3));
        assert_int_equal(policy_now(&t, NOW + SEC(2)).act, POLICY_PET);
        assert_int_equal(policy_now(&t, NOW + SEC(3)).act, POLICY_STOP);
        assert_string_equal(policy_now(&t, NOW + SEC(3)).who->name, "other");
        assert_true(policy_disarm(policy_row(&t, "other", false), 99, false));
        assert_int_equal(policy_now(&t, NOW + SEC(3)).act, POLICY_PET);
        assert_true(policy_any_armed(&t));
}

static void test_revoke(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        PolicyCluster *c = &t.clusters[0];
        MsgPermit again = { .epoch = 7, .deadline = NOW + SEC(60) };

        policy_revoke(c, 6);
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_PET);
        policy_revoke(c, 7);
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_STOP);
        policy_permit(c, &again);
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_STOP);
        policy_revoke(c, 3); /* never back */
        assert_true(c->revoked == 7);
}

static void test_permit_moves_forward(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        PolicyCluster *c = &t.clusters[0];
        MsgPermit m = { .epoch = 7, .deadline = NOW + SEC(5) };

        policy_permit(c, &m);
        assert_true(c->deadline == NOW + SEC(10));
        m.deadline = NOW + SEC(12);
        policy_permit(c, &m);
        assert_true(c->deadline == NOW + SEC(12));
        m = (MsgPermit){ .epoch = 6, .deadline = NOW + SEC(99) };
        policy_permit(c, &m);
        assert_true(c->deadline == NOW + SEC(12));
        m = (MsgPermit){ .epoch = 8, .deadline = NOW + SEC(2) }; /* a new right, counted anew */
        policy_permit(c, &m);
        assert_true(c->epoch == 8 && c->deadline == NOW + SEC(2));
        /* a lapsed permit may be extended within its epoch */
        assert_int_equal(policy_now(&t, NOW + SEC(3)).act, POLICY_STOP);
        m.deadline = NOW + SEC(9);
        policy_permit(c, &m);
        assert_int_equal(policy_now(&t, NOW + SEC(3)).act, POLICY_PET);
}

/* The device would fire later than the permit has allowed for. */
static void test_pet_that_ended_late(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        Policy v = policy_after_pet(&t, NOW + SEC(10) - 1);

        assert_int_equal(v.act, POLICY_WAIT);
        assert_true(v.next == NOW + SEC(11) - 1);
        v = policy_after_pet(&t, NOW + SEC(10));
        assert_int_equal(v.act, POLICY_RESET);
        assert_ptr_equal(v.who, &t.clusters[0]);
        assert_true(policy_disarm(&t.clusters[0], 7, false)); /* confirmed: nothing to reset for */
        assert_int_equal(policy_after_pet(&t, NOW + SEC(10)).act, POLICY_WAIT);
}

/* A pet sent but not answered may arrive at any time: the permit's end does not wait for it. */
static void test_pending_pet(void **state _unused_)
{
        PolicyTable t = armed(NOW + MSEC(500));

        t.pending = 1;
        assert_true(policy_now(&t, NOW).next == NOW + MSEC(500));
        assert_int_equal(policy_now(&t, NOW + MSEC(499)).act, POLICY_WAIT);
        assert_int_equal(policy_now(&t, NOW + MSEC(500)).act, POLICY_RESET);
        t.clusters[0].deadline = NOW + SEC(10);
        assert_int_equal(policy_now(&t, NOW + SEC(1)).act, POLICY_PET);
}

/* One that did not fire: W after petting was stopped, and a second more, we do it. */
static void test_device_that_does_not_fire(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(1));
        Policy v = policy_now(&t, NOW + SEC(2));

        assert_int_equal(v.act, POLICY_STOP);
        assert_true(v.next == NOW + SEC(2) + W + SEC(1));
        t.stopped = NOW + SEC(2);
        assert_int_equal(policy_now(&t, NOW + SEC(7) - 1).act, POLICY_STOP);
        assert_int_equal(policy_now(&t, NOW + SEC(7)).act, POLICY_RESET);
        /* woken late, as after a suspension: the mind has W to confirm the fence */
        t.stopped = 0;
        assert_int_equal(policy_now(&t, NOW + SEC(3600)).act, POLICY_STOP);
}

/* The last pet plus W is never later than permit + W, whatever the instants. */
static void test_promise_holds(void **state _unused_)
{
        for (usec_t permit = NOW; permit < NOW + SEC(3); permit += MSEC(7)) {
                PolicyTable t = armed(permit);
                for (usec_t now = NOW; now < NOW + SEC(5); now += MSEC(13)) {
                        Policy v = policy_now(&t, now);
                        if (v.act == POLICY_PET) {
                                assert_true(now < permit);
                                t.last_pet = now;
                        }
                        assert_true(v.act == POLICY_STOP || v.next > now || v.act == POLICY_PET);
                        assert_true((v.act == POLICY_STOP) == (now >= permit));
                }
                assert_true(t.last_pet + t.fires <= permit + t.fires);
        }
}

static void test_disarm(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        PolicyCluster *c = &t.clusters[0];

        assert_false(policy_disarm(c, 6, false)); /* a late word of an earlier epoch */
        assert_true(c->armed);
        assert_true(policy_disarm(c, 7, false));
        assert_false(policy_any_armed(&t));
        assert_false(policy_may_arm(c, 7));
        assert_true(policy_may_arm(c, 8));
        policy_arm(c, 8, WATCHDOG_REQUIRED);
        assert_true(c->armed && c->epoch == 8 && c->deadline == 0);
        assert_int_equal(c->mode, WATCHDOG_REQUIRED);
}

/* In pause the device is closed and the epoch goes on: it is armed again before the pause ends. */
static void test_disarm_for_a_while(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        PolicyCluster *c = &t.clusters[0];

        assert_false(policy_disarm(c, 6, true));
        assert_true(policy_disarm(c, 7, true));
        assert_false(policy_any_armed(&t));
        assert_true(c->deadline == NOW + SEC(10));
        assert_true(policy_may_arm(c, 7));
        policy_arm(c, 7, WATCHDOG_AUTOMATIC);
        assert_true(policy_any_armed(&t) && c->deadline == NOW + SEC(10));
        policy_revoke(c, 7);
        assert_true(policy_disarm(c, 7, true));
        assert_false(policy_may_arm(c, 7)); /* revoked is revoked */
}

/* A mind that comes back arms the same epoch again, and its permit is kept. */
static void test_arm_again(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        PolicyCluster *c = &t.clusters[0];

        assert_true(policy_may_arm(c, 7));
        policy_arm(c, 7, WATCHDOG_AUTOMATIC);
        assert_true(c->deadline == NOW + SEC(10));
        assert_false(policy_may_arm(c, 6));
        policy_arm(c, 9, WATCHDOG_AUTOMATIC);
        assert_true(c->deadline == 0);
}

/* etcd was made anew: its revisions begin low. */
static void test_another_dcs(void **state _unused_)
{
        PolicyTable t = armed(NOW + SEC(10));
        PolicyCluster *c = &t.clusters[0];

        policy_dcs(c, 0x11);
        assert_true(c->dcs_id == 0); /* armed: its epoch must end first */
        assert_true(policy_disarm(c, 7, false));
        policy_dcs(c, 0x11);
        assert_true(c->dcs_id == 0x11 && c->revoked == 7);
        policy_dcs(c, 0);
        assert_true(c->dcs_id == 0x11 && c->revoked == 7);
        policy_dcs(c, 0x22);
        assert_true(c->revoked == 0 && policy_may_arm(c, 2));
}

static void test_rows(void **state _unused_)
{
        PolicyTable t = { 0 };
        char name[16];

        assert_null(policy_row(&t, "main", false));
        for (unsigned i = 0; i < POLICY_CLUSTERS_MAX; i++) {
                snprintf(name, sizeof name, "c%u", i);
                add(&t, name, 1, NOW);
        }
        assert_null(policy_row(&t, "one more", true));
        assert_non_null(policy_row(&t, "c3", true));
        assert_true(policy_disarm(policy_row(&t, "c3", false), 1, false));
        assert_non_null(policy_row(&t, "one more", true)); /* in the place of one that is unarmed */
        assert_null(policy_row(&t, "c3", false));
        assert_int_equal(t.n, POLICY_CLUSTERS_MAX);
        assert_string_equal(policy_act_to_string(POLICY_STOP), "stop");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pets),
                cmocka_unit_test(test_nothing_open),
                cmocka_unit_test(test_nowayout),
                cmocka_unit_test(test_before_the_first_permit),
                cmocka_unit_test(test_standing),
                cmocka_unit_test(test_every_cluster_counts),
                cmocka_unit_test(test_revoke),
                cmocka_unit_test(test_permit_moves_forward),
                cmocka_unit_test(test_pet_that_ended_late),
                cmocka_unit_test(test_pending_pet),
                cmocka_unit_test(test_device_that_does_not_fire),
                cmocka_unit_test(test_promise_holds),
                cmocka_unit_test(test_disarm), cmocka_unit_test(test_disarm_for_a_while),
                cmocka_unit_test(test_arm_again),
                cmocka_unit_test(test_another_dcs),
                cmocka_unit_test(test_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
