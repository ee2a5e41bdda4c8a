/*
 * plan: what fenced holds, and until when. Pure.
 *
 * The kernel counts address lifetimes in whole seconds and removes late, so a lifetime is rounded
 * down after taking off how late the kernel may be (measured: KERNEL-FACTS "Address lifetime"), and
 * set anew at each instant at which it comes out as a whole second.
 */
#pragma once

#include <stdbool.h>

#include "wire/msg.h"

#define VIP_LATENESS_V4 (400 * USEC_PER_MSEC)
#define VIP_LATENESS_V6 (1000 * USEC_PER_MSEC)

typedef struct VipLifetime {
        uint32_t seconds; /* to give the address now; 0: it may not be held */
        usec_t again;     /* when to set it anew; USEC_INFINITY: not before the next permit */
        usec_t limit;     /* when the kernel removes it at the latest by this lifetime */
} VipLifetime;

VipLifetime plan_vip_lifetime(const MsgPermit *permit, bool v6, usec_t now);

/*
 * The address's own limit, where it is sooner than the permit's end: the kernel may remove it from
 * then on, since the last whole second ends there. 0: it lasts as long as the permit.
 */
usec_t plan_vip_limit(const MsgPermit *permit, bool v6);

/*
 * The right to one address after this message, which may be of an older epoch, or take it (deadline 0).
 * revoked: the last epoch of it that was taken.
 */
MsgPermit plan_vip_permit(const MsgPermit *old, const MsgVipPermit *next, Epoch *revoked);

/*
 * A permit of a later epoch covers a server that acts under an earlier one, if that is not revoked:
 * a primary that led on while its key was gone, and won it again (failsafe mode, pause).
 */

/* May addresses be held, and may the leaf's primary live, under this permit at `now`? */
bool plan_permits(const MsgPermit *permit, Epoch epoch, Epoch revoked, usec_t now);

/*
 * Until when packets may leave the postmaster's sockets. epoch: under which it acts as primary; 0: a
 * standby, whose gate has no deadline. shut: it was revoked or killed, which is for ever.
 */
usec_t plan_gate(const MsgPermit *permit, Epoch epoch, Epoch revoked, bool shut);

/* Whether the leaf is shut for ever: its server's right was revoked. */
bool plan_shuts(const MsgWant *want, Epoch revoked);

/*
 * A pooler's gate lives on from one right to the next. Shut until now and about to open under another
 * right than it was last open under: what waits behind it must be destroyed first, or an
 * acknowledgement of the old right would be delivered (DESIGN §3).
 */
bool plan_reopens(usec_t deadline, usec_t next, bool same_right, usec_t now);

/* A newer permit against the one in force: taken, or left aside (older epoch, moving back, revoked). */
bool plan_accepts(const MsgPermit *old, const MsgPermit *next, Epoch revoked);

/*
 * The wish as it is carried out. A leaf belongs to one start of a postmaster: a pgd that was restarted
 * names it before it has found the way to it again, and what is known of it stays. So does the gate
 * around an adopted server that others have joined since: its listeners were born there. And a primary's leaf stays,
 * under its epoch, while processes live in it: a wish without a leaf tells of a pgd that found no postmaster, whose
 * backends may still answer their clients.
 */
void plan_leaf(const MsgWant *held, Tri populated, MsgWant *next);

/*
 * Announcements after taking an address (KERNEL-FACTS "Announcements"): when the n-th one is due,
 * counted from the taking; it never ends.
 */
usec_t plan_announcement(unsigned n);

/* A probe for duplicates sends this many requests so far apart, and then waits once more. */
#define PROBE_COUNT 3
#define PROBE_EVERY (50 * USEC_PER_MSEC)
/* How long its word holds. */
#define PROBE_HOLDS (5 * USEC_PER_SEC)
