#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/copies.h"
#include "pgd/logical-run.h"
#include "pgd/slots.h"
#include "pgd/trouble.h"

#define CHORE_WITHIN (5 * USEC_PER_SEC)
#define CHECKPOINT_WITHIN (3600 * USEC_PER_SEC)

struct Chores {
        Pgd *pgd;
        Conn *conn;
        SlotsSeen seen;
        SlotPlan current;
        Trouble trouble;
        uint64_t complained_revision;
        bool switches_feedback; /* hot_standby_feedback: told, and not written yet */
        Logical *logical;
        Copies *copies;
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
                trouble_over(&c->trouble, c->current.name);
                if (c->current.action == SLOT_CREATE)
                        log_info("made replication slot %s", c->current.name);
                if (c->current.action == SLOT_DROP && c->current.loses)
                        log_warning("dropped replication slot %s: %s", c->current.name, c->current.why);
                else if (c->current.action == SLOT_DROP)
                        log_notice("dropped replication slot %s: %s", c->current.name, c->current.why);
                heartbeat_soon(c->pgd); /* it shows what is there now, and the next chore */
                return;
        }
        if (trouble_note(&c->trouble, c->current.name, answer->error, now_boottime()))
                log_warning("replication slot %s: %s", c->current.name, answer->error);
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

/* The boolean wins over the priority, as in the member key. */
static Tags own_tags(const Config *c)
{
        Tags t = TAGS_DEFAULT;

        t.nofailover = node_find(config_root(c), "tags.nofailover")
                               ? config_bool(c, "tags.nofailover", false)
                               : config_int(c, "tags.failover_priority", 1) <= 0;
        t.nostream = config_bool(c, "tags.nostream", false);
        (void)STR_SET(t.replicatefrom, config_text(c, "tags.replicatefrom", "")); /* cut: no member's */
        return t;
}

static SlotsInput input(const Pgd *p)
{
        return (SlotsInput){ .now = now_boottime(),
                             .cluster = p->cluster,
                             .pg = &p->pg,
                             .slots = &p->slots,
                             .dynamic = p->dynamic,
                             .own_name = config_name(p->config),
                             .tags = own_tags(p->config),
                             .leads = p->pg.in_recovery == TRI_NO || pgd_leads_standby(p),
                             .paused = p->settings.pause };
}

static bool uses_slots(const Pgd *p)
{
        return node_get_bool(p->dynamic, "postgresql.use_slots", true);
}

/* What it was while the cluster is not known yet. */
bool chores_need_feedback(const Pgd *p)
{
        if (!p->cluster)
                return p->feedback;
        SlotsInput in = input(p);
        return uses_slots(p) && slots_need_feedback(&in);
}

static void next(Chores *c)
{
        Pgd *p = c->pgd;
        SlotsInput in = input(p);
        unsigned n = 0;

        do
                c->current = slots_plan(&c->seen, &in, n++);
        while (c->current.action != SLOT_NOTHING && trouble_waits(&c->trouble, c->current.name, in.now));
        if (c->current.action == SLOT_NOTHING)
                conn_reset(c->conn);
        else
                (void)run_slot(c); /* -EBUSY, -ENOMEM: the next probe tries again */
}

/* Slots that cannot be are told once for each version of it; what failed is tried again. */
static void note_configuration(Chores *c, const SlotsInput *in)
{
        if (c->complained_revision == c->pgd->config_revision)
                return;
        c->complained_revision = c->pgd->config_revision;
        c->trouble = (Trouble){ 0 };
        logical_retry(c->logical);
        copies_retry(c->copies);
        NODE_FOREACH(slot, slots_permanent(in->dynamic)) {
                const char *why = slots_complaint(slot, in);
                if (why)
                        log_event(LOG_ERR, EVENT_CONFIG_REFUSED, NO_FIELDS,
                                  "dynamic configuration: slots.%s is left out: %s", slot->key, why);
        }
}

static void note(Chores *c)
{
        Pgd *p = c->pgd;
        SlotsInput in = input(p);

        p->pg.n_slots = 0;
        if (!uses_slots(p))
                return;
        note_configuration(c, &in);
        slots_note(&c->seen, &in);
        slots_tell(&c->seen, &in, &p->pg);
}

/* Whoever called asks the engine next. */
static void follow_feedback(Chores *c)
{
        Pgd *p = c->pgd;
        bool need = chores_need_feedback(p), switches = c->switches_feedback;

        if (need && p->slots.feedback)
                p->feedback = true; /* in force already */
        c->switches_feedback = need != p->feedback;
        if (!c->switches_feedback)
                return;
        if (!switches)
                log_info("hot_standby_feedback is %s", need ? "switched on: logical slots need it" : "the user's again");
        p->conf_stale = true;
}

void chores_run(Chores *c)
{
        Pgd *p = c->pgd;

        if (!p->cluster)
                return;
        note(c);
        follow_feedback(c);
        if (step_is_stop(p->step))
                return;
        if (uses_slots(p) && p->pg.accepts) {
                SlotsInput in = input(p);
                logical_run(c->logical, &c->seen, &in);
                copies_run(c->copies, &c->seen, &in);
        }
        if (conn_is_busy(c->conn))
                return;
        if (p->pg.checkpoint_pending && p->pg.in_recovery == TRI_NO)
                (void)conn_run(c->conn, "SET statement_timeout = 0; CHECKPOINT", CHECKPOINT_WITHIN,
                               on_checkpoint, c); /* the next probe tries again */
        else if (uses_slots(p) && p->pg.accepts)
                next(c);
}

void chores_reset(Chores *c)
{
        conn_reset(c->conn);
        logical_reset(c->logical);
        copies_reset(c->copies);
}

int chores_set_target(Chores *c, const char *database, unsigned statement_msec)
{
        int r = heartbeat_target(c->pgd, c->conn, database, statement_msec, "");

        return r < 0 ? r : copies_set_target(c->copies, database);
}

bool chores_copies_wait(const Chores *c)
{
        return copies_wait(c->copies);
}

void chores_before_start(Chores *c, bool standby)
{
        copies_lay_down(c->copies, standby);
}

void chores_at_promote(Chores *c)
{
        logical_reset(c->logical);
        copies_at_promote(c->copies);
}

int chores_new(Chores **ret, Pgd *p)
{
        _cleanup_(chores_freep) Chores *c = calloc(1, sizeof *c);

        if (!c)
                return -ENOMEM;
        c->pgd = p;
        int r = conn_new(&c->conn, p->event, "chores");
        if (r >= 0)
                r = logical_new(&c->logical, p);
        if (r >= 0)
                r = copies_new(&c->copies, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

Chores *chores_free(Chores *c)
{
        if (c) {
                c->conn = conn_free(c->conn);
                c->logical = logical_free(c->logical);
                c->copies = copies_free(c->copies);
                free(c);
        }
        return NULL;
}
