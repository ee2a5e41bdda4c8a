/* record: every golden scenario, told by a node and recorded, reads as it stands. */
#include <dirent.h>

#include "test-ctl.h"

#include "apid/explain.h"
#include "ctl/record.h"
#include "decide/rules.h"
#include "wire/wire.h"

#define LINES_MAX 64

static int by_text(const void *a, const void *b)
{
        return strcmp(a, b);
}

/* Its lines but comments, sorted. */
static size_t read_lines(FILE *f, char lines[LINES_MAX][128])
{
        size_t n = 0;

        while (n < LINES_MAX && fgets(lines[n], sizeof lines[0], f)) {
                lines[n][strcspn(lines[n], "\n")] = 0;
                n += lines[n][0] != '#' && lines[n][0] != 0;
        }
        qsort(lines, n, sizeof lines[0], by_text);
        return n;
}

static MsgRow row(const char *section, const char *key, const char *value, const char *note)
{
        MsgRow m = WIRE_INIT(MsgRow, MSG_ROW);

        (void)STR_SET(m.section, section);
        (void)STR_SET(m.key, key);
        (void)STR_SET(m.value, value);
        (void)STR_SET(m.note, note);
        return m;
}

static const char *value_of(char lines[LINES_MAX][128], size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++) {
                const char *rest = str_after_prefix(lines[i], name);
                if (rest && str_after_prefix(rest, " = "))
                        return rest + 3;
        }
        return NULL;
}

static const char *healthy(const char *name)
{
        for (size_t i = 0; i < n_record_healthy; i++)
                if (str_equal(record_healthy[i].name, name))
                        return record_healthy[i].value;
        fail_msg("%s is not in record_healthy", name);
        return NULL;
}

/* What a node in that situation explains; it must decide as the scenario says. */
static Node *explain(char lines[LINES_MAX][128], size_t n)
{
        MsgRow rows[FACT_COUNT + 2];
        Facts facts = { 0 };
        size_t n_rows = 0;

        for (int i = 0; i < FACT_COUNT; i++) {
                const char *name = fact_name((FactId)i), *value = value_of(lines, n, name);
                if (!value)
                        value = healthy(name);
                unsigned v = 0;
                while (v < fact_max((FactId)i) &&
                       !str_equal(fact_value_name((FactId)i, v), value))
                        v++;
                assert_true(v < fact_max((FactId)i));
                facts.value[i] = (uint8_t)v;
                rows[n_rows++] = row("facts", name, value, "");
        }
        Decision d = decide(&facts);
        rows[n_rows++] = row("decision", "rule", d.rule->name, d.rule->reason);
        rows[n_rows++] = row("decision", "intent", intent_to_string(d.intent), "");
        char *text = explain_json(rows, n_rows);
        Node *doc = document(text);

        free(text);
        return doc;
}

static void assert_recorded(const char *path)
{
        char lines[LINES_MAX][128], again[LINES_MAX][128], *text;
        FILE *f = fopen(path, "re");

        assert_non_null(f);
        size_t n = read_lines(f, lines);
        fclose(f);
        Node *doc = explain(lines, n);
        assert_true(record_is_possible(doc));
        f = to_memory(&text);
        assert_int_equal(record_write(f, doc, "2026-11-25 03:41:12"), 0);
        fclose(f);
        node_free(doc);
        assert_non_null(str_after_prefix(text, "# Recorded at 2026-11-25 03:41:12: "));
        f = fmemopen(text, strlen(text), "r");
        assert_int_equal(read_lines(f, again), n);
        fclose(f);
        for (size_t i = 0; i < n; i++)
                assert_string_equal(again[i], lines[i]);
        free(text);
}

static void test_every_scenario(void **state _unused_)
{
        const char *srcdir = getenv("srcdir");
        char folder[1024], path[2048];
        unsigned n = 0;

        snprintf(folder, sizeof folder, "%s/tests/decide/scenarios", srcdir ? srcdir : ".");
        DIR *d = opendir(folder);
        assert_non_null(d);
        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                if (e->d_name[0] == '.' || strchr(e->d_name, '~'))
                        continue;
                snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
                print_message("%s\n", e->d_name);
                assert_recorded(path);
                n++;
        }
        closedir(d);
        assert_true(n > 50);
}

static void test_what_cannot_be_recorded(void **state _unused_)
{
        static const char *const texts[] = {
                "{}", "[]", "{\"facts\": [{\"key\": \"lock\", \"value\": \"mine\"}]}",
                "{\"facts\": [{\"key\": \"lock\"}], \"decision\": [{\"key\": \"rule\"}]}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                Node *n = document(texts[i]);
                assert_false(record_is_possible(n));
                node_free(n);
        }
        assert_false(record_is_possible(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_scenario),
                cmocka_unit_test(test_what_cannot_be_recorded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
