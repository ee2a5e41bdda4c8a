/* Who may ask for what, and what becomes of a body: access, wishes, routes, error pages. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api-scenes.h"
#include "apid/access.h"
#include "apid/route.h"
#include "base/str.h"
#include "config/json.h"

#define NOW (1000 * USEC_PER_SEC)

/* ---- access ---- */

static struct in6_addr address(const char *text)
{
        Network n;

        assert_int_equal(network_parse(text, &n), 0);
        return n.address;
}

static bool contains(const char *network, const char *text)
{
        Network n;
        struct in6_addr a = address(text);

        assert_int_equal(network_parse(network, &n), 0);
        return network_contains(&n, &a);
}

static void test_networks(void **state _unused_)
{
        Network n;

        assert_true(contains("10.0.0.1", "10.0.0.1"));
        assert_false(contains("10.0.0.1", "10.0.0.2"));
        assert_true(contains("10.0.0.0/8", "10.255.0.2"));
        assert_false(contains("10.0.0.0/8", "11.0.0.2"));
        assert_true(contains("10.0.0.128/25", "10.0.0.200"));
        assert_false(contains("10.0.0.128/25", "10.0.0.100"));
        assert_true(contains("0.0.0.0/0", "1.2.3.4"));
        assert_false(contains("0.0.0.0/0", "::1"));
        assert_true(contains("fd00::/8", "fd12::1"));
        assert_true(contains("::/0", "10.0.0.1"));
        assert_int_equal(network_parse("10.0.0.0/33", &n), -EINVAL);
        assert_int_equal(network_parse("pg1.example.org", &n), -EINVAL);
        assert_int_equal(network_parse("", &n), -EINVAL);
        assert_int_equal(network_parse("10.0.0.1/x", &n), -EINVAL);
}

static unsigned status_of(Answer a)
{
        unsigned status = a.status;

        answer_done(&a);
        return status;
}

static void test_basic_auth(void **state _unused_)
{
        char credentials[] = "admin:s3cret:x";
        Access a = { .credentials = credentials };
        Caller c = { .authorization = NULL };

        Answer refused = access_check(&a, &c, NULL);
        assert_int_equal(refused.status, 401);
        assert_string_equal(refused.body, "no auth header received");
        assert_string_equal(refused.authenticate, "Basic realm=\"Patroni\"");
        answer_done(&refused);
        c.authorization = "Basic YWRtaW46d3Jvbmc="; /* admin:wrong */
        refused = access_check(&a, &c, NULL);
        assert_int_equal(refused.status, 401);
        assert_string_equal(refused.body, "not authenticated");
        answer_done(&refused);
        c.authorization = "Basic YWRtaW46czNjcmV0Ong="; /* admin:s3cret:x */
        assert_int_equal(access_check(&a, &c, NULL).status, 0);
        c.authorization = "Basic YWRtaW46czNjcmV0Ong=junk";
        assert_int_equal(status_of(access_check(&a, &c, NULL)), 401);
        c.authorization = "Bearer YWRtaW46czNjcmV0Ong=";
        assert_int_equal(status_of(access_check(&a, &c, NULL)), 401);
        c.authorization = "Basic ";
        assert_int_equal(status_of(access_check(&a, &c, NULL)), 401);
        c.local = true; /* the file's mode has said who may */
        assert_int_equal(access_check(&a, &c, NULL).status, 0);
}

static void test_own_requests(void **state _unused_)
{
        char credentials[] = "a:b";
        Access open = { 0 }, closed = { .credentials = credentials };
        Caller far = { 0 }, near = { .local = true }, known = { .authorization = "Basic YTpi" };

        assert_int_equal(access_check(&open, &far, NULL).status, 0);
        assert_int_equal(status_of(access_check_own(&open, &far, NULL)), 403);
        assert_int_equal(access_check_own(&open, &near, NULL).status, 0);
        assert_int_equal(status_of(access_check_own(&closed, &far, NULL)), 401);
        assert_int_equal(access_check_own(&closed, &known, NULL).status, 0);
}

static void test_certificate_and_allowlist(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        Access a = { .wants_certificate = true, .allowlist = true, .include_members = true };
        Caller c = { .address = address("10.88.0.53"), .certificate = true };

        assert_int_equal(access_check(&a, &c, s.cluster).status, 0);
        assert_int_equal(status_of(access_check(&a, &c, NULL)), 403); /* no members are known */
        c.certificate = false;
        Answer refused = access_check(&a, &c, s.cluster);
        assert_string_equal(refused.body, "client certificate required");
        answer_done(&refused);
        c.address = address("10.88.0.99");
        refused = access_check(&a, &c, s.cluster);
        assert_int_equal(refused.status, 403);
        assert_string_equal(refused.body, "Access is denied");
        answer_done(&refused);
        scene_done(&s);
}

/* ---- bodies ---- */

static Node *parse(const char *text)
{
        Node *n = NULL;

        assert_int_equal(json_parse(text, strlen(text), false, &n, NULL), 0);
        return n;
}

typedef struct Case {
        bool failover;
        const char *body;
        unsigned status; /* 0: goes to the mind */
        const char *text;
        const char *leader, *candidate;
} Case;

static void test_switchover(void **state _unused_)
{
        static const char bad_time[] = "Unable to parse scheduled timestamp. It should be in an "
                                       "unambiguous format, e.g. ISO 8601";
        static const Case cases[] = {
                { false, "{\"leader\":\"n1\",\"candidate\":\"n2\"}", 0, NULL, "n1", "n2" },
                { false, "{\"leader\":\"n1\",\"member\":\"n2\"}", 0, NULL, "n1", "n2" },
                { false, "{\"leader\":\"n1\",\"candidate\":null}", 0, NULL, "n1", "" },
                { true, "{\"candidate\":\"n3\"}", 0, NULL, "", "n3" },
                { true, "{\"foo\":\"bar\"}", 0, NULL, "", "" },
                { false, "{\"leader\":\"n1\",\"scheduled_at\":\"xx\"}", 422, bad_time, NULL, NULL },
                { false, "{\"leader\":\"n1\",\"scheduled_at\":5}", 422, bad_time, NULL, NULL },
                { false, "{\"leader\":\"n1\",\"scheduled_at\":\"2035-01-01T12:00:00\"}", 400,
                  "Timezone information is mandatory for the scheduled switchover", NULL, NULL },
                { false, "{\"leader\":\"n1\",\"scheduled_at\":\"2035-01-01T12:00:00+00:00\"}", 0,
                  NULL, "n1", "" },
                /* These are refused by the mind, in its order. */
                { false, "{\"candidate\":\"n2\",\"scheduled_at\":\"xx\"}", 0, NULL, "", "n2" },
                { true, "{\"candidate\":\"n2\",\"scheduled_at\":\"xx\"}", 0, NULL, "", "n2" },
        };
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        View v = { .now = NOW, .cluster = s.cluster };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Node *body = parse(cases[i].body);
                Wish w = { 0 };
                Answer a = wish_switchover(&v, cases[i].failover, body, &w);
                assert_int_equal(a.status, cases[i].status);
                if (cases[i].text)
                        assert_string_equal(a.body, cases[i].text);
                if (a.status == 0) {
                        assert_string_equal(w.request.leader, cases[i].leader);
                        assert_string_equal(w.request.candidate, cases[i].candidate);
                        assert_int_equal(w.request.kind, cases[i].failover ? REQUEST_FAILOVER
                                                                           : REQUEST_SWITCHOVER);
                        assert_int_equal(w.request.scheduled_wall_usec != 0,
                                         strstr(cases[i].body, "scheduled_at") != NULL);
                }
                answer_done(&a);
                node_free(body);
        }
        scene_done(&s);
}

static Answer promise(const View *v, const char *text, Wish *w)
{
        Node *body = parse(text);

        *w = (Wish){ 0 };
        Answer a = wish_failsafe(v, body, w);
        node_free(body);
        return a;
}

/* The mind reads no JSON: it gets the leader's slots as a struct, those that can be read. */
static void test_failsafe(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("failsafe_on"), "leader", true, NOW, NOW);
        View v = { .now = NOW, .cluster = s.cluster };
        Wish w;

        assert_int_equal(status_of(promise(&v, "{\"slots\":{\"a\":1}}", &w)), 400);
        wish_done(&w);
        assert_int_equal(status_of(promise(&v, "{\"name\":\"n1\",\"slots\":{\"feed\":77,\"odd\":\"x\",\"n1\":99}}", &w)),
                         0);
        StatusKey status;
        assert_int_equal(w.request.kind, REQUEST_FAILSAFE);
        assert_string_equal(w.request.leader, "n1");
        assert_int_equal(w.request.blob_size, sizeof status);
        memcpy(&status, w.blob, sizeof status);
        assert_int_equal(status.n_slots, 2);
        assert_string_equal(status.slots[0].name, "feed");
        assert_true(status.slots[0].lsn == 77 && status.slots[1].lsn == 99);
        wish_done(&w);
        assert_int_equal(status_of(promise(&v, "{\"name\":\"n1\"}", &w)), 0); /* an older Patroni */
        assert_true(w.request.timing.ttl == 0);
        wish_done(&w);
        assert_int_equal(status_of(promise(&v, "{\"name\":\"n1\",\"ttl\":30}", &w)), 0);
        assert_true(w.request.timing.ttl == 30 * USEC_PER_SEC);
        wish_done(&w);
        static const char *const wrong[] = { "-1", "\"x\"", "1e30", "86401" };
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                char text[64];
                snprintf(text, sizeof text, "{\"name\":\"n1\",\"ttl\":%s}", wrong[i]);
                assert_int_equal(status_of(promise(&v, text, &w)), 400);
                wish_done(&w);
        }
        scene_done(&s);
}

static Answer patch(const View *v, const char *text, Wish *w)
{
        Node *body = parse(text);
        Answer a = wish_patch_config(v, body, false, w);

        node_free(body);
        return a;
}

static void test_patch_config(void **state _unused_)
{
        Scene s;
        scene_load(&s, scene_folder("running"), "leader", true, NOW, NOW);
        View v = { .now = NOW, .cluster = s.cluster };
        Wish w = { 0 };

        Answer a = patch(&v, "{\"ttl\":21,\"postgresql\":{\"parameters\":{\"work_mem\":\"8MB\"},"
                             "\"use_slots\":null}}",
                         &w);
        assert_int_equal(a.status, 0);
        assert_int_equal(w.request.kind, REQUEST_CONFIG);
        assert_int_equal(w.request.revision, 7);
        assert_string_equal(w.blob, "{\"loop_wait\":2,\"maximum_lag_on_failover\":1048576,"
                                    "\"postgresql\":{\"parameters\":{\"max_connections\":100,"
                                    "\"work_mem\":\"8MB\"},\"use_pg_rewind\":true},"
                                    "\"retry_timeout\":5,\"ttl\":21}");
        assert_int_equal(w.request.blob_size, strlen(w.blob));

        /* Done: the merged document; refused: Patroni's pages. */
        MsgResult r = { .outcome = OUTCOME_DONE, .http = 200 };
        a = wish_finish(&w, &r);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.body, "\"ttl\": 21}"));
        assert_string_equal(a.type, type_json);
        answer_done(&a);
        r = (MsgResult){ .outcome = OUTCOME_REFUSED, .http = 409, .text = "somebody else wrote" };
        a = wish_finish(&w, &r);
        assert_int_equal(a.status, 409);
        assert_non_null(strstr(a.body, "<p>Message: Conflict.</p>"));
        answer_done(&a);
        wish_done(&w);

        /* Nothing changes: nothing is written. */
        a = patch(&v, "{\"ttl\":\"20\"}", &w);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.body, "\"ttl\": 20}"));
        answer_done(&a);

        a = patch(&v, "{\"loop_wait\":0,\"ttl\":\"soon\"}", &w);
        assert_int_equal(a.status, 400);
        assert_non_null(strstr(a.body, "loop_wait: '0' is not allowed"));
        assert_non_null(strstr(a.body, "ttl: 'soon' is not allowed"));
        answer_done(&a);

        v.cluster = NULL;
        assert_int_equal(status_of(patch(&v, "{\"ttl\":21}", &w)), 503);
        wish_done(&w);
        scene_done(&s);
}

static void test_put_config(void **state _unused_)
{
        View v = { .now = NOW };
        Wish w = { 0 };
        Node *body = parse("{\"ttl\":20,\"loop_wait\":2}");

        assert_int_equal(wish_put_config(&v, body, false, &w).status, 0);
        assert_string_equal(w.blob, "{\"ttl\":20,\"loop_wait\":2}");
        assert_string_equal(w.done, "{\"ttl\": 20, \"loop_wait\": 2}");
        assert_true(w.request.revision == RECORD_ANY_REVISION);
        node_free(body);
        wish_done(&w);
}

static void test_too_large_config(void **state _unused_)
{
        char *text = malloc(WIRE_PACKET_MAX + 64);
        View v = { .now = NOW };
        Wish w = { 0 };

        strcpy(text, "{\"slots\":{\"x\":\"");
        size_t n = strlen(text);
        memset(text + n, 'a', WIRE_PACKET_MAX);
        strcpy(text + n + WIRE_PACKET_MAX, "\"}}");
        Node *body = parse(text);
        assert_int_equal(status_of(wish_put_config(&v, body, false, &w)), 413);
        node_free(body);
        wish_done(&w);
        free(text);
}

static void test_results(void **state _unused_)
{
        Wish w = { .request = { .kind = REQUEST_SWITCHOVER } };
        MsgResult r = { .outcome = OUTCOME_DONE, .http = 200,
                        .text = "Successfully switched over to \"n2\"" };
        Answer a = wish_finish(&w, &r);

        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "Successfully switched over to \"n2\"");
        assert_string_equal(a.type, "text/html");
        answer_done(&a);
        r = (MsgResult){ .outcome = OUTCOME_REFUSED, .http = 412, .text = "candidate does not exists" };
        a = wish_finish(&w, &r);
        assert_int_equal(a.status, 412);
        assert_string_equal(a.body, "candidate does not exists");
        answer_done(&a);
        r = (MsgResult){ .outcome = OUTCOME_UNKNOWN };
        assert_int_equal(status_of(wish_finish(&w, &r)), 503);
}

/* ---- pages and routes ---- */

static void test_pages(void **state _unused_)
{
        /* Content-Length as recorded. */
        static const struct {
                unsigned status;
                const char *method;
                size_t size;
        } pages[] = { { 400, NULL, 343 },     { 502, NULL, 346 },  { 501, "POST", 357 },
                      { 501, "DELETE", 359 }, { 501, "PUT", 356 } };

        for (size_t i = 0; i < ELEMENTSOF(pages); i++) {
                Answer a = answer_page(pages[i].status, pages[i].method);
                assert_int_equal(a.status, pages[i].status);
                assert_int_equal(a.size, pages[i].size);
                assert_string_equal(a.type, "text/html;charset=utf-8");
                answer_done(&a);
        }
        Answer a = answer_page(501, "A<script>B");
        assert_null(strstr(a.body, "script"));
        assert_non_null(strstr(a.body, "Server does not support this operation"));
        answer_done(&a);
}

static void test_routes(void **state _unused_)
{
        assert_non_null(route_find("GET", "/patroni"));
        assert_non_null(route_find("GET", "/patroni/x"));
        assert_non_null(route_find("GET", "//patroni"));
        assert_null(route_find("GET", "/patronix"));
        assert_null(route_find("GET", "/"));
        assert_null(route_find("HEAD", "/patroni"));
        assert_null(route_find("PUT", "/primary"));
        assert_null(route_find("POST", "/foo"));
        assert_null(route_find("get", "/patroni"));
        assert_int_equal(route_find("PATCH", "/config")->guard, GUARD_UNSAFE);
        assert_int_equal(route_find("POST", "/leave")->guard, GUARD_OWN);
        assert_true(route_is_check("OPTIONS"));
        assert_false(route_is_check("POST"));
        assert_false(route_is_check("TRACE"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_failsafe),
                cmocka_unit_test(test_networks),
                cmocka_unit_test(test_basic_auth),
                cmocka_unit_test(test_own_requests),
                cmocka_unit_test(test_certificate_and_allowlist),
                cmocka_unit_test(test_switchover),
                cmocka_unit_test(test_patch_config),
                cmocka_unit_test(test_put_config),
                cmocka_unit_test(test_too_large_config),
                cmocka_unit_test(test_results),
                cmocka_unit_test(test_pages),
                cmocka_unit_test(test_routes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
