/*
 * failsafe: the promise of a member, and the asking of a leader, while the DCS is down (DESIGN §2,
 * PATRONI-SPEC §2.13).
 *
 * A leader whose renewals fail asks every other member of /failsafe not to bid for one ttl. If all
 * accept, that is worth as much as a renewal: nobody can hold the lock before sent + ttl. It stays
 * true only while promises outlive the programs that gave them, and while whoever is not in
 * /failsafe does not bid.
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>

#include "model/cluster.h"

/* Until then this node bids for nothing. leader: who has asked; empty: nobody known (a restart). */
typedef struct Promise {
        char leader[NAME_SIZE];
        usec_t until;
} Promise;

typedef enum FailsafeAnswer {
        FAILSAFE_ACCEPTED = 0,
        FAILSAFE_IS_OFF,
        FAILSAFE_LEADS_ITSELF, /* or is about to */
} FailsafeAnswer;

/* c: NULL: nothing was read yet. acts: this node is a primary, has an epoch, or bids just now. */
FailsafeAnswer failsafe_answer(const Cluster *c, bool acts);

/* The promise after another asking, and after a start without memory of one. It never gets shorter. */
Promise failsafe_promise(const Promise *now_kept, const char *leader, usec_t received, usec_t ttl);

/*
 * Why this node may not bid, or NULL. known: whether the promises of an earlier run are (`kept`
 * holds them); they need not be where failsafe mode is off.
 */
const char *failsafe_bar(const Cluster *c, const char *name, const Promise *kept, bool known,
                         usec_t now);

/* A renewal is overdue: two intervals have passed since the last proof left. */
bool failsafe_is_due(usec_t proof_sent, usec_t interval, usec_t now);
