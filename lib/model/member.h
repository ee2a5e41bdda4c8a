/*
 * Member: one node of the cluster as its key `members/<name>` describes it (PATRONI-SPEC §1.2).
 *
 * A plain value of fixed size: it travels in packets as it is. Strings are always terminated;
 * numbers are 0 and strings empty where the key does not say.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lsn.h"
#include "model/limits.h"
#include "model/names.h"
#include "model/copy-progress.h"

typedef struct Tags {
        bool nofailover;          /* the tag, or failover_priority <= 0 */
        bool nosync;              /* the tag, or sync_priority <= 0 */
        bool noloadbalance;
        bool clonefrom;
        bool nostream;
        int32_t failover_priority; /* 1 unless written; 0 if nofailover */
        int32_t sync_priority;
        char replicatefrom[NAME_SIZE];
} Tags;

#define TAGS_DEFAULT ((Tags){ .failover_priority = 1, .sync_priority = 1 })

/* A piece of the packet's blob area: bytes exactly as they stand in the DCS. */
typedef struct BlobRef {
        uint32_t offset;
        uint32_t size;
} BlobRef;

typedef struct Member {
        char name[NAME_SIZE];
        char conn_url[URL_SIZE];
        char host[HOST_SIZE]; /* of conn_url; without brackets */
        char api_url[URL_SIZE];
        char version[24];
        uint16_t port; /* of conn_url; 5432 if it names none */
        RunState state;
        Role role;
        ReplicationState replication_state;
        Lsn xlog_location;
        Lsn receive_lsn;
        Lsn replay_lsn;
        uint32_t timeline; /* 0: unknown */
        bool checkpoint_pending; /* "checkpoint_after_promote": false */
        bool pending_restart;
        bool gate_pending; /* no gate before the next start: of a server adopted among others */
        bool pause;
        CopyProgress progress; /* while it is being made */
        Tags tags;
        int64_t lease;
        uint64_t mod_revision;
        BlobRef raw; /* the JSON value */
} Member;

/*
 * Splits "postgres://[user@]host[:port]/…" into host and port. False if it is no such URL; then
 * neither output is touched. Several hosts: the first one.
 */
bool member_split_url(const char *url, char *ret_host, size_t host_size, uint16_t *ret_port);

/*
 * The replication slot of a member (PATRONI-SPEC §1.1): lower case; `-` and `.` become `_`, any
 * other character outside [a-z0-9_] becomes `u` and its code point in four decimal digits; cut to
 * 63 bytes. Bytes that are not UTF-8 count as Latin-1. ret is IDENT_SIZE bytes.
 */
void member_slot_name(const char *name, char ret[static IDENT_SIZE]);
