/*
 * switchover: may this switchover or failover be asked for, and is there anybody to take over?
 *
 * Pure. The order of the checks, the status codes and the texts are Patroni's (PATRONI-SPEC §4.6),
 * since patronictl and scripts read them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/cluster.h"
#include "model/peer.h"

typedef struct SwitchoverAsk {
        bool failover;         /* POST /failover */
        const char *leader;    /* may be empty */
        const char *candidate; /* may be empty */
        usec_t scheduled;      /* wall clock; 0: at once */
} SwitchoverAsk;

typedef struct SwitchoverAnswer {
        unsigned http; /* 0: nothing is in the way */
        char text[REASON_SIZE];
} SwitchoverAnswer;

/* What can be told from the keys alone. */
SwitchoverAnswer switchover_check(const SwitchoverAsk *ask, const Cluster *c, usec_t now_wall);

/*
 * Who could take over, by its member key: the candidate, or everybody but the leader. Answers how
 * many names were written to ret.
 */
size_t switchover_candidates(const SwitchoverAsk *ask, const Cluster *c, const char *leader,
                             const Member *ret[CLUSTER_MEMBERS_MAX]);

/* Whether one of those that answered is good. */
bool switchover_is_possible(const Peer *peers, size_t n_peers, const Cluster *c);

/* How it ended: the leader is another one now, or the key is empty and the leader is not. */
SwitchoverAnswer switchover_outcome(const SwitchoverAsk *ask, const Cluster *c, const char *old_leader);
