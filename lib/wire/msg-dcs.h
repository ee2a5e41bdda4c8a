/*
 * msg-dcs: what the mind and dcsd say to each other.
 */
#pragma once

#include "wire/msg-base.h"

/* Where `vip` is not empty, it is not about the leader key, but palisade/vip/<vip>, on its own lease. */

/* Renew the lease until renew_until, at this cadence. epoch 0: as a member that does not lead. */
typedef struct MsgHold {
        MsgHeader h;
        Epoch epoch;
        usec_t renew_until;
        usec_t interval;
        usec_t ttl;         /* for a new lease; one of another ttl is moved from when `move` is set */
        uint64_t move;
        char vip[VIP_NAME_SIZE];
} MsgHold;

/*
 * Create the leader key if it is absent and these keys are still at the revisions decided on (0:
 * absent). RESULT done carries the epoch and is followed by LEASE; refused: somebody else has it,
 * or a key changed.
 */
typedef struct MsgBid {
        MsgHeader h;
        uint64_t sync_revision;
        uint64_t failover_revision;
        uint64_t config_revision;
        usec_t ttl;
        usec_t deadline;
        char vip[VIP_NAME_SIZE]; /* not empty: no revision is compared */
} MsgBid;

/* Write optime to /status (0: leave it), then delete the leader key if it is still this epoch's. */
typedef struct MsgRelease {
        MsgHeader h;
        Epoch epoch;
        Lsn optime;
        usec_t deadline;
        char vip[VIP_NAME_SIZE];
} MsgRelease;

/* The member key as it shall read; written when it differs or hangs on another lease. */
typedef struct MsgPublish {
        MsgHeader h;
        Member member;
        ScheduledRestart restart; /* its schedule 0: none */
        Pending pending;          /* why `pending_restart` */
} MsgPublish;

typedef enum RecordKey {
        RECORD_NONE = 0,
        RECORD_INITIALIZE, /* InitializeKey; state ABSENT deletes */
        RECORD_CONFIG,     /* then: the JSON text; no text: this node's bootstrap.dcs */
        RECORD_STATUS,     /* StatusKey */
        RECORD_HISTORY,    /* History */
        RECORD_SYNC,       /* SyncKey; empty leader with epoch: deletes */
        RECORD_FAILOVER,   /* FailoverKey; not requested: writes {} */
        RECORD_FAILSAFE,   /* nothing: dcsd makes the map of the members it knows */
        RECORD_STANDING,   /* StandingKey */
        RECORD_RESUME,     /* ResumeKey */
        RECORD_MAX,
} RecordKey;
DECLARE_NAMES(record_key, RecordKey)

#define RECORD_ANY_REVISION UINT64_MAX

typedef struct MsgRecord {
        MsgHeader h;
        uint32_t key;
        uint32_t pad;
        Epoch epoch;       /* not 0: only while the leader key is this epoch's and ours */
        uint64_t revision; /* mod_revision compared: 0 absent, RECORD_ANY_REVISION not compared */
        usec_t deadline;
        uint8_t value[]; /* the struct of `key` */
} MsgRecord;

typedef enum AskKind {
        ASK_NONE = 0,
        ASK_RACE,      /* where does everybody stand? */
        ASK_CANDIDATE, /* has the candidate received the shutdown checkpoint? */
        ASK_MAX,
} AskKind;

typedef struct PeerAddress {
        char name[NAME_SIZE];
        char api_url[URL_SIZE];
} PeerAddress;

/* GET each api_url (empty: as /failsafe has it); one PEERS answers, at the latest at the deadline. */
typedef struct MsgAskPeers {
        MsgHeader h;
        uint32_t kind;
        uint32_t n_peers;
        usec_t deadline;
        PeerAddress peers[];
} MsgAskPeers;

/*
 * The DCS is down: POST /failsafe to every other member of /failsafe. All accept: LEASE of kind
 * FAILSAFE, then RESULT done. Else RESULT refused, with the name of who did not.
 */
typedef struct MsgAskFailsafe {
        MsgHeader h;
        Epoch epoch;
        usec_t ttl;
        usec_t deadline;
        StatusKey status; /* what /status would say of slots */
} MsgAskFailsafe;

/* Read the configuration file again: tags, users, certificates. */
typedef struct MsgReload {
        MsgHeader h;
} MsgReload;

typedef struct MsgPeers {
        MsgHeader h; /* seq: of ASK_PEERS */
        uint32_t kind;
        uint32_t n_peers;
        Peer peers[];
} MsgPeers;

typedef enum LeaseKind {
        LEASE_NONE = 0,
        LEASE_LEADER,   /* confirmed by a linearizable read of the leader key */
        LEASE_FAILSAFE, /* every member of /failsafe accepted */
        LEASE_MAX,
} LeaseKind;

/* A confirmed renewal: nobody else can hold the leader key before sent + ttl. */
typedef struct MsgLease {
        MsgHeader h;
        Epoch epoch;
        uint32_t kind;
        uint32_t pad;
        int64_t id;
        usec_t sent; /* noted before the renewal left */
        usec_t ttl;  /* the least of asked, granted and answered */
        char vip[VIP_NAME_SIZE];
} MsgLease;

/* The whole cluster as of one revision. `cluster` is cut after its last member; then: blobs. */
typedef struct MsgCluster {
        MsgHeader h;
        uint32_t blobs_size;
        uint32_t pad;
        Cluster cluster;
} MsgCluster;

typedef enum LinkState {
        LINK_UNKNOWN = 0, /* not yet connected */
        LINK_UP,          /* the watch is current */
        LINK_DOWN,
        LINK_MAX,
} LinkState;
DECLARE_NAMES(link_state, LinkState)

typedef struct MsgLink {
        MsgHeader h;
        uint32_t state;
        uint32_t pad;
        uint64_t dcs_id;
        uint64_t raft_term;
        usec_t since;
        usec_t answered; /* when the DCS last answered anything */
        usec_t stall;    /* worst lateness of dcsd's timers */
        char endpoint[URL_SIZE];
        char server_version[24];
        char reason[REASON_SIZE];
} MsgLink;
