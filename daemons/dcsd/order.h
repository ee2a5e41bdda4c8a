/*
 * Orders: the mind's BID, RELEASE and RECORD, from the message to the RESULT.
 *
 * Owns:      every order under way, with its call and its texts.
 * Invariant: each order is answered exactly once, at its deadline at the latest. DONE and REFUSED
 *            are facts: a lost answer is settled by a linearizable read first, and what cannot be
 *            settled in time is UNKNOWN.
 * Threads:   none.
 */
#pragma once

#include "dcsd/lease.h"
#include "dcsd/wish.h"

#define ORDERS_MAX 32

typedef struct Orders Orders;

typedef struct OrdersCalls {
        void (*result)(uint64_t seq, Outcome outcome, Epoch epoch, const char *text, void *userdata);
        void (*proved)(const PolicyProof *proof, void *userdata); /* after a bid's result */
        void (*keys_changed)(void *userdata); /* our own write is in the cache */
} OrdersCalls;

/* Everything handed in stays the caller's. */
int orders_new(Orders **ret, Etcd *e, Lease *lease, Cache *cache, const Paths *paths,
               const char *name, const OrdersCalls *calls, void *userdata);
Orders *orders_free(Orders *o);
DEFINE_CLEANUP(Orders *, orders_free)

/* sync, failover and config revisions as they are to be compared. */
void orders_bid(Orders *o, const MsgBid *bid);

/* status: the new value of /status, taken; NULL: leave it. */
void orders_release(Orders *o, const MsgRelease *release, char *status);

/* One key. key: its path. value: taken; NULL deletes. */
void orders_record(Orders *o, const MsgRecord *record, const char *key, char *value,
                   uint64_t revision);

/* `initialize` by whoever comes first. member: our member key's text, taken; NULL: not known. */
void orders_claim(Orders *o, const MsgRecord *record, char *member);

/* Whoever ordered is gone: what is under way goes on, and is answered with seq 0. */
void orders_forget(Orders *o);

/* A claim is under way: our member key must not be written by anybody else here. */
bool orders_has_claim(const Orders *o);
