/* Why a node may not bid, whatever the race says: each reason alone. */
#include "io/fdutil.h"
#include "palisaded/palisaded.h"
#include "test-lib.h"

static Palisaded p;
static Cluster cluster;
static const char *stands, *promised;

const char *pause_who_stands(const Palisaded *m _unused_, char *buf, size_t size)
{
        if (!stands)
                return NULL;
        snprintf(buf, size, "%s", stands);
        return buf;
}

const char *failsafe_barred(const Palisaded *m _unused_, usec_t now _unused_)
{
        return promised;
}

static int set_up(void **state _unused_)
{
        cluster = (Cluster){ .settings = SETTINGS_DEFAULT };
        p = (Palisaded){ .cluster = &cluster };
        (void)STR_SET(p.node.name, "n2");
        stands = promised = NULL;
        return 0;
}

static void is_barred(const char *by)
{
        const char *bar = palisaded_bar(&p);

        if (!by)
                assert_null(bar);
        else if (!bar || !strstr(bar, by))
                fail_msg("barred by: %s", bar ? bar : "nothing");
}

static void test_nothing(void **state _unused_)
{
        is_barred(NULL);
        p.cluster = NULL; /* not known yet: other rules hold it */
        is_barred(NULL);
}

static void test_tag(void **state _unused_)
{
        p.node.tags.nofailover = true;
        is_barred("nofailover");
}

static void test_watchdog(void **state _unused_)
{
        p.node.watchdog_mode = WATCHDOG_REQUIRED;
        is_barred(NULL); /* not tried yet */
        (void)STR_SET(p.watchdog.reason, "no such device");
        is_barred("watchdog");
        p.watchdog.armed = TRI_YES;
        is_barred(NULL);
        p.watchdog.armed = TRI_NO;
        p.watchdog.reason[0] = 0;
        p.unfit_until = now_boottime() + SEC(10); /* it could not be armed a moment ago */
        is_barred("watchdog");
        p.node.watchdog_mode = WATCHDOG_AUTOMATIC;
        is_barred(NULL);
}

static void test_gate(void **state _unused_)
{
        p.fence.gate = GATE_ABSENT;
        is_barred(NULL);
        p.node.gate_mode = FENCE_REQUIRED;
        is_barred("gate");
        p.fence.gate = GATE_OPEN;
        is_barred(NULL);
        p.fence.n_also = 2;
        p.fence.also[1].gate = GATE_ABSENT; /* around a pooler */
        is_barred("gate");
}

static void test_who_stands(void **state _unused_)
{
        stands = "n3";
        is_barred("n3 may still be a primary without a deadline");
}

/* But for whom a person names. */
static void test_pause(void **state _unused_)
{
        cluster.settings.pause = true;
        is_barred("paused");
        cluster.failover.requested = true;
        (void)STR_SET(cluster.failover.candidate, "n3");
        is_barred("paused");
        (void)STR_SET(cluster.failover.candidate, "n2");
        is_barred(NULL);
        stands = "n3"; /* that bars whom a person names, too */
        is_barred("n3");
}

static void test_promise(void **state _unused_)
{
        promised = "it promised n1";
        is_barred("promised");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(test_nothing),
                TEST(test_tag),
                TEST(test_watchdog),
                TEST(test_gate),
                TEST(test_who_stands),
                TEST(test_pause),
                TEST(test_promise),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
