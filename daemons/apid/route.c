#include <string.h>

#include "apid/cluster-json.h"
#include "apid/health.h"
#include "apid/metrics.h"
#include "apid/node-json.h"
#include "apid/route.h"
#include "base/str.h"

/* ---- the node ---- */

/* Peers race by what this says: the server is asked anew, within what their patience allows. */
static Answer begin_patroni(const Inquiry *q _unused_, Wish *ret)
{
        ret->request.kind = REQUEST_PROBE;
        return (Answer){ 0 };
}

static Answer end_patroni(const Inquiry *q)
{
        return answer_body(200, type_json, node_json(q->view));
}

static Answer get_metrics(const Inquiry *q, Wish *ret _unused_)
{
        return answer_body(200, type_plain, metrics_text(q->view, q->connections));
}

static Answer get_liveness(const Inquiry *q, Wish *ret _unused_)
{
        return answer_empty(health_liveness(q->view));
}

static Answer get_readiness(const Inquiry *q, Wish *ret _unused_)
{
        return answer_empty(health_readiness(q->view, q->query));
}

/* ---- the cluster ---- */

static bool cluster_is_known(const Inquiry *q)
{
        return q->view->cluster &&
               (node_facts(q->view).cluster_valid || query_get(q->query, "cached"));
}

static Answer dcs_is_silent(void)
{
        return answer_text(503, "the DCS is not accessible");
}

static Answer get_cluster(const Inquiry *q, Wish *ret _unused_)
{
        if (!cluster_is_known(q))
                return dcs_is_silent();
        return answer_body(200, type_json, cluster_json(q->view->cluster, q->view->scope));
}

static Answer get_history(const Inquiry *q, Wish *ret _unused_)
{
        if (!cluster_is_known(q))
                return dcs_is_silent();
        char *text = blob_json(q->view->cluster, q->view->cluster->cluster.history.raw);
        return answer_body(200, type_json, text ? text : strdup("[]"));
}

static Answer get_config(const Inquiry *q, Wish *ret _unused_)
{
        if (!cluster_is_known(q))
                return dcs_is_silent();
        char *text = blob_json(q->view->cluster, q->view->cluster->cluster.config.raw);
        return text ? answer_body(200, type_json, text) : answer_page(502, NULL);
}

static Answer get_failsafe(const Inquiry *q, Wish *ret _unused_)
{
        const MsgCluster *c = q->view->cluster;
        char *text = c ? blob_json(c, c->cluster.failsafe) : NULL;

        return text ? answer_body(200, type_json, text) : answer_page(502, NULL);
}

/* ---- for the mind ---- */

static Answer patch_config(const Inquiry *q, Wish *ret)
{
        return wish_patch_config(q->view, q->body, query_get(q->query, "force") != NULL, ret);
}

static Answer put_config(const Inquiry *q, Wish *ret)
{
        return wish_put_config(q->view, q->body, query_get(q->query, "force") != NULL, ret);
}

static Answer post_failsafe(const Inquiry *q, Wish *ret)
{
        return wish_failsafe(q->view, q->body, ret);
}

static Answer post_switchover(const Inquiry *q, Wish *ret)
{
        return wish_switchover(q->view, false, q->body, ret);
}

static Answer post_failover(const Inquiry *q, Wish *ret)
{
        return wish_switchover(q->view, true, q->body, ret);
}

static Answer ask(Wish *ret, RequestKind kind)
{
        ret->request.kind = kind;
        return (Answer){ 0 };
}

static Answer delete_switchover(const Inquiry *q _unused_, Wish *ret)
{
        return ask(ret, REQUEST_CANCEL_SWITCHOVER);
}

static Answer post_restart(const Inquiry *q, Wish *ret)
{
        return wish_restart(q->body, ret);
}

static Answer delete_restart(const Inquiry *q _unused_, Wish *ret)
{
        return ask(ret, REQUEST_CANCEL_RESTART);
}

static Answer post_reinitialize(const Inquiry *q, Wish *ret)
{
        return wish_reinitialize(q->body, ret);
}

static Answer post_reload(const Inquiry *q _unused_, Wish *ret)
{
        return ask(ret, REQUEST_RELOAD);
}

static Answer post_leave(const Inquiry *q _unused_, Wish *ret)
{
        return ask(ret, REQUEST_LEAVE);
}

static Answer post_join(const Inquiry *q _unused_, Wish *ret)
{
        return ask(ret, REQUEST_JOIN);
}

static Answer get_palisade(const Inquiry *q, Wish *ret)
{
        if (str_equal(q->path, "/palisade/status"))
                return answer_body(200, type_json, status_json(q->view));
        if (str_equal(q->path, "/palisade/explain"))
                return ask(ret, REQUEST_EXPLAIN);
        return answer_page(404, NULL);
}

/* ---- the table ---- */

#define MSEC(n) ((n) * USEC_PER_MSEC)
#define SEC(n) ((n) * USEC_PER_SEC)
static const char silent[] = "the deciding daemon did not answer in time";

static const Route routes[] = {
        { .method = "GET", .component = "patroni", .begin = begin_patroni, .end = end_patroni,
          .within = MSEC(250) },
        { .method = "GET", .component = "cluster", .begin = get_cluster },
        { .method = "GET", .component = "history", .begin = get_history },
        { .method = "GET", .component = "config", .begin = get_config },
        { .method = "GET", .component = "failsafe", .begin = get_failsafe },
        { .method = "GET", .component = "metrics", .begin = get_metrics },
        { .method = "GET", .component = "liveness", .begin = get_liveness },
        { .method = "GET", .component = "readiness", .begin = get_readiness },
        { .method = "GET", .component = "palisade", .begin = get_palisade, .within = SEC(3),
          .late = 503, .late_text = silent },
        { .method = "PATCH", .component = "config", .guard = GUARD_UNSAFE, .body = BODY_WANTED,
          .begin = patch_config, .within = SEC(60), .late = 503, .late_text = silent },
        { .method = "PUT", .component = "config", .guard = GUARD_UNSAFE, .body = BODY_WANTED,
          .begin = put_config, .within = SEC(60), .late = 503, .late_text = silent },
        { .method = "POST", .component = "switchover", .guard = GUARD_UNSAFE, .body = BODY_WANTED,
          .begin = post_switchover, .within = SEC(150), .late = 503,
          .late_text = "Switchover status unknown" },
        { .method = "POST", .component = "failover", .guard = GUARD_UNSAFE, .body = BODY_WANTED,
          .begin = post_failover, .within = SEC(150), .late = 503,
          .late_text = "Failover status unknown" },
        { .method = "DELETE", .component = "switchover", .guard = GUARD_UNSAFE,
          .begin = delete_switchover, .within = SEC(8), .late = 503, .late_text = silent },
        /* However long the stop takes: the mind says when it is over. */
        { .method = "POST", .component = "restart", .guard = GUARD_UNSAFE, .body = BODY_OPTIONAL,
          .begin = post_restart, .within = SEC(3600), .late = 503,
          .late_text = "postgres is still stopping" },
        { .method = "DELETE", .component = "restart", .guard = GUARD_UNSAFE,
          .begin = delete_restart, .within = SEC(8), .late = 503, .late_text = silent },
        { .method = "POST", .component = "reinitialize", .guard = GUARD_UNSAFE,
          .body = BODY_OPTIONAL, .begin = post_reinitialize, .within = SEC(8), .late = 503,
          .late_text = silent },
        { .method = "POST", .component = "reload", .guard = GUARD_UNSAFE, .begin = post_reload,
          .within = SEC(8), .late = 503, .late_text = silent },
        { .method = "POST", .component = "failsafe", .guard = GUARD_UNSAFE, .body = BODY_WANTED,
          .begin = post_failsafe, .within = SEC(1), .late = 503, .late_text = silent },
        /* The mind answers when it is over; the client looks at /palisade/status meanwhile. */
        { .method = "POST", .component = "leave", .guard = GUARD_OWN, .begin = post_leave,
          .within = SEC(1), .late = 202, .late_text = "leaving" },
        { .method = "POST", .component = "join", .guard = GUARD_OWN, .begin = post_join,
          .within = SEC(8), .late = 503, .late_text = silent },
};

const Route *route_find(const char *method, const char *path)
{
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");

        for (size_t i = 0; i < ELEMENTSOF(routes); i++)
                if (str_equal(routes[i].method, method) && strlen(routes[i].component) == n &&
                    memcmp(routes[i].component, path, n) == 0)
                        return &routes[i];
        return NULL;
}

bool route_is_check(const char *method)
{
        return str_equal(method, "GET") || str_equal(method, "HEAD") || str_equal(method, "OPTIONS");
}
