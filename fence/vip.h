/*
 * Vip: one virtual IP address, held under a permit.
 *
 * Owns:      its timers, the probe in flight.
 * Invariant: the address is on this host only with a kernel lifetime that ends before the leader key
 *            can be another's; it is removed at the permit's end by us, after it by the kernel. It is
 *            taken only after a probe found nobody else answering for it.
 * Threads:   none.
 */
#pragma once

#include "fence/arp.h"
#include "fence/netlink.h"
#include "fence/plan.h"
#include "io/loop.h"

typedef struct VipHold VipHold;

typedef struct VipCalls {
        void (*changed)(void *userdata); /* present, limit or reason are others now */
} VipCalls;

int vip_new(VipHold **ret, sd_event *e, Netlink *netlink, Arp *arp, Stall *stall, const Vip *vip,
            const char *cluster, const VipCalls *calls, void *userdata);
VipHold *vip_free(VipHold *v); /* leaves the address to its lifetime */
DEFINE_CLEANUP(VipHold *, vip_free)

/* Of a replica's address; empty: the primary's. */
const char *vip_name(const VipHold *v);

bool vip_is(const VipHold *v, const Vip *vip);

/* probe: find out whether the address is free; hold: have it for as long as the permit allows. */
void vip_want(VipHold *v, bool probe, bool hold, const MsgPermit *permit);

/* Links or addresses changed: perhaps somebody removed it, or the link is back. */
void vip_look(VipHold *v);

void vip_state(const VipHold *v, VipState *ret);
