/*
 * sync: the next write of synchronous replication, in the order that loses nothing
 * (PATRONI-SPEC §2.17): /sync never names a node that is not really synchronous. So it shrinks
 * before synchronous_standby_names changes, and grows only after the new ones have caught up. Quorum
 * commit has its own rule (quorum.h).
 *
 * Pure. Each call answers one step; the leader takes it and asks again when it is done.
 */
#pragma once

#include <stddef.h>

#include "model/cluster.h"
#include "model/pg.h"

typedef enum SyncAction {
        SYNC_NOTHING = 0,
        SYNC_WRITE_KEY,  /* /sync := leader, standbys */
        SYNC_DELETE_KEY, /* the mode is off */
        SYNC_SET_NAMES,  /* synchronous_standby_names := text */
} SyncAction;

typedef struct SyncPlan {
        SyncAction action;
        char standbys[SYNC_LIST_SIZE]; /* comma-separated, sorted */
        unsigned quorum;
        char names[SYNC_LIST_SIZE];    /* a value for the parameter; empty: none */
} SyncPlan;

/* For the leader `name`, whose server runs as primary. */
SyncPlan sync_plan(const Cluster *c, const PgState *pg, const char *name);

/* Before promotion: /sync must name the new leader and nobody else; with a quorum, whoever else could be elected. */
SyncPlan sync_plan_promotion(const Cluster *c, const char *name);

/* With a quorum the parameter comes first. True: it must be set to buf before the promotion. */
bool sync_names_before_promotion(const Cluster *c, const PgState *pg, const char *name, char *buf,
                                 size_t size);

/*
 * synchronous_standby_names for a start as primary, before anybody can write: a leader that comes
 * back from a crash waits at once for whom /sync names, since they may be promoted in its place.
 */
void sync_names_at_start(const Cluster *c, const char *name, char *buf, size_t size);
