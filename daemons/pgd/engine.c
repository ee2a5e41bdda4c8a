#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "pgd/chores.h"
#include "pgd/conninfo.h"
#include "pgd/methods.h"
#include "pgd/pgd.h"
#include "pgd/scripts.h"
#include "pgd/source.h"
#include "pgd/verify.h"

#define RETRY_FIRST (500 * USEC_PER_MSEC)
#define RETRY_MOST (10 * USEC_PER_SEC)

/* What the mind and the API see of a step. */
static const struct {
        PgOperation operation;
        RunState run; /* while it lasts; RUN_UNKNOWN: the state stays */
} shown[STEP_MAX] = {
        [STEP_BOOTSTRAP] = { PGOP_BOOTSTRAP, RUN_INITDB },
        [STEP_CLONE] = { PGOP_CLONE, RUN_CREATING_REPLICA },
        [STEP_REMOVE] = { PGOP_CLONE, RUN_CREATING_REPLICA },
        [STEP_CRASH_RECOVERY] = { PGOP_CRASH_RECOVERY, RUN_UNKNOWN },
        [STEP_CHECK] = { PGOP_REWIND, RUN_UNKNOWN },
        [STEP_ARCHIVE] = { PGOP_REWIND, RUN_UNKNOWN },
        [STEP_REWIND] = { PGOP_REWIND, RUN_UNKNOWN },
        [STEP_START_STANDBY] = { PGOP_START, RUN_UNKNOWN },
        [STEP_START_PRIMARY] = { PGOP_START, RUN_UNKNOWN },
        [STEP_RECONFIGURE] = { PGOP_RECONFIGURE, RUN_UNKNOWN },
        [STEP_PRE_PROMOTE] = { PGOP_PROMOTE, RUN_UNKNOWN },
        [STEP_PROMOTE] = { PGOP_PROMOTE, RUN_UNKNOWN },
        [STEP_BEFORE_STOP] = { PGOP_STOP, RUN_UNKNOWN },
        [STEP_STOP_FAST] = { PGOP_STOP, RUN_STOPPING },
        [STEP_STOP_IMMEDIATE] = { PGOP_STOP, RUN_STOPPING },
        [STEP_CHECKPOINT] = { PGOP_CHECKPOINT, RUN_UNKNOWN },
};

static int step_begin(Pgd *p, Step step)
{
        switch (step) {
        case STEP_BOOTSTRAP: return step_bootstrap(p);
        case STEP_CLONE: return step_clone(p);
        case STEP_REMOVE: return step_remove(p);
        case STEP_CRASH_RECOVERY: return step_crash_recovery(p);
        case STEP_CHECK: return step_check(p);
        case STEP_ARCHIVE: return step_archive(p);
        case STEP_REWIND: return step_rewind(p);
        case STEP_START_STANDBY: return step_start(p, true);
        case STEP_START_PRIMARY: return step_start(p, false);
        case STEP_RECONFIGURE: return step_reconfigure(p);
        case STEP_PRE_PROMOTE: return step_pre_promote(p);
        case STEP_PROMOTE: return step_promote(p);
        case STEP_BEFORE_STOP: return step_before_stop(p);
        case STEP_STOP_FAST: return step_stop(p, false);
        case STEP_STOP_IMMEDIATE: return step_stop(p, true);
        case STEP_CHECKPOINT: return step_checkpoint(p);
        case STEP_NONE:
        case STEP_DONE:
        case STEP_REFUSE:
        case STEP_WAIT:
        case STEP_MAX: break;
        }
        return -EINVAL;
}

static void tell_result(Pgd *p, Outcome outcome, const char *text)
{
        Mind *mind = hand_find(p->hand, NULL);

        if (p->order_told)
                return;
        p->order_told = true;
        if (mind)
                link_send_result(mind->link, p->order.h.seq, outcome, "%s", text);
}

static bool may_rewind(const Pgd *p)
{
        PgConf c = pgd_section(p);

        return pgconf_flag(&c, "use_pg_rewind", false) &&
               (p->control.wal_log_hints || p->control.checksums);
}

static bool setting(const Pgd *p, const char *key)
{
        PgConf c = pgd_section(p);

        return pgconf_flag(&c, key, false);
}

static Hook hook(const Pgd *p, const char *key, Hook state)
{
        return state != HOOK_NONE ? state : pgd_setting_text(p, key) ? HOOK_DUE : HOOK_NONE;
}

/* The running settings are what the order wants. */
static bool conf_current(const Pgd *p)
{
        if (p->order.what == ORDER_SYNC_NAMES)
                return !p->sync_managed || str_equal(p->pg.sync_names, p->order.text);
        return p->order.what != ORDER_FOLLOW ||
               conninfo_same(p->conninfo_live, p->conninfo_wanted, p->version);
}

/* Of a primary that we start, or of one whose names change. */
static void take_sync_names(Pgd *p, const MsgOrder *order)
{
        bool managed = p->settings.synchronous_mode != SYNC_MODE_OFF || order->text[0];

        if (order->what != ORDER_SYNC_NAMES && order->what != ORDER_START)
                return;
        /* Where the mode is off, the parameter is its user's again. */
        if (!managed && p->sync_managed)
                p->conf_stale = true;
        (void)STR_SET(p->sync_names, order->text); /* same size */
        p->pg.sync_managed = p->sync_managed = managed;
        pgd_save(p);
}

static PlanInput gather(const Pgd *p, bool leaf_busy)
{
        usec_t stop_from;
        bool ends = plan_permit(&p->permit, now_boottime(), &stop_from) != PERMIT_GO_ON;
        const Member *leader = p->cluster
                                       ? cluster_find_member(p->cluster, p->order.leader.name)
                                       : NULL;

        const PgConf section = pgd_section(p);

        return (PlanInput){
                .now = now_boottime(),
                .order = &p->order,
                .pg = &p->pg,
                .control = p->control_known ? &p->control : NULL,
                .version = p->version,
                .order_since = p->order_since,
                .stop_from = ends ? 0 : stop_from,
                .diverged = p->diverged,
                .agreed_lsn = p->local.lsn,
                .leaf_busy = leaf_busy,
                .half_made = p->half_made,
                .archived = p->archived,
                .copies_wait = chores_copies_wait(p->chores),
                .backup_label = p->pg.datadir == DATADIR_VALID && p->control_known &&
                                pgd_has_backup_label(p),
                .conf_current = conf_current(p),
                .recovery_waits = p->recovery_waits,
                .leader_checkpoint_pending = leader && leader->checkpoint_pending,
                .may_rewind = may_rewind(p),
                .twin = p->twin,
                .remove_on_rewind_failure = setting(p, "remove_data_directory_on_rewind_failure"),
                .remove_on_divergence = setting(p, "remove_data_directory_on_diverged_timelines"),
                .keeps_data = methods_keep_data(&section),
                .clones_alone = p->cluster && p->cluster->initialize.state == INITIALIZE_DONE &&
                                methods_need_no_source(&section),
                .pre_promote = hook(p, "pre_promote", p->pre_promote),
                .before_stop = hook(p, "before_stop", p->before_stop),
                .failures = p->failures,
                .check_failures = p->check_failures,
                .rewind_failures = p->rewind_failures,
        };
}

static void end_of_order(Pgd *p, const Plan *plan)
{
        bool done = plan->step == STEP_DONE;
        char why[REASON_SIZE];

        /* A bootstrap or a script that failed is refused for the reason it failed for. */
        bool failed = !done && ((p->order.what == ORDER_BOOTSTRAP && p->failures > 0) ||
                                p->pre_promote == HOOK_FAILED);
        (void)STR_SET(why, failed ? p->pg.detail : plan->why); /* same size, or our own short texts */
        p->pg.operation = PGOP_NONE;
        p->pg.failures = done ? 0 : p->pg.failures;
        p->pg.order_seq = p->order.h.seq;
        if (!p->refused && !done) {
                log_warning("order '%s' refused: %s", order_to_string(p->order.what), why);
                (void)STR_SET(p->pg.detail, why); /* same size */
        }
        p->refused = !done;
        tell_result(p, done ? OUTCOME_DONE : OUTCOME_REFUSED, why);
        pgd_changed(p);
}

static void begin(Pgd *p, const Plan *plan)
{
        log_info("%s: %s", step_to_string(plan->step), plan->why);
        p->step = plan->step;
        p->refused = false;
        p->stop_within = plan->within;
        p->step_since = now_boottime();
        p->pg.operation = shown[plan->step].operation;
        p->pg.operation_since = p->step_since;
        p->pg.order_seq = p->order.h.seq;
        bool replaces = p->order.anew != 0 && p->order.anew != p->pg.anew &&
                        (plan->step == STEP_CLONE || plan->step == STEP_REMOVE);
        if (replaces)
                p->pg.anew = p->order.anew;
        if (plan->step == STEP_CLONE || plan->step == STEP_BOOTSTRAP || replaces) {
                p->half_made = true;
                pgd_save(p);
        }
        (void)STR_SET(p->pg.detail, plan->why); /* our own short texts */
        if (shown[plan->step].run != RUN_UNKNOWN)
                pgd_set_run(p, shown[plan->step].run);
        pgd_changed(p);

        int r = step_begin(p, plan->step);
        if (r < 0)
                engine_step_done(p, r, strerror(-r));
}

/*
 * Without an order yet (the mind waits for the DCS), what the order would say stays as the server has it.
 * False: it cannot be told; in a standby cluster the slot depends on who leads.
 */
static bool keep_live(Pgd *p)
{
        if (p->order.what != ORDER_NONE)
                return true;
        (void)STR_SET(p->conninfo_wanted, p->conninfo_live); /* same size */
        (void)STR_SET(p->sync_names, p->pg.sync_names);      /* same size */
        return !node_get(p->dynamic, "standby_cluster");
}

void engine_advance(Pgd *p)
{
        if (p->step != STEP_NONE || p->tool || !p->known || p->unread ||
            p->retry_at > now_boottime() || adopt_found(p))
                return;
        bool unverified = verify_wait(p->verify);
        if (p->conf_stale && p->pg.accepts && !unverified && keep_live(p)) {
                begin(p, &(Plan){ .step = STEP_RECONFIGURE, .why = "settings changed" });
                return;
        }
        if (p->order.what == ORDER_NONE)
                return;

        files_want_conninfo(p);
        bool busy = !server_runs(p->server) && (server_leaf_busy(p->server) || p->leaf_unseen || p->start.unborn);
        PlanInput in = gather(p, busy);
        Plan plan = plan_next(&in);

        switch (plan.step) {
        case STEP_DONE:
                if (!p->order_told || p->pg.operation != PGOP_NONE)
                        end_of_order(p, &plan);
                break;
        case STEP_REFUSE:
                if (!p->refused || p->pg.operation != PGOP_NONE)
                        end_of_order(p, &plan);
                break;
        case STEP_NONE:
        case STEP_WAIT: break;
        case STEP_START_STANDBY:
        case STEP_START_PRIMARY:
        case STEP_RECONFIGURE:
                if (!unverified)
                        begin(p, &plan);
                return;
        case STEP_BOOTSTRAP:
        case STEP_CLONE:
        case STEP_REMOVE:
        case STEP_CRASH_RECOVERY:
        case STEP_CHECK:
        case STEP_ARCHIVE:
        case STEP_REWIND:
        case STEP_PRE_PROMOTE:
        case STEP_PROMOTE:
        case STEP_BEFORE_STOP:
        case STEP_STOP_FAST:
        case STEP_STOP_IMMEDIATE:
        case STEP_CHECKPOINT:
        case STEP_MAX: begin(p, &plan); return;
        }
        /* A step that was given up may have kept it from being read when the server ended, and the mind waits for it. */
        if (!p->control_known && p->pg.datadir == DATADIR_VALID && !server_runs(p->server))
                pgd_read_control(p);
}

static usec_t backoff(unsigned failures)
{
        usec_t wait = RETRY_FIRST;

        while (failures-- > 1 && wait < RETRY_MOST)
                wait *= 2;
        return MIN(wait, RETRY_MOST);
}

void engine_step_done(Pgd *p, int r, const char *text)
{
        Step step = p->step;

        p->step = STEP_NONE;
        p->pg.operation = PGOP_NONE;
        if (r >= 0) {
                p->failures = 0;
                if (step == STEP_RECONFIGURE)
                        scripts_call(p->scripts, CALLBACK_RELOAD, p->pg.role);
                if (step == STEP_CLONE || step == STEP_BOOTSTRAP || step == STEP_REMOVE) {
                        p->half_made = false;
                        pgd_save(p);
                }
                log_debug("%s: done in %s", step_to_string(step),
                          USEC_TEXT(now_boottime() - p->step_since));
        } else {
                usec_t wait = backoff(++p->failures);
                /* Another node's turn; the mind counts the attempts. */
                bool again = step != STEP_BOOTSTRAP && step != STEP_START_PRIMARY &&
                             step != STEP_PRE_PROMOTE;
                log_event(LOG_WARNING, EVENT_OPERATION_FAILED,
                          FIELDS({ "PALISADE_OPERATION", step_to_string(step), 0 },
                                 { "PALISADE_ATTEMPT", NULL, p->failures }),
                          "%s failed: %s%s%s", step_to_string(step), text,
                          again ? "; trying again in " : "", again ? USEC_TEXT(wait) : "");
                (void)STR_SET(p->pg.detail, text); /* may be cut */
                p->retry_at = again ? now_boottime() + wait : 0;
                timer_set(&p->retry_timer, again ? p->retry_at : USEC_INFINITY);
        }
        p->pg.failures = (int32_t)p->failures;
        pgd_changed(p);
        engine_advance(p);
}

void engine_cancel(Pgd *p)
{
        if (p->step == STEP_NONE)
                return;
        log_info("%s: given up", step_to_string(p->step));
        p->step = STEP_NONE;
        p->pg.operation = PGOP_NONE;
        if (p->give_up)
                p->give_up(p);
        p->tool = tool_free(p->tool);
        p->pg.progress = (CopyProgress){ 0 };
        conn_reset(p->admin);
        if (!server_runs(p->server)) {
                p->pg.datadir = pgd_look_at_datadir(p);
                p->control_known = false;
                pgd_set_run(p, RUN_STOPPED);
        }
        pgd_changed(p);
}

/* The files that these work on are about to go. */
static bool step_is_needless(Step step)
{
        return step == STEP_CLONE || step == STEP_CHECK || step == STEP_REWIND ||
               step == STEP_CRASH_RECOVERY || step == STEP_START_STANDBY;
}

/* A step whose half-done work the next one must not run into is waited for, the others go. */
static bool step_yields(const Pgd *p, const MsgOrder *next)
{
        if (next->anew != 0 && next->anew != p->pg.anew && step_is_needless(p->step))
                return true;
        switch (p->step) {
        case STEP_CLONE:
        case STEP_BOOTSTRAP:
        case STEP_CHECK: return next->what != p->order.what || next->remote != p->order.remote ||
                                (!next->remote &&
                                 !str_equal(next->leader.name, p->order.leader.name));
        case STEP_START_STANDBY:
        case STEP_START_PRIMARY:
        case STEP_PROMOTE: return next->what == ORDER_STOP;
        case STEP_PRE_PROMOTE: return next->what != ORDER_PROMOTE || next->epoch != p->order.epoch;
        case STEP_BEFORE_STOP: return next->what != p->order.what || next->immediate;
        case STEP_CHECKPOINT:
        case STEP_RECONFIGURE: return true;
        case STEP_NONE:
        case STEP_DONE:
        case STEP_REFUSE:
        case STEP_WAIT:
        case STEP_REMOVE:
        case STEP_CRASH_RECOVERY:
        case STEP_ARCHIVE:
        case STEP_REWIND:
        case STEP_STOP_FAST:
        case STEP_STOP_IMMEDIATE:
        case STEP_MAX: break;
        }
        return step_is_stop(p->step) && next->what == ORDER_STOP && next->immediate;
}

/* Whom a standby cluster follows, and is made from, stands in the dynamic configuration. */
void engine_take_remote(Pgd *p)
{
        const Node *standby = node_get(p->dynamic, "standby_cluster");

        if (p->order.what == ORDER_BOOTSTRAP)
                p->order.remote = node_get(standby, "host") || node_get(standby, "port") ||
                                  node_get(standby, "restore_command");
        if (p->order.remote)
                (void)source_remote(standby, &p->order.leader); /* false: by the archive alone */
}

void engine_order(Pgd *p, const MsgOrder *order)
{
        bool both_remote = order->remote && p->order.remote;
        bool same_leader = both_remote ||
                           (str_equal(order->leader.name, p->order.leader.name) &&
                            str_equal(order->leader.conn_url, p->order.leader.conn_url) &&
                            order->leader.timeline == p->order.leader.timeline);
        bool same = order->what == p->order.what && same_leader &&
                    order->epoch == p->order.epoch && order->remote == p->order.remote && order->anew == p->order.anew;

        if (!same_leader) {
                p->diverged = TRI_UNKNOWN;
                p->check_failures = p->rewind_failures = 0;
        }
        if (step_yields(p, order))
                engine_cancel(p);
        if (!same || order->what == ORDER_BOOTSTRAP || order->what == ORDER_START)
                p->failures = 0; /* each is one attempt */
        p->pre_promote = HOOK_NONE;
        p->order = *order;
        engine_take_remote(p);
        p->order_since = now_boottime();
        p->order_told = p->refused = false;
        p->retry_at = same ? p->retry_at : 0;
        take_sync_names(p, order);
        engine_advance(p);
}
