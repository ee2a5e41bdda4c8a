/*
 * policy: when the lease is renewed, what a renewal is worth, and what happens when it is lost
 * (DESIGN §2).
 *
 * Pure: no clock, no socket. The shell asks policy_next() what to do, does it, and tells what came
 * of it; the simulator does the same. One request is in flight at a time.
 *
 *     leader:  KEEPALIVE ──▶ CONFIRM (linearizable read of the leader key) ──▶ proof
 *              after a lost attempt: REACH (the same read) first, then KEEPALIVE …
 *     member:  KEEPALIVE
 *     no lease, or one of another ttl:  GRANT, and for a leader MOVE
 *
 * Invariant: nothing is sent at or after renew_until. A proof's `sent` was noted before its
 *            keepalive left, and the read it rests on began after that keepalive's reply and came
 *            back with the same raft term. The leader key is never created here. A lease on which a
 *            leader key of ours hangs is not renewed for a mind that does not lead.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "base/usec.h"
#include "model/cluster.h"

#define POLICY_INTERVAL_MIN (100 * USEC_PER_MSEC)
#define POLICY_PAUSE_MAX (250 * USEC_PER_MSEC)

typedef enum PolicyStep {
        POLICY_WAIT = 0, /* until `at`, or for an event */
        POLICY_GRANT,
        POLICY_KEEPALIVE,
        POLICY_CONFIRM,
        POLICY_MOVE, /* put the leader key on the lease `to`, if it still is as we know it */
        POLICY_REACH, /* a linearizable read whose content does not matter: does etcd answer us? */
        POLICY_STEP_MAX,
} PolicyStep;
DECLARE_NAMES(policy_step, PolicyStep)

typedef struct PolicyOrder {
        PolicyStep step;
        usec_t at;       /* WAIT: when to ask again; else the request's deadline */
        int64_t lease;   /* KEEPALIVE; MOVE: the lease the key hangs on now */
        int64_t to;      /* MOVE */
        uint64_t ttl_sec; /* GRANT */
        Epoch epoch;     /* CONFIRM, MOVE, REACH */
} PolicyOrder;

/* The leader key as a linearizable read found it. */
typedef struct PolicyKey {
        bool present;
        bool ours; /* value == our name */
        Epoch epoch;
        int64_t lease;
        uint64_t raft_term;
} PolicyKey;

typedef enum PolicyVerdict {
        VERDICT_UNKNOWN = 0,
        VERDICT_COUNTS,
        VERDICT_TERM_CHANGED, /* between the keepalive and the read: worth nothing, try again */
        VERDICT_OTHER_LEASE,  /* the key is ours on another lease: that one is taken up */
        VERDICT_LOST,         /* the key is gone or not of our epoch: it never counts again */
        VERDICT_MAX,
} PolicyVerdict;
DECLARE_NAMES(policy_verdict, PolicyVerdict)

/* What a confirmed renewal proves, or a fresh lease for a bid. */
typedef struct PolicyProof {
        Epoch epoch;
        int64_t lease;
        usec_t sent;
        usec_t ttl;
        uint64_t raft_term;
} PolicyProof;

typedef struct Policy {
        /* from the mind */
        Epoch epoch; /* 0: a member */
        usec_t renew_until;
        usec_t interval;
        usec_t ttl;
        bool move;

        /* the lease */
        int64_t lease;    /* 0: none known */
        usec_t asked;     /* the ttl it was asked with, or, taken up, what etcd first answered */
        usec_t granted;   /* the least etcd has answered for it; 0: nothing yet */
        usec_t asking;    /* of the last GRANT; `ttl` may be another one by the time of its answer */
        int64_t moving_to; /* granted for the move under way; 0: none */
        Epoch lost_epoch; /* its key is not ours any more */
        usec_t stray_since; /* the leader key hangs on our lease and the mind does not lead; 0: no */
        bool known;       /* the keys were read: a lease of an earlier run would have been found */

        /* the attempt */
        PolicyStep in_flight;
        bool keep_next, confirm_next, move_next;
        usec_t started;   /* of the attempt; the interval counts from it */
        usec_t sent;      /* when the keepalive or grant left */
        usec_t deadline;
        uint64_t raft_term; /* of the keepalive's reply */
        usec_t answered;  /* the ttl in it */
        usec_t next;      /* when the next attempt is due */
        unsigned failures; /* in a row */
        unsigned n_endpoints;
        usec_t last_good; /* `sent` of the last attempt that did all it should */
} Policy;

void policy_init(Policy *p);

/*
 * The mind's HOLD. key: the leader key as the cache has it, for the lease of an earlier run or of a
 * bid; member_lease: what our member key hangs on. Both may be absent (NULL, 0).
 */
void policy_hold(Policy *p, Epoch epoch, usec_t renew_until, usec_t interval, usec_t ttl, bool move,
                 usec_t now);

/* The cache was read or has changed. */
void policy_keys(Policy *p, const PolicyKey *leader, int64_t member_lease, usec_t now);

/*
 * What to do now. Any step but WAIT counts as under way from this call on, its `sent` being now,
 * so that the caller must send at once. While one is under way: WAIT for ever.
 */
PolicyOrder policy_next(Policy *p, usec_t now);

/* A bid needs a lease of this ttl, renewed from now on: the next step is due at once. */
void policy_refresh(Policy *p, usec_t ttl, usec_t now);

/* Answers. */
void policy_granted(Policy *p, int64_t lease, uint64_t ttl_sec, uint64_t raft_term, usec_t now);
void policy_reached(Policy *p);
void policy_kept(Policy *p, uint64_t ttl_sec, uint64_t raft_term, usec_t now);
PolicyVerdict policy_confirmed(Policy *p, const PolicyKey *key, PolicyProof *ret, usec_t now);
void policy_moved(Policy *p, bool done, usec_t now);

/* No answer in time, or one that helps nobody: the attempt is over, the next is due at once. */
void policy_failed(Policy *p, usec_t now);

/* The lease does not exist (any request may say so). */
void policy_lease_gone(Policy *p, int64_t lease, usec_t now);

/* The lease as just granted or kept, for a bid: false if it was not, or is of another ttl. */
bool policy_fresh(const Policy *p, usec_t ttl, PolicyProof *ret);

/* Our own transaction created the leader key (confirmed: it was worth a proof), or deleted it. */
void policy_won(Policy *p, Epoch epoch, bool confirmed, usec_t now);
void policy_released(Policy *p, Epoch epoch);

/* The epoch under which renewals are confirmed: the mind's, unless its key is lost. */
Epoch policy_epoch(const Policy *p);
