/*
 * slots: which physical replication slots this node keeps, and the next thing to do about one.
 *
 * Pure. Every node keeps a slot for each other member and for each permanent one (PATRONI-SPEC §2.18),
 * so that whoever leads next still has the WAL they need; the leader's are moved by their owners, a
 * replica advances its own to what /status says. A slot of a member that went away is kept for
 * member_slots_ttl, counted anew by a leader that finds it in retain_slots. Slots that were never a
 * member's nor permanent are nobody's business here.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"
#include "model/pg.h"

#define SLOTS_SEEN_MAX CLUSTER_SLOTS_MAX

/* The slots that were wanted so far. Only these are ever dropped. */
typedef struct SlotsSeen {
        uint32_t n;
        struct {
                char name[IDENT_SIZE];
                usec_t last;    /* its member was seen; 0: it was no member's */
                bool permanent; /* the configuration names it */
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
        Lsn lsn; /* ADVANCE: to here */
} SlotPlan;

typedef struct SlotsInput {
        usec_t now;
        const Cluster *cluster;
        const PgState *pg;
        const Node *dynamic; /* the dynamic configuration; may be NULL */
        const char *own_name;
        bool leads;          /* it is out of recovery */
        bool nofailover;     /* it will never lead: permanent slots are not for it */
} SlotsInput;

/* Whether one of ignore_slots matches a physical slot of that name. */
bool slots_ignored(const Node *dynamic, const char *name);

/* Notes who and what is there now. */
void slots_note(SlotsSeen *seen, const SlotsInput *in);

/* The first thing still to be done after `skip` others that failed; nothing: SLOT_NOTHING. */
SlotPlan slots_plan(const SlotsSeen *seen, const SlotsInput *in, unsigned skip);
