/*
 * msg-api: what the mind and apid say to each other.
 */
#pragma once

#include "wire/msg-base.h"
#include "wire/msg-dcs.h"
#include "wire/msg-fence.h"
#include "wire/msg-watchdog.h"

/* What the mouth says beside CLUSTER and PG_STATE: the mind's own view. */
typedef struct MsgStatus {
        MsgHeader h;
        char name[NAME_SIZE];
        char scope[NAME_SIZE];
        bool leader;            /* holds the lock under a running permit */
        bool leaving;
        bool left;
        bool watchdog_failed;   /* mode required, and no device answers */
        bool dcs_up;
        bool failsafe; /* leads by, or keeps, a promise instead of the key */
        bool reinitializing; /* the data directory is being replaced, as asked */
        bool pad;
        usec_t permit_deadline; /* 0: none */
        usec_t permit_margin;
        usec_t renewal_interval;
        usec_t beat;            /* when the mind last decided: liveness */
        usec_t rule_since;
        Epoch epoch;
        ScheduledRestart restart; /* its schedule 0: none */
        char rule[48];          /* the rule that fired */
        char reason[REASON_SIZE];
        MsgFenceState fence;
        MsgWatchdogState watchdog;
        MsgLink link;
} MsgStatus;

typedef enum RequestKind {
        REQUEST_NONE = 0,
        REQUEST_SWITCHOVER,
        REQUEST_FAILOVER,
        REQUEST_CANCEL_SWITCHOVER,
        REQUEST_CONFIG,  /* then: the whole new document; revision: the one it was merged from */
        REQUEST_LEAVE,
        REQUEST_JOIN,
        REQUEST_RELOAD,
        REQUEST_EXPLAIN, /* answered by ROWs and RESULT */
        REQUEST_PROBE,   /* a fresh PG_STATE, then RESULT: for GET /patroni, which peers race by */
        REQUEST_RESUME,  /* CONFIG with a document that ends the pause: who stands arms again first */
        REQUEST_FAILSAFE, /* `leader` asks for the promise that this node will not bid for one ttl;
                             RESULT done: it is stored. blob: a StatusKey, the leader's slots */
        REQUEST_RESTART,        /* answered when it is over, or noted for later */
        REQUEST_CANCEL_RESTART, /* the one for later */
        REQUEST_REINITIALIZE,   /* answered when it begins */
        REQUEST_MAX,
} RequestKind;
DECLARE_NAMES(request, RequestKind)

typedef struct MsgRequest {
        MsgHeader h;
        uint32_t kind;
        uint32_t blob_size;
        uint64_t revision; /* CONFIG: RECORD_ANY_REVISION replaces without comparing */
        usec_t scheduled_wall_usec;
        Timing timing;  /* CONFIG: as the document has it, adjusted; ttl 0: not told.
                           FAILSAFE: ttl, which the leader counts on; 0: not told, as by Patroni */
        RestartAsk restart; /* RESTART */
        uint32_t force; /* RESUME: do not wait for members that may stand and do not answer;
                           REINITIALIZE: whatever is under way is given up */
        uint32_t from_leader; /* REINITIALIZE: by pg_basebackup, from the leader itself */
        char leader[NAME_SIZE];
        char candidate[NAME_SIZE];
        char blob[];
} MsgRequest;

typedef struct MsgRow {
        MsgHeader h; /* seq: of REQUEST */
        char section[32];
        char key[64];
        char value[REASON_SIZE];
        char note[REASON_SIZE];
} MsgRow;
