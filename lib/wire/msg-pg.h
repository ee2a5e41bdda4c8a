/*
 * msg-pg: what the mind, pgd and its launcher say to each other.
 */
#pragma once

#include "wire/msg-base.h"

typedef enum OrderWhat {
        ORDER_NONE = 0,
        ORDER_BOOTSTRAP,  /* make a new cluster here: initdb and roles, not started */
        ORDER_FOLLOW,     /* be a standby of `leader` (no name: of nobody), by whatever it takes */
        ORDER_PROMOTE,    /* a running standby becomes primary under the permit of `epoch` */
        ORDER_START,      /* start as primary under the permit of `epoch`: fresh, or after a crash;
                             text: as for ORDER_SYNC_NAMES */
        ORDER_STOP,       /* fast, or immediate */
        ORDER_CHECKPOINT, /* before an orderly stop */
        ORDER_SYNC_NAMES, /* synchronous_standby_names = text */
        ORDER_LEAVE,      /* remember that this node has left */
        ORDER_JOIN,       /* forget it */
        ORDER_RELOAD,     /* read the configuration file again */
        ORDER_MAX,
} OrderWhat;
DECLARE_NAMES(order, OrderWhat)

typedef struct MsgOrder {
        MsgHeader h;
        uint32_t what;
        bool immediate;      /* STOP: immediate instead of fast */
        bool may_remake;     /* FOLLOW: the data directory may be rewound or replaced */
        bool hands_off;      /* FOLLOW, in pause: what is stopped stays so, what runs is not stopped */
        bool from_leader;    /* FOLLOW, anew: by pg_basebackup, from the leader itself */
        int32_t outgoing;    /* FOLLOW, START: not this postmaster: it is stopped first; 0: any will do */
        bool remote;         /* FOLLOW: the remote cluster of standby_cluster, not a member; with an
                                epoch, as standby leader */
        bool pad[3];
        usec_t anew;         /* FOLLOW: the data directory goes first, once for each number; 0: it stays */
        Epoch epoch;
        usec_t deadline;
        Member leader;
        char text[SYNC_LIST_SIZE];
} MsgOrder;

/* End the operation in flight; its RESULT says how. */
typedef struct MsgCancel {
        MsgHeader h;
} MsgCancel;

/* In the number of a leaf that is none of ours, beside the id of the cgroup an adopted server is in. */
#define LEAF_ADOPTED (UINT64_C(1) << 63)

/* It is one that the launcher makes, and finds again by its number. */
static inline bool leaf_is_launchers(uint64_t leaf)
{
        return leaf != 0 && !(leaf & LEAF_ADOPTED);
}

/*
 * A leaf cgroup was made, or found again, for a postmaster about to start. fds: its directory, then
 * its cgroup.kill, if it may be written; none of an adopted one in which other processes run too.
 */
typedef struct MsgLeaf {
        MsgHeader h;
        uint64_t leaf;
        uint64_t cgroup; /* its id; 0: this machine gives us no cgroups, or others are in it too */
        Epoch over;      /* revoked before the leaf was made: no server in it acts under this epoch, or one before it */
        char path[URL_SIZE];
} MsgLeaf;

/* The leaf is in fenced's hands (or never will be): the postmaster may be born. */
typedef struct MsgGate {
        MsgHeader h;
        uint64_t leaf;
        uint32_t outcome;
        uint32_t pad;
        char text[REASON_SIZE];
} MsgGate;

/* Ask the server now; RESULT follows the PG_STATE that carries the answer. */
typedef struct MsgProbe {
        MsgHeader h;
} MsgProbe;

typedef struct MsgPgState {
        MsgHeader h;
        PgState pg;
} MsgPgState;

/* The timeline switches behind a primary's WAL, from its own files. */
typedef struct MsgHistory {
        MsgHeader h;
        History history;
} MsgHistory;

/* Make the leaf, or open the one of that number that is there (after a restart of pgd). */
typedef struct MsgMakeLeaf {
        MsgHeader h;
        uint64_t leaf;
} MsgMakeLeaf;

typedef struct MsgDropLeaf {
        MsgHeader h;
        uint64_t leaf;
} MsgDropLeaf;

#define LEAF_TOOLS 0 /* the sibling in which everything but the postmaster runs */

/*
 * fds: stdin, stdout, stderr; none: the launcher's own, which is how a postmaster's lines come into
 * its unit's journal. Then: argc strings, then envc strings "K=V", each terminated.
 */
typedef struct MsgSpawn {
        MsgHeader h;
        uint64_t leaf;
        uint32_t argc;
        uint32_t envc;
        char cwd[URL_SIZE];
        char strings[];
} MsgSpawn;

/* fds: a pidfd. */
typedef struct MsgSpawned {
        MsgHeader h; /* seq: of SPAWN */
        int32_t pid;
        uint32_t pad;
} MsgSpawned;

typedef struct MsgExited {
        MsgHeader h; /* seq: of SPAWN */
        int32_t pid;
        int32_t status; /* as waitid(2): exit code, or minus the signal */
} MsgExited;
