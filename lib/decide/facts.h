/*
 * facts: what the decision is made from, each a small enum whose zero is UNKNOWN.
 *
 * FACTS is the list: one line a fact, with its values. The struct, the names, the test over every
 * vector and docs/DECISIONS.md are made from it, so a fact cannot be forgotten anywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every hand that is needed has told its state since this mind started. */
typedef enum FactHands {
        HANDS_UNKNOWN,
        HANDS_KNOWN,
        HANDS_TWIN, /* another node of our name runs: they are not used */
        HANDS_AWAY, /* while we lead, pgd or fenced has not been heard of for a whole ttl */
        HANDS_MAX,
} FactHands;

typedef enum FactDcs { DCS_UNKNOWN, DCS_UP, DCS_DOWN, DCS_MAX } FactDcs;

/*
 * The leader key. MINE: of our epoch. STALE: it names us, but no postmaster here leads under it.
 * KEPT: ours is gone, and nobody may take it: pause, or every member's failsafe promise. LOST: we
 * have an epoch, and the key is gone without that, or another's.
 */
typedef enum FactLock {
        LOCK_UNKNOWN,
        LOCK_FREE,
        LOCK_MINE,
        LOCK_STALE,
        LOCK_KEPT,
        LOCK_LOST,
        LOCK_OTHER,
        LOCK_MAX,
} FactLock;

typedef enum FactPermit { PERMIT_UNKNOWN, PERMIT_NONE, PERMIT_RUNS, PERMIT_OVER, PERMIT_MAX } FactPermit;

typedef enum FactPg {
        PG_UNKNOWN,
        PG_ABSENT,    /* no data directory yet */
        PG_BROKEN,    /* something is there that is none, or cannot be read */
        PG_STOPPED,
        PG_STARTING,  /* as standby */
        PG_STANDBY,
        PG_PROMOTING,
        PG_STARTING_PRIMARY,
        PG_ADOPTED,   /* a primary's, found running by a pgd that has not probed it yet */
        PG_PRIMARY,
        PG_STOPPING,
        PG_MAX,
} FactPg;

/* It is a primary, or on its way to be one. */
static inline bool fact_pg_acts(unsigned pg)
{
        return pg == PG_PRIMARY || pg == PG_ADOPTED || pg == PG_PROMOTING || pg == PG_STARTING_PRIMARY;
}

/* What a stopped server's files were last: a standby's, a primary's, or never started. */
typedef enum FactData {
        DATA_UNKNOWN,
        DATA_STANDBY,
        DATA_CRASHED, /* a primary's that was not shut down */
        DATA_CLEAN,   /* a primary's, shut down */
        DATA_FRESH,   /* made by bootstrap here, never started */
        DATA_MAX,
} FactData;

/* The key `initialize` against our system identifier. */
typedef enum FactInit {
        INIT_UNKNOWN,
        INIT_ABSENT,
        INIT_OURS,  /* "": we are making the cluster */
        INIT_OTHER, /* "": somebody else is */
        INIT_MATCH, /* also where we have no data yet */
        INIT_MISMATCH,
        INIT_MAX,
} FactInit;

typedef enum FactConfig { CONFIG_UNKNOWN, CONFIG_ABSENT, CONFIG_PRESENT, CONFIG_MAX } FactConfig;

/* The leader race: UNKNOWN asks. BARRED: nofailover, no required watchdog, pause. */
typedef enum FactRank { RANK_UNKNOWN, RANK_ASKED, RANK_BEST, RANK_BEHIND, RANK_BARRED, RANK_MAX } FactRank;

/*
 * Of our epoch: NONE: nothing was revoked; PENDING: revoked, not yet confirmed; YIELDING: the same of a standby
 * leader's, under which nothing was permitted, so that its server runs on.
 */
typedef enum FactFence { FENCE_UNKNOWN, FENCE_NONE, FENCE_PENDING, FENCE_CONFIRMED, FENCE_YIELDING, FENCE_MAX } FactFence;

/*
 * A switchover, failover or leave is asked of us and possible. PREPARED: the checkpoint is done.
 * RESTART: of Postgres, in place; RESTARTING: its checkpoint is done, or needless.
 */
typedef enum FactHandover {
        HANDOVER_UNKNOWN,
        HANDOVER_NO,
        HANDOVER_WANTED,
        HANDOVER_PREPARED,
        HANDOVER_RESTART,
        HANDOVER_RESTARTING,
        HANDOVER_MAX,
} FactHandover;

/* Has the candidate our last WAL? READY also where nobody is to be waited for (any longer). */
typedef enum FactCandidate { CANDIDATE_UNKNOWN, CANDIDATE_WAITING, CANDIDATE_READY, CANDIDATE_MAX } FactCandidate;

typedef enum FactLeaving { LEAVING_UNKNOWN, LEAVING_NO, LEAVING_YES, LEAVING_MAX } FactLeaving;

/* With a start as primary. OVER: it failed or took too long. With a primary: it answers nothing. */
typedef enum FactPatience { PATIENCE_UNKNOWN, PATIENCE_LEFT, PATIENCE_OVER, PATIENCE_MAX } FactPatience;

/* The cluster is paused, and nobody is resuming it: what runs is left to people. */
typedef enum FactPause { PAUSE_UNKNOWN, PAUSE_NO, PAUSE_YES, PAUSE_MAX } FactPause;

/* What the dynamic configuration makes of the cluster: STANDBY has no primary, and follows another. */
typedef enum FactKind { KIND_UNKNOWN, KIND_PRIMARY, KIND_STANDBY, KIND_MAX } FactKind;

#define FACTS(F)                                                                                   \
        F(hands, HANDS, "unknown", "known", "twin", "away")                                                \
        F(dcs, DCS, "unknown", "up", "down")                                                       \
        F(lock, LOCK, "unknown", "free", "mine", "stale", "kept", "lost", "other")             \
        F(permit, PERMIT, "unknown", "none", "runs", "over")                                       \
        F(pg, PG, "unknown", "absent", "broken", "stopped", "starting", "standby", "promoting",    \
          "starting primary", "adopted primary", "primary", "stopping")                            \
        F(data, DATA, "unknown", "standby's", "crashed primary's", "clean primary's", "fresh")     \
        F(init, INIT, "unknown", "absent", "ours", "another's", "match", "mismatch")               \
        F(config, CONFIG, "unknown", "absent", "present")                                          \
        F(rank, RANK, "unknown", "asked", "best", "behind", "barred")                              \
        F(fence, FENCE, "unknown", "none", "pending", "confirmed", "yielding")                     \
        F(handover, HANDOVER, "unknown", "no", "wanted", "prepared", "restart", "restarting")                               \
        F(candidate, CANDIDATE, "unknown", "waiting", "ready")                                     \
        F(leaving, LEAVING, "unknown", "no", "yes")                                                \
        F(patience, PATIENCE, "unknown", "left", "over")                                           \
        F(pause, PAUSE, "unknown", "no", "yes")                                                    \
        F(kind, KIND, "unknown", "primary", "standby")

typedef enum FactId {
#define F(name, NAME, ...) FACT_##NAME,
        FACTS(F)
#undef F
        FACT_COUNT,
} FactId;

/* value[FACT_LOCK] is a FactLock, and so on. */
typedef struct Facts {
        uint8_t value[FACT_COUNT];
} Facts;

const char *fact_name(FactId id);
unsigned fact_max(FactId id); /* how many values it has */
const char *fact_value_name(FactId id, unsigned value);
