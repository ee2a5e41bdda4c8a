/* What Patroni says: of rules that there are, with the names in their places. */
#include "decide/words.h"
#include "test-lib.h"

static const Rule *find(const char *name)
{
        size_t n;
        const Rule *rules = rules_table(&n);

        for (size_t i = 0; i < n; i++)
                if (str_equal(rules[i].name, name))
                        return &rules[i];
        fail_msg("no rule %s", name);
        return NULL;
}

static void test_names_stand_in(void **state _unused_)
{
        char text[128];

        assert_true(words_of(find("follow"), "pg2", "pg1", text, sizeof text));
        assert_string_equal(text, "no action. I am (pg2), a secondary, and following a leader (pg1)");
        assert_true(words_of(find("promote"), "pg2", "", text, sizeof text));
        assert_string_equal(text, "promoted self to leader by acquiring session lock");
        assert_false(words_of(find("hands-unknown"), "pg2", "", text, sizeof text));
}

static void test_is_cut_to_its_room(void **state _unused_)
{
        char text[20];

        assert_true(words_of(find("follow"), "pg2", "pg1", text, sizeof text));
        assert_string_equal(text, "no action. I am (pg");
        assert_true(words_of(find("follow"), "a-very-long-name", "pg1", text, 18));
        assert_string_equal(text, "no action. I am (");
}

/* A pattern whose rule is gone would never be said. */
static void test_every_pattern_has_a_rule(void **state _unused_)
{
        size_t n, found = 0;
        const Rule *rules = rules_table(&n);

        for (size_t i = 0; i < n; i++)
                found += words_pattern(&rules[i]) != NULL;
        assert_int_equal(found, words_count());
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names_stand_in),
                cmocka_unit_test(test_is_cut_to_its_room),
                cmocka_unit_test(test_every_pattern_has_a_rule),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
