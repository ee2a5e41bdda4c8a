/*
 * rules: the decision. Facts in, the first matching row of one table out.
 *
 * Pure, and the whole of it: no other place decides what this node is. docs/DECISIONS.md is printed
 * from the table.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "decide/facts.h"

/* What this node shall be doing. actuate.h says what that means for each hand. */
typedef enum Intent {
        INTENT_WAIT = 0,   /* start nothing, stop nothing */
        INTENT_REFUSE,     /* this data does not belong here: a person must act */
        INTENT_LEAD,
        INTENT_LEAD_STANDBY, /* a standby cluster: hold the lock, follow the remote one; no permit */
        INTENT_CLING,      /* lead on without DCS: the permit ends it, not we */
        INTENT_PROMOTE,
        INTENT_START,      /* as primary: a fresh cluster's first start, or after a crash */
        INTENT_BECOME,     /* that is under way: renew, but send nobody here yet */
        INTENT_CHECKPOINT, /* before an orderly stop */
        INTENT_RESTART,    /* Postgres, in place: the lock, the permit and the address stay */
        INTENT_STEP_DOWN,  /* the orderly stop: API and address away, then Postgres, gate open */
        INTENT_AWAIT,      /* the candidate's word that it has all our WAL */
        INTENT_REVOKE,     /* fence, and have it confirmed */
        INTENT_CLEAR,      /* the same, and stop a standby: it would never leave its cgroup */
        INTENT_RELEASE,    /* the leader key, to the next */
        INTENT_FORGET,     /* the epoch, once nothing of it is left */
        INTENT_FOLLOW,
        INTENT_KEEP,       /* a standby as it is */
        INTENT_ASK,        /* the peers where they stand */
        INTENT_BID,        /* for the leader key */
        INTENT_RETAKE,     /* the same, for a primary that leads on meanwhile */
        INTENT_STOP,
        INTENT_STAY_OUT,   /* the node has left */
        INTENT_CLAIM,      /* the right to make the cluster */
        INTENT_BOOTSTRAP,
        INTENT_RECORD,     /* our system identifier into `initialize` */
        INTENT_CONFIGURE,  /* write the dynamic configuration */
        INTENT_MAX,
} Intent;
DECLARE_NAMES(intent, Intent)

typedef struct Rule {
        const char *name;
        const char *reason;        /* a sentence for people: why this row does what it does */
        Intent intent;
        uint16_t when[FACT_COUNT]; /* a bit for each value that matches; 0: any */
} Rule;

typedef struct Decision {
        Intent intent;
        const Rule *rule; /* never NULL: the last row matches everything */
} Decision;

Decision decide(const Facts *facts);

const Rule *rules_table(size_t *ret_n);
