/* Failsafe mode: who promises, who may not bid, when a leader asks. */
#include "decide/failsafe.h"
#include "test-lib.h"

static Cluster cluster;

static int setup(void **state _unused_)
{
        cluster = (Cluster){ .settings = SETTINGS_DEFAULT };
        cluster.settings.failsafe_mode = true;
        (void)STR_SET(cluster.failsafe_names, "n1,n2,n3");
        return 0;
}

static void test_answer(void **state _unused_)
{
        assert_int_equal(failsafe_answer(&cluster, false), FAILSAFE_ACCEPTED);
        assert_int_equal(failsafe_answer(&cluster, true), FAILSAFE_LEADS_ITSELF);
        assert_int_equal(failsafe_answer(NULL, false), FAILSAFE_IS_OFF);
        cluster.settings.failsafe_mode = false;
        assert_int_equal(failsafe_answer(&cluster, false), FAILSAFE_IS_OFF);
}

/* A promise only gets longer, whatever comes. */
static void test_promise(void **state _unused_)
{
        Promise none = { 0 };
        Promise p = failsafe_promise(&none, "n1", SEC(100), SEC(10));

        assert_string_equal(p.leader, "n1");
        assert_true(p.until == SEC(110));
        Promise later = failsafe_promise(&p, "n1", SEC(102), SEC(10));
        assert_true(later.until == SEC(112));
        Promise shorter = failsafe_promise(&p, "n3", SEC(102), SEC(5)); /* ttl was lowered */
        assert_true(shorter.until == SEC(110));
        assert_string_equal(shorter.leader, "n1");
}

static void test_bar(void **state _unused_)
{
        Promise none = { 0 }, kept = { "n1", SEC(110) }, quiet = { "", SEC(110) };

        assert_null(failsafe_bar(&cluster, "n2", &none, true, SEC(100)));
        assert_non_null(failsafe_bar(&cluster, "n2", &none, false, SEC(100)));
        assert_non_null(failsafe_bar(&cluster, "n2", &kept, true, SEC(110) - 1));
        assert_null(failsafe_bar(&cluster, "n2", &kept, true, SEC(110)));
        assert_null(failsafe_bar(&cluster, "n1", &kept, true, SEC(100))); /* to itself */
        assert_non_null(failsafe_bar(&cluster, "n2", &quiet, true, SEC(100)));
        assert_non_null(failsafe_bar(&cluster, "n4", &none, true, SEC(100)));
        cluster.failsafe_names[0] = 0; /* no leader has ever asked */
        assert_null(failsafe_bar(&cluster, "n4", &none, true, SEC(100)));

        /* switched off: nothing new is asked of anybody, but what was promised is */
        cluster.settings.failsafe_mode = false;
        assert_null(failsafe_bar(&cluster, "n2", &none, false, SEC(100)));
        assert_non_null(failsafe_bar(&cluster, "n2", &kept, true, SEC(100)));
}

static void test_due(void **state _unused_)
{
        assert_false(failsafe_is_due(SEC(100), SEC(2), SEC(104) - 1));
        assert_true(failsafe_is_due(SEC(100), SEC(2), SEC(104)));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = { TEST(test_answer), TEST(test_promise), TEST(test_bar),
                                            TEST(test_due) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
