/*
 * slots: which physical replication slots the members need, and the next thing to do about it.
 *
 * Pure. Every node keeps a slot for each other member (PATRONI-SPEC §2.18), so that whoever leads
 * next still has the WAL they need; the leader's are moved by their owners, a replica advances its
 * own to what /status says. A slot of a member that went away is kept for member_slots_ttl.
 */
#pragma once

#include "model/cluster.h"
#include "model/pg.h"

#define SLOTS_SEEN_MAX CLUSTER_SLOTS_MAX

/* The slots of members seen so far, and when last. Only these are ever dropped. */
typedef struct SlotsSeen {
        uint32_t n;
        struct {
                char name[IDENT_SIZE];
                usec_t last;
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

/* Notes who is there now. */
void slots_note(SlotsSeen *seen, const Cluster *c, const char *own_name, usec_t now);

/* The first thing still to be done after `skip` others that failed; nothing: SLOT_NOTHING. */
SlotPlan slots_plan(const SlotsSeen *seen, const Cluster *c, const PgState *pg, bool leads,
                    usec_t now, unsigned skip);
