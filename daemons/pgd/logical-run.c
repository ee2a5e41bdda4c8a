#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/logical-run.h"
#include "pgd/trouble.h"

/* Moving one from far behind reads all the WAL from there on, and what is ended half-way counts for nothing. */
#define STATEMENT_WITHIN_MSEC 3600000
#define ANSWER_WITHIN (3605 * USEC_PER_SEC) /* the server ends it first */
#define SLOW_AFTER (10 * USEC_PER_SEC)

struct Logical {
        Pgd *pgd;
        Conn *conn;
        LogicalPlan current;
        usec_t since;
        bool told_slow;
        bool dropping; /* current is being dropped, since it cannot be read any more */
        bool paused;
        Trouble trouble;
        uint32_t n_moved;
        LogicalPlan moved[CLUSTER_SLOTS_MAX]; /* to where each was moved last, as the server said */
};

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
        l->since = now_boottime();
        l->told_slow = false;
        return conn_run(l->conn, sql, ANSWER_WITHIN, on_done, l);
}

static LogicalPlan *find_moved(Logical *l, const char *name)
{
        for (uint32_t i = 0; i < l->n_moved; i++)
                if (str_equal(l->moved[i].name, name))
                        return &l->moved[i];
        return NULL;
}

static void note_moved(Logical *l)
{
        LogicalPlan *m = find_moved(l, l->current.name);

        if (!m && l->n_moved == ELEMENTSOF(l->moved))
                l->n_moved = 0;
        *(m ? m : &l->moved[l->n_moved++]) = l->current;
}

static void note_success(Logical *l)
{
        const LogicalPlan *p = &l->current;

        if (l->dropping)
                log_warning("logical replication slot %s: dropped, it is copied again", p->name);
        else if (p->action == LOGICAL_CREATE)
                log_notice("made logical replication slot %s in database %s with plugin %s", p->name,
                           p->database, p->plugin);
        else
                note_moved(l);
        trouble_over(&l->trouble, p->name);
        heartbeat_soon(l->pgd); /* it shows what is there now, and the next one */
}

static void on_done(const ConnAnswer *answer, void *userdata)
{
        Logical *l = userdata;
        const LogicalPlan *p = &l->current;

        if (answer->r >= 0) {
                note_success(l);
                return;
        }
        if (trouble_note(&l->trouble, p->name, answer->error, now_boottime()))
                log_warning("logical replication slot %s cannot be %s: %s", p->name,
                            l->dropping                     ? "dropped"
                            : p->action == LOGICAL_CREATE ? "made"
                                                          : "moved",
                            answer->error);
        if (p->action == LOGICAL_ADVANCE && !l->dropping && !l->paused && is_unreadable(answer)) {
                l->dropping = true;
                if (run_current(l) >= 0)
                        return;
        }
        heartbeat_soon(l->pgd);
}

/* It has been asked for exactly that, and said it was done. */
static bool is_moved(Logical *l, const LogicalPlan *p)
{
        const LogicalPlan *m = find_moved(l, p->name);

        return p->action == LOGICAL_ADVANCE && m && m->lsn == p->lsn;
}

static LogicalPlan next(Logical *l, const SlotsSeen *seen, const SlotsInput *in)
{
        LogicalAction action = in->pg->in_recovery == TRI_NO ? LOGICAL_CREATE : LOGICAL_ADVANCE;
        LogicalPlan p;
        unsigned n = 0;

        do
                p = logical_plan(seen, in, action, n++);
        while (p.action != LOGICAL_NOTHING && (trouble_waits(&l->trouble, p.name, in->now) || is_moved(l, &p)));
        return p;
}

static void tell_slow(Logical *l)
{
        const LogicalPlan *p = &l->current;

        if (l->told_slow || now_boottime() < l->since + SLOW_AFTER)
                return;
        l->told_slow = true;
        if (p->action == LOGICAL_CREATE)
                log_warning("logical replication slot %s is still being made: the server waits for the end of "
                            "every transaction that began before (pg_stat_activity.backend_xid)",
                            p->name);
        else
                log_warning("logical replication slot %s is still being moved to %s: others wait for it",
                            p->name, LSN_TEXT(p->lsn));
}

void logical_run(Logical *l, const SlotsSeen *seen, const SlotsInput *in)
{
        l->paused = in->paused;
        if (conn_is_busy(l->conn) && !logical_is_wanted(seen, in, &l->current)) {
                log_info("logical replication slot %s: given up, it is not wanted any more", l->current.name);
                conn_reset(l->conn);
        }
        if (conn_is_busy(l->conn)) {
                tell_slow(l);
                return;
        }
        LogicalPlan p = next(l, seen, in);
        if (p.action == LOGICAL_NOTHING) {
                conn_reset(l->conn);
                return;
        }
        l->current = p;
        l->dropping = false;
        if (heartbeat_target(l->pgd, l->conn, p.database, STATEMENT_WITHIN_MSEC,
                             logical_session(in->pg->server_version)) >= 0)
                (void)run_current(l); /* -EBUSY, -ENOMEM: the next probe tries again */
}

void logical_reset(Logical *l)
{
        conn_reset(l->conn);
        l->n_moved = 0;
}

void logical_retry(Logical *l)
{
        l->trouble = (Trouble){ 0 };
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
                l->conn = conn_free(l->conn);
                free(l);
        }
        return NULL;
}
