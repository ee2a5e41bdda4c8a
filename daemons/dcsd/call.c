/*
 * One call: log in if needed, ask the current endpoint, judge the answer, ask elsewhere if that is
 * allowed and may help.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "dcsd/body.h"
#include "dcsd/etcd-internal.h"
#include "io/fdutil.h"
#include "io/log.h"

#define PAUSE_MIN (100 * USEC_PER_MSEC)
#define PAUSE_MAX USEC_PER_SEC
#define LOGINS_MAX 2

struct EtcdCall {
        EtcdCall *next;
        Etcd *etcd;
        EtcdLane lane;
        char path[48];
        char *body;
        usec_t deadline;
        EtcdRepeat repeat;
        etcd_document_t document;
        etcd_done_t done;
        void *userdata;

        HttpRequest *request;
        char endpoint[URL_SIZE];
        bool logging_in;
        uint64_t token_number; /* the one this request went out with */
        unsigned logins, attempts;
        usec_t pause, resume_at; /* 0: not pausing */
        bool streaming;          /* the first document has come */
        EtcdError stream_error;
        char text[REASON_SIZE];
};

static int attempt(EtcdCall *c);

/* ---- ends ---- */

static void call_free(EtcdCall *c)
{
        for (EtcdCall **at = &c->etcd->list; *at; at = &(*at)->next)
                if (*at == c) {
                        *at = c->next;
                        break;
                }
        free(c->body);
        free(c);
}

EtcdCall *etcd_cancel(EtcdCall *c)
{
        if (c) {
                c->request = http_cancel(c->request);
                call_free(c);
        }
        return NULL;
}

static void finish(EtcdCall *c, EtcdError error, const Node *doc, const char *text)
{
        EtcdAnswer a = { .error = error, .doc = doc, .header = reply_header(doc), .text = text,
                         .endpoint = c->endpoint };

        c->done(&a, c->userdata);
        call_free(c);
}

/* ---- after a failure ---- */

static bool may_repeat(const EtcdCall *c, EtcdError error)
{
        if (c->streaming || now_boottime() >= c->deadline)
                return false;
        switch (c->repeat) {
        case ETCD_ONCE: return false;
        case ETCD_REPEAT_UNSENT: return error == ETCD_UNSENT;
        case ETCD_REPEAT: return etcd_error_is_local(error);
        }
        return false;
}

/* Everybody was asked: wait, each time longer, with a little chance in it. */
static void pause_call(EtcdCall *c)
{
        usec_t now = now_boottime();

        c->pause = c->pause == 0 ? PAUSE_MIN : MIN(c->pause * 2, PAUSE_MAX);
        c->resume_at = now + c->pause + (now % 97) * c->pause / 200;
        if (c->resume_at < c->etcd->resume.due)
                timer_set(&c->etcd->resume, c->resume_at);
}

static void fail(EtcdCall *c, EtcdError error, const Node *doc, const char *text)
{
        if (etcd_error_is_local(error))
                etcd_endpoint_failed(c->etcd, c->endpoint, error != ETCD_UNAVAILABLE, text);
        if (error == ETCD_NO_SUCH_PATH)
                etcd_reconnect(c->etcd);
        if (!may_repeat(c, error)) {
                finish(c, error, doc, text);
        } else if (c->attempts % endpoints_round(&c->etcd->endpoints) == 0) {
                pause_call(c);
        } else if (attempt(c) < 0) {
                finish(c, ETCD_UNSENT, NULL, "out of memory");
        }
}

void etcd_resume_calls(Etcd *e, usec_t now)
{
        usec_t first = USEC_INFINITY;

        for (EtcdCall *c = e->list, *next; c; c = next) {
                next = c->next;
                if (c->resume_at == 0)
                        continue;
                if (c->resume_at > now) {
                        first = MIN(first, c->resume_at);
                        continue;
                }
                c->resume_at = 0;
                if (attempt(c) < 0) {
                        finish(c, ETCD_UNSENT, NULL, "out of memory");
                        timer_set(&e->resume, now); /* the list may have changed: from the front */
                        return;
                }
        }
        timer_set(&e->resume, first);
}

/* ---- answers ---- */

/* The first document and what it means. *ret_doc is the caller's. */
static EtcdError judge(EtcdCall *c, const char *body, size_t size, long status, Node **ret_doc,
                       const char **ret_text)
{
        char why[JSON_ERROR_SIZE];
        bool bad_status = status < 200 || status > 299;

        int r = json_parse(body, size, true, ret_doc, why);
        if (r < 0 && !bad_status) {
                snprintf(c->text, sizeof c->text, "the answer is not etcd's: %s", why);
                *ret_text = c->text;
                return ETCD_LOST;
        }
        EtcdError error = etcd_error_read(*ret_doc, (int)status, ret_text);
        if (error != ETCD_OK)
                return error;
        EtcdHeader h = reply_header(*ret_doc);
        error = etcd_guard(c->etcd, &h);
        if (error != ETCD_OK)
                *ret_text = "this member is behind the others (its raft term is older)";
        return error;
}

/* True if the call goes on with a (new) token. */
static bool log_in_again(EtcdCall *c)
{
        Etcd *e = c->etcd;

        if (!e->has_login || c->streaming || c->logins >= LOGINS_MAX)
                return false;
        e->login_not_needed = false;
        if (c->token_number == e->token_number && e->token) { /* nobody has got a newer one yet */
                explicit_bzero(e->token, strlen(e->token));
                free(TAKE_PTR(e->token));
        }
        c->logins++;
        return attempt(c) >= 0;
}

static void on_login(EtcdCall *c, EtcdError error, const Node *doc, const char *text)
{
        Etcd *e = c->etcd;
        const char *token = node_get_text(doc, "token");

        c->logging_in = false;
        if (error == ETCD_NO_LOGIN) {
                e->login_not_needed = true;
        } else if (error != ETCD_OK || !token) {
                if (error == ETCD_OK)
                        error = ETCD_LOST;
                fail(c, error == ETCD_NEEDS_LOGIN ? ETCD_BAD_LOGIN : error, doc, text);
                return;
        } else {
                free(e->token);
                e->token = strdup(token);
                e->token_number++;
        }
        if ((!e->token && !e->login_not_needed) || attempt(c) < 0)
                finish(c, ETCD_UNSENT, NULL, "out of memory");
}

static void on_judged(EtcdCall *c, EtcdError error, const Node *doc, const char *text)
{
        if (error == ETCD_OK)
                etcd_endpoint_good(c->etcd, c->endpoint);
        if (c->logging_in)
                on_login(c, error, doc, text);
        else if (error == ETCD_OK && !c->document)
                finish(c, ETCD_OK, doc, "");
        else if (error == ETCD_OK) /* a stream that ended without a word */
                fail(c, ETCD_LOST, NULL, "the stream has ended");
        else if (error != ETCD_NEEDS_LOGIN || !log_in_again(c))
                fail(c, error, doc, text);
}

static void on_done(const HttpAnswer *a, void *userdata)
{
        _cleanup_(node_freep) Node *doc = NULL;
        EtcdCall *c = userdata;
        const char *text = a->text;
        EtcdError error;

        c->request = NULL;
        if (c->stream_error != ETCD_OK) {
                error = c->stream_error;
                text = c->text;
        } else if (a->error == -EFBIG) {
                error = ETCD_REFUSED;
        } else if (a->error < 0) {
                error = a->error == -ECONNREFUSED ? ETCD_UNSENT : ETCD_LOST;
        } else if (c->document && !c->logging_in && a->size == 0 && a->status == 200) {
                error = ETCD_OK;
        } else {
                error = judge(c, a->body, a->size, a->status, &doc, &text);
        }
        on_judged(c, error, doc, text);
}

/* One line of a stream. 0, or negative: the stream is over, stream_error says why. */
static int on_line(EtcdCall *c, const char *line, size_t size)
{
        _cleanup_(node_freep) Node *doc = NULL;
        const char *text = "";
        EtcdError error = judge(c, line, size, 200, &doc, &text);

        if (error == ETCD_OK) {
                EtcdAnswer a = { .doc = doc, .header = reply_header(doc), .text = "",
                                 .endpoint = c->endpoint };
                if (!c->streaming)
                        http_set_deadline(c->request, USEC_INFINITY);
                c->streaming = true;
                etcd_endpoint_good(c->etcd, c->endpoint);
                if (c->document(&a, c->userdata) >= 0)
                        return 0;
                error = ETCD_REFUSED;
                text = "the stream was given up";
        }
        c->stream_error = error;
        if (text != c->text)
                (void)STR_SET(c->text, text); /* a cut reason is still one */
        return -ECANCELED;
}

/* Documents end with a newline each. */
static ssize_t on_stream(const char *data, size_t size, void *userdata)
{
        EtcdCall *c = userdata;
        size_t taken = 0;

        for (;;) {
                const char *end = memchr(data + taken, '\n', size - taken);
                size_t n = end ? (size_t)(end - data) - taken : 0;
                if (!end)
                        return (ssize_t)taken;
                if (n > 0) {
                        int r = on_line(c, data + taken, n);
                        if (r < 0)
                                return r;
                }
                taken += n + 1;
        }
}

/* ---- asking ---- */

static int start(EtcdCall *c, const char *path, const char *body, usec_t deadline)
{
        Etcd *e = c->etcd;
        char *authorization = NULL;
        char url[URL_SIZE + ETCD_PATH_SIZE + sizeof c->path];
        HttpWant want = {
                .url = url,
                .body = body,
                .headers = { "Content-Type: application/json" },
                .tls = &e->tls,
                .deadline = deadline,
                .most = ETCD_ANSWER_MAX,
                .stream = c->document && !c->logging_in ? on_stream : NULL,
                .done = on_done,
                .userdata = c,
        };
        size_t n = 1;

        snprintf(url, sizeof url, "%s%s%s", c->endpoint, e->api, path);
        /* A member that knows no leader says so at once instead of waiting for one. */
        if (c->lane != ETCD_LANE_REQUEST)
                want.headers[n++] = "Grpc-Metadata-hasleader: true";
        if (e->token && !c->logging_in) {
                if (asprintf(&authorization, "authorization: %s", e->token) < 0)
                        return -ENOMEM;
                want.headers[n++] = authorization;
        }
        int r = http_start(e->lanes[c->lane], &c->request, &want);
        free(authorization);
        return r;
}

static int start_login(EtcdCall *c, usec_t deadline)
{
        char *body = body_login(c->etcd->name, c->etcd->password);

        if (!body)
                return -ENOMEM;
        c->logging_in = true;
        int r = start(c, "/auth/authenticate", body, deadline);
        explicit_bzero(body, strlen(body));
        free(body);
        return r;
}

static int attempt(EtcdCall *c)
{
        Etcd *e = c->etcd;
        usec_t deadline = c->deadline;

        if (c->repeat != ETCD_ONCE)
                deadline = MIN(deadline, now_boottime() + etcd_attempt_timeout(e));
        c->attempts++;
        c->logging_in = false;
        c->token_number = e->token_number;
        (void)STR_SET(c->endpoint, endpoints_current(&e->endpoints)); /* same size */
        if (e->has_login && !e->token && !e->login_not_needed)
                return start_login(c, deadline);
        return start(c, c->path, c->body, deadline);
}

int etcd_call(Etcd *e, EtcdCall **ret, EtcdWant want)
{
        EtcdCall *c = want.body ? calloc(1, sizeof *c) : NULL;

        if (!c) {
                free(want.body);
                return -ENOMEM;
        }
        *c = (EtcdCall){ .etcd = e, .lane = want.lane, .body = want.body,
                         .deadline = want.deadline, .repeat = want.repeat,
                         .document = want.document, .done = want.done, .userdata = want.userdata };
        (void)STR_SET(c->path, want.path); /* ours are short */
        c->next = e->list;
        e->list = c;
        int r = attempt(c);
        if (r < 0) {
                call_free(c);
                return r;
        }
        *ret = c;
        return 0;
}
