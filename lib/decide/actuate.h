/*
 * actuate: what an intent means for each hand. One table; the mind only carries it out.
 */
#pragma once

#include <stdbool.h>

#include "decide/rules.h"

typedef enum PgGoal {
        GOAL_NOTHING = 0, /* leave Postgres as it is */
        GOAL_FOLLOW,
        GOAL_PROMOTE,
        GOAL_START,
        GOAL_RESTART,
        GOAL_CHECKPOINT,
        GOAL_STOP,
        GOAL_BOOTSTRAP,
} PgGoal;

/* How the lease is held. */
typedef enum Holding {
        HOLD_NOTHING = 0, /* let it run out */
        HOLD_MEMBER,      /* for the member key only */
        HOLD_LOCK,        /* for the leader key too */
        HOLD_AS_BEFORE,   /* whichever it was */
} Holding;

/* What is done at the DCS. */
typedef enum DcsAct {
        ACT_NONE = 0,
        ACT_ASK,
        ACT_ASK_CANDIDATE,
        ACT_BID,
        ACT_RETAKE,
        ACT_CLAIM,
        ACT_RECORD_SYSID,
        ACT_WRITE_CONFIG,
        ACT_RELEASE,
        ACT_FORGET, /* nothing is done: the epoch is over */
        ACT_REVOKE, /* not at the DCS: to every hand */
} DcsAct;

typedef struct Actions {
        PgGoal goal;
        Holding hold;
        DcsAct act;
        bool serve;  /* permits go out: the API answers as leader, the address is held */
        bool permit; /* permits go out, but nobody is sent here: becoming, or ceasing to be, primary */
        bool stay;   /* an address held under this epoch stays: clients find the restarted server sooner */
} Actions;

Actions actuate(Intent intent);
