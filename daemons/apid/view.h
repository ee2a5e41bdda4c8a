/*
 * View: what this program has been told, as one request sees it, and what follows from it.
 *
 * Pure. Nothing is asked of anybody: every answer of the API comes from here, at one instant.
 *
 * Invariant: a node counts as leader only while its permit runs at `now`; what the mind believes
 *            can only take that away (DESIGN §2.4).
 */
#pragma once

#include "config/tree.h"
#include "wire/wire.h"

/* The permit as this program keeps it; a plain value that outlives the program (io/store.h). */
typedef struct Right {
        Epoch epoch;
        usec_t deadline;
        uint64_t standing;
        Epoch revoked;    /* nothing of this epoch or an earlier one is left */
        uint64_t serving; /* the mind sends clients here (MsgStatus.leader) */
} Right;

bool right_runs(const Right *r, usec_t now);

/* PERMIT: within an epoch the deadline only moves forward. False: of an epoch that is over. */
bool right_grant(Right *r, const MsgPermit *m);
void right_revoke(Right *r, Epoch epoch);

typedef struct View {
        usec_t now; /* CLOCK_BOOTTIME */
        Right right;
        bool mind;                 /* it is connected */
        const MsgStatus *status;   /* these are NULL until they were told */
        const PgState *pg;
        const MsgCluster *cluster;
        const Node *tags;          /* of the configuration file; NULL: none */
        const char *name;
        const char *scope;
} View;

/* What the node says of itself: the common ground of health checks, JSON and metrics. */
typedef struct NodeFacts {
        const char *state; /* "running", …; "unknown" where the server does not answer */
        RunState run;
        Role role;         /* never PRIMARY without a running permit */
        bool answers;      /* the server answers queries: versions and positions are known */
        bool leads;        /* holds the lock under a running permit, and takes clients */
        bool cluster_valid; /* the DCS was heard of within ttl */
        bool unlocked;
        bool pause;
        bool failsafe;     /* leads by, or keeps, a promise instead of the key */
        bool standby_cluster;
        bool sync_standby;
        bool quorum_standby;
        Lsn received;
        Lsn replayed;
        Lsn leader_lsn;    /* the furthest the leader is known to have been; 0: unknown */
        uint64_t dcs_seen_sec; /* since 1970; 0: never */
} NodeFacts;

NodeFacts node_facts(const View *v);

/* What of the dynamic configuration is in force: the defaults while nothing is known. */
Settings view_settings(const View *v);

/* CLOCK_BOOTTIME when the DCS last answered; 0: not known. */
usec_t view_dcs_seen(const View *v);

/* This node's tag as a health check compares it, or NULL: switched-off standard tags count as absent. */
const Node *view_tag(const View *v, const char *name);

/* A tag that shows: neither null nor one of Patroni's own at its default, false. */
bool tag_shows(const Node *tag);
