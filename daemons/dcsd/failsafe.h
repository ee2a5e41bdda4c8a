/*
 * Failsafe: asks every other member of /failsafe to promise that it will not bid for one ttl, while
 * the DCS is down (PATRONI-SPEC §2.13).
 *
 * Owns:      one asking at a time, its requests and their answers.
 * Invariant: `accepted` is called only after every other member of the last /failsafe, in which
 *            this node stands, has answered 200 Accepted to a POST that left after `sent`, and no write
 *            of ours may still add a member to it (doubt.h).
 * Threads:   none.
 */
#pragma once

#include "dcsd/asks.h"
#include "dcsd/cache.h"
#include "dcsd/record.h"

typedef struct Failsafe Failsafe;

typedef struct FailsafeCalls {
        void (*accepted)(Epoch epoch, usec_t sent, usec_t ttl, void *userdata);
        void (*result)(uint64_t seq, Outcome outcome, Epoch epoch, const char *text, void *userdata);
} FailsafeCalls;

/* Everything handed in stays the caller's. */
int failsafe_new(Failsafe **ret, Asks *asks, const Cache *cache, const FailsafeCalls *calls,
                 void *userdata);
Failsafe *failsafe_free(Failsafe *f);
DEFINE_CLEANUP(Failsafe *, failsafe_free)

/* self: as last published. Answered at the deadline at the latest. */
void failsafe_ask(Failsafe *f, const MsgAskFailsafe *m, const Member *self);

/* A write of the key is sent, or answered: results of other records (seq) change nothing. */
void failsafe_sent(Failsafe *f, const MsgRecord *m, const RecordPlan *plan);
void failsafe_answered(Failsafe *f, uint64_t seq, Outcome outcome);

/* Nobody is asked under this epoch before a write of the key is done. */
bool failsafe_in_doubt(const Failsafe *f, Epoch epoch);

/* Members of /failsafe that the mind knows by name only get their addresses. */
void failsafe_add_addresses(const Failsafe *f, MsgAskPeers *m);

/* Whoever asked is gone. */
void failsafe_forget(Failsafe *f);
