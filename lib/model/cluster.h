/*
 * Cluster: everything under /<namespace>/<scope>/ at one revision of the DCS.
 *
 * A plain value made by dcsd from its watch cache; the mind, pgd and apid receive it in one packet.
 * A key that is absent or unreadable leaves its part empty, with mod_revision 0 where it is absent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "model/history.h"
#include "model/member.h"
#include "model/settings.h"

/* An epoch is the create_revision of the leader key: one for each time anybody became leader. */
typedef uint64_t Epoch;

typedef struct LeaderKey {
        char name[NAME_SIZE]; /* empty: nobody holds the lock */
        Epoch epoch;
        uint64_t mod_revision;
        int64_t lease;
} LeaderKey;

typedef enum Initialize {
        INITIALIZE_ABSENT = 0,
        INITIALIZE_RUNNING, /* "": somebody is making the cluster */
        INITIALIZE_DONE,
        INITIALIZE_INVALID, /* neither empty nor a system identifier */
} Initialize;

typedef struct InitializeKey {
        Initialize state;
        uint64_t sysid;
        uint64_t mod_revision;
} InitializeKey;

typedef struct SyncKey {
        uint64_t mod_revision;
        char leader[NAME_SIZE]; /* empty: not active */
        char standbys[SYNC_LIST_SIZE];
        uint32_t quorum;
} SyncKey;

typedef struct FailoverKey {
        uint64_t mod_revision;
        bool requested; /* the object is not empty */
        char leader[NAME_SIZE];    /* given: a switchover from this leader */
        char candidate[NAME_SIZE];
        usec_t scheduled_wall_usec; /* 0: at once */
} FailoverKey;

typedef struct SlotLsn {
        char name[IDENT_SIZE];
        Lsn lsn;
} SlotLsn;

typedef struct StatusKey {
        uint64_t mod_revision;
        Lsn optime;
        uint32_t n_slots;
        SlotLsn slots[CLUSTER_SLOTS_MAX];
        char retain[SYNC_LIST_SIZE]; /* slots of members that went away, kept for a while; when read */
} StatusKey;

typedef struct ConfigKey {
        uint64_t mod_revision; /* 0: there is none, or it is no JSON object */
        BlobRef raw;
} ConfigKey;

/*
 * palisade/standing/NAME: a member that acts as primary without a deadline, since the cluster is
 * paused. Written before the deadline is dropped, deleted after it is in force again; it hangs on no
 * lease, so that it outlives its writer: whoever is listed may still be a primary.
 */
typedef struct StandingKey {
        char name[NAME_SIZE];
        uint64_t standing; /* 0: the key is deleted */
        Epoch epoch;       /* for people */
} StandingKey;

/* palisade/resume: pause is about to end; who stands arms its deadlines again. */
typedef struct ResumeKey {
        uint64_t wanted; /* 0: the key is deleted */
        char by[NAME_SIZE];
} ResumeKey;

typedef struct HistoryKey {
        uint64_t mod_revision;
        uint32_t timeline; /* of the cluster: last line + 1; 1 for []; 0: unknown */
        BlobRef raw;
} HistoryKey;

/* palisade/vip/<name>: which member holds the address of that name. */
typedef struct VipKey {
        char name[VIP_NAME_SIZE];
        char holder[NAME_SIZE];
        Epoch epoch; /* its create_revision */
} VipKey;

typedef struct Cluster {
        uint64_t dcs_id;     /* etcd's cluster_id */
        uint64_t revision;   /* of the newest event in here */
        uint64_t raft_term;
        usec_t seen;         /* CLOCK_BOOTTIME when the DCS last answered */
        usec_t seen_wall_usec;
        LeaderKey leader;
        InitializeKey initialize;
        ConfigKey config;
        Settings settings; /* from config, or defaults */
        SyncKey sync;
        FailoverKey failover;
        StatusKey status;
        HistoryKey history;
        BlobRef failsafe;
        uint32_t n_vips;
        VipKey vips[VIPS_MAX];
        char failsafe_names[SYNC_LIST_SIZE]; /* of the map in /failsafe, comma-separated */
        char standing[SYNC_LIST_SIZE];       /* of StandingKeys */
        bool resuming;                       /* there is a ResumeKey */
        uint32_t n_members;
        Member members[CLUSTER_MEMBERS_MAX];
} Cluster;

/* NULL if there is no such member. */
const Member *cluster_find_member(const Cluster *c, const char *name);

static inline bool cluster_is_locked(const Cluster *c)
{
        return c->leader.name[0] != 0;
}

/* Listed in /sync, as leader or standby; names compare without case there (PATRONI-SPEC §1.2). */
bool cluster_is_in_sync(const Cluster *c, const char *name);
