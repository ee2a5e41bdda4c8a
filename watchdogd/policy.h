/*
 * Policy: may the device be petted now, and what if not (DESIGN §2, item 6).
 *
 * The device is petted every W/4 while no armed cluster's right is over. When one is, petting stops
 * and the device resets the host W after its last pet, which the permit has allowed for; DISARM,
 * once the mind has confirmed the fence, is what saves the host. Two things end in a reset at once:
 * a pet that ended after the permit, since the device would now fire later than promised, and a
 * device that did not fire although it should have long ago.
 *
 * Pure. The structs are also the layout of the table that outlives the program (table.h): change
 * them and an upgrade finds a table it cannot believe, which means no pet. Append, and read both.
 */
#pragma once

#include <stdbool.h>

#include "wire/msg.h"

#define POLICY_CLUSTERS_MAX 16
#define POLICY_FIRE_GRACE (1 * USEC_PER_SEC) /* how late a device may be before we do its work */

typedef struct PolicyCluster {
        char name[NAME_SIZE]; /* empty: a free row */
        uint32_t armed;
        uint32_t mode;
        Epoch epoch;    /* of ARM or of the newest PERMIT */
        usec_t deadline; /* 0: no permit in this epoch yet, so nothing acts as primary under it */
        uint64_t standing;
        Epoch revoked;
        uint64_t dcs_id; /* of the etcd cluster whose revisions the epochs are; 0: not known */
} PolicyCluster;

typedef struct PolicyTable {
        uint32_t n;
        uint32_t nowayout; /* the device cannot be disarmed: it is petted as long as nobody objects */
        usec_t fires;      /* W; 0: no device is open */
        usec_t last_pet;   /* when the last pet that succeeded ended */
        usec_t stopped;    /* since when nothing is petted though a cluster is armed; 0: it is */
        uint32_t pending;  /* the last pet was sent, and whether it has arrived is not known */
        uint32_t pad;
        PolicyCluster clusters[POLICY_CLUSTERS_MAX];
} PolicyTable;

typedef enum PolicyAct {
        POLICY_NONE = 0, /* no device is open: nothing to do */
        POLICY_WAIT,     /* until `next` */
        POLICY_PET,
        POLICY_STOP,     /* do not pet: `who` has no right left, and its fence is not confirmed */
        POLICY_RESET,    /* the host, at once; `who` says because of which cluster */
        POLICY_ACT_MAX,
} PolicyAct;
DECLARE_NAMES(policy_act, PolicyAct)

typedef struct Policy {
        PolicyAct act;
        usec_t next; /* when to ask again, unless a message comes before */
        const PolicyCluster *who;
} Policy;

/* What to do now. RESET: the device should have fired POLICY_FIRE_GRACE ago, or a pet is pending. */
Policy policy_now(const PolicyTable *t, usec_t now);

/* After a pet that ended at `ended`: RESET if it ended after a permit, else WAIT. */
Policy policy_after_pet(const PolicyTable *t, usec_t ended);

bool policy_any_armed(const PolicyTable *t);

/* The row of that name, made if `make` is set; NULL: none, or no room. */
PolicyCluster *policy_row(PolicyTable *t, const char *name, bool make);

/*
 * What a message does to a row. A permit only moves forward within an epoch, and one of a revoked
 * epoch is nothing; it may drop or set `standing` either way. ARM of a newer epoch begins without
 * a permit. DISARM of an epoch older than the row's: false, and nothing changes.
 */
void policy_dcs(PolicyCluster *c, uint64_t dcs_id); /* of another etcd, unarmed: epochs anew */
bool policy_may_arm(const PolicyCluster *c, Epoch epoch); /* false: that epoch is over */
void policy_arm(PolicyCluster *c, Epoch epoch, uint32_t mode);
void policy_permit(PolicyCluster *c, const MsgPermit *m);
void policy_revoke(PolicyCluster *c, Epoch epoch);
bool policy_disarm(PolicyCluster *c, Epoch epoch, bool goes_on); /* the epoch is not over */
