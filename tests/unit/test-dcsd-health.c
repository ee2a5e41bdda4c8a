#include "dcsd/health.h"
#include "test-dcsd.h"

#define SEC USEC_PER_SEC

static void test_states(void **state)
{
        Health h = { 0 };
        usec_t again;

        (void)state;
        assert_false(health_update(&h, 1 * SEC, USEC_INFINITY, 3 * SEC, 2 * SEC, &again));
        assert_int_equal(h.state, LINK_UNKNOWN);
        assert_int_equal(again, 4 * SEC);
        assert_true(health_update(&h, 0, USEC_INFINITY, 3 * SEC, 3 * SEC, &again));
        assert_int_equal(h.state, LINK_UP);
        assert_int_equal(h.since, 3 * SEC);

        /* a gap within the grace is nobody's business */
        assert_false(health_update(&h, 10 * SEC, USEC_INFINITY, 3 * SEC, 12 * SEC, &again));
        assert_int_equal(again, 13 * SEC);
        assert_false(health_update(&h, 0, USEC_INFINITY, 3 * SEC, 12 * SEC, &again));

        assert_true(health_update(&h, 20 * SEC, USEC_INFINITY, 3 * SEC, 23 * SEC, &again));
        assert_int_equal(h.state, LINK_DOWN);
        /* down stays down until all is well, even if the trouble is a newer one */
        assert_false(health_update(&h, 24 * SEC, USEC_INFINITY, 3 * SEC, 24 * SEC, &again));
        assert_int_equal(again, USEC_INFINITY);
        assert_true(health_update(&h, 0, USEC_INFINITY, 3 * SEC, 25 * SEC, &again));
        assert_int_equal(h.state, LINK_UP);
}

/* A lease that nobody wants renewed any more fails no longer, and no answer tells of that. */
static void test_what_is_over_without_news(void **state)
{
        Health h = { .state = LINK_UP };
        usec_t again;

        (void)state;
        assert_false(health_update(&h, 10 * SEC, 12 * SEC, 3 * SEC, 11 * SEC, &again));
        assert_int_equal(again, 12 * SEC);
        assert_false(health_update(&h, 10 * SEC, 14 * SEC, 3 * SEC, 12 * SEC, &again));
        assert_int_equal(again, 13 * SEC);
        assert_true(health_update(&h, 10 * SEC, 14 * SEC, 3 * SEC, 13 * SEC, &again));
        assert_int_equal(h.state, LINK_DOWN);
        assert_int_equal(again, 14 * SEC);
        assert_true(health_update(&h, 0, USEC_INFINITY, 3 * SEC, 14 * SEC, &again));
        assert_int_equal(h.state, LINK_UP);
        assert_int_equal(again, USEC_INFINITY);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_states),
                                            cmocka_unit_test(test_what_is_over_without_news) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
