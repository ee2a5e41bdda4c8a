/*
 * quorum: the next write of quorum commit, in an order in which no transaction is lost.
 *
 * Two sets are kept in step. /sync names voters: whoever has the WAL of the leader and of `quorum`
 * other voters (the leader of /sync counts as one) may be promoted. synchronous_standby_names names
 * whom a commit waits for: `need` of them. A commit is on the leader and on `need` of the second; a
 * new leader has looked at `quorum` + 1 of the first. Both meet as long as
 *
 *      quorum + need >= |voters and synchronous standbys together|,
 *
 * or where nobody votes at all: then only the leader itself may lead again. Every single write keeps
 * that. So what is to be relaxed in /sync waits until enough standbys have confirmed the position at
 * which the parameter took effect, and what is to be tightened there goes before the parameter.
 *
 * Pure.
 */
#pragma once

#include "decide/sync.h"

/* The standbys to be used, the best first, by member name. */
typedef struct QuorumTarget {
        size_t n;
        const char *names[STANDBYS_MAX];
        unsigned need; /* synchronous_node_count, not more than there are */
} QuorumTarget;

/* For the leader `name`, whose server runs as primary. */
SyncPlan quorum_plan(const Cluster *c, const PgState *pg, const char *name, const QuorumTarget *target);

/*
 * Before `name` begins to act as primary under another leader's key: it takes that one's place there, since the
 * leader of /sync may lead again without a vote (as in Patroni), and has nothing of what is acknowledged from now on.
 * Whoever could be elected under the old key can under this one, by as many votes.
 */
SyncPlan quorum_plan_promotion(const Cluster *c, const char *name);

/*
 * The parameter with which `name` may begin to act as primary: whoever could be elected in its place
 * under /sync as it stands must be among those its first commit waits for. False: nothing needs to be
 * waited for.
 */
bool quorum_names_at_start(const Cluster *c, const char *name, char *buf, size_t size);
