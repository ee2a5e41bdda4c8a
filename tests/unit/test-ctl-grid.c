/* grid: rules, alignment, lines within cells, titles, colours. */
#include "test-ctl.h"

#include "ctl/grid.h"

static Grid two_columns(const char *const cells[][2], size_t n)
{
        Grid g = { 0 };

        grid_add_column(&g, "Name", false);
        grid_add_column(&g, "N", true);
        for (size_t i = 0; i < n; i++) {
                grid_add_row(&g);
                grid_set(&g, 0, cells[i][0]);
                grid_set(&g, 1, cells[i][1]);
        }
        return g;
}

static void assert_grid(Grid *g, const char *title, bool paint, const char *expected)
{
        char *text;
        FILE *f = to_memory(&text);

        grid_print(g, f, title, paint);
        assert_printed(f, &text, expected);
        grid_done(g);
}

static void test_alignment(void **state _unused_)
{
        static const char *const cells[][2] = {
                { "a", "1" },
                { "longer", "22" }
        };
        Grid g = two_columns(cells, 2);

        assert_grid(&g, NULL, false,
                    "+--------+----+\n"
                    "| Name   |  N |\n"
                    "+--------+----+\n"
                    "| a      |  1 |\n"
                    "| longer | 22 |\n"
                    "+--------+----+\n");
}

static void test_title(void **state _unused_)
{
        static const char *const cells[][2] = {
                { "abcdefgh", "1" }
        };
        Grid g = two_columns(cells, 1);

        assert_grid(&g, " Title ", false,
                    "+ Title ---+---+\n"
                    "| Name     | N |\n"
                    "+----------+---+\n"
                    "| abcdefgh | 1 |\n"
                    "+----------+---+\n");
        g = two_columns(cells, 0);
        assert_grid(&g, " wider than all that ", false,
                    "+ wider tha+\n"
                    "| Name | N |\n"
                    "+------+---+\n"
                    "+------+---+\n");
}

static void test_lines_within_a_cell(void **state _unused_)
{
        static const char *const cells[][2] = {
                { "a\nbb", "1" },
                { "c", "" }
        };
        Grid g = two_columns(cells, 2);

        assert_grid(&g, NULL, false,
                    "+------+---+\n"
                    "| Name | N |\n"
                    "+------+---+\n"
                    "| a    | 1 |\n"
                    "| bb   |   |\n"
                    "+------+---+\n"
                    "| c    |   |\n"
                    "+------+---+\n");
}

static void test_width_counts_characters(void **state _unused_)
{
        static const char *const cells[][2] = {
                { "größer", "1" }
        };
        Grid g = two_columns(cells, 1);

        assert_int_equal(text_width("größer"), 6);
        assert_int_equal(text_width(""), 0);
        assert_grid(&g, NULL, false,
                    "+--------+---+\n"
                    "| Name   | N |\n"
                    "+--------+---+\n"
                    "| größer | 1 |\n"
                    "+--------+---+\n");
}

static void test_colours_take_no_room(void **state _unused_)
{
        Grid g = { 0 };

        grid_add_column(&g, "State", false);
        grid_add_row(&g);
        grid_set(&g, 0, "running");
        grid_add_row(&g);
        grid_set(&g, 0, "starting");
        assert_grid(&g, NULL, true,
                    "+----------+\n"
                    "| State    |\n"
                    "+----------+\n"
                    "| \033[32mrunning\033[0m  |\n"
                    "| \033[33mstarting\033[0m |\n"
                    "+----------+\n");
}

static void test_foreign_bytes_do_nothing(void **state _unused_)
{
        char text[] = "a\033[2J\tb\r\x7f\nc\x01ü";

        assert_string_equal(text_clean(text), "a?[2J?b??\nc?ü");
        static const char *const cells[][2] = { { "\033[31mred", "1" } };
        Grid g = two_columns(cells, 1);
        assert_string_equal(grid_get(&g, 0, 0), "?[31mred");
        grid_done(&g);
}

static void test_limits(void **state _unused_)
{
        Grid g = { 0 };

        for (size_t i = 0; i < GRID_COLUMNS_MAX + 3; i++)
                grid_add_column(&g, "x", false);
        assert_int_equal(g.n_columns, GRID_COLUMNS_MAX);
        grid_set(&g, 0, "before any row");
        grid_add_row(&g);
        grid_set(&g, GRID_COLUMNS_MAX, "beyond");
        grid_set(&g, 0, "a");
        grid_set(&g, 0, "b");
        assert_string_equal(grid_get(&g, 0, 0), "b");
        assert_string_equal(grid_get(&g, 0, 1), "");
        grid_done(&g);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alignment),
                cmocka_unit_test(test_title),
                cmocka_unit_test(test_lines_within_a_cell),
                cmocka_unit_test(test_width_counts_characters),
                cmocka_unit_test(test_colours_take_no_room),
                cmocka_unit_test(test_foreign_bytes_do_nothing),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
