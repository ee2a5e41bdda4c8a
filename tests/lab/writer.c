/*
 * palisade-writer: a client that knows what it was promised.
 *
 * It inserts numbered rows, one transaction each, remembers the fate of every one, tells each time
 * that writes stood still, and in the end reads the table back: a row that was acknowledged and is
 * not there is lost data. It has deadlines of its own, since libpq's asynchronous calls have none.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "writer-ledger.h"
#include "writer-link.h"
#include "writer-options.h"
#include "writer-report.h"

#define PROGRESS_LIVE  (USEC_PER_SEC / 5)
#define PROGRESS_PLAIN (10 * USEC_PER_SEC)
#define NO_ID          0
#define NOT_PRIMARY    "-1"

typedef struct Writer {
        Options options;
        Run run;
        Report report;
        char run_id[17];

        Ledger *ledger;
        Link *link;
        int signals;
        Instant started;
        usec_t next_write, next_open, next_progress;
        uint64_t id; /* the row under way, or NO_ID: the statement is the table's */
        usec_t sent;
        bool stop, table_there, stalled, first;
} Writer;

static usec_t until(usec_t at, usec_t now)
{
        return at > now ? at - now : 0;
}

/* Waits for the link, a signal or the instant; true if the link has something. */
static bool wait_until(Writer *w, usec_t at)
{
        struct pollfd fds[2] = {
                {.fd = w->signals,        .events = POLLIN              },
                { .fd = link_fd(w->link), .events = link_events(w->link)},
        };
        usec_t timeout = until(at, instant_now().mono);
        struct timespec ts = { .tv_sec = (time_t)(timeout / USEC_PER_SEC),
                               .tv_nsec = (long)(timeout % USEC_PER_SEC * 1000) };
        struct signalfd_siginfo info;

        if (ppoll(fds, 2, at == USEC_INFINITY ? NULL : &ts, NULL) < 0)
                return false;
        if (fds[0].revents && read(w->signals, &info, sizeof info) == (ssize_t)sizeof info)
                w->stop = true;
        return fds[1].revents != 0;
}

static void send_create(Writer *w, usec_t now)
{
        char sql[256];

        snprintf(sql, sizeof sql,
                 "CREATE TABLE IF NOT EXISTS %s (run text, id bigint, at timestamptz NOT NULL "
                 "DEFAULT clock_timestamp(), PRIMARY KEY (run, id))",
                 w->run.table);
        w->id = NO_ID;
        (void)link_send(w->link, now, w->options.statement_timeout, sql, 0, NULL);
}

static LinkEvent send_row(Writer *w, usec_t now)
{
        char sql[512], id[24];
        const char *args[] = { w->run_id, id };
        const char *returning = w->options.returning;

        w->id = ledger_send(w->ledger);
        if (w->id == NO_ID) {
                fprintf(stderr, "palisade-writer: out of memory\n");
                w->stop = true;
                return LINK_NOTHING;
        }
        snprintf(sql, sizeof sql, "INSERT INTO %s (run, id) VALUES ($1, $2)%s%s", w->run.table,
                 returning ? " RETURNING " : "", returning ?: "");
        snprintf(id, sizeof id, "%" PRIu64, w->id);
        w->sent = now;
        w->next_write = now + w->options.interval;
        return link_send(w->link, now, w->options.statement_timeout, sql, 2, args);
}

static void log_row(const Writer *w, Instant now)
{
        const PGresult *rows = link_rows(w->link);
        const char *answer = rows && PQntuples(rows) == 1 ? PQgetvalue(rows, 0, 0) : "";

        fprintf(w->options.log, "%" PRIu64 " %.6f %.6f%s%s\n", w->id,
                (double)now.wall / USEC_PER_SEC, (double)now.mono / USEC_PER_SEC,
                *answer ? " " : "", answer);
}

static void row_done(Writer *w, Instant now)
{
        Outage outage;

        if (w->id == NO_ID) {
                w->table_there = true;
                return;
        }
        if (ledger_acknowledge(w->ledger, w->id, now, &outage)) {
                if (!w->stalled) /* this process had no CPU meanwhile: who counts both expects it, too */
                        report_stalled(&w->report, &outage);
                report_outage(&w->report, &outage, true);
        }
        ledger_took(w->ledger, now.mono - w->sent);
        if (w->options.log)
                log_row(w, now);
        if (!w->first)
                report_first(&w->report, now);
        w->first = true;
        w->stalled = false;
        w->id = NO_ID;
}

/* A statement or an attempt to connect came to nothing. */
static void take_failure(Writer *w, Instant now, bool was_busy, Fate fate)
{
        const char *error = link_error(w->link);

        if (was_busy && w->id != NO_ID) {
                ledger_fail(w->ledger, w->id, fate, error);
                report_failed(&w->report, now, w->id, error);
        } else {
                ledger_attempt_failed(w->ledger, error);
        }
        w->id = NO_ID;
        w->next_open = now.mono + w->options.retry;
        /* A server that refuses a write is no longer the primary, or not yet: ask anew. */
        link_close(w->link);
}

static void handle(Writer *w, LinkEvent event, LinkState before)
{
        Instant now = instant_now();

        switch (event) {
        case LINK_CONNECTED: report_connected(&w->report, now, link_target(w->link)); break;
        case LINK_DONE: row_done(w, now); break;
        case LINK_REFUSED: take_failure(w, now, true, FATE_REFUSED); break;
        case LINK_LOST: take_failure(w, now, before == LINK_BUSY, FATE_UNKNOWN); break;
        case LINK_NOTHING:
        case LINK_EVENT_MAX: break;
        }
}

static void tick(Writer *w, Instant now)
{
        Outage outage;
        bool stalled = ledger_stalled(w->ledger, now, &outage);

        if (stalled && !w->stalled)
                report_stalled(&w->report, &outage);
        w->stalled = stalled;
        if (now.mono >= w->next_progress) {
                report_progress(&w->report, now, ledger_totals(w->ledger).acknowledged,
                                stalled ? &outage : NULL, ledger_error(w->ledger));
                w->next_progress = now.mono + (w->report.live || w->report.json ? PROGRESS_LIVE
                                                                           : PROGRESS_PLAIN);
        }
}

/* Begins whatever is due. */
static void act(Writer *w, usec_t now)
{
        LinkState before = link_state(w->link);

        if (before == LINK_DOWN && now >= w->next_open)
                handle(w, link_open(w->link, now, w->options.connect_timeout), before);
        else if (before == LINK_READY && !w->table_there)
                send_create(w, now);
        else if (before == LINK_READY && now >= w->next_write)
                handle(w, send_row(w, now), LINK_BUSY);
}

static usec_t next_instant(const Writer *w, usec_t end)
{
        usec_t at = MIN(end, w->next_progress);

        if (link_state(w->link) == LINK_DOWN)
                at = MIN(at, w->next_open);
        else if (link_state(w->link) == LINK_READY)
                at = MIN(at, w->next_write);
        else
                at = MIN(at, link_deadline(w->link));
        /* The moment at which a gap becomes an outage is told within a tenth of a second. */
        return w->first && !w->stalled ? MIN(at, instant_now().mono + USEC_PER_SEC / 10) : at;
}

static void write_rows(Writer *w)
{
        usec_t end = w->options.duration ? w->started.mono + w->options.duration : USEC_INFINITY;
        Outage outage;

        while (!w->stop && instant_now().mono < end) {
                LinkState before;
                bool ready;

                act(w, instant_now().mono);
                ready = wait_until(w, next_instant(w, end));
                before = link_state(w->link);
                handle(w, link_step(w->link, instant_now().mono, ready), before);
                tick(w, instant_now());
        }
        if (ledger_stalled(w->ledger, instant_now(), &outage))
                report_outage(&w->report, &outage, false);
}

/* Waits a little for the answer under way, so that stopping makes no row unknown. */
static void finish_row(Writer *w)
{
        usec_t end = instant_now().mono + USEC_PER_SEC;

        while (link_state(w->link) == LINK_BUSY && instant_now().mono < end) {
                bool ready = wait_until(w, MIN(end, link_deadline(w->link)));

                handle(w, link_step(w->link, instant_now().mono, ready), LINK_BUSY);
        }
}

/* Takes the ids of the table over into the ledger; false if the server is no primary. */
static bool take_table(Writer *w)
{
        const PGresult *rows = link_rows(w->link);

        for (int i = 0; rows && i < PQntuples(rows); i++) {
                const char *id = PQgetvalue(rows, i, 0);

                if (strcmp(id, NOT_PRIMARY) == 0)
                        return false;
                if (!ledger_found(w->ledger, strtoull(id, NULL, 10)))
                        fprintf(stderr, "palisade-writer: row %s was never sent\n", id);
        }
        return rows != NULL;
}

/* Reads the table back over a new connection to the primary. */
static bool verify(Writer *w, char *error, size_t size)
{
        usec_t end = instant_now().mono + w->options.verify_timeout, next = 0;
        const char *args[] = { w->run_id };
        char sql[256];

        snprintf(sql, sizeof sql,
                 "SELECT " NOT_PRIMARY " WHERE pg_is_in_recovery() UNION ALL "
                 "SELECT id FROM %s WHERE run = $1",
                 w->run.table);
        w->stop = false;
        link_close(w->link);
        while (!w->stop && instant_now().mono < end) {
                usec_t now = instant_now().mono;
                LinkEvent event = LINK_NOTHING;

                if (link_state(w->link) == LINK_DOWN && now >= next)
                        event = link_open(w->link, now, 2 * USEC_PER_SEC);
                else if (link_state(w->link) == LINK_READY)
                        event = link_send(w->link, now, 30 * USEC_PER_SEC, sql, 1, args);
                if (event == LINK_NOTHING) {
                        bool down = link_state(w->link) == LINK_DOWN;
                        bool ready = wait_until(w, MIN(end, down ? next : link_deadline(w->link)));

                        event = link_step(w->link, instant_now().mono, ready);
                }
                if (event == LINK_DONE && take_table(w))
                        return true;
                if (event == LINK_DONE || event == LINK_REFUSED || event == LINK_LOST) {
                        snprintf(error, size, "%s",
                                 event == LINK_DONE ? "the server is no primary"
                                                    : link_error(w->link));
                        link_close(w->link);
                        next = instant_now().mono + 2 * w->options.retry;
                }
        }
        if (w->stop)
                snprintf(error, size, "interrupted");
        return false;
}

/* What the report tells about this run and its client. */
static void describe(Writer *w)
{
        const Options *o = &w->options;

        w->run = (Run){
                .id = w->run_id,
                .table = o->table,
                .targets = link_targets(w->link),
                .interval = o->interval,
                .connect_timeout = o->connect_timeout,
                .statement_timeout = o->statement_timeout,
                .keepalives_idle = link_setting(w->link, "keepalives_idle"),
                .keepalives_interval = link_setting(w->link, "keepalives_interval"),
                .keepalives_count = link_setting(w->link, "keepalives_count"),
                .tcp_user_timeout = link_setting(w->link, "tcp_user_timeout"),
        };
        w->report = (Report){
                .json = o->json_output,
                .quiet = o->quiet,
                .live = isatty(STDOUT_FILENO) && !o->json_output,
                .shown_at = w->started.mono,
        };
}

static int prepare(Writer *w)
{
        uint64_t random = 0;
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGINT);
        sigaddset(&mask, SIGTERM);
        sigprocmask(SIG_BLOCK, &mask, NULL);
        signal(SIGPIPE, SIG_IGN);
        w->signals = signalfd(-1, &mask, SFD_CLOEXEC);
        if (w->signals < 0 || getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
                return -errno;
        snprintf(w->run_id, sizeof w->run_id, "%016" PRIx64, random);
        w->started = instant_now();
        describe(w);
        w->table_there = !w->options.create;
        w->next_progress = w->started.mono + USEC_PER_SEC;
        return ledger_new(&w->ledger, w->options.threshold);
}

static int finish(Writer *w)
{
        char error[256] = "";
        bool verified;

        finish_row(w);
        if (w->options.log)
                fflush(w->options.log);
        report_note(&w->report, instant_now(), "reading the table back");
        verified = verify(w, error, sizeof error);
        report_summary(&w->report, &w->run, w->ledger, verified, error);
        if (w->options.json)
                report_summary_json(w->options.json, &w->run, w->ledger, verified, error);
        if (!verified)
                return EXIT_UNVERIFIED;
        return ledger_totals(w->ledger).missing ? EXIT_LOST : EXIT_SUCCESS;
}

static int run(Writer *w)
{
        int r = link_new(&w->link, w->options.conninfo, w->options.tuned);

        if (r < 0) {
                fprintf(stderr, "palisade-writer: %s\n",
                        w->link ? link_error(w->link) : strerror(-r));
                return EXIT_USAGE;
        }
        r = prepare(w);
        if (r < 0) {
                fprintf(stderr, "palisade-writer: %s\n", strerror(-r));
                return EXIT_UNVERIFIED;
        }
        report_start(&w->report, &w->run);
        write_rows(w);
        return finish(w);
}

int main(int argc, char **argv)
{
        Writer w = { 0 };
        int status = options_parse(&w.options, argc, argv);

        if (status != 0)
                return status - 1;
        status = run(&w);
        w.ledger = ledger_free(w.ledger);
        w.link = link_free(w.link);
        return status;
}
