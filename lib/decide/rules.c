#include "base/macros.h"
#include "decide/rules.h"

static const char *const intent_names[INTENT_MAX] = {
        [INTENT_WAIT] = "wait",               [INTENT_REFUSE] = "refuse",
        [INTENT_LEAD_STANDBY] = "lead standby",
        [INTENT_LEAD] = "lead",               [INTENT_CLING] = "cling",
        [INTENT_PROMOTE] = "promote",         [INTENT_START] = "start",
        [INTENT_BECOME] = "become",           [INTENT_CHECKPOINT] = "checkpoint",
        [INTENT_STEP_DOWN] = "step down",     [INTENT_AWAIT] = "await",
        [INTENT_REVOKE] = "revoke",           [INTENT_CLEAR] = "clear",
        [INTENT_RELEASE] = "release",         [INTENT_FORGET] = "forget",
        [INTENT_FOLLOW] = "follow",           [INTENT_KEEP] = "keep",
        [INTENT_ASK] = "ask",                 [INTENT_BID] = "bid",
        [INTENT_RETAKE] = "retake",           [INTENT_RESTART] = "restart",
        [INTENT_STOP] = "stop",               [INTENT_STAY_OUT] = "stay out",
        [INTENT_CLAIM] = "claim",             [INTENT_BOOTSTRAP] = "bootstrap",
        [INTENT_RECORD] = "record",           [INTENT_CONFIGURE] = "configure",
};
DEFINE_NAMES(intent, Intent, INTENT_MAX)

#define IS(value) (uint16_t)(1u << (value))
#define NOT(value) (uint16_t)~IS(value)

#define WHEN_LOCK(v) [FACT_LOCK] = (v)
#define RUNNING_PRIMARY (IS(PG_PRIMARY) | IS(PG_ADOPTED))
#define ANY_PRIMARY (RUNNING_PRIMARY | IS(PG_PROMOTING) | IS(PG_STARTING_PRIMARY))
#define NOT_OURS (IS(LOCK_FREE) | IS(LOCK_OTHER) | IS(LOCK_STALE))
#define OTHERS (IS(LOCK_FREE) | IS(LOCK_OTHER))
#define UNFENCED (IS(FENCE_UNKNOWN) | IS(FENCE_NONE))
#define NO_DATA (IS(PG_ABSENT) | IS(PG_BROKEN))
/* Who leaves is stopped by a person's order, paused or not. */
#define PAUSED [FACT_PAUSE] = IS(PAUSE_YES), [FACT_LEAVING] = NOT(LEAVING_YES)
/* A standby leader's, or one's to be: nothing was permitted under its lock, so nothing is to be fenced. */
#define STANDING_BY                                                                                \
        [FACT_KIND] = IS(KIND_STANDBY), [FACT_PERMIT] = IS(PERMIT_NONE),                           \
        [FACT_FENCE] = IS(FENCE_NONE)
#define NO_PRIMARY (IS(PG_STANDBY) | IS(PG_STARTING) | IS(PG_STOPPED) | NO_DATA)
#define HANDING_OVER (IS(HANDOVER_WANTED) | IS(HANDOVER_PREPARED))

/*
 * Read downward: the first row whose every condition holds is the decision. The order is the order
 * of danger: what is not known, what must be fenced, what we lead, what others lead, nobody leads.
 */
static const Rule rules[] = {
        /* ---- not enough is known ---- */
        { "hand-away", "pgd or fenced is away for a whole ttl: a lock that only we can use is let go",
          INTENT_REVOKE, { [FACT_HANDS] = IS(HANDS_AWAY) } },
        { "hands-unknown", "a hand has not told its state since this mind started", INTENT_WAIT,
          { [FACT_HANDS] = IS(HANDS_UNKNOWN) } },
        { "name-taken-left", "another node of this name runs, and this one has left",
          INTENT_STAY_OUT,
          { [FACT_HANDS] = IS(HANDS_TWIN), [FACT_LEAVING] = IS(LEAVING_YES),
            [FACT_DCS] = IS(DCS_UP), WHEN_LOCK(NOT_OURS), [FACT_PG] = IS(PG_STOPPED) | NO_DATA } },
        { "name-taken", "another node of this name runs: this one does nothing", INTENT_WAIT,
          { [FACT_HANDS] = IS(HANDS_TWIN) } },
        { "postgres-unknown", "pgd is still looking at what is there", INTENT_WAIT,
          { [FACT_PG] = IS(PG_UNKNOWN) } },

        /* ---- a fence in progress ends before anything else begins, DCS or not ---- */
        { "fence-standby", "our right is revoked: a standby that may have been promoted is stopped",
          INTENT_CLEAR,
          { [FACT_FENCE] = IS(FENCE_PENDING), [FACT_PG] = IS(PG_STANDBY) | IS(PG_STARTING) } },
        { "fence-pending", "our right is revoked: its end is being confirmed", INTENT_REVOKE,
          { [FACT_FENCE] = IS(FENCE_PENDING) } },
        { "yield", "the lock is given up, under which nothing was permitted: nothing will be", INTENT_REVOKE,
          { [FACT_FENCE] = IS(FENCE_YIELDING) } },

        /* ---- the DCS does not answer: the permit decides, and it needs nobody ---- */
        { "permit-over", "a primary's permit has ended: it must not be one any more",
          INTENT_REVOKE,
          { [FACT_PG] = ANY_PRIMARY, [FACT_PERMIT] = IS(PERMIT_OVER), [FACT_FENCE] = UNFENCED } },
        { "permit-over-stopped",
          "the permit has ended, and so has the primary: a watchdog waits for the confirmation",
          INTENT_REVOKE, { [FACT_PERMIT] = IS(PERMIT_OVER), [FACT_FENCE] = UNFENCED } },
        { "dcs-lost-primary", "the DCS does not answer: lead on until the permit ends",
          INTENT_CLING,
          { [FACT_DCS] = IS(DCS_UNKNOWN) | IS(DCS_DOWN), [FACT_PG] = RUNNING_PRIMARY,
            [FACT_FENCE] = UNFENCED } },
        { "dcs-lost-becoming", "the DCS does not answer: become primary while the permit runs",
          INTENT_BECOME,
          { [FACT_DCS] = IS(DCS_UNKNOWN) | IS(DCS_DOWN), [FACT_PG] = ANY_PRIMARY,
            [FACT_FENCE] = UNFENCED } },
        { "dcs-lost-leave", "this node leaves, and no lock can be handed over", INTENT_STOP,
          { [FACT_DCS] = IS(DCS_UNKNOWN) | IS(DCS_DOWN), [FACT_LEAVING] = IS(LEAVING_YES),
            [FACT_PG] = IS(PG_STANDBY) | IS(PG_STARTING) } },
        { "dcs-lost", "the DCS does not answer: nothing is started or stopped", INTENT_WAIT,
          { [FACT_DCS] = IS(DCS_UNKNOWN) | IS(DCS_DOWN) } },
        { "lock-unknown", "the cluster's keys are not read yet", INTENT_WAIT,
          { WHEN_LOCK(IS(LOCK_UNKNOWN)) } },

        /* ---- what is fenced goes to the next; what must be fenced is ---- */
        { "fence-confirmed", "nothing acts as primary here any more: the key goes to the next",
          INTENT_RELEASE,
          { [FACT_FENCE] = IS(FENCE_CONFIRMED), WHEN_LOCK(IS(LOCK_MINE) | IS(LOCK_STALE)) } },
        { "lost-and-fenced", "the lock is another's or nobody's, and nothing of ours acts under it",
          INTENT_FORGET,
          { [FACT_FENCE] = IS(FENCE_CONFIRMED), WHEN_LOCK(IS(LOCK_LOST) | IS(LOCK_KEPT)) } },
        { "retake", "our key ended, and nobody else may take it: take it again", INTENT_RETAKE,
          { WHEN_LOCK(IS(LOCK_KEPT)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_FENCE] = UNFENCED,
            [FACT_INIT] = NOT(INIT_MISMATCH), [FACT_LEAVING] = NOT(LEAVING_YES) } },
        { "retake-soon", "our key ended, and nobody else may take it: the first probe says more",
          INTENT_CLING,
          { WHEN_LOCK(IS(LOCK_KEPT)), [FACT_PG] = IS(PG_ADOPTED),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_FENCE] = UNFENCED } },
        { "standby-lost", "the lock of a standby leader is lost: nothing acted under it", INTENT_FORGET,
          { STANDING_BY, WHEN_LOCK(IS(LOCK_LOST)), [FACT_PG] = NO_PRIMARY } },
        { "lock-lost", "the lock was lost: whatever acts under it is fenced", INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_LOST) | IS(LOCK_KEPT)) } },

        /* ---- pause: what runs, or does not, is left to people ---- */
        { "paused-take", "paused: a primary runs here and nobody holds the lock", INTENT_RETAKE,
          { PAUSED, WHEN_LOCK(IS(LOCK_FREE)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_FENCE] = UNFENCED, [FACT_INIT] = NOT(INIT_MISMATCH) } },
        { "paused-primary", "paused: a primary runs here without the lock, and is left alone",
          INTENT_KEEP, { PAUSED, WHEN_LOCK(OTHERS), [FACT_PG] = ANY_PRIMARY } },
        { "paused-leader-stopped", "paused: the leader's postgres was stopped; the lock is given up",
          INTENT_REVOKE,
          { PAUSED, WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED) | NO_DATA,
            [FACT_DATA] = NOT(DATA_FRESH), [FACT_HANDOVER] = IS(HANDOVER_NO) } },
        { "paused-stopped", "paused: postgres does not run here, and is left alone", INTENT_KEEP,
          { PAUSED, WHEN_LOCK(OTHERS), [FACT_PG] = IS(PG_STOPPED),
            [FACT_DATA] = NOT(DATA_FRESH) } },
        { "paused-empty", "paused: no data directory is made", INTENT_KEEP,
          { PAUSED, WHEN_LOCK(OTHERS), [FACT_PG] = NO_DATA, [FACT_INIT] = NOT(INIT_OURS) } },
        { "paused-other-cluster", "paused: our data is another cluster's, and is left alone",
          INTENT_KEEP, { PAUSED, WHEN_LOCK(OTHERS), [FACT_INIT] = IS(INIT_MISMATCH) } },

        /* ---- a primary without right, other people's data ---- */
        { "primary-without-lock", "a primary runs here and the lock is not ours: fence it",
          INTENT_REVOKE, { [FACT_PG] = ANY_PRIMARY, WHEN_LOCK(NOT_OURS) } },
        { "wrong-cluster-leader", "our data belongs to another cluster: the lock is given up first",
          INTENT_REVOKE,
          { [FACT_INIT] = IS(INIT_MISMATCH), WHEN_LOCK(IS(LOCK_MINE) | IS(LOCK_STALE)) } },
        { "wrong-cluster", "our data belongs to another cluster (system identifier)", INTENT_REFUSE,
          { [FACT_INIT] = IS(INIT_MISMATCH) } },

        /* ---- the lock is ours ---- */
        { "silent", "postgres is silent for a whole ttl, or after a pause its watchdog cannot be armed", INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_PATIENCE] = IS(PATIENCE_OVER) } },
        { "handover-checkpoint", "asked to hand over: a checkpoint first, so that the stop is short",
          INTENT_CHECKPOINT,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_HANDOVER] = IS(HANDOVER_WANTED) } },
        { "handover-step-down", "ready to hand over: stop accepting writes, then stop postgres",
          INTENT_STEP_DOWN,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_PRIMARY) | IS(PG_STOPPING),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_HANDOVER] = IS(HANDOVER_PREPARED) } },
        { "restart-checkpoint", "asked to restart: a checkpoint first, so that the stop is short",
          INTENT_CHECKPOINT,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_HANDOVER] = IS(HANDOVER_RESTART) } },
        { "restart-primary", "asked to restart: stop postgres, and start it again under this lock",
          INTENT_RESTART,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_FENCE] = IS(FENCE_NONE),
            [FACT_HANDOVER] = IS(HANDOVER_RESTARTING) } },
        { "standby-permitted", "a standby cluster has no primary: the right that was given ends first",
          INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_KIND] = IS(KIND_STANDBY),
            [FACT_PERMIT] = NOT(PERMIT_NONE), [FACT_PG] = NO_PRIMARY } },
        { "standby-handover", "asked to hand over: a standby leader gives up the lock, and no more",
          INTENT_REVOKE,
          { STANDING_BY, WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = NO_PRIMARY,
            [FACT_HANDOVER] = HANDING_OVER } },
        { "standby-unfit", "nothing here can follow the remote cluster: let another one lead",
          INTENT_REVOKE, { STANDING_BY, WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = NO_DATA } },
        { "standby-start-failed", "postgres cannot be started here: let another one lead",
          INTENT_REVOKE,
          { STANDING_BY, WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED),
            [FACT_PATIENCE] = IS(PATIENCE_OVER) } },
        { "standby-lead", "the lock of a standby cluster is ours: follow the remote one",
          INTENT_LEAD_STANDBY, { STANDING_BY, WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = NO_PRIMARY } },
        { "lead", "the lock is ours and the permit runs", INTENT_LEAD,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_PRIMARY),
            [FACT_PERMIT] = IS(PERMIT_RUNS) } },
        { "lead-adopted", "the lock is ours; its next renewal, or the first probe, says more",
          INTENT_CLING, { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = RUNNING_PRIMARY } },
        { "start-overdue", "it takes too long to become primary: let another one lead",
          INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = ANY_PRIMARY,
            [FACT_PATIENCE] = IS(PATIENCE_OVER) } },
        { "becoming-primary", "promotion or start as primary is under way", INTENT_BECOME,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = ANY_PRIMARY } },
        { "stopping", "postgres is on its way down", INTENT_WAIT, { [FACT_PG] = IS(PG_STOPPING) } },
        { "leave-standby-with-lock", "this node leaves before it was promoted", INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STANDBY) | IS(PG_STARTING),
            [FACT_LEAVING] = IS(LEAVING_YES) } },
        { "promote-failed", "postgres cannot be promoted here: let another one lead",
          INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STANDBY),
            [FACT_PATIENCE] = IS(PATIENCE_OVER) } },
        { "promote", "the lock is ours and the permit runs", INTENT_PROMOTE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STANDBY),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_FENCE] = IS(FENCE_NONE) } },
        { "promote-soon", "the lock is ours; its first renewal gives the permit", INTENT_WAIT,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STANDBY) } },
        { "handover-await", "postgres is shut down: the candidate must have all of its WAL",
          INTENT_AWAIT,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED), [FACT_DATA] = IS(DATA_CLEAN),
            [FACT_HANDOVER] = HANDING_OVER, [FACT_CANDIDATE] = IS(CANDIDATE_WAITING) } },
        { "handover-revoke", "postgres is shut down: nothing may start here under this lock",
          INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED),
            [FACT_HANDOVER] = HANDING_OVER } },
        { "start-failed", "postgres cannot be started as primary here: let another one lead",
          INTENT_REVOKE,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED),
            [FACT_PATIENCE] = IS(PATIENCE_OVER) } },
        { "start-in-place", "the lock is ours and the files are a primary's: start them again",
          INTENT_START,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED),
            [FACT_DATA] = IS(DATA_CRASHED) | IS(DATA_CLEAN) | IS(DATA_FRESH),
            [FACT_PERMIT] = IS(PERMIT_RUNS), [FACT_FENCE] = IS(FENCE_NONE) } },
        { "start-soon", "the lock is ours; its next renewal gives the permit", INTENT_WAIT,
          { WHEN_LOCK(IS(LOCK_MINE)), [FACT_PG] = IS(PG_STOPPED),
            [FACT_DATA] = IS(DATA_CRASHED) | IS(DATA_CLEAN) | IS(DATA_FRESH) } },
        { "lock-without-primary", "the lock is ours and there is nothing here to lead with",
          INTENT_REVOKE, { WHEN_LOCK(IS(LOCK_MINE) | IS(LOCK_STALE)) } },

        /* ---- this node has left, or is leaving ---- */
        { "leave-standby", "this node leaves: a standby only has to stop", INTENT_STOP,
          { [FACT_LEAVING] = IS(LEAVING_YES), [FACT_PG] = IS(PG_STANDBY) | IS(PG_STARTING) } },
        { "left", "this node has left the cluster", INTENT_STAY_OUT,
          { [FACT_LEAVING] = IS(LEAVING_YES) } },

        /* ---- another node leads ---- */
        { "follow", "another node leads", INTENT_FOLLOW, { WHEN_LOCK(IS(LOCK_OTHER)) } },

        /* ---- nobody leads ---- */
        { "record-initialize", "the cluster's keys were lost: its identifier is ours",
          INTENT_RECORD,
          { [FACT_INIT] = IS(INIT_ABSENT), [FACT_DATA] = IS(DATA_STANDBY) | IS(DATA_CRASHED) |
                                                         IS(DATA_CLEAN),
            [FACT_PG] = IS(PG_STOPPED) | IS(PG_STANDBY) } },
        { "record-bootstrapped", "the new cluster is made: its identifier becomes known",
          INTENT_RECORD,
          { [FACT_INIT] = IS(INIT_OURS) | IS(INIT_ABSENT), [FACT_DATA] = IS(DATA_FRESH),
            [FACT_PG] = IS(PG_STOPPED) } },
        { "configure", "the cluster has no dynamic configuration yet", INTENT_CONFIGURE,
          { [FACT_INIT] = IS(INIT_MATCH), [FACT_CONFIG] = IS(CONFIG_ABSENT),
            [FACT_PG] = IS(PG_STOPPED) | IS(PG_STANDBY) } },
        { "bid-fresh", "a new cluster, never started: its maker leads it", INTENT_BID,
          { [FACT_PG] = IS(PG_STOPPED), [FACT_DATA] = IS(DATA_FRESH),
            [FACT_INIT] = IS(INIT_MATCH) } },
        { "start-standby", "nobody leads: start as standby, then see who is ahead", INTENT_FOLLOW,
          { [FACT_PG] = IS(PG_STOPPED) } },
        { "restart-standby", "asked to restart, and nobody leads", INTENT_FOLLOW,
          { [FACT_PG] = IS(PG_STANDBY) | IS(PG_STARTING), [FACT_HANDOVER] = IS(HANDOVER_RESTARTING) } },
        { "starting", "postgres is starting", INTENT_WAIT, { [FACT_PG] = IS(PG_STARTING) } },
        { "race-ask", "nobody leads: ask the others where they stand", INTENT_ASK,
          { [FACT_PG] = IS(PG_STANDBY), [FACT_RANK] = IS(RANK_UNKNOWN) } },
        { "race-asked", "nobody leads: the others' answers are on their way", INTENT_KEEP,
          { [FACT_PG] = IS(PG_STANDBY), [FACT_RANK] = IS(RANK_ASKED) } },
        { "race-bid", "nobody leads and nobody is ahead of us", INTENT_BID,
          { [FACT_PG] = IS(PG_STANDBY), [FACT_RANK] = IS(RANK_BEST) } },
        { "race-behind", "nobody leads, and another node is better placed", INTENT_KEEP,
          { [FACT_PG] = IS(PG_STANDBY), [FACT_RANK] = IS(RANK_BEHIND) } },
        { "race-barred", "nobody leads, and this node may not", INTENT_KEEP,
          { [FACT_PG] = IS(PG_STANDBY), [FACT_RANK] = IS(RANK_BARRED) } },
        { "broken", "the data directory cannot be used: a person must act", INTENT_REFUSE,
          { [FACT_PG] = IS(PG_BROKEN) } },
        { "bootstrap", "the right to make the cluster is ours", INTENT_BOOTSTRAP,
          { [FACT_PG] = IS(PG_ABSENT), [FACT_INIT] = IS(INIT_OURS) } },
        { "claim", "there is no cluster yet: try to make it", INTENT_CLAIM,
          { [FACT_PG] = IS(PG_ABSENT), [FACT_INIT] = IS(INIT_ABSENT),
            [FACT_RANK] = NOT(RANK_BARRED) } },
        { "clone-alone", "no data here and no leader: clone by a method that needs none, or wait",
          INTENT_FOLLOW,
          { [FACT_PG] = IS(PG_ABSENT), [FACT_INIT] = IS(INIT_MATCH),
            [FACT_CONFIG] = IS(CONFIG_PRESENT) } },
        { "wait-for-leader", "no data here: wait for a leader to clone from", INTENT_WAIT,
          { [FACT_PG] = IS(PG_ABSENT) } },
        { "no-rule", "no row above knows this situation: wait", INTENT_WAIT, { 0 } },
};

static bool matches(const Rule *rule, const Facts *facts)
{
        for (size_t i = 0; i < FACT_COUNT; i++)
                if (rule->when[i] && !(rule->when[i] & IS(facts->value[i])))
                        return false;
        return true;
}

Decision decide(const Facts *facts)
{
        size_t i = 0;

        while (i < ELEMENTSOF(rules) - 1 && !matches(&rules[i], facts))
                i++;
        return (Decision){ rules[i].intent, &rules[i] };
}

const Rule *rules_table(size_t *ret_n)
{
        *ret_n = ELEMENTSOF(rules);
        return rules;
}
