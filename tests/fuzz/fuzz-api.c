/*
 * api: requests of the REST API. First line: METHOD /path?query; second: the Authorization header; the
 * rest is the body.
 *
 * No request makes a node without a permit say that it is the primary, and what is passed on to the
 * mind is a message that it accepts.
 */
#include "apid/access.h"
#include "apid/health.h"
#include "apid/route.h"
#include "config/json.h"
#include "fuzz.h"
#include "../unit/api-scenes.h"

static Scene scene;

static void split_query(char *text, Query *ret)
{
        for (char *pair; (pair = strsep(&text, "&"));) {
                char *value = strchr(pair, '=');
                if (!value || !value[1] || ret->n == QUERY_MAX)
                        continue;
                *value++ = 0;
                ret->pairs[ret->n++] = (QueryPair){ pair, value };
        }
}

static void check_access(const char *authorization)
{
        static char credentials[] = "user:password";
        Access a = { .credentials = credentials, .allowlist = true, .include_members = true };
        Caller c = { .authorization = authorization };
        Network n;

        if (network_parse(authorization, &n) == 0)
                (void)network_contains(&n, &c.address);
        Answer answer = access_check(&a, &c, scene.cluster);
        fuzz_claim(answer.status != 0);
        answer_done(&answer);
        a.allowlist = a.include_members = false;
        answer = access_check(&a, &c, scene.cluster);
        if (answer.status == 0)
                fuzz_claim(strstr(authorization, "dXNlcjpwYXNzd29yZ")); /* user:password, but for
                                                                           the last two bits */
        answer_done(&answer);
}

static void send_to_mind(const Wish *w)
{
        size_t size = sizeof(MsgRequest) + w->request.blob_size;
        MsgRequest *m = calloc(1, size);

        fuzz_claim(m);
        *m = w->request;
        wire_header(&m->h, MSG_REQUEST, size);
        if (w->blob)
                memcpy(m->blob, w->blob, w->request.blob_size);
        fuzz_claim(m->kind != REQUEST_NONE && wire_check(m, size) == 0);
        free(m);
}

static void ask(const Route *route, const Inquiry *q)
{
        MsgResult result = WIRE_INIT(MsgResult, MSG_RESULT);
        Wish w = { 0 };
        Answer answer = route->begin(q, &w);

        if (answer.status == 0) {
                send_to_mind(&w);
                result.outcome = OUTCOME_DONE;
                result.http = 200;
                answer = route->end ? route->end(q) : wish_finish(&w, &result);
        }
        fuzz_claim(answer.status >= 200 && answer.status < 600);
        answer_done(&answer);
        wish_done(&w);
}

static void request(char *line, const char *body, size_t body_size)
{
        char *method = strsep(&line, " "), *path = line ? strsep(&line, "?") : NULL;
        Query query = { 0 };
        View v = { .now = 1000, .mind = true, .status = &scene.status, .pg = &scene.pg.pg,
                   .cluster = scene.cluster, .name = scene.status.name,
                   .scope = scene.status.scope };
        Inquiry q = { .view = &v, .path = path, .query = &query, .connections = 1 };
        Node *document = NULL;

        if (!path)
                return;
        if (line)
                split_query(line, &query);
        const Route *route = route_find(method, path);
        if (!route && route_is_check(method)) {
                unsigned status = health_check(&v, path, &query);
                fuzz_claim(status == 200 || status == 503);
                fuzz_claim(strcmp(path, "/primary") != 0 || status == 503);
        }
        if (!route)
                return;
        if (route->body && (json_parse(body, body_size, false, &document, NULL) < 0 ||
                            document->kind != NODE_MAP || !document->children)) {
                node_free(document);
                return;
        }
        q.body = document;
        ask(route, &q);
        node_free(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!scene.cluster)
                scene_load(&scene, scene_folder("sync"), "leader", false, 1000, 900);

        char *text = fuzz_text(data, size), *at = text;
        char *line = fuzz_line(&at), *authorization = fuzz_line(&at);

        if (authorization)
                check_access(authorization);
        request(line, at ? at : "", at ? strlen(at) : 0);
        free(text);
        return 0;
}
