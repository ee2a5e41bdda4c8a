/* Bodies byte for byte: what a running Patroni answered for the same clusters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api-scenes.h"
#include "apid/cluster-json.h"
#include "apid/explain.h"
#include "apid/metrics.h"
#include "apid/node-json.h"
#include "base/str.h"
#include "config/json.h"

#define NOW (1000 * USEC_PER_SEC)

static const Node no_tags = { .kind = NODE_MAP };

static View view_of(const Scene *s)
{
        View v = { .now = NOW, .mind = true, .status = &s->status, .pg = &s->pg.pg,
                   .cluster = s->cluster, .tags = &no_tags, .name = s->status.name,
                   .scope = s->status.scope };

        if (s->permit.epoch)
                assert_true(right_grant(&v.right, &s->permit));
        v.right.serving = s->status.leader;
        return v;
}

/* What issue and parity leave for later: removed from the recorded text. */
static void cut(char *text, const char *from, const char *to)
{
        char *at = strstr(text, from), *end = at ? strstr(at, to) : NULL;

        if (end)
                memmove(at, end, strlen(end) + 1);
}

static void check_node(const char *name, const char *role, bool leads, usec_t age)
{
        const char *folder = scene_folder(name);
        char file[32];
        Scene s;

        snprintf(file, sizeof file, "%s.json", role);
        char *want = scene_text(folder, file);
        scene_load(&s, folder, role, leads, NOW, NOW - age);
        s.status.failsafe = str_equal(name, "failsafe_dcs_down");
        View v = view_of(&s);
        char *is = node_json(&v);
        char *scheduled = strstr(want, ", \"scheduled_restart\"");
        if (scheduled)
                strcpy(scheduled, "}"); /* it is the last */
        assert_string_equal(is, want);
        free(is);
        free(want);
        scene_done(&s);
}

static const char *const current[] = {
        "running", "paused", "paused_pg_stopped_on_replica", "pending_restart",
        "scheduled_switchover", "scheduled_restart", "after_switchover", "sync", "sync_strict_2",
        "quorum", "standby_cluster", "failsafe_on", "reinit",
};

static void test_node(void **state _unused_)
{
        for (size_t i = 0; i < ELEMENTSOF(current); i++) {
                check_node(current[i], "leader", true, USEC_PER_SEC);
                check_node(current[i], "replica", true, USEC_PER_SEC);
        }
}

static void test_node_without_dcs(void **state _unused_)
{
        check_node("failsafe_dcs_down", "leader", true, 25 * USEC_PER_SEC);
        check_node("failsafe_dcs_down", "replica", true, 25 * USEC_PER_SEC);
        check_node("dcs_down_no_failsafe", "leader", false, 25 * USEC_PER_SEC);
        check_node("dcs_down_no_failsafe", "replica", false, 25 * USEC_PER_SEC);
}

static Node *parse(char *text)
{
        Node *n = NULL;

        assert_non_null(text);
        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        free(text);
        return n;
}

/* After the permit nobody may take this node for a primary that lives. */
static void test_node_after_permit(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        View v = view_of(&s);
        Node *n = parse(node_json(&v));

        assert_string_equal(node_get_text(n, "role"), "primary");
        assert_non_null(node_get(n, "xlog"));
        node_free(n);

        v.now = s.permit.deadline;
        n = parse(node_json(&v));
        assert_string_equal(node_get_text(n, "role"), "demoted");
        assert_null(node_get(n, "xlog"));
        assert_null(node_get(n, "server_version"));
        node_free(n);
        scene_done(&s);
}

static void test_node_tags(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "replica", true, NOW, NOW);
        View v = view_of(&s);
        Node *tags = node_new(NODE_MAP);

        assert_int_equal(node_put(tags, "clonefrom", node_new_bool(false)), 0);
        assert_int_equal(node_put(tags, "mytag", node_new_string("blue")), 0);
        v.tags = tags;
        s.status.watchdog_failed = true;
        char *text = node_json(&v);
        assert_non_null(strstr(text, "\"tags\": {\"mytag\": \"blue\"}, \"database"));
        assert_non_null(strstr(text, "\"name\": \"n2\"}, \"watchdog_failed\": true}"));
        free(text);
        node_free(tags);
        scene_done(&s);
}

static void test_node_unreachable_server(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "replica", true, NOW, NOW);
        View v = view_of(&s);
        s.pg.pg.accepts = false;
        Node *n = parse(node_json(&v));

        assert_string_equal(node_get_text(n, "state"), "unknown");
        assert_null(node_get(n, "xlog"));
        node_free(n);
        scene_done(&s);
}

static void test_cluster(void **state _unused_)
{
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(current); i++) {
                const char *folder = scene_folder(current[i]);
                char *want = scene_text(folder, "cluster.json");
                Scene s;
                if (!want)
                        continue;
                scene_load(&s, folder, "leader", true, NOW, NOW);
                char *is = cluster_json(s.cluster, s.status.scope);
                assert_string_equal(is, want);
                free(is);
                free(want);
                scene_done(&s);
                n++;
        }
        assert_true(n >= 10);
}

static void test_cluster_sorts_and_lags(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        Cluster *c = &s.cluster->cluster;
        Member swap = c->members[0];
        c->members[0] = c->members[2];
        c->members[2] = swap;
        c->members[0].replay_lsn -= 4096;
        Node *root = parse(cluster_json(s.cluster, "batman"));
        const Node *m = node_get(root, "members")->children;

        assert_string_equal(node_get_text(m, "name"), "n1");
        m = m->next;
        assert_string_equal(node_get_text(m, "name"), "n2");
        m = m->next;
        assert_string_equal(node_get_text(m, "name"), "n3");
        assert_int_equal(node_get_int(m, "replay_lag", -1), 4096);
        assert_int_equal(node_get_int(m, "lag", -1), 0);
        node_free(root);
        scene_done(&s);
}

static void test_blobs(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("after_switchover"), "leader", true, NOW, NOW);
        char *text = blob_json(s.cluster, s.cluster->cluster.history.raw);
        assert_string_equal(text, "[[1, 134225952, \"no recovery target specified\", "
                                  "\"2026-11-22T21:46:23.300908+00:00\", \"n2\"]]");
        free(text);
        assert_null(blob_json(s.cluster, s.cluster->cluster.failsafe));
        scene_done(&s);
}

/* ---- metrics ---- */

static char *family_end(char *text)
{
        return strstr(text, "# HELP palisade_");
}

static void check_metrics(const char *name, const char *role, usec_t age)
{
        char file[32];
        Scene s;

        snprintf(file, sizeof file, "%s.metrics", role);
        char *want = scene_text(scene_folder(name), file);
        scene_load(&s, scene_folder(name), role, true, NOW, NOW - age);
        s.status.failsafe = str_equal(name, "failsafe_dcs_down");
        View v = view_of(&s);
        char *is = metrics_text(&v, 3);
        *family_end(is) = 0;
        /* Recorded at another second than the JSON this scene is made of. */
        for (char *text = want; text; text = text == want ? is : NULL) {
                char *seen = strstr(text, "\npatroni_dcs_last_seen{");
                cut(seen, "} ", "\n# HELP patroni_pending");
        }
        is[strlen(is) - 1] = 0;
        assert_string_equal(is, want);
        free(is);
        free(want);
        scene_done(&s);
}

static void test_metrics(void **state _unused_)
{
        check_metrics("running", "leader", 0);
        check_metrics("running", "replica", 0);
        check_metrics("paused_pg_stopped_on_replica", "leader", 0);
        check_metrics("paused_pg_stopped_on_replica", "replica", 0);
        check_metrics("failsafe_dcs_down", "leader", 25 * USEC_PER_SEC);
        check_metrics("failsafe_dcs_down", "replica", 25 * USEC_PER_SEC);
        check_metrics("standby_cluster", "replica", 0);
}

static void assert_has(const char *text, const char *line)
{
        if (!strstr(text, line))
                fail_msg("%s is not in:\n%s", line, text);
}

static void test_own_metrics(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        s.status.fence.n_vips = 1;
        s.status.fence.vips[0] = (VipState){ .vip = { .address = "10.0.0.9", .interface = "eth0" },
                                             .present = true, .until = NOW + 5 };
        s.status.fence.gate = GATE_OPEN;
        s.status.fence.n_also = 4;
        for (uint32_t i = 0; i < 4; i++)
                s.status.fence.also[i] = (UnitState){ .unit = { { 'a', (char)('0' + i) } },
                                                      .gate = (GateState)i };
        s.status.watchdog.armed = TRI_YES;
        s.status.watchdog.last_pet = NOW - USEC_PER_SEC;
        s.status.watchdog.fires = 5 * USEC_PER_SEC;
        s.pg.pg.standbys[0].replay_lsn -= 100;
        (void)STR_SET(s.pg.pg.standbys[1].application_name, "a\"b\\c");
        View v = view_of(&s);
        char *text = metrics_text(&v, 3);

        assert_has(text, "palisade_leader{scope=\"batman\",name=\"n1\"} 1\n");
        assert_has(text, "palisade_permit_seconds{scope=\"batman\",name=\"n1\"} 15.0\n");
        assert_has(text, "palisade_epoch{scope=\"batman\",name=\"n1\"} 4711\n");
        assert_has(text, "palisade_vip_present{scope=\"batman\",name=\"n1\",address=\"10.0.0.9\"} 1\n");
        assert_has(text, "palisade_gate_open{scope=\"batman\",name=\"n1\"} 1\n");
        assert_null(strstr(text, "unit=\"a0\"")); /* it does not run */
        assert_has(text, "palisade_pooler_gate_open{scope=\"batman\",name=\"n1\",unit=\"a1\"} -1\n");
        assert_has(text, "palisade_pooler_gate_open{scope=\"batman\",name=\"n1\",unit=\"a2\"} 1\n");
        assert_has(text, "palisade_pooler_gate_open{scope=\"batman\",name=\"n1\",unit=\"a3\"} 0\n");
        assert_has(text, "palisade_watchdog_seconds_left{scope=\"batman\",name=\"n1\"} 4.0\n");
        assert_has(text, "application=\"n2\"} 100\n");
        assert_has(text, "application=\"a\\\"b\\\\c\"} 0\n");
        assert_has(text, "palisade_api_connections{scope=\"batman\",name=\"n1\"} 3\n");
        free(text);

        v.now = s.permit.deadline;
        text = metrics_text(&v, 3);
        assert_has(text, "palisade_leader{scope=\"batman\",name=\"n1\"} 0\n");
        assert_has(text, "palisade_permit_seconds{scope=\"batman\",name=\"n1\"} 0\n");
        assert_has(text, "palisade_vip_present{scope=\"batman\",name=\"n1\",address=\"10.0.0.9\"} 0\n");
        assert_has(text, "patroni_primary{scope=\"batman\",name=\"n1\"} 0\n");
        free(text);
        scene_done(&s);
}

/* Each family is told once, and each sample belongs to the family above it. */
static void test_metrics_are_well_formed(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        View v = view_of(&s);
        char *text = metrics_text(&v, 0), *at = text;
        char family[128] = "";

        while (at && *at) {
                char *line = strsep(&at, "\n");
                if (str_after_prefix(line, "# HELP ")) {
                        char *name = line + 7;
                        (void)str_copy_n(family, sizeof family, name, strcspn(name, " "));
                } else if (*line != '#') {
                        assert_memory_equal(line, family, strlen(family));
                        assert_int_equal(line[strlen(family)], '{');
                }
        }
        free(text);
        scene_done(&s);
}

/* ---- our own ---- */

static void test_status(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        View v = view_of(&s);
        Node *n = parse(status_json(&v));

        assert_true(node_get_bool(n, "leader", false));
        assert_string_equal(node_get_text(n, "permit_seconds"), "15.0");
        assert_string_equal(node_get_text(n, "lock"), "n1");
        assert_string_equal(node_get_text(n, "system_identifier"), "7711114259498795507");
        assert_string_equal(node_get_text(n, "postgres.state"), "running");
        assert_false(node_get_bool(n, "left", true));
        node_free(n);
        scene_done(&s);
}

static void test_explain(void **state _unused_)
{
        static const MsgRow rows[] = {
                { .section = "decision", .key = "rule", .value = "lead", .note = "we hold it" },
                { .section = "decision", .key = "since", .value = "2.00 s" },
                { .section = "facts", .key = "lock", .value = "ours" },
        };
        char *json = explain_json(rows, 3), *text = explain_text(rows, 3);

        assert_string_equal(json, "{\"decision\": [{\"key\": \"rule\", \"value\": \"lead\", \"note\": "
                                  "\"we hold it\"}, {\"key\": \"since\", \"value\": \"2.00 s\"}], "
                                  "\"facts\": [{\"key\": \"lock\", \"value\": \"ours\"}]}");
        assert_string_equal(text, "decision\n  rule   lead    we hold it\n  since  2.00 s\n\n"
                                  "facts\n  lock  ours\n");
        free(json);
        free(text);
        json = explain_json(NULL, 0);
        assert_string_equal(json, "{}");
        free(json);
}

static void test_explain_wraps(void **state _unused_)
{
        static const MsgRow rows[] = {
                { .section = "chain", .key = "gate", .value = "absent",
                  .note = "this version puts no gate around postgres yet: at the permit's end its "
                          "processes are killed instead" },
                { .section = "chain", .key = "x", .value = "y",
                  .note = "onewordthatislongerthanalineofthescreenonewordthatislongerthanalineofthe"
                          "screenonewordthatislonger" },
        };
        char *text = explain_text(rows, 2);

        assert_string_equal(text, "chain\n"
                                  "  gate  absent\n"
                                  "        this version puts no gate around postgres yet: at the permit's end its\n"
                                  "        processes are killed instead\n"
                                  "  x     y\n"
                                  "        onewordthatislongerthanalineofthescreenonewordthatislongerthanalineofthe"
                                  "screenonewordthatislonger\n");
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_node),
                cmocka_unit_test(test_node_without_dcs),
                cmocka_unit_test(test_node_after_permit),
                cmocka_unit_test(test_node_tags),
                cmocka_unit_test(test_node_unreachable_server),
                cmocka_unit_test(test_cluster),
                cmocka_unit_test(test_cluster_sorts_and_lags),
                cmocka_unit_test(test_blobs),
                cmocka_unit_test(test_metrics),
                cmocka_unit_test(test_own_metrics),
                cmocka_unit_test(test_metrics_are_well_formed),
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_explain),
                cmocka_unit_test(test_explain_wraps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
