/*
 * msg-base: the header of every message, and the messages that every hand knows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "model/cluster.h"
#include "model/peer.h"
#include "model/pg.h"
#include "model/restart.h"

#define WIRE_VERSION 1
#define WIRE_PACKET_MAX (160 * 1024) /* below the default SO_SNDBUF, which no daemon can raise */
#define WIRE_FDS_MAX 4

typedef enum MsgType {
        MSG_INVALID = 0,
        /* every hand */
        MSG_HELLO, MSG_RESULT, MSG_PERMIT, MSG_REVOKE,
        /* dcsd */
        MSG_HOLD, MSG_BID, MSG_RELEASE, MSG_PUBLISH, MSG_RECORD, MSG_ASK_PEERS, MSG_ASK_FAILSAFE, MSG_RELOAD,
        MSG_LEASE, MSG_CLUSTER, MSG_PEERS, MSG_LINK,
        /* pgd */
        MSG_ORDER, MSG_CANCEL, MSG_GATE, MSG_PROBE, MSG_PG_STATE, MSG_HISTORY, MSG_LEAF,
        /* launcher */
        MSG_MAKE_LEAF, MSG_DROP_LEAF, MSG_SPAWN, MSG_SPAWNED, MSG_EXITED,
        /* fenced */
        MSG_WANT, MSG_VIP_PERMIT, MSG_FENCE_STATE,
        /* watchdogd */
        MSG_ARM, MSG_DISARM, MSG_RESET, MSG_WATCHDOG_STATE,
        /* apid */
        MSG_STATUS, MSG_REQUEST, MSG_ROW,
        MSG_TYPE_MAX,
} MsgType;
DECLARE_NAMES(msg_type, MsgType)

typedef struct MsgHeader {
        uint16_t type;
        uint16_t version;
        uint32_t size; /* of the whole packet */
        uint64_t seq;
} MsgHeader;
_Static_assert(sizeof(MsgHeader) == 16, "the header is 16 bytes");

typedef struct MsgHello {
        MsgHeader h;
        char cluster[NAME_SIZE];
        uint64_t dcs_id; /* etcd's cluster_id, once known: another one lifts the epoch's floor */
} MsgHello;

typedef enum Outcome {
        OUTCOME_UNKNOWN = 0, /* timed out: it may have happened */
        OUTCOME_DONE,
        OUTCOME_REFUSED,
        OUTCOME_MAX,
} Outcome;
DECLARE_NAMES(outcome, Outcome)

typedef struct MsgResult {
        MsgHeader h; /* seq: of the request */
        uint32_t outcome;
        uint32_t http;  /* to apid: the status to answer with */
        Epoch epoch;    /* BID done: the epoch won; a claim on `initialize` done: a revision that
                           shows it */
        char text[REASON_SIZE];
} MsgResult;

/* The right to act as primary; within an epoch it only moves forward (DESIGN §2). */
typedef struct MsgPermit {
        MsgHeader h;
        Epoch epoch;
        usec_t deadline;
        usec_t lease_end;   /* sent + ttl: the backstop of the virtual IP's kernel lifetime */
        usec_t stop_budget;
        uint64_t standing;  /* not 0: pause; the deadline is not enforced while this is set */
} MsgPermit;

/* No right of this epoch or an earlier one is left. Answered by RESULT once that is so. */
typedef struct MsgRevoke {
        MsgHeader h;
        Epoch epoch;
} MsgRevoke;
