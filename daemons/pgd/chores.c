#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/slots.h"

#define CHORE_WITHIN (5 * USEC_PER_SEC)
#define CHECKPOINT_WITHIN (3600 * USEC_PER_SEC)

struct Chores {
        Pgd *pgd;
        Conn *conn;
        SlotsSeen seen;
        SlotPlan current;
        unsigned failed; /* slot actions of this round that did not work */
        bool complained;
};

static void next(Chores *c);

static void on_checkpoint(const ConnAnswer *answer, void *userdata)
{
        Chores *c = userdata;

        if (answer->r < 0)
                log_warning("the checkpoint after promotion failed: %s", answer->error);
        heartbeat_soon(c->pgd);
}

static void on_slot(const ConnAnswer *answer, void *userdata)
{
        Chores *c = userdata;

        if (answer->r >= 0) {
                c->complained = false;
                if (c->current.action != SLOT_ADVANCE)
                        log_info("%s replication slot %s",
                                 c->current.action == SLOT_CREATE ? "made" : "dropped",
                                 c->current.name);
                heartbeat_soon(c->pgd); /* it shows what is there now, and the next chore */
                return;
        }
        if (!c->complained)
                log_warning("replication slot %s: %s", c->current.name, answer->error);
        c->complained = true;
        c->failed++;
        next(c);
}

static int run_slot(Chores *c)
{
        const char *name = c->current.name;
        char sql[256];

        switch (c->current.action) {
        case SLOT_CREATE:
                snprintf(sql, sizeof sql, "SELECT pg_create_physical_replication_slot('%s', true)",
                         name);
                break;
        case SLOT_DROP:
                snprintf(sql, sizeof sql,
                         "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                         " WHERE slot_name = '%s' AND NOT active",
                         name);
                break;
        case SLOT_ADVANCE:
                snprintf(sql, sizeof sql,
                         "SELECT pg_replication_slot_advance(slot_name, '%s')"
                         " FROM pg_replication_slots WHERE slot_name = '%s' AND NOT active",
                         LSN_TEXT(c->current.lsn), name);
                break;
        case SLOT_NOTHING: return 0;
        }
        return conn_run(c->conn, sql, CHORE_WITHIN, on_slot, c);
}

static void next(Chores *c)
{
        Pgd *p = c->pgd;
        SlotsInput in = { .now = now_boottime(), .cluster = p->cluster, .pg = &p->pg,
                          .dynamic = p->dynamic, .own_name = config_name(p->config),
                          .leads = p->pg.in_recovery == TRI_NO || pgd_leads_standby(p),
                          .nofailover = config_bool(p->config, "tags.nofailover", false) };

        if (!p->cluster || !p->pg.accepts || p->settings.pause)
                return;
        slots_note(&c->seen, &in);
        c->current = slots_plan(&c->seen, &in, c->failed);
        if (c->current.action == SLOT_NOTHING)
                conn_reset(c->conn);
        else
                (void)run_slot(c); /* -EBUSY, -ENOMEM: the next probe tries again */
}

void chores_run(Chores *c)
{
        Pgd *p = c->pgd;

        if (conn_is_busy(c->conn) || step_is_stop(p->step))
                return;
        c->failed = 0;
        if (p->pg.checkpoint_pending && p->pg.in_recovery == TRI_NO)
                (void)conn_run(c->conn, "SET statement_timeout = 0; CHECKPOINT", CHECKPOINT_WITHIN,
                               on_checkpoint, c); /* the next probe tries again */
        else if (node_get_bool(p->dynamic, "postgresql.use_slots", true))
                next(c);
}

void chores_reset(Chores *c)
{
        conn_reset(c->conn);
}

int chores_set_targets(Chores *c, const char *const *targets)
{
        return conn_set_targets(c->conn, targets);
}

int chores_new(Chores **ret, Pgd *p)
{
        _cleanup_(chores_freep) Chores *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->pgd = p;
        int r = conn_new(&c->conn, p->event, "chores");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Chores *chores_free(Chores *c)
{
        if (c) {
                c->conn = conn_free(c->conn);
                free(c);
        }
        return NULL;
}
