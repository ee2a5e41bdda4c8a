/*
 * slots: which replication slots this node keeps, and the next thing to do about one.
 *
 * Pure. Every node keeps a physical slot for each other member and every permanent one (PATRONI-SPEC
 * §2.18), so that whoever leads next still has the WAL they need; the leader's are moved by their
 * owners, a replica advances its own to what /status says. A slot of a member that went away is kept
 * for member_slots_ttl, counted anew by a leader that finds it in retain_slots. How logical ones are
 * made and moved is logical.h's; they are dropped here. Slots that were never a member's nor permanent
 * are nobody's business here, but for logical ones on a standby that cannot decode: they are what it
 * kept from when it led, and hold back WAL and the vacuum for nobody.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"
#include "model/pg.h"

#define SLOTS_SEEN_MAX CLUSTER_SLOTS_MAX

/* A slot as this server has it; temporary ones are not among them. */
typedef struct SlotRow {
        char name[IDENT_SIZE];
        char database[IDENT_SIZE]; /* these two of a logical one */
        char plugin[IDENT_SIZE];
        Lsn restart;   /* 0: none */
        Lsn confirmed; /* logical: what its reader has confirmed; 0: none */
        uint32_t catalog_xmin;
        bool logical;
        bool active;
        bool has_xmin; /* it holds back the vacuum */
        bool lost;     /* WAL it needs is gone */
        bool failover; /* the server itself keeps it in step on its standbys (version 17) */
        bool synced;   /* such a copy */
} SlotRow;

typedef struct Slots {
        bool feedback; /* hot_standby_feedback is on */
        uint32_t most; /* max_replication_slots; 0: not known */
        uint32_t n;
        SlotRow rows[CLUSTER_SLOTS_MAX];
} Slots;

/* The slots that were wanted so far. Only these are ever dropped. */
typedef struct SlotsSeen {
        uint32_t n;
        struct {
                char name[IDENT_SIZE];
                usec_t last;    /* its member was seen; 0: it was no member's */
                bool permanent; /* the configuration names it */
                bool logical;   /* and wants a logical one */
        } rows[SLOTS_SEEN_MAX];
} SlotsSeen;

typedef enum SlotAction {
        SLOT_NOTHING = 0,
        SLOT_CREATE,
        SLOT_DROP,
        SLOT_ADVANCE,
} SlotAction;

typedef struct SlotPlan {
        SlotAction action;
        char name[IDENT_SIZE];
        Lsn lsn;         /* ADVANCE: to here */
        const char *why; /* DROP: for people; a constant text */
        bool loses;      /* DROP: and its reader loses changes */
} SlotPlan;

typedef struct SlotsInput {
        usec_t now;
        const Cluster *cluster;
        const PgState *pg;
        const Slots *slots;
        const Node *dynamic; /* the dynamic configuration; may be NULL */
        const char *own_name;
        Tags tags;           /* our own */
        bool leads;          /* it is out of recovery, or to lead a standby cluster */
        bool paused;         /* the cluster: nothing is dropped */
} SlotsInput;

/* ---- what the configuration asks for ---- */

/* The map of permanent slots, under whichever of its names; NULL: none. */
const Node *slots_permanent(const Node *dynamic);

/* A logical slot that can be made: with database and plugin. */
bool slots_is_logical(const Node *slot);

/* Some permanent slot is logical. */
bool slots_has_logical(const Node *dynamic);

/* Why a permanent slot cannot be made, a constant text; NULL: it can. */
const char *slots_complaint(const Node *slot, const SlotsInput *in);

/* One of ignore_slots matches it. */
bool slots_ignored(const Node *dynamic, const SlotRow *slot);

/*
 * hot_standby_feedback is to be on: this node, or one that streams through it, keeps logical slots, whose
 * rows in the catalogs the primary must not remove.
 */
bool slots_need_feedback(const SlotsInput *in);

/* Of which slot on the primary that feedback arrives: our own, or that of the member in between that
 * streams from it; empty: it does not. */
void slots_name_on_primary(const SlotsInput *in, char ret[static IDENT_SIZE]);

/* ---- what is to be done ---- */

/* Notes who and what is there now. */
void slots_note(SlotsSeen *seen, const SlotsInput *in);

/* Those of ours that are there, for /status: how far each is. */
void slots_tell(const SlotsSeen *seen, const SlotsInput *in, PgState *ret);

/* The server's slot of that name, or NULL. */
const SlotRow *slots_find(const Slots *slots, const char *name);

/* Where /status says that the leader's slot of that name is; 0: it does not. */
Lsn slots_known_lsn(const Cluster *c, const char *name);

/* The first thing still to be done after `skip` others that failed; nothing: SLOT_NOTHING. */
SlotPlan slots_plan(const SlotsSeen *seen, const SlotsInput *in, unsigned skip);
