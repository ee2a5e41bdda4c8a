/*
 * Addresses: the virtual IPs of one cluster on this host. The primary's are held under the permit to be
 * primary, each of a replica's under a right of its own.
 *
 * Owns:    a VipHold for each. The rights are the caller's, in the table that outlives a restart.
 * Threads: none.
 */
#pragma once

#include "fence/vip.h"

/* The right to an address for a replica. Plain data. */
typedef struct VipRight {
        char name[VIP_NAME_SIZE]; /* empty: free */
        MsgPermit permit;
        Epoch revoked;
} VipRight;

typedef struct Addresses Addresses;

/* netlink: NULL where this process may not use it. rights: VIPS_MAX of them. */
int addresses_new(Addresses **ret, sd_event *e, Netlink *netlink, Arp *arp, Stall *stall,
                  const char *cluster, VipRight *rights, const VipCalls *calls, void *userdata);
Addresses *addresses_free(Addresses *a); /* leaves them to their lifetimes */
DEFINE_CLEANUP(Addresses *, addresses_free)

/* These, and no others: one that is no longer wanted is given up. */
void addresses_want(Addresses *a, const MsgWant *want);

/* May and shall the primary's be held? And a look at the time, for the others. */
void addresses_apply(Addresses *a, bool may, bool take, const MsgPermit *permit, usec_t now);

/* addresses_apply() follows. False: there is no room for another right. */
bool addresses_permit(Addresses *a, const MsgVipPermit *permit, usec_t now);

/* When the next right to a replica's address ends; USEC_INFINITY: none runs. */
usec_t addresses_next_end(const Addresses *a, usec_t now);

/* Links or addresses of this host changed. */
void addresses_look(Addresses *a);

void addresses_state(const Addresses *a, MsgFenceState *ret);
