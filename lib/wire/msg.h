/*
 * msg: every message of the suite. This page is its map.
 *
 * AF_UNIX SOCK_SEQPACKET, one packet one message: a header, then the struct of its type; where a
 * struct ends in [] or says "then", so many bytes more. Byte order and layout are the host's: both
 * ends come from one package, and HELLO compares WIRE_VERSION. Instants are CLOCK_BOOTTIME in
 * microseconds. Strings are terminated within their array. The receiver checks all of this before
 * a handler sees the message (wire.h).
 *
 *                      HOLD BID RELEASE PUBLISH RECORD ASK_PEERS
 *             ┌───────────────────────────────────────────────────▶ dcsd
 *             │        LEASE CLUSTER PEERS LINK RESULT
 *             │        PERMIT REVOKE ORDER CANCEL CLUSTER GATE PROBE
 *             ├───────────────────────────────────────────────────▶ pgd ◀──▶ launcher
 *    mind ────┤        PG_STATE HISTORY PROGRESS LEAF RESULT             MAKE_LEAF SPAWN DROP_LEAF
 *             │        PERMIT REVOKE WANT VIP_PERMIT                     LEAF SPAWNED EXITED
 *             ├───────────────────────────────────────────────────▶ fenced
 *             │        FENCE_STATE RESULT
 *             │        ARM PERMIT REVOKE DISARM RESET
 *             ├───────────────────────────────────────────────────▶ watchdogd
 *             │        WATCHDOG_STATE RESULT
 *             │        STATUS CLUSTER PG_STATE HISTORY PERMIT REVOKE ROW RESULT
 *             └───────────────────────────────────────────────────▶ apid
 *                      REQUEST
 *
 * The mind connects and says HELLO; the hand checks its uid and answers with its state. `seq` of a
 * RESULT, ROW or progress names the message it answers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "model/cluster.h"
#include "model/peer.h"
#include "model/pg.h"

#define WIRE_VERSION 1
#define WIRE_PACKET_MAX (160 * 1024) /* below the default SO_SNDBUF, which no daemon can raise */
#define WIRE_FDS_MAX 4

typedef enum MsgType {
        MSG_INVALID = 0,
        /* every hand */
        MSG_HELLO, MSG_RESULT, MSG_PERMIT, MSG_REVOKE,
        /* dcsd */
        MSG_HOLD, MSG_BID, MSG_RELEASE, MSG_PUBLISH, MSG_RECORD, MSG_ASK_PEERS, MSG_ASK_FAILSAFE,
        MSG_LEASE, MSG_CLUSTER, MSG_PEERS, MSG_LINK,
        /* pgd */
        MSG_ORDER, MSG_CANCEL, MSG_GATE, MSG_PROBE, MSG_PG_STATE, MSG_HISTORY, MSG_PROGRESS, MSG_LEAF,
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

/* ---- every hand ---- */

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

/* ---- dcsd ---- */

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
} MsgAskFailsafe;

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

/* ---- pgd and its launcher ---- */

typedef enum OrderWhat {
        ORDER_NONE = 0,
        ORDER_BOOTSTRAP,  /* make a new cluster here: initdb and roles, not started */
        ORDER_FOLLOW,     /* be a standby of `leader` (no name: of nobody), by whatever it takes */
        ORDER_PROMOTE,    /* a running standby becomes primary under the permit of `epoch` */
        ORDER_START,      /* start as primary under the permit of `epoch`: fresh, or after a crash;
                             text: as for ORDER_SYNC_NAMES */
        ORDER_STOP,       /* fast, or immediate */
        ORDER_CHECKPOINT, /* before an orderly stop */
        ORDER_SYNC_NAMES, /* synchronous_standby_names = text */
        ORDER_LEAVE,      /* remember that this node has left */
        ORDER_JOIN,       /* forget it */
        ORDER_RELOAD,     /* read the configuration file again */
        ORDER_MAX,
} OrderWhat;
DECLARE_NAMES(order, OrderWhat)

typedef struct MsgOrder {
        MsgHeader h;
        uint32_t what;
        bool immediate;      /* STOP: immediate instead of fast */
        bool may_remake;     /* FOLLOW: the data directory may be rewound or replaced */
        bool hands_off;      /* FOLLOW, in pause: what is stopped stays so, what runs is not stopped */
        bool pad;
        Epoch epoch;
        usec_t deadline;
        Member leader;
        char text[SYNC_LIST_SIZE];
} MsgOrder;

/* End the operation in flight; its RESULT says how. */
typedef struct MsgCancel {
        MsgHeader h;
} MsgCancel;

/* In the number of a leaf that is none of ours, beside the id of the cgroup an adopted server is in. */
#define LEAF_ADOPTED (UINT64_C(1) << 63)

/*
 * A leaf cgroup was made, or found again, for a postmaster about to start. fds: its directory, then
 * its cgroup.kill, if it may be written; none of an adopted one in which other processes run too.
 */
typedef struct MsgLeaf {
        MsgHeader h;
        uint64_t leaf;
        uint64_t cgroup; /* its id; 0: this machine gives us no cgroups, or others are in it too */
        char path[URL_SIZE];
} MsgLeaf;

/* The leaf is in fenced's hands (or never will be): the postmaster may be born. */
typedef struct MsgGate {
        MsgHeader h;
        uint64_t leaf;
        uint32_t outcome;
        uint32_t pad;
        char text[REASON_SIZE];
} MsgGate;

/* Ask the server now; RESULT follows the PG_STATE that carries the answer. */
typedef struct MsgProbe {
        MsgHeader h;
} MsgProbe;

typedef struct MsgPgState {
        MsgHeader h;
        PgState pg;
} MsgPgState;

/* The timeline switches behind a primary's WAL, from its own files. */
typedef struct MsgHistory {
        MsgHeader h;
        History history;
} MsgHistory;

typedef struct MsgProgress {
        MsgHeader h; /* seq: of the order */
        uint32_t operation;
        uint32_t pad;
        uint64_t done_bytes;
        uint64_t total_bytes; /* 0: not known */
        char text[REASON_SIZE];
} MsgProgress;

/* Make the leaf, or open the one of that number that is there (after a restart of pgd). */
typedef struct MsgMakeLeaf {
        MsgHeader h;
        uint64_t leaf;
} MsgMakeLeaf;

typedef struct MsgDropLeaf {
        MsgHeader h;
        uint64_t leaf;
} MsgDropLeaf;

#define LEAF_TOOLS 0 /* the sibling in which everything but the postmaster runs */

/*
 * fds: stdin, stdout, stderr; none: the launcher's own, which is how a postmaster's lines come into
 * its unit's journal. Then: argc strings, then envc strings "K=V", each terminated.
 */
typedef struct MsgSpawn {
        MsgHeader h;
        uint64_t leaf;
        uint32_t argc;
        uint32_t envc;
        char cwd[URL_SIZE];
        char strings[];
} MsgSpawn;

/* fds: a pidfd. */
typedef struct MsgSpawned {
        MsgHeader h; /* seq: of SPAWN */
        int32_t pid;
        uint32_t pad;
} MsgSpawned;

typedef struct MsgExited {
        MsgHeader h; /* seq: of SPAWN */
        int32_t pid;
        int32_t status; /* as waitid(2): exit code, or minus the signal */
} MsgExited;

/* ---- fenced ---- */

typedef struct Vip {
        char address[48];
        char interface[INTERFACE_SIZE]; /* empty: the one whose subnet matches */
        char name[VIP_NAME_SIZE]; /* a replica's, held under VIP_PERMIT; empty: the primary's */
} Vip;

typedef enum FenceMode {
        FENCE_AUTOMATIC = 0,
        FENCE_REQUIRED,
        FENCE_OFF,
        FENCE_MODE_MAX,
} FenceMode;
DECLARE_NAMES(fence_mode, FenceMode)

/* A systemd unit, a pooler's, that stands behind the same gate. */
typedef struct Unit {
        char name[UNIT_SIZE];
} Unit;

/* Everything fenced shall hold for this cluster. fds: with a new leaf, as in LEAF. */
typedef struct MsgWant {
        MsgHeader h;
        Epoch epoch;       /* under whose permit this node acts as primary; 0: it does not */
        uint64_t leaf;     /* 0: no postmaster */
        uint64_t cgroup;
        uint32_t gate_mode;
        uint32_t take; /* 1: hold the addresses; 0: with an epoch, only probe for duplicates */
        uint32_t n_vips;
        uint32_t n_also;
        Vip vips[VIPS_MAX];
        Unit also[ALSO_MAX];
        char leaf_path[URL_SIZE];
} MsgWant;

/* The right to hold a replica's address, answered by RESULT once the address follows it. */
typedef struct MsgVipPermit {
        MsgHeader h;
        Epoch epoch;     /* the create_revision of palisade/vip/<vip> */
        usec_t deadline; /* within an epoch it only moves forward; 0: no right of it is left */
        usec_t lease_end;
        char vip[VIP_NAME_SIZE];
} MsgVipPermit;

typedef struct VipState {
        Vip vip;
        bool present;
        bool wanted;
        usec_t until; /* when the kernel drops it by itself, at the latest */
        usec_t limit; /* not 0: it may be gone from then on, sooner than the permit ends */
        char reason[REASON_SIZE]; /* why it is not there though wanted; empty: no trouble */
} VipState;

typedef enum GateState {
        GATE_UNKNOWN = 0,
        GATE_ABSENT, /* none on this machine or in this build; reason says why */
        GATE_OPEN,
        GATE_SHUT,
        GATE_MAX,
} GateState;
DECLARE_NAMES(gate_state, GateState)

typedef struct UnitState {
        Unit unit;
        uint32_t gate; /* GateState; UNKNOWN: the unit does not run */
        char reason[REASON_SIZE]; /* why there is no gate, or why it stays shut */
} UnitState;

typedef struct MsgFenceState {
        MsgHeader h;
        Epoch epoch;
        usec_t deadline;
        uint64_t standing;
        Epoch revoked_epoch;
        uint64_t leaf;
        uint64_t cgroup;
        uint32_t populated; /* Tri */
        uint32_t gate;      /* GateState */
        usec_t empty_since; /* when `populated 0` of this leaf was seen; 0: not */
        usec_t killed;      /* when fenced killed the leaf; 0: never */
        usec_t stall;
        uint32_t n_vips;
        uint32_t n_also;
        VipState vips[VIPS_MAX];
        UnitState also[ALSO_MAX];
        char gate_reason[REASON_SIZE];
} MsgFenceState;

/* ---- watchdogd: RESULT to ARM comes after the STATE that carries W ---- */

typedef enum WatchdogMode {
        WATCHDOG_AUTOMATIC = 0,
        WATCHDOG_REQUIRED,
        WATCHDOG_OFF,
        WATCHDOG_MODE_MAX,
} WatchdogMode;
DECLARE_NAMES(watchdog_mode, WatchdogMode)

typedef struct MsgArm {
        MsgHeader h;
        uint32_t mode;
        uint32_t pad;
        Epoch epoch;            /* for which a permit is to follow */
        usec_t within;          /* asked: W, the longest time from a pet to the reset */
        usec_t reset_after;     /* W as configured; 0: what the driver grants, times its factor */
        char device[HOST_SIZE]; /* empty: choose */
} MsgArm;

/* goes_on: the epoch is not over (pause, a W that does not fit): ARM may come again for it. */
typedef struct MsgDisarm {
        MsgHeader h;
        Epoch epoch;
        uint64_t goes_on;
} MsgDisarm;

typedef struct MsgReset {
        MsgHeader h;
        char reason[REASON_SIZE];
} MsgReset;

typedef struct MsgWatchdogState {
        MsgHeader h;
        uint32_t armed;   /* Tri: for this cluster */
        uint32_t mode;
        usec_t granted;   /* the driver's timeout */
        usec_t fires;     /* W: the longest time from a pet to the reset */
        usec_t last_pet;
        Epoch epoch;
        usec_t deadline;
        Epoch revoked_epoch;
        usec_t stall;
        char device[HOST_SIZE];
        char identity[64];
        char boot_cause[REASON_SIZE];
        char reason[REASON_SIZE]; /* unarmed: why it cannot be, empty: it can; armed: what is wrong */
} MsgWatchdogState;

/* ---- apid ---- */

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
        bool pad[2];
        usec_t permit_deadline; /* 0: none */
        usec_t permit_margin;
        usec_t renewal_interval;
        usec_t beat;            /* when the mind last decided: liveness */
        usec_t rule_since;
        Epoch epoch;
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
                             RESULT done: it is stored */
        REQUEST_MAX,
} RequestKind;
DECLARE_NAMES(request, RequestKind)

typedef struct MsgRequest {
        MsgHeader h;
        uint32_t kind;
        uint32_t blob_size;
        uint64_t revision; /* CONFIG: RECORD_ANY_REVISION replaces without comparing */
        usec_t scheduled_wall_usec;
        Timing timing;  /* CONFIG: as the document has it, adjusted; ttl 0: not told */
        uint64_t force; /* RESUME: do not wait for members that may stand and do not answer */
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
