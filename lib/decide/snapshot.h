/*
 * Snapshot: everything the mind knows at one instant, and how facts are read from it.
 *
 * Pure: a value, with `now` in it. Pointers are borrowed for the duration of the call.
 */
#pragma once

#include <stdbool.h>

#include "decide/facts.h"
#include "model/cluster.h"
#include "model/pg.h"

typedef enum RaceVerdict { RACE_UNASKED = 0, RACE_WAITING, RACE_BEST_PLACED, RACE_BEHIND } RaceVerdict;

typedef struct Snapshot {
        usec_t now;
        const char *name; /* of this node */

        bool hands_known;         /* dcsd, pgd, fenced, watchdogd: each has told its state */
        bool twin;                /* another node of our name answers */
        bool hand_away;           /* we lead, and pgd or fenced was not heard of for a whole ttl */
        bool dcs_known;           /* dcsd has said up or down */
        bool dcs_up;
        const Cluster *cluster;   /* NULL: none yet */
        const PgState *pg;        /* NULL: none yet */

        Epoch epoch;              /* under which this node leads, or is to; 0: none */
        Epoch ended;              /* the last one that is over: its key may still be in the snapshot */
        bool bidding;             /* a bid is under way: its key may be seen before its answer */
        usec_t permit;            /* its deadline; 0: none was given yet */
        bool standing;            /* the permit does not end by itself (pause) */
        bool failsafe;            /* it rests on every member's promise, not on the key */
        bool stopped_by_order;    /* of ours, not by people: started again in pause too */

        /* the fence of `epoch` */
        bool revoked;             /* REVOKE has been sent */
        bool yielding;            /* of a right under which nothing was permitted, nor will be */
        bool pgd_answered, fenced_answered;
        Tri empty;                /* what fenced said of the leaf after both had answered */
        bool populated;           /* fenced sees processes in the leaf it knows, whatever pgd knows */

        RaceVerdict race;
        bool barred;              /* nofailover, no watchdog where one is required, pause */
        bool unarmed;             /* the required watchdog cannot be armed for `epoch` */

        bool demoting;            /* a primary, in what has become a standby cluster */
        bool handover;            /* asked of this node and possible */
        usec_t handover_since;
        usec_t restart_since;     /* Postgres is to be restarted here; 0: it is not */
        bool reinitializing;      /* this replica is being made anew, as asked: in pause too */
        bool candidate_ready;     /* it has our last WAL, or is not to be waited for */

        bool leaving;
        bool initialize_is_ours;  /* we won the race for `initialize` */
        bool can_bootstrap;       /* there is a bootstrap section and no nofailover */
        unsigned start_failures;  /* in a row, as primary */
        usec_t start_since;       /* of the first attempt; 0: none */
} Snapshot;

Facts facts_read(const Snapshot *s);

/* pre_promote failed, less than a ttl ago: others lead (PATRONI-SPEC §2.6). */
bool snapshot_was_refused(const PgState *pg, const Cluster *c, usec_t now);

/*
 * The lock names us and it is right to go on under its epoch: a postmaster here leads under it, or
 * it is a standby leader's, under which nothing was ever permitted.
 */
bool snapshot_may_adopt(const Snapshot *s);
