/* What fenced holds and until when: DESIGN 2, 3 and KERNEL-FACTS "Address lifetime". */
#include "decide/permit.h"
#include "fence/plan.h"
#include "test-lib.h"

#define NOW SEC(1000)

/* Sent at `NOW` with ttl 10: the permit runs 9.75 s, the lease 10. */
static MsgPermit permit(void)
{
        return (MsgPermit){ .epoch = 100, .deadline = NOW + MSEC(9750),
                            .lease_end = NOW + SEC(10) };
}

/* floor(sent + ttl - now - the kernel's lateness), set anew whenever that is a whole second. */
static void test_lifetime(void **state _unused_)
{
        MsgPermit p = permit();
        VipLifetime l = plan_vip_lifetime(&p, false, NOW);

        assert_int_equal(l.seconds, 9); /* 10 - 0.4 */
        assert_true(l.limit == NOW + SEC(9) + MSEC(400));
        assert_true(l.again == NOW + MSEC(600)); /* then it is 9.0 */
        l = plan_vip_lifetime(&p, false, NOW + MSEC(600));
        assert_int_equal(l.seconds, 9);
        assert_true(l.limit == p.lease_end);
        assert_true(l.again == NOW + MSEC(1600));
        l = plan_vip_lifetime(&p, false, NOW + MSEC(601));
        assert_int_equal(l.seconds, 8);
        assert_true(l.again == NOW + MSEC(1600));

        l = plan_vip_lifetime(&p, true, NOW); /* IPv6: up to a second late */
        assert_int_equal(l.seconds, 9);
        assert_true(l.limit == NOW + SEC(10));
        assert_true(l.again == NOW + SEC(1));
}

static void test_lifetime_ends(void **state _unused_)
{
        MsgPermit p = permit();
        VipLifetime l = plan_vip_lifetime(&p, false, NOW + MSEC(8600)); /* one second is left */

        assert_int_equal(l.seconds, 1);
        assert_true(l.limit == p.lease_end);
        assert_true(l.again == USEC_INFINITY);
        l = plan_vip_lifetime(&p, false, NOW + MSEC(8601));
        assert_int_equal(l.seconds, 0);
        assert_true(l.again == USEC_INFINITY);
        assert_int_equal(plan_vip_lifetime(&p, false, p.deadline).seconds, 0);
        assert_int_equal(plan_vip_lifetime(&p, true, p.deadline).seconds, 0);
        assert_int_equal(plan_vip_lifetime(&p, false, p.lease_end + SEC(5)).seconds, 0);
        assert_int_equal(plan_vip_lifetime(&(MsgPermit){ 0 }, false, NOW).seconds, 0);
}

/* The kernel never keeps it longer than the lease runs, whenever it was set. */
static void test_never_beyond_the_lease(void **state _unused_)
{
        MsgPermit p = permit();

        for (int v6 = 0; v6 < 2; v6++)
                for (usec_t now = NOW; now < p.lease_end + SEC(1); now += 1777) {
                        VipLifetime l = plan_vip_lifetime(&p, v6, now);
                        usec_t late = v6 ? VIP_LATENESS_V6 : VIP_LATENESS_V4;
                        assert_true(l.again > now);
                        if (l.seconds == 0)
                                continue;
                        assert_true(now < p.deadline);
                        assert_true(now + l.seconds * USEC_PER_SEC + late <= p.lease_end);
                        assert_true(l.limit == now + l.seconds * USEC_PER_SEC + late);
                }
}

/* In pause nothing ends by itself, but the lifetime is a number the kernel knows. */
/*
 * DESIGN §2: a family whose lifetime cannot outlast two intervals is refused. None has to be: whatever
 * timing the inequality lets through, also where each renewal is confirmed at the last moment.
 */
static void test_outlasts_two_intervals(void **state _unused_)
{
        unsigned fit = 0;

        for (usec_t ttl = 3; ttl <= 60; ttl++)
                for (usec_t loop_wait = 1; loop_wait < ttl; loop_wait++)
                        for (usec_t w = 0; w <= 5; w++) {
                                PermitInput in = {
                                        .timing = { .ttl = SEC(ttl), .loop_wait = SEC(loop_wait),
                                                    .retry_timeout = SEC(1) },
                                        .watchdog = SEC(w), .stall = w % 2 ? SEC(ttl) : 0,
                                        .safety_margin = PERMIT_SAFETY_MARGIN_UNSET,
                                };
                                PermitTerms t = permit_terms(&in);
                                MsgPermit p = { .epoch = 1, .lease_end = NOW + SEC(ttl),
                                                .deadline = permit_deadline(&in, NOW, SEC(ttl)) };
                                for (int v6 = 0; t.fits && v6 < 2; v6++) {
                                        usec_t now = NOW + t.attempt;
                                        VipLifetime l = plan_vip_lifetime(&p, v6, now);
                                        while (l.again < p.deadline) {
                                                now = l.again;
                                                l = plan_vip_lifetime(&p, v6, now);
                                        }
                                        usec_t ends = now + l.seconds * USEC_PER_SEC;
                                        assert_true(MIN(ends, p.deadline) >= NOW + 2 * t.interval);
                                        usec_t limit = plan_vip_limit(&p, v6);
                                        assert_true(limit == 0 ? ends >= p.deadline : ends >= limit);
                                        fit++;
                                }
                        }
        assert_true(fit > 1000);
}

static void test_standing(void **state _unused_)
{
        MsgPermit p = permit();

        p.standing = 1;
        VipLifetime l = plan_vip_lifetime(&p, false, p.lease_end + SEC(100));
        assert_true(l.seconds > 3600 && l.seconds < UINT32_MAX);
        assert_true(l.again > p.lease_end + SEC(100) && l.again < USEC_INFINITY);
        assert_true(l.again < p.lease_end + SEC(100) + l.seconds * USEC_PER_SEC);
        assert_true(l.limit == USEC_INFINITY);
}

static void test_long_lease(void **state _unused_)
{
        MsgPermit p = { .epoch = 1, .deadline = NOW + SEC(1000000), .lease_end = NOW + SEC(1000001) };

        assert_int_equal(plan_vip_lifetime(&p, false, NOW).seconds, 86400);
}

static void test_permits(void **state _unused_)
{
        MsgPermit p = permit();

        assert_true(plan_permits(&p, 100, 0, NOW));
        assert_true(plan_permits(&p, 100, 99, p.deadline - 1));
        assert_false(plan_permits(&p, 100, 0, p.deadline));
        assert_false(plan_permits(&p, 100, 100, NOW)); /* revoked */
        assert_false(plan_permits(&p, 100, 101, NOW));
        assert_true(plan_permits(&p, 99, 0, NOW)); /* won again under a later epoch */
        assert_false(plan_permits(&p, 99, 99, NOW));
        assert_false(plan_permits(&p, 101, 0, NOW));
        assert_false(plan_permits(&p, 0, 0, NOW));
        assert_false(plan_permits(&(MsgPermit){ .deadline = NOW + 1 }, 0, 0, NOW));
        p.standing = 1;
        assert_true(plan_permits(&p, 100, 0, p.deadline + SEC(100)));
        assert_false(plan_permits(&p, 100, 100, NOW));
}

/* Within an epoch it only moves forward; an epoch lower than the last is refused. */
static void test_accepts(void **state _unused_)
{
        MsgPermit old = permit(), next = permit();

        assert_true(plan_accepts(&old, &next, 0)); /* the same again */
        next.deadline++;
        assert_true(plan_accepts(&old, &next, 0));
        next.deadline -= 2;
        assert_false(plan_accepts(&old, &next, 0));
        next.epoch = 101; /* a new epoch begins anew */
        assert_true(plan_accepts(&old, &next, 0));
        assert_true(plan_accepts(&old, &next, 100));
        assert_false(plan_accepts(&old, &next, 101));
        next.epoch = 99;
        next.deadline = old.deadline + SEC(100);
        assert_false(plan_accepts(&old, &next, 0));
        assert_true(plan_accepts(&(MsgPermit){ 0 }, &old, 0));
        assert_false(plan_accepts(&(MsgPermit){ 0 }, &(MsgPermit){ 0 }, 0));
}

/* KERNEL-FACTS "Announcements": five within 20 to 200 ms of each other, at 1 s and 5 s, then on. */
static void test_announcements(void **state _unused_)
{
        assert_true(plan_announcement(0) == 0);
        for (unsigned n = 1; n < 5; n++) {
                usec_t apart = plan_announcement(n) - plan_announcement(n - 1);
                assert_true(apart >= MSEC(20) && apart <= MSEC(200));
        }
        bool at_1s = false, at_5s = false;
        for (unsigned n = 1; n < 100; n++) {
                usec_t apart = plan_announcement(n) - plan_announcement(n - 1);
                assert_true(plan_announcement(n) > plan_announcement(n - 1));
                at_1s = at_1s || plan_announcement(n) == SEC(1);
                at_5s = at_5s || plan_announcement(n) == SEC(5);
                if (plan_announcement(n) > SEC(5))
                        assert_true(apart >= SEC(10) && apart <= SEC(30));
        }
        assert_true(at_1s && at_5s);
}

/* A standby's gate has no deadline; a primary's is the permit of its epoch; shut is for ever. */
static void test_gate(void **state _unused_)
{
        MsgPermit p = permit();

        assert_true(plan_gate(&p, 0, 0, false) == USEC_INFINITY);
        assert_true(plan_gate(&p, 0, 200, false) == USEC_INFINITY); /* what was revoked is not its */
        assert_true(plan_gate(&p, 100, 99, false) == p.deadline);
        assert_true(plan_gate(&p, 100, 100, false) == 0);
        assert_true(plan_gate(&p, 101, 0, false) == 0); /* no permit of that epoch came yet */
        assert_true(plan_gate(&p, 99, 0, false) == p.deadline);
        p.standing = 1;
        assert_true(plan_gate(&p, 100, 0, false) == USEC_INFINITY);
        assert_true(plan_gate(&p, 100, 100, false) == 0);
        assert_true(plan_gate(&p, 100, 0, true) == 0);
        assert_true(plan_gate(&p, 0, 0, true) == 0);
}

/* The right to a replica's address: forward within its epoch, and never again once it was taken. */
static void test_vip_permit(void **state _unused_)
{
        MsgVipPermit next = { .epoch = 7, .deadline = NOW + SEC(5), .lease_end = NOW + SEC(6) };
        MsgVipPermit take = { .epoch = 7 };
        MsgPermit none = { 0 }, p;
        Epoch revoked = 0;

        p = plan_vip_permit(&none, &next, &revoked);
        assert_true(p.epoch == 7 && p.deadline == NOW + SEC(5) && p.lease_end == NOW + SEC(6));
        next.deadline--;
        assert_true(plan_vip_permit(&p, &next, &revoked).deadline == NOW + SEC(5));
        next.deadline += 2;
        p = plan_vip_permit(&p, &next, &revoked);
        assert_true(p.deadline == NOW + SEC(5) + 1);
        take.epoch = 6; /* of an older right: this one stays */
        assert_true(plan_vip_permit(&p, &take, &revoked).deadline == p.deadline && revoked == 6);
        take.epoch = 7;
        p = plan_vip_permit(&p, &take, &revoked);
        assert_true(p.deadline == 0 && revoked == 7);
        assert_true(plan_vip_permit(&p, &next, &revoked).deadline == 0); /* late */
        next.epoch = 8;
        assert_true(plan_vip_permit(&p, &next, &revoked).deadline == next.deadline);
}

/* A pooler's gate that was shut lets nothing out that an old right has sent. */
static void test_reopens(void **state _unused_)
{
        usec_t over = NOW - 1, soon = NOW + 1;

        assert_true(plan_reopens(0, USEC_INFINITY, false, NOW)); /* primary, fenced, standby */
        assert_true(plan_reopens(over, USEC_INFINITY, false, NOW));
        assert_true(plan_reopens(NOW, soon, false, NOW));
        assert_false(plan_reopens(over, soon, true, NOW)); /* the same right goes on */
        assert_false(plan_reopens(soon, USEC_INFINITY, false, NOW)); /* was never shut */
        assert_false(plan_reopens(USEC_INFINITY, soon, false, NOW)); /* a promotion */
        assert_false(plan_reopens(over, NOW, false, NOW)); /* shut, and stays so */
        assert_false(plan_reopens(0, 0, false, NOW));
}

static void test_leaf(void **state _unused_)
{
        static const struct {
                uint64_t held_leaf, held_cgroup, leaf, cgroup, want_cgroup;
        } rows[] = {
                { 7, 70, 7, 0, 70 },  /* a restarted pgd knows the number only */
                { 7, 70, 7, 70, 70 },
                { 7, 70, 8, 0, 0 },   /* another start, without cgroups */
                { 7, 70, 8, 80, 80 },
                { 7, 70, 0, 0, 0 },   /* no postmaster */
                { 0, 0, 7, 0, 0 },
                { LEAF_ADOPTED | 7, 70, LEAF_ADOPTED | 7, 0, 70 }, /* others are in its cgroup now */
                { LEAF_ADOPTED | 7, 0, LEAF_ADOPTED | 7, 70, 70 }, /* and now no more */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                MsgWant held = { .leaf = rows[i].held_leaf, .cgroup = rows[i].held_cgroup };
                MsgWant next = { .leaf = rows[i].leaf, .cgroup = rows[i].cgroup };
                plan_leaf(&held, TRI_YES, &next);
                assert_int_equal(next.leaf, rows[i].leaf);
                assert_int_equal(next.cgroup, rows[i].want_cgroup);
        }
}

static void test_a_primarys_leaf_stays_while_processes_live_in_it(void **state _unused_)
{
        static const struct {
                Epoch held;
                uint64_t leaf;
                Tri populated;
                bool stays;
        } rows[] = {
                { 100, 0, TRI_YES, true },
                { 100, 0, TRI_NO, false },
                { 100, 0, TRI_UNKNOWN, false }, /* no cgroups, or it cannot be read */
                { 100, 8, TRI_YES, false },     /* another server: it takes its place */
                { 0, 0, TRI_YES, false },       /* a standby's */
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                MsgWant held = { .leaf = 7, .cgroup = 70, .epoch = rows[i].held, .leaf_path = "/pg-7" };
                MsgWant next = { .leaf = rows[i].leaf, .epoch = 101 };
                plan_leaf(&held, rows[i].populated, &next);
                assert_int_equal(next.leaf, rows[i].stays ? 7 : rows[i].leaf);
                assert_int_equal(next.cgroup, rows[i].stays ? 70 : 0);
                assert_int_equal(next.epoch, rows[i].stays ? 100 : 101);
                assert_string_equal(next.leaf_path, rows[i].stays ? "/pg-7" : "");
        }
}

static void test_shuts(void **state _unused_)
{
        static const struct {
                uint64_t leaf;
                Epoch epoch, revoked;
                bool shut;
        } rows[] = {
                { 3, 100, 99, false }, /* of a right that is in force */
                { 3, 100, 100, true },
                { 3, 100, 101, true },
                { 3, 0, 100, false }, /* a standby's */
                { 0, 100, 100, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                MsgWant want = { .leaf = rows[i].leaf, .epoch = rows[i].epoch };
                assert_int_equal(plan_shuts(&want, rows[i].revoked), rows[i].shut);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lifetime),
                cmocka_unit_test(test_lifetime_ends),
                cmocka_unit_test(test_never_beyond_the_lease),
                cmocka_unit_test(test_outlasts_two_intervals),
                cmocka_unit_test(test_standing),
                cmocka_unit_test(test_long_lease),
                cmocka_unit_test(test_permits),
                cmocka_unit_test(test_accepts),
                cmocka_unit_test(test_gate),
                cmocka_unit_test(test_shuts),
                cmocka_unit_test(test_reopens),
                cmocka_unit_test(test_leaf),
                cmocka_unit_test(test_a_primarys_leaf_stays_while_processes_live_in_it),
                cmocka_unit_test(test_vip_permit),
                cmocka_unit_test(test_announcements),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
