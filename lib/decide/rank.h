/*
 * rank: is this node the one to bid for the leader key?
 *
 * Pure; the rules are those of every member of a mixed cluster (PATRONI-SPEC §2.6, §2.9), so that
 * two nodes that see the same come to the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/cluster.h"
#include "model/peer.h"
#include "model/pg.h"

typedef struct RankInput {
        const Cluster *cluster;
        const PgState *pg;
        const char *name;
        Tags tags;                /* this node's */
        const char *last_leader;  /* who led before; empty: not known */
        const Peer *peers;        /* answers, and who did not answer */
        size_t n_peers;
        usec_t now_wall;          /* a switchover that is scheduled for later counts for nothing yet */
} RankInput;

typedef struct RankVerdict {
        bool best;
        char reason[REASON_SIZE]; /* one line: what decided */
} RankVerdict;

RankVerdict rank_judge(const RankInput *in);

/* May this peer take over, by maximum_lag_on_failover? */
bool rank_peer_is_good(const Peer *peer, const Cluster *cluster);

/* May it, from a primary that was shut down at `lsn` of `timeline`, without a loss? */
bool rank_peer_has_all(const Peer *peer, const Cluster *cluster, uint32_t timeline, Lsn lsn);
