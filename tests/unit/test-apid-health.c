/* Every health check against the codes a running Patroni answered, and what Palisade adds to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api-scenes.h"
#include "apid/health.h"
#include "apid/route.h"
#include "base/str.h"

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

/* "/replica?lag=0&mode=write", taken apart in place. */
static void split(char *path, Query *q)
{
        char *at = strchr(path, '?');

        q->n = 0;
        if (!at)
                return;
        *at++ = 0;
        while (at) {
                char *pair = strsep(&at, "&"), *value = strchr(pair, '=');
                *value++ = 0;
                q->pairs[q->n++] = (QueryPair){ pair, value };
        }
}

static unsigned get(const View *v, const char *path_and_query)
{
        char path[128];
        Query q;

        (void)STR_SET(path, path_and_query);
        split(path, &q);
        if (str_equal(path, "/liveness"))
                return health_liveness(v);
        if (str_equal(path, "/readiness"))
                return health_readiness(v, &q);
        const Route *r = route_find("GET", path);
        if (!r)
                return health_check(v, path, &q);

        Wish w = { 0 };
        Inquiry inquiry = { .view = v, .path = path, .query = &q };
        Answer a = r->begin(&inquiry, &w);
        if (a.status == 0)
                a = r->end(&inquiry);
        unsigned status = a.status;
        answer_done(&a);
        return status;
}

static unsigned head(const View *v, const char *path_and_query)
{
        char path[128];
        Query q;

        (void)STR_SET(path, path_and_query);
        split(path, &q);
        assert_null(route_find("HEAD", path));
        return health_check(v, path, &q);
}

static unsigned expected(const char *codes, const char *method)
{
        const char *at = strstr(codes, method);

        if (!at || at[strlen(method)] == '-')
                return 0;
        return (unsigned)atoi(at + strlen(method));
}

static void check_codes(const char *folder, const View *v, const char *role)
{
        char *codes = scene_text(folder, "codes"), *at = codes;
        unsigned n = 0;

        assert_non_null(codes);
        while (at && *at) {
                char *line = strsep(&at, "\n");
                const char *who = strsep(&line, "\t"), *path = strsep(&line, "\t");
                if (!str_equal(who, role))
                        continue;
                unsigned want_get = expected(line, "GET="), want_head = expected(line, "HEAD=");
                if (want_get == 0)
                        want_get = 503; /* Patroni closes the connection, we say why */
                if (get(v, path) != want_get)
                        fail_msg("%s: GET %s on the %s: %u, not %u", folder, path, role,
                                 get(v, path), want_get);
                if (want_head && head(v, path) != want_head)
                        fail_msg("%s: HEAD %s on the %s: %u, not %u", folder, path, role,
                                 head(v, path), want_head);
                n++;
        }
        assert_true(n > 1);
        free(codes);
}

static const struct {
        const char *name;
        bool leads, dcs_down;
} scenes[] = {
        { "running", true, false },
        { "paused", true, false },
        { "paused_pg_stopped_on_replica", true, false },
        { "pending_restart", true, false },
        { "scheduled_switchover", true, false },
        { "scheduled_restart", true, false },
        { "after_switchover", true, false },
        { "sync", true, false },
        { "sync_strict_2", true, false },
        { "quorum", true, false },
        { "standby_cluster", true, false },
        { "failsafe_on", true, false },
        { "failsafe_dcs_down", true, true },
        { "dcs_down_no_failsafe", false, true },
        { "reinit", true, false },
};

static void test_recorded_codes(void **state _unused_)
{
        static const char *const roles[] = { "leader", "replica" };

        for (size_t i = 0; i < ELEMENTSOF(scenes); i++)
                for (size_t r = 0; r < ELEMENTSOF(roles); r++) {
                        const char *folder = scene_folder(scenes[i].name);
                        Scene s;
                        scene_load(&s, folder, roles[r], scenes[i].leads, NOW,
                                   NOW - (scenes[i].dcs_down ? 25 : 2) * USEC_PER_SEC);
                        View v = view_of(&s);
                        check_codes(folder, &v, roles[r]);
                        scene_done(&s);
                }
}

static void load(Scene *s, const char *role)
{
        scene_load(s, scene_folder("running"), role, true, NOW, NOW);
}

static void test_permit_lapses(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        View v = view_of(&s);

        v.now = s.permit.deadline - 1;
        assert_int_equal(get(&v, "/primary"), 200);
        v.now = s.permit.deadline;
        assert_int_equal(get(&v, "/primary"), 503);
        assert_int_equal(get(&v, "/"), 503);
        assert_int_equal(get(&v, "/leader"), 503);
        assert_int_equal(get(&v, "/read-write"), 503);
        assert_int_equal(get(&v, "/read-only"), 503);
        assert_int_equal(get(&v, "/replica"), 503);
        assert_int_equal(get(&v, "/health"), 200);
        scene_done(&s);
}

static void test_paused_permit_stands(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        s.permit.standing = 1;
        View v = view_of(&s);

        v.now = s.permit.deadline + 3600 * USEC_PER_SEC;
        assert_int_equal(get(&v, "/primary"), 200);
        /* Dropping it leaves the deadline in force. */
        s.permit.standing = 0;
        assert_true(right_grant(&v.right, &s.permit));
        assert_int_equal(get(&v, "/primary"), 503);
        scene_done(&s);
}

static void test_revoked(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        View v = view_of(&s);

        right_revoke(&v.right, s.permit.epoch);
        assert_int_equal(get(&v, "/primary"), 503);
        assert_false(right_grant(&v.right, &s.permit));
        s.permit.epoch++;
        assert_true(right_grant(&v.right, &s.permit));
        assert_int_equal(get(&v, "/primary"), 503); /* until the mind sends clients again */
        v.right.serving = true;
        assert_int_equal(get(&v, "/primary"), 200);
        scene_done(&s);
}

static void test_right_only_forward(void **state _unused_)
{
        Right r = { 0 };
        MsgPermit p = { .epoch = 5, .deadline = 100 };

        assert_true(right_grant(&r, &p));
        p.deadline = 50;
        assert_true(right_grant(&r, &p));
        assert_int_equal(r.deadline, 100);
        p.epoch = 4;
        p.deadline = 900;
        assert_false(right_grant(&r, &p));
        assert_int_equal(r.deadline, 100);
        p.epoch = 6;
        p.deadline = 60;
        assert_true(right_grant(&r, &p));
        assert_int_equal(r.deadline, 60);
        assert_true(right_runs(&r, 59));
        assert_false(right_runs(&r, 60));
}

static void test_mind_says_no(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        View v = view_of(&s);

        v.right.serving = false; /* an orderly demotion: the permit runs, nobody is sent here */
        assert_int_equal(get(&v, "/primary"), 503);
        scene_done(&s);
}

static void test_lag(void **state _unused_)
{
        Scene s;
        load(&s, "replica");
        s.pg.pg.replay_lsn -= 2 * 1024 * 1024;
        View v = view_of(&s);

        assert_int_equal(get(&v, "/replica"), 200);
        assert_int_equal(get(&v, "/replica?lag=1MB"), 503);
        assert_int_equal(get(&v, "/replica?lag=2MB"), 200);
        assert_int_equal(get(&v, "/replica?lag=2097152"), 200);
        assert_int_equal(get(&v, "/replica?lag=2097151"), 503);
        assert_int_equal(get(&v, "/replica?lag=2047kB"), 503);
        assert_int_equal(get(&v, "/replica?lag=nonsense"), 200);
        assert_int_equal(get(&v, "/readiness"), 503); /* maximum_lag_on_failover is 1 MB */
        assert_int_equal(get(&v, "/readiness?mode=write"), 200);
        assert_int_equal(get(&v, "/readiness?lag=10MB"), 200);
        scene_done(&s);
}

static Node *tags_of(const char *key, Node *value)
{
        Node *tags = node_new(NODE_MAP);

        assert_int_equal(node_put(tags, key, value), 0);
        return tags;
}

static void test_tags(void **state _unused_)
{
        Scene s;
        load(&s, "replica");
        View v = view_of(&s);

        Node *tags = tags_of("zone", node_new_string("a"));
        assert_int_equal(node_put(tags, "rack", node_new_int(5)), 0);
        assert_int_equal(node_put(tags, "nofailover", node_new_bool(true)), 0);
        assert_int_equal(node_put(tags, "nosync", node_new_bool(false)), 0);
        v.tags = tags;
        assert_int_equal(get(&v, "/replica?tag_zone=a"), 200);
        assert_int_equal(get(&v, "/replica?tag_zone=b"), 503);
        assert_int_equal(get(&v, "/replica?tag_zone=a&tag_rack=5"), 200);
        assert_int_equal(get(&v, "/replica?tag_zone=a&tag_rack=6"), 503);
        assert_int_equal(get(&v, "/replica?tag_nofailover=true"), 200);
        assert_int_equal(get(&v, "/health?tag_none=x"), 503);
        assert_int_equal(get(&v, "/replica?tag_nosync=false"), 503); /* at its default: absent */
        node_free(tags);

        v.tags = tags = tags_of("noloadbalance", node_new_bool(true));
        assert_int_equal(get(&v, "/replica"), 503);
        assert_int_equal(get(&v, "/read-only"), 503);
        node_free(tags);
        scene_done(&s);
}

static void test_leader_ignores_tags(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        View v = view_of(&s);

        assert_int_equal(get(&v, "/primary?tag_none=x"), 200);
        assert_int_equal(get(&v, "/leader?tag_none=x"), 200);
        assert_int_equal(get(&v, "/read-only?tag_none=x"), 503);
        scene_done(&s);
}

static void test_words_within_paths(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        View v = view_of(&s);

        assert_int_equal(get(&v, "/xx/primary/yy"), 200);
        assert_int_equal(get(&v, "/leader/standby_leader"), 503); /* the first row wins */
        assert_int_equal(get(&v, "/healthy"), 200);
        assert_int_equal(get(&v, "//"), 503);
        assert_int_equal(get(&v, "/synchronous/x"), 503);
        assert_int_equal(head(&v, "/patroni"), 503);
        scene_done(&s);
}

static void test_liveness(void **state _unused_)
{
        Scene s;
        load(&s, "leader");
        View v = view_of(&s);
        usec_t ttl = s.cluster->cluster.settings.timing.ttl;

        v.now = s.status.beat + ttl - 1;
        assert_int_equal(get(&v, "/liveness"), 200);
        v.now = s.status.beat + ttl;
        assert_int_equal(get(&v, "/liveness"), 503);
        s.pg.pg.role = ROLE_REPLICA;
        assert_int_equal(get(&v, "/liveness"), 200);
        v.now = s.status.beat + 2 * ttl;
        assert_int_equal(get(&v, "/liveness"), 503);
        s.cluster->cluster.settings.pause = true;
        assert_int_equal(get(&v, "/liveness"), 200);
        v.status = NULL;
        assert_int_equal(get(&v, "/liveness"), 503);
        scene_done(&s);
}

/* Nothing happens in a quiet cluster: the link tells when it goes down, not that it is up. */
static void test_quiet_dcs_is_no_silent_one(void **state _unused_)
{
        Scene s;
        load(&s, "replica");
        View v = view_of(&s);
        usec_t ttl = view_settings(&v).timing.ttl;

        v.now += 10 * ttl;
        s.status.beat = v.now - 1;
        assert_int_equal(get(&v, "/cluster"), 503);
        assert_int_equal(get(&v, "/async"), 503);
        s.status.dcs_up = true;
        assert_int_equal(get(&v, "/cluster"), 200);
        assert_int_equal(get(&v, "/async"), 200);
        v.now += 2 * ttl; /* the mind hangs: what it knew of the DCS grows old */
        assert_int_equal(get(&v, "/cluster"), 503);
        scene_done(&s);
}

static void test_nothing_known(void **state _unused_)
{
        View v = { .now = NOW, .tags = &no_tags, .name = "n1", .scope = "batman" };

        assert_int_equal(get(&v, "/"), 503);
        assert_int_equal(get(&v, "/replica"), 503);
        assert_int_equal(get(&v, "/health"), 503);
        assert_int_equal(get(&v, "/liveness"), 503);
        assert_int_equal(get(&v, "/readiness"), 503);
        assert_int_equal(get(&v, "/patroni"), 200);
        assert_int_equal(get(&v, "/cluster"), 503);
        assert_int_equal(get(&v, "/metrics"), 200);
}

/* The permit survives a restart of the program; the mind may be slower. */
static void test_only_the_permit_known(void **state _unused_)
{
        View v = { .now = NOW, .tags = &no_tags, .name = "n1", .scope = "batman",
                   .right = { .epoch = 3, .deadline = NOW + 1, .serving = 1 } };

        assert_int_equal(get(&v, "/primary"), 200);
        v.now++;
        assert_int_equal(get(&v, "/primary"), 503);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded_codes),
                cmocka_unit_test(test_permit_lapses),
                cmocka_unit_test(test_paused_permit_stands),
                cmocka_unit_test(test_revoked),
                cmocka_unit_test(test_right_only_forward),
                cmocka_unit_test(test_mind_says_no),
                cmocka_unit_test(test_lag),
                cmocka_unit_test(test_tags),
                cmocka_unit_test(test_leader_ignores_tags),
                cmocka_unit_test(test_words_within_paths),
                cmocka_unit_test(test_liveness),
                cmocka_unit_test(test_quiet_dcs_is_no_silent_one),
                cmocka_unit_test(test_nothing_known),
                cmocka_unit_test(test_only_the_permit_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
