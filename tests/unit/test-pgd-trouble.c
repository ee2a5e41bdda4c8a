/* What fails is told once for each reason, and tried again later and later. */
#include "pgd/trouble.h"
#include "test-lib.h"

static Trouble t;

static int setup(void **state _unused_)
{
        t = (Trouble){ 0 };
        return 0;
}

static void test_told_once(void **state _unused_)
{
        assert_true(trouble_note(&t, "a", "no plugin", SEC(1)));
        assert_true(trouble_note(&t, "b", "no database", SEC(1)));
        assert_false(trouble_note(&t, "a", "no plugin", SEC(9)));
        assert_false(trouble_note(&t, "b", "no database", SEC(9)));
        trouble_over(&t, "b"); /* the one says nothing of the other */
        assert_false(trouble_note(&t, "a", "no plugin", SEC(20)));
        assert_true(trouble_note(&t, "a", "no database", SEC(30)));
        trouble_over(&t, "a");
        assert_int_equal(t.n, 0);
        assert_true(trouble_note(&t, "a", "no database", SEC(40)));
        trouble_over(&t, "unknown");
        assert_int_equal(t.n, 1);
}

static void test_waits(void **state _unused_)
{
        usec_t now = SEC(100), before = 0;

        assert_false(trouble_waits(&t, "a", now));
        for (int i = 0; i < 10; i++) {
                usec_t since = now;
                (void)trouble_note(&t, "a", "no", now);
                assert_true(trouble_waits(&t, "a", now));
                assert_false(trouble_waits(&t, "b", now));
                while (trouble_waits(&t, "a", now))
                        now += SEC(1);
                assert_true(now - since >= SEC(2) && now - since <= SEC(60) && now - since >= before);
                before = now - since;
        }
        assert_true(before == SEC(60));
        (void)trouble_note(&t, "a", "no", now);
        assert_true(trouble_waits(&t, "a", now));
        trouble_over(&t, "a");
        assert_false(trouble_waits(&t, "a", now));
}

/* More names than there are rows: the one that waited longest makes room. */
static void test_full(void **state _unused_)
{
        char name[IDENT_SIZE];

        for (unsigned i = 0; i < CLUSTER_SLOTS_MAX + 3; i++) {
                snprintf(name, sizeof name, "slot%u", i);
                assert_true(trouble_note(&t, name, "no", SEC(100 + i)));
        }
        assert_int_equal(t.n, CLUSTER_SLOTS_MAX);
        assert_false(trouble_waits(&t, "slot0", SEC(100)));
        assert_true(trouble_waits(&t, "slot3", SEC(100)));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
        const struct CMUnitTest tests[] = { TEST(test_told_once), TEST(test_waits), TEST(test_full) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
