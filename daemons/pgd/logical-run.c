#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/logical-run.h"

#define STATEMENT_WITHIN_MSEC 60000
#define ANSWER_WITHIN (65 * USEC_PER_SEC) /* the server ends it first */
#define RETRY_AFTER (2 * USEC_PER_SEC)
#define ASK_WITHIN (5 * USEC_PER_SEC)
#define ASK_AGAIN (10 * USEC_PER_SEC) /* where a copy was refused or could not be had */
#define EACH_LATER (2 * USEC_PER_SEC) /* standbys stop one after another */
#define IN_HAND_FOR (60 * USEC_PER_SEC)
#define COPY_AGAIN_LEAST (10 * USEC_PER_SEC)
#define COPY_AGAIN_MOST (600 * USEC_PER_SEC)
#define NAMES_SIZE (CLUSTER_SLOTS_MAX * IDENT_SIZE)

struct Logical {
        Pgd *pgd;

        Conn *conn;
        LogicalPlan current;
        LogicalPlan last; /* the advance that was done last */
        bool dropping;    /* current is being dropped, since it cannot be read any more */
        unsigned failed;  /* of this round */
        usec_t retry_at;
        char complained[REASON_SIZE];

        Tool *tool; /* a question to the primary */
        bool asks_ready;
        char feedback_slot[IDENT_SIZE];
        char from[NAME_SIZE]; /* whom it asks, or asked */
        usec_t ask_at;

        LogicalReady ready;
        bool told_no_feedback;

        usec_t wish_since; /* copies are needed; 0: none */
        usec_t copy_at, copied, wait;
        usec_t in_hand_since;
        size_t n_copies;
        LogicalCopy copies[CLUSTER_SLOTS_MAX];

        Slots slots; /* of the last probe, for answers that come between two */
};

/* Once for each new reason. */
static void complain(Logical *l, const char *name, const char *why)
{
        char text[REASON_SIZE];

        snprintf(text, sizeof text, "logical replication slot %.63s: %.180s", name, why);
        if (!str_equal(text, l->complained))
                log_warning("%s", text);
        (void)STR_SET(l->complained, text); /* same size */
}

/* ---- making and advancing ---- */

static void on_done(const ConnAnswer *answer, void *userdata);

/* What it needs is gone (undefined_file), or the server has given it up (object_not_in_prerequisite_state). */
static bool is_unreadable(const ConnAnswer *answer)
{
        return str_equal(answer->sqlstate, "58P01") || str_equal(answer->sqlstate, "55000");
}

/* It is the user's text. */
static const char *quote(const char *text, char buf[static 2 * IDENT_SIZE])
{
        size_t n = 0;

        for (; *text; text++) {
                if (*text == '\'')
                        buf[n++] = '\'';
                buf[n++] = *text;
        }
        buf[n] = 0;
        return buf;
}

static int run_current(Logical *l)
{
        const LogicalPlan *p = &l->current;
        char sql[512], plugin[2 * IDENT_SIZE];

        if (l->dropping)
                snprintf(sql, sizeof sql,
                         "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                         " WHERE slot_name = '%s' AND NOT active",
                         p->name);
        else if (p->action == LOGICAL_CREATE)
                snprintf(sql, sizeof sql, "SELECT pg_create_logical_replication_slot('%s', '%s')",
                         p->name, quote(p->plugin, plugin));
        else
                snprintf(sql, sizeof sql,
                         "SELECT pg_replication_slot_advance(slot_name, '%s') FROM pg_replication_slots"
                         " WHERE slot_name = '%s' AND NOT active",
                         LSN_TEXT(p->lsn), p->name);
        return conn_run(l->conn, sql, ANSWER_WITHIN, on_done, l);
}

static void note_success(Logical *l)
{
        LogicalPlan *p = &l->current;

        if (l->dropping)
                log_warning("logical replication slot %s: dropped, it is copied again", p->name);
        else if (p->action == LOGICAL_CREATE)
                log_notice("made logical replication slot %s in database %s with plugin %s", p->name,
                           p->database, p->plugin);
        else
                l->last = *p;
        l->complained[0] = 0;
        heartbeat_soon(l->pgd); /* it shows what is there now, and the next one */
}

static void on_done(const ConnAnswer *answer, void *userdata)
{
        Logical *l = userdata;

        if (answer->r >= 0) {
                note_success(l);
                return;
        }
        complain(l, l->current.name, answer->error);
        if (l->current.action == LOGICAL_ADVANCE && !l->dropping && is_unreadable(answer)) {
                l->dropping = true;
                if (run_current(l) >= 0)
                        return;
        }
        l->failed++;
        heartbeat_soon(l->pgd);
}

static void work(Logical *l, const SlotsSeen *seen, const SlotsInput *in)
{
        LogicalAction action = in->pg->in_recovery == TRI_NO ? LOGICAL_CREATE : LOGICAL_ADVANCE;

        if (conn_is_busy(l->conn) || in->now < l->retry_at)
                return;
        LogicalPlan p = logical_plan(seen, in, action, l->failed);
        /* It has been asked for exactly that, and said it was done. */
        if (p.action == LOGICAL_ADVANCE && p.lsn == l->last.lsn && str_equal(p.name, l->last.name))
                p = logical_plan(seen, in, action, ++l->failed);
        if (p.action == LOGICAL_NOTHING) {
                l->retry_at = l->failed ? in->now + RETRY_AFTER : 0;
                l->failed = 0;
                conn_reset(l->conn);
                return;
        }
        l->current = p;
        l->dropping = false;
        if (heartbeat_target(l->pgd, l->conn, p.database, STATEMENT_WITHIN_MSEC) >= 0)
                (void)run_current(l); /* -EBUSY, -ENOMEM: the next probe tries again */
}

/* ---- questions to the primary ---- */

static void add_copy(Logical *l, const char *line)
{
        Pgd *p = l->pgd;
        LogicalCopy *copy = &l->copies[l->n_copies];

        if (logical_read_copy(line, copy) < 0) {
                complain(l, "(copy)", "the primary answered in an unknown shape");
                return;
        }
        const char *why =
                logical_copy_refused(copy, p->dynamic, logical_files_have_wal(p->data_dir, copy->restart));
        if (why)
                complain(l, copy->name, why);
        else
                l->n_copies++;
}

static void take_copies(Logical *l, char *text)
{
        char *rest = text, *line;

        l->n_copies = 0;
        while ((line = strsep(&rest, "\n")))
                if (*line && l->n_copies < CLUSTER_SLOTS_MAX)
                        add_copy(l, line);
        if (l->n_copies == 0)
                return;
        l->in_hand_since = now_boottime();
        log_info("copying logical slots from the primary: %zu", l->n_copies);
        heartbeat_soon(l->pgd); /* what is replayed by now */
}

static void tell_safe(const char *name, void *userdata _unused_)
{
        log_info("logical slot %s is safe to be used after a failover", name);
}

static void take_ready(Logical *l, const char *text)
{
        bool feedback = logical_read_ready(&l->ready, &l->slots, l->feedback_slot, text, tell_safe, NULL);

        if (!feedback && !l->told_no_feedback)
                log_warning("no feedback arrives at slot %s of the primary: it may remove what logical "
                            "slots here need (hot_standby_feedback is off, perhaps by postgresql.auto.conf?)",
                            l->feedback_slot);
        l->told_no_feedback = !feedback;
}

static void on_told(ToolResult *result, void *userdata)
{
        Logical *l = userdata;
        char why[REASON_SIZE];

        l->tool = NULL;
        if (!str_equal(l->from, l->pgd->order.leader.name))
                return;
        if (result->r < 0 || result->status != 0) {
                run_describe(result, "psql", why, sizeof why);
                complain(l, "(primary)", why);
        } else if (l->asks_ready) {
                take_ready(l, result->output);
        } else {
                take_copies(l, result->output);
        }
}

static void ask(Logical *l, bool ready, const char *sql)
{
        char program[URL_SIZE], dsn[1024], env[PATH_MAX + 16];
        Pgd *p = l->pgd;

        l->ask_at = now_boottime() + (ready ? p->settings.timing.loop_wait : ASK_AGAIN);
        l->asks_ready = ready;
        (void)STR_SET(l->from, p->order.leader.name); /* same size */
        pgd_program(p, "psql", program, sizeof program);
        int r = leader_conninfo(p, "rewind", "postgres", " connect_timeout=3", dsn, sizeof dsn, env,
                                sizeof env);
        if (r >= 0) {
                _cleanup_(node_freep) Node *argv =
                        run_argv(program, "-XAtqw", "-d", dsn, "-c", sql, NULL);
                ToolSpec spec = { .argv = argv, .env = { env }, .timeout = ASK_WITHIN, .done = on_told,
                                  .userdata = l };
                r = argv ? tool_start(&l->tool, p->launch, &spec) : -ENOMEM;
        }
        if (r < 0)
                complain(l, "(primary)", strerror(-r));
}

/* A standby in its steady state: nothing else wants it to stop, or would be hurt. */
static bool is_settled(const Pgd *p)
{
        return p->order.what == ORDER_FOLLOW && !p->order.remote && !p->order.hands_off &&
               p->order.leader.name[0] && p->step == STEP_NONE && !p->tool && !p->conf_stale &&
               p->pg.in_recovery == TRI_YES && p->pg.receiver_alive;
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

static bool ask_for_copies(Logical *l, const SlotsSeen *seen, const SlotsInput *in)
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
                l->wish_since = 0;
                return false;
        }
        if (l->wish_since == 0)
                l->wish_since = in->now;
        if (in->now < l->wish_since + rank(in) * EACH_LATER || in->now < l->copy_at ||
            !l->pgd->feedback || !logical_copy_sql(names, sql, sizeof sql))
                return false;
        ask(l, false, sql);
        return true;
}

static void ask_whether_safe(Logical *l, const SlotsInput *in)
{
        char names[NAMES_SIZE], sql[NAMES_SIZE + 1024];

        slots_name_on_primary(in, l->feedback_slot);
        if (l->feedback_slot[0] && logical_unsafe(&l->ready, names, sizeof names) &&
            logical_ready_sql(names, l->feedback_slot, sql, sizeof sql))
                ask(l, true, sql);
}

/* ---- from outside ---- */

void logical_run(Logical *l, const SlotsSeen *seen, const SlotsInput *in)
{
        l->slots = *in->slots;
        work(l, seen, in);
        if (in->pg->in_recovery != TRI_YES) {
                l->ready.n = 0;
                return;
        }
        logical_note_ready(&l->ready, seen, in->slots);
        if (l->tool || in->now < l->ask_at || logical_copies_wait(l) || !is_settled(l->pgd))
                return;
        if (!ask_for_copies(l, seen, in))
                ask_whether_safe(l, in);
}

void logical_reset(Logical *l)
{
        conn_reset(l->conn);
        l->last = (LogicalPlan){ 0 };
        l->failed = 0;
        l->retry_at = 0;
        l->ready.n = 0;
}

bool logical_copies_wait(const Logical *l)
{
        const Pgd *p = l->pgd;

        return logical_copies_replayed(l->copies, l->n_copies, p->pg.replay_lsn) &&
               str_equal(l->from, p->order.leader.name) && now_boottime() < l->in_hand_since + IN_HAND_FOR;
}

/* A copy that does not last is not made again and again: each one costs a restart. */
static void note_copied(Logical *l)
{
        usec_t now = now_boottime();

        l->wait = l->copied && now < l->copied + 2 * COPY_AGAIN_MOST ? MIN(2 * l->wait, COPY_AGAIN_MOST)
                                                                   : COPY_AGAIN_LEAST;
        l->copied = now;
        l->copy_at = now + l->wait;
}

void logical_lay_down(Logical *l, bool standby)
{
        const Pgd *p = l->pgd;

        if (standby && logical_copies_wait(l)) {
                for (size_t i = 0; i < l->n_copies; i++)
                        if (logical_files_lay_down(p->data_dir, &l->copies[i], files_mode(p)) >= 0)
                                log_notice("logical slot %s is copied from %s, up to %s",
                                           l->copies[i].name, l->from, LSN_TEXT(l->copies[i].confirmed));
                note_copied(l);
        }
        l->n_copies = 0;
}

void logical_at_promote(Logical *l)
{
        char names[NAMES_SIZE];

        if (logical_unsafe(&l->ready, names, sizeof names))
                log_warning("logical replication slots that may be unsafe to use after the promotion: %s",
                            names);
        conn_reset(l->conn);
        l->n_copies = 0;
}

int logical_new(Logical **ret, Pgd *p)
{
        _cleanup_(logical_freep) Logical *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        l->pgd = p;
        int r = conn_new(&l->conn, p->event, "logical");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Logical *logical_free(Logical *l)
{
        if (l) {
                l->tool = tool_free(l->tool);
                l->conn = conn_free(l->conn);
                free(l);
        }
        return NULL;
}
