/*
 * Lease: carries out what policy.h decides, on the connections of its own lane.
 *
 * Owns:      the policy, one request in flight, one timer.
 * Invariant: as policy.h says. Nothing here waits for anything outside the lease's lane.
 * Threads:   none.
 */
#pragma once

#include "dcsd/cache.h"
#include "dcsd/etcd.h"
#include "dcsd/paths.h"
#include "dcsd/policy.h"
#include "wire/msg.h"

typedef struct Lease Lease;

typedef struct LeaseCalls {
        void (*proved)(const PolicyProof *proof, void *userdata); /* a leader's confirmed renewal */
        void (*answered)(uint64_t revision, void *userdata);      /* an attempt did what it should */
        void (*moved)(void *userdata);                            /* lease_id() is another one */
        void (*lost)(const char *reason, void *userdata);         /* lease or leader key */
        void (*state_changed)(void *userdata);                    /* lease_failing_since() */
} LeaseCalls;

/* name, paths and cache stay the caller's. */
int lease_new(Lease **ret, sd_event *event, Etcd *e, const Cache *cache, const Paths *paths,
              const char *name, Stall *stall, const LeaseCalls *calls, void *userdata);
Lease *lease_free(Lease *l);
DEFINE_CLEANUP(Lease *, lease_free)

void lease_hold(Lease *l, const MsgHold *hold);

/* The cache is loaded, or has changed: our lease may be found there, or a stray leader key. */
void lease_keys_changed(Lease *l);

/* 0: none. */
int64_t lease_id(const Lease *l);

/* The mind wants this node in the DCS just now. */
bool lease_is_held(const Lease *l);

/*
 * CLOCK_BOOTTIME of the first attempt since the last good one that failed; 0: all is well, or
 * nobody wants it renewed (a mind that waits for the DCS must not wait for itself).
 */
usec_t lease_failing_since(const Lease *l);

/* When lease_failing_since() becomes 0 by itself, since the mind's HOLD ends; USEC_INFINITY: it is 0. */
usec_t lease_failing_until(const Lease *l);

/* Another request was told that this lease does not exist. */
void lease_gone(Lease *l, int64_t id);

/*
 * For a bid: a lease of this ttl, renewed just now. done once, with NULL and a reason if that did
 * not succeed by the deadline. One at a time: a newer one, of a mind that was started again, takes
 * the place of an older one. -EBUSY: this node leads.
 */
typedef void (*lease_fresh_t)(const PolicyProof *proof, const char *reason, void *userdata);
int lease_freshen(Lease *l, usec_t ttl, usec_t deadline, lease_fresh_t done, void *userdata);

/* Our own transactions. confirmed: the winning one was worth a confirming read. */
void lease_won(Lease *l, Epoch epoch, bool confirmed);
void lease_released(Lease *l, Epoch epoch);

/* For the status line. */
const Policy *lease_policy(const Lease *l);
