/*
 * slots: which physical replication slots the members need, and the next thing to do about it.
 *
 * Pure. Every node keeps a slot for each other member (PATRONI-SPEC §2.18), so that whoever leads
 * next still has the WAL they need; the leader's are moved by their owners, a replica advances its
 * own to what /status says. A slot of a member that went away is kept for member_slots_ttl. Physical
 * slots named in the configuration's `slots` are permanent: on every node, until they are taken out
 * there. No other slot is ever dropped, and none that `ignore_slots` matches.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"
#include "model/pg.h"

#define SLOTS_SEEN_MAX CLUSTER_SLOTS_MAX

/* The slots of members seen so far, and when last, and permanent ones. Only these are ever dropped. */
typedef struct SlotsSeen {
        uint32_t n;
        struct {
                char name[IDENT_SIZE];
                usec_t last;
                enum { SLOT_OF_MEMBER = 0, SLOT_PERMANENT, SLOT_GIVEN_UP } kind;
                bool ignored;
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

/* Notes who is there now, and what the dynamic configuration says (NULL: not known). */
void slots_note(SlotsSeen *seen, const Cluster *c, const char *own_name, const Node *dynamic, usec_t now);

/* The first thing still to be done after `skip` others that failed; nothing: SLOT_NOTHING. */
SlotPlan slots_plan(const SlotsSeen *seen, const Cluster *c, const PgState *pg, bool leads,
                    usec_t now, unsigned skip);
