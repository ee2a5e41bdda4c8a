/*
 * Retain: whose replication slots are kept although the member's key is gone (PATRONI-SPEC §1.2
 * status, §2.18): those seen within member_slots_ttl.
 *
 * Pure, but for the memory it keeps between calls: when each slot's member was last seen. What
 * stands in the key already counts as seen when we first read it, since another leader saw it.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"

#define RETAIN_MAX CLUSTER_SLOTS_MAX

typedef struct RetainRow {
        char slot[IDENT_SIZE]; /* empty: free */
        usec_t seen;
} RetainRow;

typedef struct Retain {
        RetainRow rows[RETAIN_MAX];
} Retain;

/*
 * Notes who is there and answers the sorted list for /status; the caller frees. NULL: there is
 * nothing to keep, or out of memory. status: the parsed key, or NULL; permanent: the
 * configuration's `slots`, whose names are not listed, or NULL.
 */
Node *retain_slots(Retain *t, const Cluster *c, const Node *status, const Node *permanent,
                   usec_t now);
