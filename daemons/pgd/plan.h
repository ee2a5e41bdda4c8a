/*
 * plan: what pgd does next to carry out an order, given what it sees.
 *
 * Pure. An order names a state to reach, not a way: the plan looks at Postgres and its files as
 * they are and answers the first step still missing, so it does not matter what happened before, or
 * whether this pgd is the one that began.
 */
#pragma once

#include "pgd/control.h"
#include "wire/msg.h"

typedef enum Step {
        STEP_NONE = 0,
        STEP_DONE,   /* the order is carried out */
        STEP_REFUSE, /* it cannot be; why says so */
        STEP_WAIT,   /* for something outside: the next change asks again */
        STEP_BOOTSTRAP,
        STEP_CLONE,
        STEP_REMOVE, /* the data directory, to clone anew */
        STEP_CRASH_RECOVERY,
        STEP_CHECK, /* has our WAL left the leader's? */
        STEP_ARCHIVE, /* what the last run has not archived yet */
        STEP_REWIND,
        STEP_START_STANDBY,
        STEP_START_PRIMARY,
        STEP_RECONFIGURE,
        STEP_PRE_PROMOTE, /* the user's script that may forbid the promotion */
        STEP_PROMOTE,
        STEP_BEFORE_STOP, /* the user's script before a fast stop */
        STEP_STOP_FAST,
        STEP_STOP_IMMEDIATE,
        STEP_CHECKPOINT,
        STEP_MAX,
} Step;
DECLARE_NAMES(step, Step)

/* A script of the user's that stands before a step. */
typedef enum Hook {
        HOOK_NONE = 0, /* none is configured */
        HOOK_DUE,
        HOOK_PASSED,
        HOOK_FAILED,
} Hook;

typedef struct PlanInput {
        usec_t now;
        const MsgOrder *order;
        const PgState *pg;
        const Control *control; /* of a stopped server; NULL: not read */
        uint32_t version;       /* 150020 */
        usec_t order_since;
        usec_t stop_from;     /* when the permit's end begins to stop a primary (plan_permit()) */
        Tri diverged;         /* our WAL against the leader of the order; unknown: not checked */
        Lsn agreed_lsn;       /* "no" is about WAL up to here; pg_control may know less than there is */
        bool leaf_busy;       /* processes of an earlier start are still there */
        bool half_made;       /* the data directory is what a bootstrap or clone that never ended left */
        bool backup_label;    /* PGDATA/backup_label: a base backup not yet started */
        bool conf_current;    /* files and running settings are what the order wants */
        bool recovery_waits;  /* of what it recovers by, something in its files waits for a start */
        bool leader_checkpoint_pending;
        bool may_rewind;      /* use_pg_rewind, and wal_log_hints or checksums */
        bool twin;            /* diverged onto a timeline of the same number: pg_rewind cannot help */
        bool remove_on_rewind_failure;
        bool remove_on_divergence;
        bool keeps_data;       /* the method that clones wants what an attempt before it left */
        bool clones_alone;     /* a method can make a replica without any server to copy from */
        Hook pre_promote, before_stop;
        bool copies_wait;      /* of logical slots, for a standby that is stopped */
        bool archived;         /* since the last run nothing of its WAL waits for the archive */
        unsigned failures; /* in a row, at this order */
        unsigned check_failures;
        unsigned rewind_failures;
} PlanInput;

typedef struct Plan {
        Step step;
        const char *why; /* a constant text, for the log and for people */
        usec_t within;   /* a fast stop that takes longer becomes an immediate one; 0: the order says */
} Plan;

Plan plan_next(const PlanInput *in);

/* Servers of that version take another primary_conninfo at a start only. */
bool plan_follows_by_restart(uint32_t version);

/*
 * What a primary does about its permit, from its own timer, without any message (DESIGN §2.5).
 * *ret_next: when to ask again; USEC_INFINITY: not before something changes.
 */
typedef enum PermitAction {
        PERMIT_GO_ON = 0,
        PERMIT_STOP_FAST,
        PERMIT_STOP_IMMEDIATE,
        PERMIT_KILL,
} PermitAction;
PermitAction plan_permit(const MsgPermit *permit, usec_t now, usec_t *ret_next);
