#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "apid/exchange.h"
#include "apid/explain.h"
#include "apid/health.h"
#include "apid/respond.h"
#include "apid/route.h"
#include "config/json.h"
#include "io/fdutil.h"

#define BODY_MAX ((size_t)1 << 20)
#define ASKED_MAX 12 /* of the mind at a time, fewer than it takes */

struct Exchange {
        Apid *apid;
        struct MHD_Connection *connection;
        const Route *route;
        const char *path; /* libmicrohttpd's, as long as the request */
        Query query;
        char *body;
        size_t body_size;
        Node *document;
        bool waiting;
        uint64_t seq; /* of the REQUEST; 0: waits for the next probe */
        usec_t deadline;
        MsgRow *rows;
        size_t n_rows;
        Answer answer;
        Exchange *before, *after; /* while waiting */
        Wish wish;                /* last, as it may grow */
};

/* Contexts of requests that need no exchange. */
static char check_mark, refused_mark, unsupported_mark;

/* ---- life ---- */

static void stop_waiting(Exchange *x)
{
        Apid *a = x->apid;

        if (!x->waiting)
                return;
        x->waiting = false;
        if (x->before)
                x->before->after = x->after;
        else
                a->waiting = x->after;
        if (x->after)
                x->after->before = x->before;
        if (x->wish.request.kind != REQUEST_PROBE)
                a->n_asked--;
}

static Exchange *exchange_free(Exchange *x)
{
        if (x) {
                stop_waiting(x);
                node_free(x->document);
                wish_done(&x->wish);
                answer_done(&x->answer);
                free(x->rows);
                if (x->body)
                        explicit_bzero(x->body, x->body_size);
                free(x->body);
                free(x);
        }
        return NULL;
}

static Inquiry inquire(const Exchange *x, const View *v)
{
        return (Inquiry){ .view = v, .path = x->path, .query = &x->query, .body = x->document,
                          .connections = doors_connections(x->apid->doors) };
}

static Answer end_by_view(const Exchange *x)
{
        View v = apid_view(x->apid);
        Inquiry q = inquire(x, &v);

        return x->route->end(&q);
}

/* Takes the answer; the connection goes on with it. */
static void finish(Exchange *x, Answer answer)
{
        stop_waiting(x);
        x->answer = answer;
        MHD_resume_connection(x->connection);
        server_kick(connection_server(x->connection));
}

/* ---- asking the mind ---- */

/* Its seq, or 0. */
static uint64_t send_request(Link *mind, const Wish *w)
{
        size_t size = sizeof(MsgRequest) + w->request.blob_size;
        MsgRequest *m = malloc(size);
        uint64_t seq = link_next_seq(mind);

        if (!m)
                return 0;
        *m = w->request;
        wire_header(&m->h, MSG_REQUEST, size);
        m->h.seq = seq;
        if (w->blob)
                memcpy(m->blob, w->blob, w->request.blob_size);
        int r = link_send(mind, &m->h);
        free(m);
        return r < 0 ? 0 : seq;
}

static void wait_for_mind(Exchange *x, uint64_t seq)
{
        Apid *a = x->apid;

        x->seq = seq;
        x->waiting = true;
        x->deadline = now_boottime() + x->route->within;
        x->after = a->waiting;
        if (a->waiting)
                a->waiting->before = x;
        a->waiting = x;
        if (x->wish.request.kind != REQUEST_PROBE)
                a->n_asked++;
        if (x->deadline < a->deadline.due)
                timer_set(&a->deadline, x->deadline);
        connection_wait(x->connection);
        MHD_suspend_connection(x->connection);
}

/* One probe at a time; who comes while one is under way needs the next, to be told what is new. */
static bool ask_probe(Exchange *x, Link *mind)
{
        Apid *a = x->apid;
        uint64_t seq = 0;

        if (a->probe == 0) {
                seq = a->probe = send_request(mind, &x->wish);
                if (seq == 0)
                        return false;
        }
        wait_for_mind(x, seq);
        return true;
}

static Answer no_mind(const Exchange *x, const char *why)
{
        return x->route->end ? end_by_view(x) : answer_text(503, "%s", why);
}

/* Status 0: it waits. */
static Answer ask_mind(Exchange *x)
{
        Apid *a = x->apid;
        Link *mind = apid_mind(a);
        uint64_t seq;

        if (!mind)
                return no_mind(x, "the deciding daemon is not connected");
        if (x->wish.request.kind == REQUEST_PROBE) {
                if (ask_probe(x, mind))
                        return (Answer){ 0 };
                return no_mind(x, "");
        }
        if (a->n_asked >= ASKED_MAX)
                return answer_text(503, "too many requests wait for the deciding daemon");
        seq = send_request(mind, &x->wish);
        if (seq == 0)
                return no_mind(x, "the deciding daemon cannot be reached");
        wait_for_mind(x, seq);
        return (Answer){ 0 };
}

/* ---- the request is here, whole ---- */

static void read_address(struct MHD_Connection *c, struct in6_addr *ret)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        *ret = (struct in6_addr){ 0 };
        if (!info || !info->client_addr)
                return;
        if (info->client_addr->sa_family == AF_INET6) {
                *ret = ((const struct sockaddr_in6 *)info->client_addr)->sin6_addr;
        } else if (info->client_addr->sa_family == AF_INET) {
                ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
                memcpy(ret->s6_addr + 12,
                       &((const struct sockaddr_in *)info->client_addr)->sin_addr, 4);
        }
}

static Answer check_access(const Exchange *x)
{
        const Apid *a = x->apid;
        Caller caller = {
                .local = connection_is_local(x->connection),
                .certificate = tls_has_certificate(x->connection),
                .authorization = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND,
                                                             MHD_HTTP_HEADER_AUTHORIZATION),
        };

        read_address(x->connection, &caller.address);
        switch (x->route->guard) {
        case GUARD_OPEN: break;
        case GUARD_UNSAFE: return access_check(&a->setup->access, &caller, a->cluster);
        case GUARD_OWN: return access_check_own(&a->setup->access, &caller, a->cluster);
        }
        return (Answer){ 0 };
}

static bool has_header(const Exchange *x, const char *name)
{
        return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name) != NULL;
}

/* A route that wants a body gets an object with something in it. */
static Answer read_document(Exchange *x)
{
        if (x->route->body == BODY_IGNORED || (x->route->body == BODY_OPTIONAL && x->body_size == 0))
                return (Answer){ 0 };
        if (!has_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH) &&
            !has_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING))
                return answer_page(411, NULL);
        if (!x->body || json_parse(x->body, x->body_size, false, &x->document, NULL) < 0 ||
            x->document->kind != NODE_MAP ||
            (x->route->body == BODY_WANTED && !x->document->children))
                return answer_page(400, NULL);
        return (Answer){ 0 };
}

static Answer begin(Exchange *x)
{
        Answer answer = check_access(x);
        View v = apid_view(x->apid);

        if (answer.status == 0)
                answer = read_document(x);
        if (answer.status == 0) {
                Inquiry q = inquire(x, &v);
                answer = x->route->begin(&q, &x->wish);
        }
        return answer.status == 0 ? ask_mind(x) : answer;
}

/* ---- libmicrohttpd's side ---- */

static enum MHD_Result add_pair(void *userdata, enum MHD_ValueKind kind _unused_, const char *key,
                                const char *value)
{
        Query *q = userdata;

        if (key && value && *value && q->n < QUERY_MAX)
                q->pairs[q->n++] = (QueryPair){ key, value };
        return MHD_YES;
}

static void read_query(struct MHD_Connection *c, Query *ret)
{
        ret->n = 0;
        (void)MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_pair, ret); /* how many */
}

static bool is_too_large(struct MHD_Connection *c)
{
        const char *length = MHD_lookup_connection_value(c, MHD_HEADER_KIND,
                                                         MHD_HTTP_HEADER_CONTENT_LENGTH);
        uint64_t n;

        return length && (str_to_u64(length, &n) < 0 || n > BODY_MAX);
}

/* The headers are here. */
static enum MHD_Result greet(Apid *a, struct MHD_Connection *c, const char *url,
                             const char *method, void **context)
{
        const Route *route = route_find(method, url);
        Exchange *x;

        if (is_too_large(c)) {
                Answer answer = answer_page(413, NULL);
                return respond(a, c, &answer);
        }
        if (connection_is_refused(c)) {
                *context = &refused_mark;
        } else if (!route) {
                *context = route_is_check(method) ? &check_mark : &unsupported_mark;
        } else {
                x = calloc(1, sizeof *x);
                if (!x)
                        return MHD_NO;
                *x = (Exchange){ .apid = a, .connection = c, .route = route, .path = url };
                read_query(c, &x->query);
                *context = x;
        }
        return MHD_YES;
}

static enum MHD_Result append_body(Exchange *x, const char *data, size_t size)
{
        char *body;

        if (size > BODY_MAX - x->body_size)
                return MHD_NO; /* it said less, or nothing, of its size: closed */
        body = realloc(x->body, x->body_size + size);
        if (!body)
                return MHD_NO;
        memcpy(body + x->body_size, data, size);
        x->body = body;
        x->body_size += size;
        return MHD_YES;
}

static enum MHD_Result check_health(Apid *a, struct MHD_Connection *c, const char *url,
                                    const char *method)
{
        View v = apid_view(a);
        Query q;

        read_query(c, &q);
        return respond_check(a, c, health_check(&v, url, &q), str_equal(method, "GET"), &v);
}

static enum MHD_Result answer_marked(Apid *a, struct MHD_Connection *c, const char *url,
                                     const char *method, const void *mark)
{
        Answer answer;

        if (mark == &check_mark)
                return check_health(a, c, url, method);
        answer = mark == &refused_mark
                         ? answer_text(403, "the user that PostgreSQL runs as has no say here")
                         : answer_page(501, method);
        return respond(a, c, &answer);
}

static bool is_mark(const void *context)
{
        return context == &check_mark || context == &refused_mark || context == &unsupported_mark;
}

enum MHD_Result exchange_handle(void *userdata, struct MHD_Connection *c, const char *url,
                                const char *method, const char *version _unused_,
                                const char *upload, size_t *upload_size, void **context)
{
        Apid *a = userdata;
        Exchange *x = *context;

        if (!x)
                return greet(a, c, url, method, context);
        if (*upload_size > 0) {
                size_t size = *upload_size;
                *upload_size = 0;
                return is_mark(x) ? MHD_YES : append_body(x, upload, size);
        }
        if (is_mark(x))
                return answer_marked(a, c, url, method, x);
        if (x->answer.status == 0)
                x->answer = begin(x);
        return x->answer.status == 0 ? MHD_YES : respond(a, c, &x->answer);
}

void exchange_completed(void *userdata _unused_, struct MHD_Connection *c, void **context,
                        enum MHD_RequestTerminationCode code _unused_)
{
        if (*context && !is_mark(*context))
                exchange_free(*context);
        *context = NULL;
        connection_done(c);
}

/* ---- the mind's side ---- */

static void on_probed(Apid *a, uint64_t seq)
{
        uint64_t next = 0;
        Link *mind = apid_mind(a);

        a->probe = 0;
        for (Exchange *x = a->waiting, *after; x; x = after) {
                after = x->after;
                if (x->wish.request.kind != REQUEST_PROBE)
                        continue;
                if (x->seq == seq) {
                        finish(x, end_by_view(x));
                        continue;
                }
                if (next == 0 && mind)
                        next = send_request(mind, &x->wish);
                x->seq = next;
        }
        a->probe = next;
}

static Answer explain(const Exchange *x)
{
        const char *format = query_get(&x->query, "format");

        if (format && str_equal(format, "text"))
                return answer_body(200, type_plain, explain_text(x->rows, x->n_rows));
        return answer_body(200, type_json, explain_json(x->rows, x->n_rows));
}

static Exchange *find_waiting(const Apid *a, uint64_t seq)
{
        for (Exchange *x = a->waiting; x; x = x->after)
                if (x->seq == seq && x->wish.request.kind != REQUEST_PROBE)
                        return x;
        return NULL;
}

void exchange_on_result(Apid *a, const MsgResult *m)
{
        Exchange *x = find_waiting(a, m->h.seq);

        if (a->probe != 0 && m->h.seq == a->probe) {
                on_probed(a, m->h.seq);
                return;
        }
        if (!x)
                return; /* it was too late */
        RequestKind kind = (RequestKind)x->wish.request.kind;
        bool done = m->http ? m->http < 300 : m->outcome == OUTCOME_DONE;
        if (kind == REQUEST_EXPLAIN && done)
                finish(x, explain(x));
        else
                finish(x, wish_finish(&x->wish, m));
        if (kind == REQUEST_RELOAD && done)
                apid_reload(a);
}

void exchange_on_row(Apid *a, const MsgRow *m)
{
        Exchange *x = find_waiting(a, m->h.seq);
        MsgRow *rows;

        if (!x || x->wish.request.kind != REQUEST_EXPLAIN || x->n_rows == EXPLAIN_ROWS_MAX)
                return;
        if (x->n_rows % 64 == 0) {
                rows = realloc(x->rows, (x->n_rows + 64) * sizeof *rows);
                if (!rows)
                        return; /* one line less */
                x->rows = rows;
        }
        x->rows[x->n_rows++] = *m;
}

void exchange_on_lost(Apid *a)
{
        a->probe = 0;
        while (a->waiting) {
                Exchange *x = a->waiting;
                finish(x, no_mind(x, "the deciding daemon went away"));
        }
}

void exchange_on_deadline(Apid *a, usec_t now)
{
        usec_t next = USEC_INFINITY;

        for (Exchange *x = a->waiting, *after; x; x = after) {
                after = x->after;
                if (x->deadline > now)
                        next = MIN(next, x->deadline);
                else if (x->route->end)
                        finish(x, end_by_view(x));
                else
                        finish(x, answer_text(x->route->late, "%s", x->route->late_text));
        }
        timer_set(&a->deadline, next);
}
