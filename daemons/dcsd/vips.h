/*
 * Vips: the keys palisade/vip/<name>, each of which is held as the leader key is: on a lease of its
 * own, whose renewal counts only once a linearizable read has shown the key on it (policy.h).
 *
 * Owns:      a Lease and its Orders for each name the mind has spoken of.
 * Threads:   none.
 */
#pragma once

#include "dcsd/order.h"

typedef struct Vips Vips;

typedef struct VipsCalls {
        void (*proved)(const char *vip, const PolicyProof *proof, void *userdata);
        void (*answered)(uint64_t revision, void *userdata); /* as of a Lease */
        OrdersCalls orders;                                  /* .proved is not used */
} VipsCalls;

/* Everything handed in stays the caller's. */
int vips_new(Vips **ret, sd_event *event, Etcd *e, Cache *cache, const Paths *paths, const char *name,
             Stall *stall, const VipsCalls *calls, void *userdata);
Vips *vips_free(Vips *v);
DEFINE_CLEANUP(Vips *, vips_free)

/* Messages with a name in `vip`. */
void vips_hold(Vips *v, const MsgHold *hold);
void vips_bid(Vips *v, const MsgBid *bid);
void vips_release(Vips *v, const MsgRelease *release);

/* As lease_keys_changed() and orders_forget(). */
void vips_keys_changed(Vips *v);
void vips_forget(Vips *v);
