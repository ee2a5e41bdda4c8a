#include "base/macros.h"
#include "base/str.h"
#include "decide/snapshot.h"

/* Starts as primary that may fail before another node is let try. */
#define START_ATTEMPTS 3
#define SILENCE_MIN (8 * USEC_PER_SEC)

bool snapshot_may_adopt(const Snapshot *s)
{
        const LeaderKey *key = &s->cluster->leader;
        bool permitted = s->pg->permit_epoch == key->epoch;

        if (s->bidding)
                return false; /* it may be just won: the answer begins its epoch */
        if (!str_equal(key->name, s->name) || key->epoch <= MAX(s->ended, s->pg->revoked_epoch))
                return false;
        if (!pg_acts_as_primary(s->pg))
                return s->cluster->settings.standby_cluster && !permitted;
        return s->pg->permit_epoch == 0 || permitted;
}

static FactDcs read_dcs(const Snapshot *s)
{
        return !s->dcs_known ? DCS_UNKNOWN : s->dcs_up ? DCS_UP : DCS_DOWN;
}

static FactLock read_lock(const Snapshot *s)
{
        if (!s->cluster)
                return LOCK_UNKNOWN;
        const LeaderKey *key = &s->cluster->leader;
        bool named = str_equal(key->name, s->name);
        /* An epoch is a revision: an older snapshot cannot speak of it. */
        if (s->epoch != 0 && s->cluster->revision < s->epoch)
                return LOCK_MINE;
        if (s->epoch != 0 && named && key->epoch == s->epoch)
                return LOCK_MINE;
        if (s->epoch != 0 && named && s->bidding)
                return LOCK_UNKNOWN; /* just taken again: the answer is on its way */
        if (s->epoch != 0)
                return !cluster_is_locked(s->cluster) && (s->standing || s->failsafe) ? LOCK_KEPT
                                                                                      : LOCK_LOST;
        if (!cluster_is_locked(s->cluster))
                return LOCK_FREE;
        if (named && key->epoch <= s->ended)
                return LOCK_UNKNOWN; /* given up already: the next snapshot shows it */
        if (named && s->bidding)
                return LOCK_UNKNOWN; /* just won: the answer is on its way */
        return named ? LOCK_STALE : LOCK_OTHER;
}

static FactPermit read_permit(const Snapshot *s)
{
        if (s->permit == 0)
                return PERMIT_NONE;
        return s->standing || s->now < s->permit ? PERMIT_RUNS : PERMIT_OVER;
}

/* A pgd that came back found it running as its table says, and has not heard from it yet. */
static bool is_unprobed(const PgState *pg)
{
        return pg->in_recovery == TRI_UNKNOWN && pg->probed == 0 && pg->operation != PGOP_START;
}

static FactPg read_running(const PgState *pg)
{
        if (pg->run == RUN_STOPPING)
                return PG_STOPPING;
        if (pg_acts_as_primary(pg) && is_unprobed(pg))
                return PG_ADOPTED;
        if (pg->promote_sent && pg->in_recovery != TRI_NO)
                return PG_PROMOTING;
        if (pg_acts_as_primary(pg))
                return pg->in_recovery == TRI_NO ? PG_PRIMARY : PG_STARTING_PRIMARY;
        return pg->accepts ? PG_STANDBY : PG_STARTING;
}

static FactPg read_pg(const Snapshot *s)
{
        const PgState *pg = s->pg;

        if (!pg || pg->run == RUN_UNKNOWN)
                return PG_UNKNOWN;
        if (pg_may_run(pg))
                return read_running(pg);
        switch (pg->datadir) {
        case DATADIR_EMPTY: return PG_ABSENT;
        case DATADIR_BROKEN:
        case DATADIR_INACCESSIBLE:
                return pg->operation == PGOP_NONE ? PG_BROKEN : PG_ABSENT; /* being made */
        case DATADIR_VALID: return pg->control == CONTROL_UNKNOWN ? PG_UNKNOWN : PG_STOPPED;
        case DATADIR_UNKNOWN:
        case DATADIR_MAX: break;
        }
        return PG_UNKNOWN;
}

static FactData read_data(const Snapshot *s)
{
        const PgState *pg = s->pg;

        if (!pg)
                return DATA_UNKNOWN;
        if (pg->fresh)
                return DATA_FRESH;
        if (pg->datadir != DATADIR_VALID)
                return DATA_UNKNOWN;
        if (pg_may_run(pg))
                return pg->role == ROLE_REPLICA ? DATA_STANDBY : DATA_UNKNOWN;
        if (pg->standby_signal)
                return DATA_STANDBY;
        switch (pg->control) {
        case CONTROL_SHUT_DOWN: return DATA_CLEAN;
        case CONTROL_STARTING:
        case CONTROL_SHUTTING_DOWN:
        case CONTROL_CRASH_RECOVERY:
        case CONTROL_PRODUCTION: return DATA_CRASHED;
        case CONTROL_SHUT_DOWN_IN_RECOVERY:
        case CONTROL_ARCHIVE_RECOVERY: return DATA_STANDBY;
        case CONTROL_UNKNOWN:
        case CONTROL_MAX: break;
        }
        return DATA_UNKNOWN;
}

static FactInit read_init(const Snapshot *s)
{
        if (!s->cluster)
                return INIT_UNKNOWN;
        switch (s->cluster->initialize.state) {
        case INITIALIZE_ABSENT:
                return s->initialize_is_ours ? INIT_OURS : INIT_ABSENT; /* of before our claim */
        case INITIALIZE_RUNNING:
                /* After a restart of the mind, pgd still knows what it is making. */
                return s->initialize_is_ours || (s->pg && (s->pg->fresh ||
                                                           s->pg->operation == PGOP_BOOTSTRAP))
                               ? INIT_OURS
                               : INIT_OTHER;
        case INITIALIZE_DONE:
                if (!s->pg || s->pg->sysid == 0 || s->pg->datadir == DATADIR_EMPTY)
                        return INIT_MATCH;
                return s->pg->sysid == s->cluster->initialize.sysid ? INIT_MATCH : INIT_MISMATCH;
        case INITIALIZE_INVALID: break;
        }
        return INIT_UNKNOWN;
}

static FactRank read_rank(const Snapshot *s)
{
        if (s->barred)
                return RANK_BARRED;
        switch (s->race) {
        case RACE_UNASKED: return RANK_UNKNOWN;
        case RACE_WAITING: return RANK_ASKED;
        case RACE_BEST_PLACED: return RANK_BEST;
        case RACE_BEHIND: return RANK_BEHIND;
        }
        return RANK_UNKNOWN;
}

/*
 * Confirmed: pgd and fenced have answered, and afterwards fenced saw the leaf empty. Where there is
 * no leaf (a machine without cgroups), pgd's pidfd stands for it: the postmaster is gone; but a pgd that was
 * away at its end may not know the leaf in which backends live on, and fenced does. Of a right under which nothing was permitted it is enough that nothing can be any more: they remember what they answered.
 */
static FactFence read_fence(const Snapshot *s)
{
        if (!s->revoked)
                return FENCE_NONE;
        if (!s->pgd_answered || !s->fenced_answered || !s->pg)
                return s->yielding ? FENCE_YIELDING : FENCE_PENDING;
        if (s->yielding)
                return FENCE_CONFIRMED;
        if (s->pg->leaf_cgroup != 0)
                return s->empty == TRI_NO ? FENCE_CONFIRMED : FENCE_PENDING;
        return pg_acts_as_primary(s->pg) || s->populated ? FENCE_PENDING : FENCE_CONFIRMED;
}

static bool checkpointed_since(const Snapshot *s, usec_t since)
{
        return since != 0 && s->pg && s->pg->checkpointed >= since;
}

static FactHandover read_handover(const Snapshot *s)
{
        if (s->handover || s->leaving || s->demoting)
                return checkpointed_since(s, s->handover_since) ? HANDOVER_PREPARED : HANDOVER_WANTED;
        if (s->restart_since == 0)
                return HANDOVER_NO;
        return read_pg(s) != PG_PRIMARY || checkpointed_since(s, s->restart_since)
                       ? HANDOVER_RESTARTING
                       : HANDOVER_RESTART;
}

/*
 * A frozen server is let go when the look that finds it so, and this, make one ttl; but not sooner
 * than a server under load may take for two answers. In pause nothing is done about it.
 */
static bool is_silent(const Snapshot *s)
{
        const Timing *t = &s->cluster->settings.timing;

        return !s->standing && s->pg->silent_since != 0 &&
               s->now >= usec_add(s->pg->silent_since,
                                  MAX(usec_sub(t->ttl, t->loop_wait), SILENCE_MIN));
}

bool snapshot_was_refused(const PgState *pg, const Cluster *c, usec_t now)
{
        return pg && c && pg->promotion_refused != 0 &&
               now < usec_add(pg->promotion_refused, c->settings.timing.ttl);
}

static FactKind read_kind(const Snapshot *s)
{
        if (!s->cluster)
                return KIND_UNKNOWN;
        return s->cluster->settings.standby_cluster ? KIND_STANDBY : KIND_PRIMARY;
}

static FactPatience read_patience(const Snapshot *s)
{
        /* Who stands has no deadline that would end it when it may not lead without the watchdog. */
        if (s->cluster && read_pg(s) == PG_PRIMARY)
                return is_silent(s) || (s->standing && s->unarmed) ? PATIENCE_OVER : PATIENCE_LEFT;

        /* A standby leader is started by pgd, again and again; at some time another one has its turn. */
        if (read_kind(s) == KIND_STANDBY && s->pg && s->pg->failures >= START_ATTEMPTS)
                return PATIENCE_OVER;

        usec_t limit = s->cluster ? s->cluster->settings.primary_start_timeout : USEC_INFINITY;

        if (s->start_failures >= START_ATTEMPTS || s->unarmed || snapshot_was_refused(s->pg, s->cluster, s->now))
                return PATIENCE_OVER;
        /* 0 asks for another node rather than a start after a crash; what is under way goes on. */
        if (limit == 0)
                return read_pg(s) == PG_STOPPED && read_data(s) == DATA_CRASHED ? PATIENCE_OVER
                                                                                : PATIENCE_LEFT;
        return s->start_since != 0 && s->now >= usec_add(s->start_since, limit) ? PATIENCE_OVER
                                                                               : PATIENCE_LEFT;
}

static FactPause read_pause(const Snapshot *s)
{
        if (!s->cluster)
                return PAUSE_UNKNOWN;
        return s->cluster->settings.pause && !s->cluster->resuming && !s->stopped_by_order &&
                               s->restart_since == 0 && !s->reinitializing
                       ? PAUSE_YES
                       : PAUSE_NO;
}

Facts facts_read(const Snapshot *s)
{
        Facts f = { .value = {
                            [FACT_HANDS] = s->hand_away    ? HANDS_AWAY
                                           : s->twin        ? HANDS_TWIN
                                           : s->hands_known ? HANDS_KNOWN
                                                            : HANDS_UNKNOWN,
                            [FACT_DCS] = read_dcs(s),
                            [FACT_LOCK] = read_lock(s),
                            [FACT_PERMIT] = read_permit(s),
                            [FACT_PG] = read_pg(s),
                            [FACT_DATA] = read_data(s),
                            [FACT_INIT] = read_init(s),
                            [FACT_CONFIG] = !s->cluster ? CONFIG_UNKNOWN
                                            : s->cluster->config.mod_revision ? CONFIG_PRESENT
                                                                              : CONFIG_ABSENT,
                            [FACT_RANK] = read_rank(s),
                            [FACT_FENCE] = read_fence(s),
                            [FACT_HANDOVER] = read_handover(s),
                            [FACT_CANDIDATE] = s->candidate_ready ? CANDIDATE_READY
                                                                  : CANDIDATE_WAITING,
                            [FACT_LEAVING] = s->leaving ? LEAVING_YES : LEAVING_NO,
                            [FACT_PATIENCE] = read_patience(s),
                            [FACT_PAUSE] = read_pause(s),
                            [FACT_KIND] = read_kind(s),
                    } };

        /* Who may not make a cluster must not claim the right to. */
        if (f.value[FACT_INIT] == INIT_ABSENT && !s->can_bootstrap &&
            f.value[FACT_PG] == PG_ABSENT)
                f.value[FACT_INIT] = INIT_OTHER;
        return f;
}
