/* options: which verb takes what, in which order, and what is refused. */
#include <getopt.h>

#include "test-ctl.h"

#include "ctl/options.h"

/* The command line, split at blanks. */
static int parse(Ctl *c, const char *line)
{
        static char text[256];
        static char *argv[32];
        int argc = 0;

        (void)STR_SET(text, line);
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
                argv[argc++] = word;
        argv[argc] = NULL;
        *c = (Ctl){ 0 };
        optind = 0;
        return options_parse(c, argc, argv);
}

static void test_verbs(void **state _unused_)
{
        Ctl c;

        for (size_t i = 0; i < n_verbs; i++) {
                char line[64];
                snprintf(line, sizeof line, "palisadectl %s", verbs[i].name);
                assert_int_equal(parse(&c, line), -1);
                assert_ptr_equal(c.verb, &verbs[i]);
                assert_non_null(verbs[i].run);
        }
}

static void test_options_stand_anywhere(void **state _unused_)
{
        Ctl c;

        assert_int_equal(parse(&c, "palisadectl --cluster main list -f json"), -1);
        assert_string_equal(c.values[OPTION_CLUSTER], "main");
        assert_string_equal(c.values[OPTION_FORMAT], "json");
        assert_int_equal(parse(&c, "palisadectl list main -u http://a:8008 -e"), -1);
        assert_string_equal(c.values[OPTION_URL], "http://a:8008");
        assert_string_equal(c.values[OPTION_EXTENDED], "");
        assert_int_equal(c.words.n, 1);
        assert_string_equal(c.words.list[0], "main");
        assert_int_equal(parse(&c, "palisadectl switchover --primary a --candidate=b --force"), -1);
        assert_string_equal(c.values[OPTION_LEADER], "a");
        assert_string_equal(c.values[OPTION_CANDIDATE], "b");
        assert_true(ctl_has(&c, OPTION_FORCE));
}

static void test_watch_takes_its_number_or_none(void **state _unused_)
{
        Ctl c;

        assert_int_equal(parse(&c, "palisadectl list -W"), -1);
        assert_string_equal(c.values[OPTION_WATCH], "");
        assert_int_equal(parse(&c, "palisadectl list --watch=5"), -1);
        assert_string_equal(c.values[OPTION_WATCH], "5");
        assert_int_equal(parse(&c, "palisadectl list -w 3"), -1);
        assert_string_equal(c.values[OPTION_EVERY], "3");
        assert_int_equal(parse(&c, "palisadectl list -W batman"), -1);
        assert_int_equal(c.words.n, 1);
}

static void test_repeated(void **state _unused_)
{
        Ctl c;

        assert_int_equal(parse(&c, "palisadectl edit-config -s a=1 -s b=2 -p c=3"), -1);
        assert_int_equal(c.sets.n, 2);
        assert_int_equal(c.pgs.n, 1);
        assert_string_equal(c.sets.list[1], "b=2");
        assert_string_equal(c.pgs.list[0], "c=3");
}

static void test_misuse(void **state _unused_)
{
        static const char *const lines[] = {
                "palisadectl",           "palisadectl swichover",     "palisadectl list a b",
                "palisadectl leave now", "palisadectl list --force",  "palisadectl --force list",
                "palisadectl list -f",   "palisadectl leave --watch", "palisadectl --nonsense",
        };
        Ctl c;

        /* What they say of it goes with the test's own output. */
        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                assert_int_equal(parse(&c, lines[i]), CTL_USAGE);
}

static void test_help(void **state _unused_)
{
        Ctl c;

        assert_int_equal(parse(&c, "palisadectl --help"), CTL_DONE);
        assert_int_equal(parse(&c, "palisadectl --version"), CTL_DONE);
        for (size_t i = 0; i < n_verbs; i++) {
                char line[64];
                snprintf(line, sizeof line, "palisadectl %s --help", verbs[i].name);
                assert_int_equal(parse(&c, line), CTL_DONE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_verbs),
                cmocka_unit_test(test_options_stand_anywhere),
                cmocka_unit_test(test_watch_takes_its_number_or_none),
                cmocka_unit_test(test_repeated),
                cmocka_unit_test(test_misuse),
                cmocka_unit_test(test_help),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
