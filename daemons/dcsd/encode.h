/*
 * encode: the values of our keys, as Patroni writes them: key order, which keys are left out,
 * compact JSON (PATRONI-SPEC §1.2).
 *
 * Pure. Makers answer a Node the caller frees; NULL: out of memory.
 */
#pragma once

#include "config/tree.h"
#include "model/cluster.h"
#include "model/restart.h"

/*
 * members/<name>. restart: the one scheduled, or NULL. tags: the configuration's section, or NULL;
 * filtered as §3.9 says, and what the mind adds to it (nosync while it leaves the synchronous set)
 * put on top. proxy_url: or NULL.
 */
Node *encode_member(const Member *m, const ScheduledRestart *restart, const Pending *pending,
                    const Node *tags,
                    const char *proxy_url);

/* retain: a list for retain_slots, or NULL; taken, also on failure. */
Node *encode_status(const StatusKey *s, Node *retain);

/* The status key as it was, with another optime. before: the parsed value, or NULL. */
Node *encode_optime(Lsn optime, const Node *before);

/*
 * before: the parsed key as it is, or NULL: it gives time and leader of switches that `h` knows
 * only by timeline and position. most: the newest so many lines; 0: all.
 */
Node *encode_history(const History *h, const Node *before, uint32_t most);

Node *encode_sync(const SyncKey *s);
Node *encode_failover(const FailoverKey *f);
Node *encode_standing(const StandingKey *s);
Node *encode_resume(const ResumeKey *r);

/* /failsafe: name -> api_url of each member that has one. */
Node *encode_failsafe(const Cluster *c, const Member *self); /* self: also where its key is gone */

/* What a leader POSTs to the others' /failsafe: its slots, and for how long they are to promise (Patroni reads no ttl). */
Node *encode_failsafe_call(const Member *self, const StatusKey *status, usec_t ttl);

/* The first dynamic configuration of a new cluster: bootstrap.dcs (or NULL) with our defaults. */
Node *encode_first_config(const Node *bootstrap_dcs);
