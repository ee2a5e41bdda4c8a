/* history: what patronictl printed after some switchovers. */
#include "test-ctl.h"

#include "api-scenes.h"
#include "ctl/timelines.h"
#include "ctl/yaml-out.h"

/* The key `history` of the scene. */
static Node *recorded(const char *folder)
{
        char *keys = scene_text(folder, "keys");
        char *start = strstr(keys, "history\n");
        assert_non_null(start);
        start += strlen("history\n");
        start[strcspn(start, "\n")] = 0;
        Node *n = document(start);

        free(keys);
        return n;
}

static void assert_recorded(const char *folder, const char *file, FILE *f, char **text)
{
        char *said = scene_text(folder, file);
        size_t size;

        fclose(f);
        size = strlen(*text);
        while (size > 0 && (*text)[size - 1] == '\n')
                (*text)[--size] = 0;
        size = strlen(said);
        while (size > 0 && said[size - 1] == '\n')
                said[--size] = 0;
        assert_string_equal(*text, said);
        free(said);
        free(*text);
}

static void test_recorded(void **state _unused_)
{
        char folder[512], *text;
        (void)STR_SET(folder, scene_folder("after_switchover"));
        _cleanup_(node_freep) Node *history = recorded(folder);
        _cleanup_(node_freep) Node *list = timelines_list(history);

        FILE *f = to_memory(&text);
        timelines_print_pretty(history, f);
        assert_recorded(folder, "history_pretty.txt", f, &text);
        f = to_memory(&text);
        timelines_print_tsv(history, f);
        assert_recorded(folder, "history_tsv.txt", f, &text);
        f = to_memory(&text);
        char *json = json_format(list, JSON_SPACED);
        fputs(json, f);
        free(json);
        assert_recorded(folder, "history_json.txt", f, &text);
        f = to_memory(&text);
        yaml_write(f, list);
        assert_recorded(folder, "history_yaml.txt", f, &text);
}

/* Lines may be short (no time, no name: Patroni wrote such once), long or no lines at all. */
static void test_odd_lines(void **state _unused_)
{
        _cleanup_(node_freep) Node *history =
                        document("[[1,100,\"why\"],[2,200,\"why\",\"then\",\"n1\",\"more\"],7,[]]");
        _cleanup_(node_freep) Node *list = timelines_list(history);
        char *text;
        FILE *f = to_memory(&text);

        timelines_print_tsv(history, f);
        assert_printed(f, &text,
                       "TL\tLSN\tReason\tTimestamp\tNew Leader\n1\t100\twhy\t\t\n"
                       "2\t200\twhy\tthen\tn1\n\t\t\t\t\n\t\t\t\t\n");
        assert_int_equal(node_count(list), 4);
        f = to_memory(&text);
        timelines_print_pretty(NULL, f);
        assert_printed(f, &text,
                       "+----+-----+--------+-----------+------------+\n"
                       "| TL | LSN | Reason | Timestamp | New Leader |\n"
                       "+----+-----+--------+-----------+------------+\n"
                       "+----+-----+--------+-----------+------------+\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded),
                cmocka_unit_test(test_odd_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
