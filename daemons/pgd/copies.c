#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/copies.h"
#include "pgd/trouble.h"

#define ASK_WITHIN (5 * USEC_PER_SEC)
#define ASK_AGAIN (10 * USEC_PER_SEC) /* where a copy was refused or could not be had */
#define EACH_LATER (2 * USEC_PER_SEC) /* standbys stop one after another */
#define RESTARTPOINT_WITHIN (600 * USEC_PER_SEC)
#define IN_HAND_FOR (60 * USEC_PER_SEC)
#define COPY_AGAIN_LEAST (10 * USEC_PER_SEC)
#define COPY_AGAIN_MOST (600 * USEC_PER_SEC)
#define NAMES_SIZE (CLUSTER_SLOTS_MAX * IDENT_SIZE)

struct Copies {
        Pgd *pgd;
        Trouble trouble;

        Tool *tool; /* a question to the primary */
        bool asks_ready;
        char feedback_slot[IDENT_SIZE];
        char from[NAME_SIZE]; /* whom it asks, or asked */
        usec_t ask_at;

        LogicalReady ready;
        bool told_no_feedback;

        usec_t wish_since; /* copies are needed; 0: none */
        Conn *conn;
        usec_t restartpoint; /* the last one made here for the sake of a stop; 0: none */
        usec_t copy_at, copied, wait;
        usec_t in_hand_since;
        size_t n;
        LogicalCopy rows[CLUSTER_SLOTS_MAX];

        Slots slots; /* of the last probe, for answers that come between two */
};

/* ---- answers of the primary ---- */

static void complain(Copies *c, const char *name, const char *why)
{
        if (trouble_note(&c->trouble, name, why, now_boottime()))
                log_warning("logical replication slot %s is not copied from %s: %s", name, c->from, why);
}

static void add_copy(Copies *c, const char *line)
{
        Pgd *p = c->pgd;
        LogicalCopy *copy = &c->rows[c->n];

        if (logical_read_copy(line, copy) < 0) {
                complain(c, "(any)", "it answered in an unknown shape");
                return;
        }
        const char *why = logical_copy_refused(copy, p->dynamic,
                                               logical_files_have_wal(p->data_dir, copy->restart),
                                               logical_has_room(&c->slots, c->n + 1));
        int r = why ? 0 : logical_files_stage(p->data_dir, copy, files_mode(p));
        if (why || r < 0)
                complain(c, copy->name, why ? why : strerror(-r));
        else
                c->n++;
}

static void take_copies(Copies *c, char *text)
{
        char *rest = text, *line;

        c->n = 0;
        while ((line = strsep(&rest, "\n")))
                if (*line && c->n < CLUSTER_SLOTS_MAX)
                        add_copy(c, line);
        if (c->n == 0)
                return;
        c->in_hand_since = now_boottime();
        log_info("copying logical slots from %s: %zu", c->from, c->n);
        heartbeat_soon(c->pgd); /* what is replayed by now */
}

static void tell_safe(const char *name, void *userdata _unused_)
{
        log_info("logical slot %s is safe to be used after a failover", name);
}

static void take_ready(Copies *c, const char *text)
{
        bool feedback = logical_read_ready(&c->ready, &c->slots, c->feedback_slot, text, tell_safe, NULL);

        if (!feedback && !c->told_no_feedback)
                log_warning("no feedback arrives at slot %s of the primary: it may remove what logical "
                            "slots here need (hot_standby_feedback is off, perhaps by postgresql.auto.conf?)",
                            c->feedback_slot);
        c->told_no_feedback = !feedback;
}

static void on_told(ToolResult *result, void *userdata)
{
        Copies *c = userdata;
        char why[REASON_SIZE];

        c->tool = NULL;
        if (!str_equal(c->from, c->pgd->order.leader.name))
                return;
        if (result->r < 0 || result->status != 0) {
                run_describe(result, "psql", why, sizeof why);
                complain(c, "(any)", why);
                return;
        }
        trouble_over(&c->trouble, "(any)");
        if (c->asks_ready)
                take_ready(c, result->output);
        else
                take_copies(c, result->output);
}

/* ---- questions ---- */

static void ask(Copies *c, bool ready, const char *sql)
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16];
        Pgd *p = c->pgd;

        c->ask_at = now_boottime() + (ready ? p->settings.timing.loop_wait : ASK_AGAIN);
        c->asks_ready = ready;
        (void)STR_SET(c->from, p->order.leader.name); /* same size */
        pgd_program(p, "psql", program, sizeof program);
        int r = leader_conninfo(p, "rewind", "postgres", " connect_timeout=3", dsn, sizeof dsn, env,
                                sizeof env);
        if (r >= 0) {
                _cleanup_(node_freep) Node *argv =
                        run_argv(program, "-XAtqw", "-d", dsn, "-c", sql, NULL);
                ToolSpec spec = { .argv = argv, .env = { env }, .timeout = ASK_WITHIN, .done = on_told,
                                  .userdata = c };
                r = argv ? tool_start(&c->tool, p->launch, &spec) : -ENOMEM;
        }
        if (r < 0)
                complain(c, "(any)", strerror(-r));
}

/* A standby in its steady state: nothing else wants it to stop, or would be hurt. */
static bool is_settled(const Pgd *p)
{
        return p->order.what == ORDER_FOLLOW && !p->order.remote && !p->order.hands_off &&
               p->order.leader.name[0] && p->step == STEP_NONE && !p->tool && !p->conf_stale &&
               p->pg.in_recovery == TRI_YES && p->pg.receiver_alive && !p->cluster->failover.requested;
}

static unsigned rank(const SlotsInput *in)
{
        unsigned n = 0;

        for (uint32_t i = 0; i < in->cluster->n_members; i++) {
                const char *name = in->cluster->members[i].name;
                if (str_equal(name, in->own_name))
                        break;
                n += !str_equal(name, in->cluster->leader.name);
        }
        return n;
}

static void on_restartpoint(const ConnAnswer *answer, void *userdata)
{
        Copies *c = userdata;

        if (answer->r < 0) {
                complain(c, "(any)", answer->error);
                c->copy_at = now_boottime() + ASK_AGAIN;
                return;
        }
        c->restartpoint = now_boottime();
        heartbeat_soon(c->pgd);
}

/* A fast stop writes out what is dirty: the less, the sooner this node can lead again. */
static bool is_ready_to_stop(Copies *c, usec_t now)
{
        if (c->restartpoint && now < c->restartpoint + IN_HAND_FOR)
                return true;
        (void)conn_run(c->conn, "CHECKPOINT", RESTARTPOINT_WITHIN, on_restartpoint,
                       c); /* -EBUSY: it is being made; else the next probe tries again */
        return false;
}

static bool ask_for_copies(Copies *c, const SlotsSeen *seen, const SlotsInput *in)
{
        char names[NAMES_SIZE], sql[NAMES_SIZE + 1024];
        size_t used = 0;

        for (unsigned n = 0;; n++) {
                LogicalPlan p = logical_plan(seen, in, LOGICAL_COPY, n);
                if (p.action == LOGICAL_NOTHING)
                        break;
                used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? "," : "", p.name);
        }
        if (used == 0) {
                c->wish_since = 0;
                return false;
        }
        if (c->wish_since == 0)
                c->wish_since = in->now;
        if (in->now < c->wish_since + rank(in) * EACH_LATER || in->now < c->copy_at || in->paused ||
            !c->pgd->feedback || !logical_copy_sql(names, in->pg->server_version, sql, sizeof sql) ||
            !is_ready_to_stop(c, in->now))
                return false;
        ask(c, false, sql);
        return true;
}

static void ask_whether_safe(Copies *c, const SlotsInput *in)
{
        char names[NAMES_SIZE], sql[NAMES_SIZE + 1024];

        slots_name_on_primary(in, c->feedback_slot);
        if (c->feedback_slot[0] && logical_unsafe(&c->ready, names, sizeof names) &&
            logical_ready_sql(names, c->feedback_slot, sql, sizeof sql))
                ask(c, true, sql);
}

/* ---- from outside ---- */

void copies_run(Copies *c, const SlotsSeen *seen, const SlotsInput *in)
{
        c->slots = *in->slots;
        if (in->pg->in_recovery != TRI_YES) {
                c->ready.n = 0;
                return;
        }
        logical_note_ready(&c->ready, seen, in->slots);
        if (c->tool || in->now < c->ask_at || copies_wait(c) || !is_settled(c->pgd))
                return;
        if (!ask_for_copies(c, seen, in))
                ask_whether_safe(c, in);
}

void copies_reset(Copies *c)
{
        conn_reset(c->conn);
        c->restartpoint = 0;
        c->ready.n = 0;
}

void copies_retry(Copies *c)
{
        c->trouble = (Trouble){ 0 };
}

int copies_set_target(Copies *c, const char *database)
{
        return heartbeat_target(c->pgd, c->conn, database, 0, "");
}

bool copies_wait(const Copies *c)
{
        const Pgd *p = c->pgd;

        return logical_copies_replayed(c->rows, c->n, p->pg.replay_lsn) &&
               str_equal(c->from, p->order.leader.name) && now_boottime() < c->in_hand_since + IN_HAND_FOR;
}

/* A copy that does not last is not made again and again: each one costs a restart. */
static void note_copied(Copies *c)
{
        usec_t now = now_boottime();

        c->wait = c->copied && now < c->copied + 2 * COPY_AGAIN_MOST ? MIN(2 * c->wait, COPY_AGAIN_MOST)
                                                                   : COPY_AGAIN_LEAST;
        c->copied = now;
        c->copy_at = now + c->wait;
}

void copies_lay_down(Copies *c, bool standby)
{
        const Pgd *p = c->pgd;

        if (standby && copies_wait(c)) {
                for (size_t i = 0; i < c->n; i++) {
                        int r = logical_files_lay_down(p->data_dir, c->rows[i].name);
                        if (r < 0) {
                                complain(c, c->rows[i].name, strerror(-r));
                                continue;
                        }
                        log_notice("logical slot %s is copied from %s, up to %s", c->rows[i].name, c->from,
                                   LSN_TEXT(c->rows[i].confirmed));
                        trouble_over(&c->trouble, c->rows[i].name);
                }
                note_copied(c);
        }
        c->n = 0;
}

void copies_at_promote(Copies *c)
{
        char names[NAMES_SIZE];

        if (logical_unsafe(&c->ready, names, sizeof names))
                log_warning("logical replication slots that may be unsafe to use after the promotion: %s",
                            names);
        conn_reset(c->conn);
        c->n = 0;
}

int copies_new(Copies **ret, Pgd *p)
{
        _cleanup_(copies_freep) Copies *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->pgd = p;
        int r = conn_new(&c->conn, p->event, "copies");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Copies *copies_free(Copies *c)
{
        if (c) {
                c->tool = tool_free(c->tool);
                c->conn = conn_free(c->conn);
                free(c);
        }
        return NULL;
}
