#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/conninfo.h"
#include "pgd/pgd.h"
#include "pgd/probe.h"

#define STATEMENT_MSEC 2000
#define PROBE_TIMEOUT (3 * USEC_PER_SEC)
#define WHILE_PROMOTING (20 * USEC_PER_MSEC)
#define WAKE_EVERY (200 * USEC_PER_MSEC)
#define WHILE_STARTING (50 * USEC_PER_MSEC)
#define AFTER_FAILURE (500 * USEC_PER_MSEC)
/* Standbys come and go: who is synchronous, and whether this one streams, a few probes settle. */
#define WHILE_SETTLING (100 * USEC_PER_MSEC)
#define SETTLES_WITHIN (5 * USEC_PER_SEC)
/* What waits for a restart: anybody may change files and reload. */
#define PENDING_EVERY (10 * USEC_PER_SEC)
#define PENDING_SETTLES_WITHIN (3 * USEC_PER_SEC)

/* As libpq reads it; what does not fit is cut. */
static void quote(const char *text, char *buf, size_t size)
{
        size_t n = 0;

        for (; text && *text && n + 3 < size; text++) {
                if (strchr("'\\ ", *text))
                        buf[n++] = '\\';
                buf[n++] = *text;
        }
        buf[n] = 0;
}

static void target(const Pgd *p, const char *host, const char *database, unsigned statement_msec,
                   const char *options, char *buf, size_t size)
{
        const Node *auth = node_find(p->section, "authentication.superuser");
        char quoted[256], quoted_database[2 * IDENT_SIZE + 4];

        quote(node_get_text(auth, "password"), quoted, sizeof quoted);
        quote(database, quoted_database, sizeof quoted_database);
        snprintf(buf, size,
                 "host=%s port=%u user=%s dbname=%s connect_timeout=3 %s%s "
                 "fallback_application_name=palisade-pgd gssencmode=disable "
                 "options='-c statement_timeout=%u -c search_path=pg_catalog "
                 "-c synchronous_commit=local%s'",
                 host, p->port, p->superuser, quoted_database, quoted[0] ? "password=" : "", quoted,
                 statement_msec, options);
        explicit_bzero(quoted, sizeof quoted);
}

int heartbeat_target(const Pgd *p, Conn *c, const char *database, unsigned statement_msec,
                     const char *options)
{
        char unix_target[1024], tcp_target[1024], addresses[HOST_SIZE];
        uint16_t port;

        pgconf_split_listen(node_get_text(p->section, "listen"), addresses, sizeof addresses, &port);
        addresses[strcspn(addresses, ",")] = 0;
        if (str_equal(addresses, "*") || str_equal(addresses, "0.0.0.0") ||
            !address_is_valid(addresses))
                STR_SET(addresses, "127.0.0.1");
        target(p, p->socket_dir, database, statement_msec, options, unix_target, sizeof unix_target);
        target(p, addresses, database, statement_msec, options, tcp_target, sizeof tcp_target);

        int r = conn_set_targets(c, (const char *const[]){ unix_target, tcp_target, NULL });
        explicit_bzero(unix_target, sizeof unix_target);
        explicit_bzero(tcp_target, sizeof tcp_target);
        return r;
}

void heartbeat_set_targets(Pgd *p)
{
        const char *database = config_text(p->config, "postgresql.database", "postgres");
        char addresses[HOST_SIZE];

        pgconf_split_listen(node_get_text(p->section, "listen"), addresses, sizeof addresses, &p->port);
        if (heartbeat_target(p, p->heartbeat, database, STATEMENT_MSEC, "") < 0 ||
            heartbeat_target(p, p->admin, database, STATEMENT_MSEC, "") < 0 ||
            chores_set_target(p->chores, database, STATEMENT_MSEC) < 0)
                log_error("out of memory");
}

void heartbeat_schedule(Pgd *p)
{
        usec_t wait = p->settings.timing.loop_wait;

        if (!server_runs(p->server)) {
                timer_set(&p->probe_timer, USEC_INFINITY);
                return;
        }
        if (p->step == STEP_PROMOTE)
                wait = WHILE_PROMOTING;
        else if (!p->pg.accepts)
                wait = p->pg.run == RUN_RUNNING ? AFTER_FAILURE : WHILE_STARTING;
        else if (now_boottime() < p->settling_until)
                wait = WHILE_SETTLING;
        timer_set(&p->probe_timer, now_boottime() + wait);
}

static void note_settling(Pgd *p, bool changed)
{
        bool settled = p->pg.in_recovery == TRI_NO
                               ? p->settings.synchronous_mode == SYNC_MODE_OFF
                               : p->pg.receiver_alive;

        if (settled)
                p->settling_until = 0;
        else if (changed)
                p->settling_until = now_boottime() + SETTLES_WITHIN;
}

/* A standby that left recovery though nobody here told it to has no right to be a primary. */
static void note_role(Pgd *p)
{
        if (p->pg.in_recovery != TRI_NO || p->pg.role == ROLE_PRIMARY) {
                pgd_call_back(p);
                return;
        }
        p->pg.role = ROLE_PRIMARY;
        pgd_save(p);
        if (p->pg.promote_sent)
                return;
        if (pgd_is_left_alone(p)) {
                log_event(LOG_WARNING, EVENT_PAUSE, NO_FIELDS,
                          "paused: the standby left recovery without our order (pg_promote() by "
                          "hand?); it is a second primary until resume");
                return;
        }
        log_event(LOG_ERR, EVENT_FENCE_KILLED, FIELDS({ "PALISADE_FENCE", "pgd", 0 }),
                  "the standby left recovery without our order (pg_promote() by hand?): killing it, "
                  "since it holds no lock");
        server_kill(p->server);
}

static void note_following(Pgd *p)
{
        if (p->pg.in_recovery != TRI_YES)
                p->pg.following[0] = 0;
        else if (p->order.what == ORDER_FOLLOW && conninfo_same(p->conninfo_live, p->conninfo_wanted, p->version))
                (void)STR_SET(p->pg.following, files_upstream(p)->name); /* same size */
        if (!str_equal(p->pg.following, p->table->following))
                pgd_save(p);
}

/* After a start and after each reload the server is asked with every probe for a while. */
static void note_pending(Pgd *p, bool asked, bool was_accepting)
{
        usec_t now = now_boottime();

        if (!was_accepting) {
                heartbeat_settings_changed(p);
                files_backup(p);
        }
        if (!asked)
                return;
        for (uint32_t i = 0; i < p->raised.n; i++)
                pending_add(&p->pg.pending, p->raised.rows[i].name, p->raised.rows[i].old_value,
                            p->raised.rows[i].new_value);
        p->pending_at = now < p->pending_often_until ? now : now + PENDING_EVERY;
}

void heartbeat_settings_changed(Pgd *p)
{
        p->pending_at = now_boottime();
        p->pending_often_until = p->pending_at + PENDING_SETTLES_WITHIN;
}

static void read_history(Pgd *p);

/*
 * A server whose files are gone goes on for a while, and fails at whatever it opens next: it is ended
 * at once, so that a leader hands over now, and a replica is made anew (PATRONI-SPEC §2.3).
 */
static bool has_lost_its_files(Pgd *p)
{
        DataDir is = pgd_look_at_datadir(p);

        if (is == DATADIR_VALID)
                return false;
        pgd_tell_loss(p, is, "while postgres runs there: stopping it at once");
        server_kill(p->server);
        return true;
}

static void on_alive(Pgd *p, const ConnAnswer *answer)
{
        bool was_accepting = p->pg.accepts, was_streaming = p->pg.receiver_alive, new_names;
        bool was_primary = p->pg.in_recovery == TRI_NO;
        uint32_t standbys_before = p->pg.n_standbys;
        char names_before[SYNC_LIST_SIZE];

        (void)STR_SET(names_before, p->pg.sync_names); /* same size */
        if (probe_read(answer, &p->pg, &p->slots, &p->recovery_waits, p->conninfo_live,
                       sizeof p->conninfo_live) < 0) {
                log_error("postgres answered the probe in an unknown shape");
                return;
        }
        note_pending(p, answer->n_results > 3, was_accepting);
        p->version = p->pg.server_version;
        p->pg.probed = now_boottime();
        p->pg.silent_since = 0;
        p->pg.accepts = true;
        p->pg.leader_lsn = MAX(p->pg.leader_lsn, p->cluster ? p->cluster->status.optime : 0);
        new_names = !was_accepting || !str_equal(names_before, p->pg.sync_names);
        if (new_names || (!was_primary && p->pg.in_recovery == TRI_NO)) /* set before a promotion, too */
                p->pg.sync_names_lsn = p->pg.flush_lsn;
        note_settling(p, new_names || p->pg.n_standbys != standbys_before ||
                                 p->pg.receiver_alive != was_streaming);
        if (p->unread && p->order.what != ORDER_SYNC_NAMES)
                (void)STR_SET(p->sync_names, p->pg.sync_names); /* same size */
        p->pg.sync_managed = p->sync_managed;
        note_role(p);
        note_following(p);
        if (p->step != STEP_STOP_FAST && p->step != STEP_STOP_IMMEDIATE)
                pgd_set_run(p, RUN_RUNNING);
        if (!was_accepting)
                p->pg.detail[0] = 0; /* why it did not answer so far */
        if (!was_accepting)
                log_event(LOG_INFO, EVENT_POSTGRES_STARTED,
                          FIELDS({ "PALISADE_ROLE", role_to_string(p->pg.role), 0 },
                                 { "PALISADE_TIMELINE", NULL, p->pg.timeline }),
                          "postgres accepts connections as %s on timeline %u",
                          role_to_string(p->pg.role), p->pg.timeline);
        if (p->pg.in_recovery == TRI_NO && p->pg.timeline != p->history_timeline)
                read_history(p);
        chores_run(p->chores);
}

/* A server that refuses answers; one that is frozen, or whose host is, says nothing at all. */
static void note_silence(Pgd *p, const ConnAnswer *answer)
{
        if (answer->r != -ETIMEDOUT)
                p->pg.silent_since = 0;
        else if (p->pg.silent_since == 0)
                p->pg.silent_since = usec_sub(now_boottime(), PROBE_TIMEOUT);
}

static void on_silent(Pgd *p, const ConnAnswer *answer)
{
        bool starting = str_equal(answer->sqlstate, "57P03") ||
                        strstr(answer->error, "starting up") ||
                        strstr(answer->error, "not yet accepting");

        note_silence(p, answer);
        if (p->pg.accepts && !starting && server_runs(p->server) && !step_is_stop(p->step))
                log_warning("postgres does not answer: %s", answer->error);
        if (p->pg.accepts && answer->r == -ETIMEDOUT && p->pg.failures == 0)
                p->probe_again = true; /* one slow answer is no failure */
        else
                p->pg.accepts = false;
        if (!p->pg.accepts && server_runs(p->server))
                (void)STR_SET(p->pg.detail, answer->error); /* same size */
}

/* Whoever asked while an older probe was under way waits for the next one. */
static void answer_asked(Pgd *p)
{
        Mind *mind = hand_find(p->hand, NULL);
        bool sent = false;

        for (size_t i = 0; i < ELEMENTSOF(p->asked); i++)
                if (p->asked[i]) {
                        if (!sent)
                                pgd_send_state(p);
                        sent = true;
                        if (mind)
                                link_send_result(mind->link, p->asked[i], OUTCOME_DONE, "%s", "");
                        p->asked[i] = 0;
                }
}

/*
 * A startup process that notices the promotion while it begins to stream sleeps first until
 * wal_retrieve_retry_interval, 5 s, is over since its last failure (xlogrecovery.c,
 * WaitForWALToBecomeAvailable()). A reload wakes it.
 */
static void wake_promotion(Pgd *p)
{
        usec_t now = now_boottime();

        if (p->pg.in_recovery != TRI_YES || now < p->wake_at)
                return;
        p->wake_at = now + WAKE_EVERY;
        (void)server_signal(p->server, SIGHUP); /* gone: there is nothing to wake */
}

static void on_answer(const ConnAnswer *answer, void *userdata)
{
        Pgd *p = userdata;
        bool again = p->probe_again;

        p->probe_again = false;
        if (!server_runs(p->server))
                return;
        if (!step_is_stop(p->step) && has_lost_its_files(p))
                return;
        if (answer->r >= 0)
                on_alive(p, answer);
        else
                on_silent(p, answer);
        p->unread = false;
        if (p->step == STEP_PROMOTE && p->pg.in_recovery == TRI_NO && p->pg.accepts)
                engine_step_done(p, 0, "promoted");
        else if (p->step == STEP_PROMOTE)
                wake_promotion(p);
        if (p->step == STEP_RECONFIGURE && p->reloaded && !again)
                engine_step_done(p, 0, "in force");
        if (!again)
                answer_asked(p);
        pgd_changed(p);
        engine_advance(p);
        if (again)
                heartbeat_soon(p);
        else
                heartbeat_schedule(p);
}

static void probe(Pgd *p)
{
        if (!server_runs(p->server))
                return;
        int r = conn_run(p->heartbeat, probe_sql(now_boottime() >= p->pending_at), PROBE_TIMEOUT,
                         on_answer, p);
        if (r == -EBUSY)
                p->probe_again = true; /* the one in flight may be too old for who asks now */
        else if (r < 0)
                log_error_errno(r, "Cannot probe postgres: %m");
}

static void on_timer(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        probe(userdata);
}

void heartbeat_soon(Pgd *p)
{
        timer_set(&p->probe_timer, USEC_INFINITY);
        probe(p);
}

void heartbeat_asked(Pgd *p, uint64_t seq)
{
        size_t i = 0;

        while (i < ELEMENTSOF(p->asked) && p->asked[i])
                i++;
        if (i < ELEMENTSOF(p->asked))
                p->asked[i] = seq; /* more than this at once: they have a deadline */
        if (server_runs(p->server))
                heartbeat_soon(p);
        else
                answer_asked(p);
}

/* The primary's own history file: what the DCS key `history` is made of. */
static void read_history(Pgd *p)
{
        MsgHistory m = WIRE_INIT(MsgHistory, MSG_HISTORY);
        Mind *mind = hand_find(p->hand, NULL);
        int r = pgd_read_history(p, p->pg.timeline, &m.history);

        if (r < 0) {
                log_warning_errno(r, "Cannot read the history of timeline %u: %m", p->pg.timeline);
                return;
        }
        p->history_timeline = p->pg.timeline;
        if (mind)
                (void)link_send(mind->link, &m.h); /* a new mind gets it again */
}

int heartbeat_init(Pgd *p)
{
        int r = conn_new(&p->heartbeat, p->event, "heartbeat");

        if (r >= 0)
                r = conn_new(&p->admin, p->event, "admin");
        if (r >= 0)
                r = timer_init(&p->probe_timer, p->event, "probe", &p->stall, on_timer, p);
        return r;
}
