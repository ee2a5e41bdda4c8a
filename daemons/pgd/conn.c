#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"
#include "pgd/conn.h"

#define TARGETS_MAX 4
#define CONNECT_WITHIN (5 * USEC_PER_SEC)

struct Conn {
        sd_event *event;
        char name[32];
        char *targets[TARGETS_MAX];
        size_t n_targets, target;
        size_t refused; /* targets in a row that did not let us in */
        PGconn *pg;
        bool connected;
        sd_event_source *source;
        int source_fd;
        Timer start; /* begins a run from the loop */
        Timer deadline;
        usec_t until; /* the run's; the timer may stand before it, while it connects */
        char *sql; /* of the run in flight */
        conn_done_t done;
        void *userdata;
        ConnAnswer answer;
};

static void drop_results(ConnAnswer *a)
{
        for (size_t i = 0; i < a->n_results; i++)
                PQclear(a->results[i]);
        *a = (ConnAnswer){ 0 };
}

static void disconnect(Conn *c)
{
        c->source = sd_event_source_disable_unref(c->source);
        c->source_fd = -1;
        if (c->pg)
                PQfinish(c->pg);
        c->pg = NULL;
        c->connected = false;
}

void conn_reset(Conn *c)
{
        c->done = NULL;
        free(TAKE_PTR(c->sql));
        timer_set(&c->start, USEC_INFINITY);
        timer_set(&c->deadline, USEC_INFINITY);
        drop_results(&c->answer);
        disconnect(c);
}

bool conn_is_busy(const Conn *c)
{
        return c->done != NULL;
}

/* Hands the answer over; the run is finished before the caller hears, so that it may start another. */
static void finish(Conn *c)
{
        conn_done_t done = c->done;
        ConnAnswer answer = c->answer;

        c->answer = (ConnAnswer){ 0 };
        c->done = NULL;
        free(TAKE_PTR(c->sql));
        timer_set(&c->start, USEC_INFINITY);
        timer_set(&c->deadline, USEC_INFINITY);
        if (done)
                done(&answer, c->userdata);
        drop_results(&answer);
}

static void fail(Conn *c, int error, const char *text)
{
        size_t n = strcspn(text, "\n");

        drop_results(&c->answer);
        c->answer.r = error;
        (void)str_copy_n(c->answer.error, sizeof c->answer.error, text, n); /* may be cut */
        disconnect(c);
        finish(c);
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata);

/* libpq may have changed its socket: the source follows it. */
static int watch(Conn *c, uint32_t events)
{
        int fd = PQsocket(c->pg);

        if (fd < 0)
                return -ENOTCONN;
        if (c->source && fd == c->source_fd)
                return sd_event_source_set_io_events(c->source, events);
        c->source = sd_event_source_disable_unref(c->source);
        c->source_fd = fd;
        int r = sd_event_add_io(c->event, &c->source, fd, events, on_io, c);
        if (r >= 0)
                (void)sd_event_source_set_description(c->source, c->name); /* only for debugging */
        return r;
}

static int flush(Conn *c)
{
        int left = PQflush(c->pg);

        if (left < 0)
                return -ENOTCONN;
        return watch(c, EPOLLIN | (left > 0 ? EPOLLOUT : 0));
}

static void send_sql(Conn *c)
{
        if (!PQsendQuery(c->pg, c->sql) || flush(c) < 0)
                fail(c, -ENOTCONN, PQerrorMessage(c->pg));
}

static void begin_connect(Conn *c);

static void connect_step(Conn *c)
{
        switch (PQconnectPoll(c->pg)) {
        case PGRES_POLLING_READING:
                if (watch(c, EPOLLIN) < 0)
                        fail(c, -ENOTCONN, "no socket");
                return;
        case PGRES_POLLING_WRITING:
                if (watch(c, EPOLLOUT) < 0)
                        fail(c, -ENOTCONN, "no socket");
                return;
        case PGRES_POLLING_OK:
                c->connected = true;
                c->refused = 0;
                timer_set(&c->deadline, c->until);
                (void)PQsetnonblocking(c->pg, 1); /* fails only on a bad connection */
                send_sql(c);
                return;
        case PGRES_POLLING_FAILED:
        case PGRES_POLLING_ACTIVE:
        default: break;
        }
        c->target = (c->target + 1) % c->n_targets;
        if (++c->refused < c->n_targets) {
                disconnect(c);
                begin_connect(c);
                return;
        }
        c->refused = 0;
        fail(c, -ENOTCONN, PQerrorMessage(c->pg));
}

static void begin_connect(Conn *c)
{
        timer_set(&c->deadline, MIN(c->until, now_boottime() + CONNECT_WITHIN));
        c->pg = PQconnectStart(c->targets[c->target]);
        if (!c->pg)
                fail(c, -ENOMEM, "out of memory");
        else if (PQstatus(c->pg) == CONNECTION_BAD)
                connect_step(c); /* says PGRES_POLLING_FAILED */
        else if (watch(c, EPOLLOUT) < 0)
                fail(c, -ENOTCONN, "no socket");
}

static void take_result(Conn *c, PGresult *res)
{
        ConnAnswer *a = &c->answer;
        ExecStatusType status = PQresultStatus(res);
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && a->r == 0) {
                const char *text = PQresultErrorMessage(res);
                a->r = -EIO;
                (void)STR_SET(a->sqlstate, state); /* five characters */
                (void)str_copy_n(a->error, sizeof a->error, text, strcspn(text, "\n"));
        }
        if (a->n_results < CONN_RESULTS_MAX)
                a->results[a->n_results++] = res;
        else
                PQclear(res);
}

static void read_results(Conn *c)
{
        if (!PQconsumeInput(c->pg)) {
                fail(c, -ENOTCONN, PQerrorMessage(c->pg));
                return;
        }
        while (c->done && !PQisBusy(c->pg)) {
                PGresult *res = PQgetResult(c->pg);
                if (!res) {
                        finish(c);
                        return;
                }
                take_result(c, res);
        }
        if (PQstatus(c->pg) == CONNECTION_BAD)
                fail(c, -ENOTCONN, PQerrorMessage(c->pg));
}

static int on_io(sd_event_source *s _unused_, int fd _unused_, uint32_t events, void *userdata)
{
        Conn *c = userdata;

        if (!c->connected) {
                connect_step(c);
        } else if (!c->done) {
                disconnect(c); /* an idle connection speaks only to say goodbye */
        } else {
                if (events & EPOLLOUT && flush(c) < 0)
                        fail(c, -ENOTCONN, "the connection broke");
                else
                        read_results(c);
        }
        return 0;
}

static void on_start(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Conn *c = userdata;

        if (!c->connected) {
                disconnect(c);
                begin_connect(c);
        } else if (!PQsendQuery(c->pg, c->sql) || flush(c) < 0) {
                disconnect(c); /* it had died while idle: a fresh one is worth a try */
                begin_connect(c);
        }
}

static void on_deadline(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Conn *c = userdata;

        fail(c, -ETIMEDOUT, c->connected ? "no answer in time" : "no connection in time");
}

int conn_run(Conn *c, const char *sql, usec_t timeout, conn_done_t done, void *userdata)
{
        usec_t now = now_boottime();

        if (c->done)
                return -EBUSY;
        if (c->n_targets == 0)
                return -ENOTCONN;
        c->sql = strdup(sql);
        if (!c->sql)
                return -ENOMEM;
        c->done = done;
        c->userdata = userdata;
        c->until = now + timeout;
        timer_set(&c->start, now);
        timer_set(&c->deadline, c->until);
        return 0;
}

int conn_set_targets(Conn *c, const char *const *conninfos)
{
        bool same = true;
        size_t n = 0;

        for (; n < TARGETS_MAX && conninfos[n]; n++)
                same = same && n < c->n_targets && str_equal(c->targets[n], conninfos[n]);
        if (same && n == c->n_targets)
                return 0;
        conn_reset(c);
        for (size_t i = 0; i < c->n_targets; i++)
                free(c->targets[i]);
        c->target = c->n_targets = 0;
        for (size_t i = 0; i < n; i++) {
                c->targets[i] = strdup(conninfos[i]);
                if (!c->targets[i])
                        return -ENOMEM;
                c->n_targets++;
        }
        return 0;
}

int conn_new(Conn **ret, sd_event *e, const char *name)
{
        _cleanup_(conn_freep) Conn *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(e);
        c->source_fd = -1;
        (void)STR_SET(c->name, name); /* our own short names */
        int r = timer_init(&c->start, e, name, NULL, on_start, c);
        if (r >= 0)
                r = timer_init(&c->deadline, e, name, NULL, on_deadline, c);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Conn *conn_free(Conn *c)
{
        if (c) {
                conn_reset(c);
                timer_done(&c->start);
                timer_done(&c->deadline);
                for (size_t i = 0; i < c->n_targets; i++)
                        free(c->targets[i]);
                sd_event_unref(c->event);
                free(c);
        }
        return NULL;
}
