/* list and topology: what patronictl printed of recorded clusters, and what none of them shows. */
#include "test-ctl.h"

#include "api-scenes.h"
#include "ctl/members.h"
#include "ctl/yaml-out.h"

typedef struct Listing {
        Node *cluster;
        char *sysid;
        MembersView view;
} Listing;

static Listing listing(const char *scene)
{
        char folder[512];
        (void)STR_SET(folder, scene_folder(scene));
        char *cluster = scene_text(folder, "cluster.json"),
             *node = scene_text(folder, "leader.json");
        _cleanup_(node_freep) Node *leader = document(node);
        Listing l = { .cluster = document(cluster) };
        const char *sysid = node_get_text(leader, "database_system_identifier");

        l.sysid = strdup(sysid ? sysid : "");
        l.view = (MembersView){ .cluster = l.cluster, .scope = "batman", .sysid = l.sysid };
        free(cluster);
        free(node);
        return l;
}

static void listing_done(Listing *l)
{
        node_free(l->cluster);
        free(l->sysid);
}

typedef enum As { PRETTY, TSV, JSON, YAML } As;

static void print_as(const MembersView *v, FILE *f, As as)
{
        _cleanup_(node_freep) Node *list = members_list(v);
        char *json = json_format(list, JSON_SPACED);

        if (as == PRETTY)
                members_print_pretty(v, f);
        else if (as == TSV)
                members_print_tsv(v, f);
        else if (as == JSON)
                fputs(json, f);
        else
                yaml_write(f, list);
        free(json);
}

/* Whether a line end stood behind it all is not recorded. */
static void chomp(char *text)
{
        size_t n = strlen(text);

        while (n > 0 && text[n - 1] == '\n')
                text[--n] = 0;
}

static void test_recorded(void **state _unused_)
{
        static const struct {
                const char *scene, *file;
                As as;
                bool topology, extended;
        } rows[] = {
                { "running", "list_pretty.txt", PRETTY, false, false },
                { "running", "list_extended.txt", PRETTY, false, true },
                { "running", "list_tsv.txt", TSV, false, false },
                { "running", "list_json.txt", JSON, false, false },
                { "running", "list_e_json.txt", JSON, false, true },
                { "running", "list_yaml.txt", YAML, false, false },
                { "running", "topology.txt", PRETTY, true, false },
                { "paused", "list_paused.txt", PRETTY, false, false },
                { "paused", "list_paused_json.txt", JSON, false, false },
                { "paused_pg_stopped_on_replica", "list_paused_stopped.txt", PRETTY, false, false },
                { "pending_restart", "list_pending_restart.txt", PRETTY, false, false },
                { "pending_restart", "list_pending_restart_json.txt", JSON, false, false },
                { "quorum", "list_quorum.txt", PRETTY, false, false },
                { "scheduled_restart", "list_scheduled_restart.txt", PRETTY, false, false },
                { "scheduled_switchover", "list_scheduled_switchover.txt", PRETTY, false, false },
                { "standby_cluster", "list_standby_cluster.txt", PRETTY, false, false },
                { "standby_cluster", "topology_standby_cluster.txt", PRETTY, true, false },
                { "sync", "list_sync.txt", PRETTY, false, false },
                { "sync", "list_sync_json.txt", JSON, false, false },
                { "sync", "topology_sync.txt", PRETTY, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Listing l = listing(rows[i].scene);
                char *said = scene_text(scene_folder(rows[i].scene), rows[i].file), *text;
                FILE *f = to_memory(&text);
                l.view.topology = rows[i].topology;
                l.view.extended = rows[i].extended;
                print_as(&l.view, f, rows[i].as);
                fclose(f);
                chomp(text);
                chomp(said);
                if (!str_equal(text, said))
                        print_error("%s/%s:\n%s\nnot\n%s\n", rows[i].scene, rows[i].file, text,
                                    said);
                assert_true(str_equal(text, said));
                free(text);
                free(said);
                listing_done(&l);
        }
}

/* ---- members of our own ---- */

static char *pretty(const char *json, bool topology)
{
        _cleanup_(node_freep) Node *cluster = document(json);
        const MembersView v = { .cluster = cluster, .scope = "c", .topology = topology };
        char *text;
        FILE *f = to_memory(&text);

        members_print_pretty(&v, f);
        fclose(f);
        return text;
}

static void assert_holds(const char *json, bool topology, const char *line)
{
        char *text = pretty(json, topology);

        if (!strstr(text, line))
                print_error("no \"%s\" in\n%s", line, text);
        assert_non_null(strstr(text, line));
        free(text);
}

static void test_hosts(void **state _unused_)
{
        assert_holds("{\"members\":[{\"name\":\"a\",\"host\":\"h\",\"port\":5432}]}", false,
                     "| h    |");
        assert_holds("{\"members\":[{\"name\":\"a\",\"host\":\"h\",\"port\":5433}]}", false,
                     "| h:5433 |");
        assert_holds("{\"members\":[{\"name\":\"a\",\"host\":\"h\",\"port\":5432},"
                     "{\"name\":\"b\",\"host\":\"h\",\"port\":5432}]}",
                     false, "| h:5432 |");
        assert_holds("{\"members\":[{\"name\":\"a\",\"host\":\"fd00::1\",\"port\":5433}]}", false,
                     "| [fd00::1]:5433 |");
        assert_holds("{\"members\":[{\"name\":\"a\"}]}", false, "| a      |      |");
        assert_holds("{\"members\":[]}", false, " Cluster: c (uninitialized) ");
}

static void test_lags_are_rounded_to_even(void **state _unused_)
{
        static const struct {
                long long lag;
                const char *shown;
        } rows[] = {
                { 0, "|   0 |" },
                { 524287, "|   0 |" },
                { 524288, "|   0 |" },
                { 524289, "|   1 |" },
                { 1572864, "|   2 |" },
                { 2621440, "|   2 |" },
                { 52428800, "|  50 |" }
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char json[256];
                snprintf(json, sizeof json, "{\"members\":[{\"name\":\"a\",\"receive_lag\":%lld}]}",
                         rows[i].lag);
                assert_holds(json, false, rows[i].shown);
        }
        assert_holds("{\"members\":[{\"name\":\"a\",\"receive_lag\":\"unknown\"}]}", false,
                     "|     |");
}

static void test_topology_of_a_cascade(void **state _unused_)
{
        static const char json[] = "{\"members\":[{\"name\":\"a\",\"role\":\"replica\",\"tags\":{"
                                   "\"replicatefrom\":\"b\"}},"
                                   "{\"name\":\"b\",\"role\":\"replica\"},{\"name\":\"c\",\"role\":"
                                   "\"leader\"},"
                                   "{\"name\":\"d\",\"role\":\"replica\",\"tags\":{"
                                   "\"replicatefrom\":\"gone\"}}]}";
        char *text = pretty(json, true);
        const char *c = strstr(text, "| c "), *b = strstr(text, "| + b "),
                   *a = strstr(text, "|   + a "), *d = strstr(text, "| + d ");

        assert_true(c && b && a && d && c < b && b < a && a < d);
        free(text);

        /* Two that follow each other, and nobody leads: it ends, and nothing is read twice. */
        text = pretty("{\"members\":[{\"name\":\"a\",\"tags\":{\"replicatefrom\":\"b\"}},"
                      "{\"name\":\"b\",\"tags\":{\"replicatefrom\":\"a\"}}]}",
                      true);
        assert_non_null(text);
        free(text);
}

static void test_cells(void **state _unused_)
{
        assert_holds("{\"members\":[{\"name\":\"a\",\"pending_restart\":true,\"pending_restart_"
                     "reason\":"
                     "{\"shared_preload_libraries\":{\"old_value\":\"pg_stat_statements\","
                     "\"new_value\":\"pg_stat_statements,auto_explain\"}}}]}",
                     false, "shared_preload_libraries: [hidden - too long]");
        assert_holds("{\"members\":[{\"name\":\"a\",\"tags\":{\"b\":true,\"a\":\"x\"}}]}", false,
                     "| a: x    |");
        assert_holds("{\"members\":[{\"name\":\"a\",\"tags\":{\"b\":true,\"a\":\"x\"}}]}", true,
                     "{a: x, b: true}");
        assert_holds("{\"members\":[{\"name\":\"a\",\"scheduled_restart\":{\"schedule\":\"T\","
                     "\"postgres_version\":\"15.9\"}}]}",
                     false, "T if version < 15.9");
        assert_holds("{\"members\":[],\"pause\":true}", false, " Maintenance mode: on\n");
        assert_holds("{\"members\":[],\"scheduled_switchover\":{\"at\":\"T\",\"from\":\"a\",\"to\":"
                     "\"b\"}}",
                     false, "                      to: b\n");
}

/* Eighty columns hold the members without their positions; whoever wants those says so. */
static void test_narrow_screen(void **state _unused_)
{
        static const struct {
                size_t width;
                bool extended, narrow;
        } rows[] = {
                { 0, false, false },
                { 80, false, true },
                { 80, true, false },
                { 200, false, false }
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Listing l = listing("running");
                char *text;
                FILE *f = to_memory(&text);
                l.view.width = rows[i].width;
                l.view.extended = rows[i].extended;
                members_print_pretty(&l.view, f);
                fclose(f);
                assert_int_equal(strstr(text, "Replay LSN") == NULL, rows[i].narrow);
                assert_int_equal(strstr(text, "| Receive Lag | Replay Lag |") != NULL,
                                 rows[i].narrow);
                assert_true(!rows[i].narrow || strcspn(text, "\n") <= rows[i].width);
                free(text);
                listing_done(&l);
        }
}

static void test_find(void **state _unused_)
{
        _cleanup_(node_freep) Node *n =
                        document("{\"members\":[{\"name\":\"a\",\"role\":\"replica\"},"
                                 "{\"name\":\"b\",\"role\":\"standby_leader\"}]}");
        _cleanup_(node_freep) Node *none = document("{\"members\":[{\"name\":\"a\"}]}");

        assert_string_equal(members_leader(n), "b");
        assert_null(members_leader(none));
        assert_non_null(members_find(n, "a"));
        assert_null(members_find(n, "c"));
        assert_null(members_find(NULL, "a"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded),
                cmocka_unit_test(test_hosts),
                cmocka_unit_test(test_lags_are_rounded_to_even),
                cmocka_unit_test(test_topology_of_a_cascade),
                cmocka_unit_test(test_cells),
                cmocka_unit_test(test_narrow_screen),
                cmocka_unit_test(test_find),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
