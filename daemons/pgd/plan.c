#include "base/macros.h"
#include "base/str.h"
#include "pgd/plan.h"

static const char *const step_names[STEP_MAX] = {
        [STEP_NONE] = "none",
        [STEP_DONE] = "done",
        [STEP_REFUSE] = "refuse",
        [STEP_WAIT] = "wait",
        [STEP_BOOTSTRAP] = "bootstrap",
        [STEP_CLONE] = "clone",
        [STEP_REMOVE] = "remove data directory",
        [STEP_CRASH_RECOVERY] = "crash recovery in single-user mode",
        [STEP_CHECK] = "compare timelines",
        [STEP_ARCHIVE] = "archive",
        [STEP_REWIND] = "pg_rewind",
        [STEP_START_STANDBY] = "start as standby",
        [STEP_START_PRIMARY] = "start as primary",
        [STEP_RECONFIGURE] = "reconfigure",
        [STEP_PRE_PROMOTE] = "pre_promote",
        [STEP_PROMOTE] = "promote",
        [STEP_BEFORE_STOP] = "before_stop",
        [STEP_STOP_FAST] = "fast stop",
        [STEP_STOP_IMMEDIATE] = "immediate stop",
        [STEP_CHECKPOINT] = "checkpoint",
};
DEFINE_NAMES(step, Step, STEP_MAX)

/* After so many failed comparisons a standby is started all the same: it may at least be read. */
#define CHECKS_BEFORE_START 3
/* After so many failed rewinds a new clone is made, where the configuration allows it. */
#define REWINDS_BEFORE_CLONE 2
#define STOP_FOR_COPIES_WITHIN (5 * USEC_PER_SEC)
/* The first versions that do so by themselves. */
#define FOLLOWS_BY_RELOAD 130000
#define REWIND_ENDS_RECOVERY 130000

static Plan plan(Step step, const char *why)
{
        return (Plan){ .step = step, .why = why };
}

static bool permitted(const PlanInput *in)
{
        const PgState *pg = in->pg;

        return in->order->epoch != 0 && pg->permit_epoch == in->order->epoch &&
               pg->revoked_epoch < in->order->epoch && in->now < pg->permit_deadline &&
               in->now < in->stop_from;
}

static bool has_leader(const PlanInput *in)
{
        return in->order->leader.name[0] != 0;
}

static bool is_primary(const PgState *pg)
{
        return pg->in_recovery == TRI_NO || pg->role == ROLE_PRIMARY;
}

bool plan_follows_by_restart(uint32_t version)
{
        return version < FOLLOWS_BY_RELOAD;
}

static Plan plan_fast_stop(const PlanInput *in, const char *why)
{
        return in->before_stop == HOOK_DUE ? plan(STEP_BEFORE_STOP, "before a stop")
                                           : plan(STEP_STOP_FAST, why);
}

/* A standby that is stopped cannot lead: it is not to be so for long. */
static Plan plan_copies(const PlanInput *in)
{
        Plan p = plan_fast_stop(in, "logical slots are copied from the primary");

        p.within = STOP_FOR_COPIES_WITHIN;
        return p;
}

/* The server that runs is the one that a restart is about. */
static bool is_outgoing(const PlanInput *in)
{
        return in->order->outgoing != 0 && in->pg->postmaster_pid == in->order->outgoing;
}

/* ---- follow ---- */

/* An older pg_rewind refuses what was not shut down; a newer one does this by itself. */
static bool must_end_recovery(const PlanInput *in)
{
        return in->version < REWIND_ENDS_RECOVERY && in->control->state != CONTROL_SHUT_DOWN &&
               in->control->state != CONTROL_SHUT_DOWN_IN_RECOVERY;
}

static bool may_rewind_again(const PlanInput *in)
{
        return in->may_rewind && in->rewind_failures < REWINDS_BEFORE_CLONE;
}

static Plan plan_remake(const PlanInput *in)
{
        if (in->twin)
                return in->remove_on_divergence
                               ? plan(STEP_REMOVE, "our timeline is another one of the same number")
                               : plan(STEP_REFUSE, "our timeline is another one of the leader's number, "
                                                   "which pg_rewind does not see, and "
                                                   "remove_data_directory_on_diverged_timelines is "
                                                   "off");
        if (may_rewind_again(in) && !in->archived)
                return plan(STEP_ARCHIVE, "the rewind would remove WAL that is not archived");
        if (may_rewind_again(in) && must_end_recovery(in))
                return plan(STEP_CRASH_RECOVERY, "this version's pg_rewind asks for a clean shutdown");
        if (may_rewind_again(in))
                return in->leader_checkpoint_pending
                               ? plan(STEP_WAIT, "the new leader's first checkpoint is not done yet")
                               : plan(STEP_REWIND, "our WAL left the leader's timeline");
        if (in->may_rewind && in->remove_on_rewind_failure)
                return plan(STEP_REMOVE, "pg_rewind failed");
        if (!in->may_rewind && in->remove_on_divergence)
                return plan(STEP_REMOVE, "our WAL left the leader's timeline");
        if (in->may_rewind)
                return plan(STEP_REFUSE, "pg_rewind failed and "
                                         "remove_data_directory_on_rewind_failure is off");
        return plan(STEP_REFUSE, "our WAL left the leader's timeline, pg_rewind is not possible and "
                                 "remove_data_directory_on_diverged_timelines is off");
}

static bool needs_check(const PlanInput *in)
{
        return has_leader(in) && !in->backup_label &&
               (control_was_primary(in->control) ||
                in->control->timeline > 1 ||
                (in->order->leader.timeline != 0 &&
                 in->order->leader.timeline != in->control->timeline));
}

/* A standby on a timeline of the leader's number: once is enough, it is nearly always the same one. */
static unsigned checks_before_start(const PlanInput *in)
{
        return !control_was_primary(in->control) &&
                               in->order->leader.timeline == in->control->timeline
                       ? 1
                       : CHECKS_BEFORE_START;
}

static Plan plan_follow_stopped(const PlanInput *in)
{
        if (in->leaf_busy)
                return plan(STEP_WAIT, "processes of the last start are still being ended");
        if (!in->control)
                return plan(STEP_WAIT, "pg_control is being read");
        if (in->order->remote && in->control->state == CONTROL_SHUT_DOWN && !in->archived)
                return plan(STEP_ARCHIVE, "the end of what it wrote as primary, for the remote cluster");
        if (!needs_check(in) || in->diverged == TRI_NO)
                return plan(STEP_START_STANDBY, "standby by order");
        if (in->diverged == TRI_YES)
                return plan_remake(in);
        if (control_was_primary(in->control) && in->control->state != CONTROL_SHUT_DOWN)
                return plan(STEP_CRASH_RECOVERY, "it ran as primary and was not shut down");
        if (in->check_failures < checks_before_start(in))
                return plan(STEP_CHECK, "it may have left the leader's timeline");
        return plan(STEP_START_STANDBY, "the leader could not be asked; it may be read at least");
}

/* Local WAL beyond what pg_control told of may have been replayed since the comparison. */
static bool is_unsure(const PlanInput *in)
{
        return in->diverged == TRI_UNKNOWN ||
               (in->diverged == TRI_NO && in->pg->replay_lsn > in->agreed_lsn);
}

/*
 * Since PostgreSQL 14 a hot standby that meets WAL of a primary with larger figures than its own pauses
 * its recovery, for ever: only a start with what its files say meanwhile helps.
 */
static bool waits_for_parameters(const PgState *pg)
{
        static const char *const names[] = { "max_connections", "max_worker_processes", "max_wal_senders",
                                             "max_prepared_transactions", "max_locks_per_transaction" };
        int64_t before, after;

        for (uint32_t i = 0; pg->replay_paused && i < pg->pending.n; i++)
                for (size_t k = 0; k < ELEMENTSOF(names); k++) {
                        const PendingRow *row = &pg->pending.rows[i];
                        if (str_equal(row->name, names[k]) && str_to_i64(row->old_value, &before) >= 0 &&
                            str_to_i64(row->new_value, &after) >= 0 && before < after)
                                return true;
                }
        return false;
}

static bool needs_start(const PlanInput *in)
{
        return !in->conf_current && plan_follows_by_restart(in->version);
}

static Plan plan_follow_running(const PlanInput *in)
{
        const PgState *pg = in->pg;

        if (is_primary(pg) && in->order->hands_off)
                return plan(STEP_DONE, "paused: a primary is left alone");
        if (is_primary(pg))
                return plan(STEP_REFUSE, "it runs as primary: it must be stopped first");
        if (is_outgoing(in))
                return plan_fast_stop(in, "a restart was asked for");
        if (!pg->accepts)
                return plan(STEP_WAIT, "postgres is starting");
        if (needs_start(in) && in->order->hands_off)
                return plan(STEP_DONE, "paused: this version follows another leader after a start only");
        if (needs_start(in))
                return plan_fast_stop(in, "this version follows another leader after a start only");
        if (!in->conf_current)
                return plan(STEP_RECONFIGURE, "another leader, or other settings");
        if (!in->order->hands_off && in->recovery_waits)
                return plan_fast_stop(in, "what it recovers by has changed, which takes a start");
        if (!in->order->hands_off && waits_for_parameters(pg))
                return plan_fast_stop(in, "recovery is paused until it is started with its new parameters");
        if (in->copies_wait && pg->receiver_alive && !in->order->hands_off)
                return plan_copies(in);
        if (!has_leader(in) || pg->receiver_alive || in->order->hands_off)
                return plan(STEP_DONE, "standby");
        if (in->diverged == TRI_YES)
                return plan_fast_stop(in, "our WAL left the leader's timeline");
        /* For as long as it takes: where it has left, nothing else brings it back. The numbers may be
         * the same and the timelines two. */
        if (is_unsure(in) &&
            (in->order->remote || (in->order->leader.timeline != 0 &&
                                   MAX(in->order->leader.timeline, pg->timeline) > 1)))
                return plan(STEP_CHECK, "it does not stream, and may have left the leader's timeline");
        return plan(STEP_DONE, "standby, not streaming yet");
}

static bool may_clone(const PlanInput *in)
{
        return has_leader(in) || in->clones_alone;
}

/* What is there goes first, whatever it is: asked for by a person. */
static bool is_to_go(const PlanInput *in)
{
        return in->order->anew != 0 && in->order->anew != in->pg->anew && has_leader(in) &&
               !(pg_may_run(in->pg) && is_primary(in->pg));
}

static Plan plan_anew(const PlanInput *in)
{
        if (pg_may_run(in->pg))
                return plan(STEP_STOP_IMMEDIATE, "it is made anew, as asked");
        if (in->leaf_busy)
                return plan(STEP_WAIT, "processes of the last start are still being ended");
        return in->pg->datadir == DATADIR_EMPTY || in->keeps_data
                       ? plan(STEP_CLONE, "it is made anew, as asked")
                       : plan(STEP_REMOVE, "it is made anew, as asked");
}

static Plan plan_follow(const PlanInput *in)
{
        const PgState *pg = in->pg;

        if (pg->held)
                return plan(STEP_REFUSE, "this node has left the cluster: palisadectl join");
        if (is_to_go(in))
                return plan_anew(in);
        if (pg_may_run(pg))
                return plan_follow_running(in);
        if (in->order->hands_off)
                return plan(STEP_WAIT, "paused: what is stopped stays so");
        if (in->half_made && pg->datadir != DATADIR_EMPTY && !(in->keeps_data && may_clone(in)))
                return plan(STEP_REMOVE, "it was never completed");
        if (in->half_made && pg->datadir != DATADIR_EMPTY)
                return plan(STEP_CLONE, "it was never completed, and the method keeps what is there");
        switch (pg->datadir) {
        case DATADIR_VALID: return plan_follow_stopped(in);
        case DATADIR_EMPTY:
                return may_clone(in) ? plan(STEP_CLONE, "no data yet")
                                     : plan(STEP_WAIT, "no data, and no leader to clone from");
        case DATADIR_BROKEN:
                return plan(STEP_REFUSE, "the data directory is not empty and holds no readable "
                                         "pg_control");
        case DATADIR_INACCESSIBLE:
                return plan(STEP_REFUSE, "the data directory cannot be accessed");
        case DATADIR_UNKNOWN:
        case DATADIR_MAX: break;
        }
        return plan(STEP_WAIT, "the data directory is being looked at");
}

/* ---- the others ---- */

static Plan plan_bootstrap(const PlanInput *in)
{
        if (in->pg->held)
                return plan(STEP_REFUSE, "this node has left the cluster: palisadectl join");
        if (in->pg->fresh)
                return plan(STEP_DONE, "made");
        if (in->half_made && !pg_may_run(in->pg) && in->pg->datadir != DATADIR_EMPTY)
                return plan(STEP_REMOVE, "it was never completed");
        if (pg_may_run(in->pg))
                return plan(STEP_REFUSE, "postgres may be running here");
        if (in->pg->datadir != DATADIR_EMPTY)
                return plan(STEP_REFUSE, "the data directory is not empty");
        /* Another node may have better luck; what this attempt left is for a person to look at. */
        if (in->failures > 0)
                return plan(STEP_REFUSE, "the first attempt failed");
        return in->order->remote ? plan(STEP_CLONE, "a new standby cluster")
                                 : plan(STEP_BOOTSTRAP, "a new cluster");
}

static Plan plan_start(const PlanInput *in)
{
        const PgState *pg = in->pg;

        if (pg_may_run(pg)) {
                if (!is_primary(pg))
                        return plan(STEP_REFUSE, "it runs as standby");
                if (is_outgoing(in))
                        return permitted(in) ? plan_fast_stop(in, "a restart was asked for")
                                             : plan(STEP_REFUSE, "no permit runs for this epoch");
                return pg->accepts ? plan(STEP_DONE, "primary")
                                   : plan(STEP_WAIT, "postgres is starting");
        }
        if (pg->held)
                return plan(STEP_REFUSE, "this node has left the cluster: palisadectl join");
        if (!permitted(in))
                return plan(STEP_REFUSE, "no permit runs for this epoch");
        if (pg->datadir != DATADIR_VALID)
                return plan(STEP_REFUSE, "there is no valid data directory");
        /* The mind counts the attempts: another node may lead instead. */
        if (in->failures > 0)
                return plan(STEP_REFUSE, "postgres ended while it was starting, or could not be started");
        if (in->leaf_busy)
                return plan(STEP_WAIT, "processes of the last start are still being ended");
        return plan(STEP_START_PRIMARY, "primary by order");
}

static Plan plan_promote(const PlanInput *in)
{
        const PgState *pg = in->pg;

        if (pg->in_recovery == TRI_NO && pg->role == ROLE_PRIMARY)
                return plan(STEP_DONE, "primary");
        if (!permitted(in))
                return plan(STEP_REFUSE, "no permit runs for this epoch");
        if (!pg_may_run(pg) || !pg->accepts)
                return plan(STEP_REFUSE, "no standby runs here");
        if (in->pre_promote == HOOK_FAILED)
                return plan(STEP_REFUSE, "the pre_promote script failed");
        return in->pre_promote == HOOK_DUE ? plan(STEP_PRE_PROMOTE, "before the promotion")
                                           : plan(STEP_PROMOTE, "leader");
}

static Plan plan_stop(const PlanInput *in)
{
        if (!pg_may_run(in->pg))
                return in->leaf_busy ? plan(STEP_WAIT, "its last processes are being ended")
                                     : plan(STEP_DONE, "stopped");
        return in->order->immediate ? plan(STEP_STOP_IMMEDIATE, "by order")
                                    : plan_fast_stop(in, "by order");
}

static Plan plan_checkpoint(const PlanInput *in)
{
        if (!in->pg->accepts || in->pg->in_recovery != TRI_NO)
                return plan(STEP_REFUSE, "no primary runs here");
        if (in->pg->checkpointed >= in->order_since)
                return plan(STEP_DONE, "checkpoint done");
        return plan(STEP_CHECKPOINT, "before an orderly stop");
}

static Plan plan_configure(const PlanInput *in)
{
        if (!in->pg->accepts)
                return pg_may_run(in->pg) ? plan(STEP_WAIT, "postgres is starting")
                                          : plan(STEP_DONE, "in force at the next start");
        return in->conf_current ? plan(STEP_DONE, "in force")
                                : plan(STEP_RECONFIGURE, "settings changed");
}

Plan plan_next(const PlanInput *in)
{
        switch ((OrderWhat)in->order->what) {
        case ORDER_BOOTSTRAP: return plan_bootstrap(in);
        case ORDER_FOLLOW: return plan_follow(in);
        case ORDER_PROMOTE: return plan_promote(in);
        case ORDER_START: return plan_start(in);
        case ORDER_STOP: return plan_stop(in);
        case ORDER_CHECKPOINT: return plan_checkpoint(in);
        case ORDER_SYNC_NAMES: return plan_configure(in);
        case ORDER_RELOAD: /* these three are noted when they come, and leave the order in force */
        case ORDER_LEAVE:
        case ORDER_JOIN:
        case ORDER_NONE:
        case ORDER_MAX: break;
        }
        return plan(STEP_NONE, "no order");
}

PermitAction plan_permit(const MsgPermit *permit, usec_t now, usec_t *ret_next)
{
        usec_t fast = usec_sub(permit->deadline, 2 * permit->stop_budget);
        usec_t immediate = usec_sub(permit->deadline, permit->stop_budget);

        *ret_next = USEC_INFINITY;
        if (permit->standing)
                return PERMIT_GO_ON;
        if (now < fast) {
                *ret_next = fast;
                return PERMIT_GO_ON;
        }
        if (now < immediate) {
                *ret_next = immediate;
                return PERMIT_STOP_FAST;
        }
        if (now < permit->deadline) {
                *ret_next = permit->deadline;
                return PERMIT_STOP_IMMEDIATE;
        }
        return PERMIT_KILL;
}
