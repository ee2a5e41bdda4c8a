/*
 * vip: which node holds an address for a replica role.
 *
 * Pure. Every node decides for itself; the key palisade/vip/<name> settles who was first. The holder is
 * a healthy streaming replica, never the leader; where there is none, nobody holds it.
 */
#pragma once

#include "model/cluster.h"
#include "model/pg.h"

typedef enum VipFitness {
        VIP_UNFIT = 0, /* no standby, leaving, or noloadbalance: it must go */
        VIP_POOR,      /* reads here are stale: it lags, or does not stream */
        VIP_FIT,
} VipFitness;

/* Of this node. pg: may be NULL. */
VipFitness vip_fitness(const PgState *pg, const Cluster *c, const char *name, const Tags *tags,
                       bool leaving);

/* Another member would do, as far as its key tells. */
bool vip_has_other(const Cluster *c, const char *name);

typedef enum VipMove { VIP_STAY = 0, VIP_BID, VIP_GIVE } VipMove;

typedef struct VipFacts {
        usec_t now;
        VipFitness fitness;
        usec_t poor_since; /* counts while it is poor */
        usec_t patience;   /* with a poor holder */
        bool has_other;
        bool mine;
        bool taken;        /* by another */
        usec_t free_since; /* counts while it is nobody's */
        unsigned others;   /* addresses this node holds besides: they spread, if they can */
} VipFacts;

VipMove vip_move(const VipFacts *f);
