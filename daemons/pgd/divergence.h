/*
 * divergence: has the WAL in our data directory left the leader's?
 *
 * Pure: the rules of PATRONI-SPEC §2.16 over what was read, and the readers of what psql and
 * pg_waldump print.
 */
#pragma once

#include <stdbool.h>

#include "model/history.h"
#include "model/names.h"

typedef struct LocalWal {
        bool in_recovery; /* it was, or is, a standby */
        uint32_t timeline;
        Lsn lsn; /* replayed up to; for a stopped primary its last checkpoint's location */
        Lsn checkpoint_end; /* stopped primary: the end of that checkpoint's record; 0: not known */
} LocalWal;

/*
 * history: of the leader's timeline; own: of ours (empty: not known). TRI_UNKNOWN: the checkpoint record's end is needed to tell
 * (stopped primary only): read it and ask again.
 */
Tri divergence_judge(const LocalWal *local, uint32_t leader_timeline, const History *history,
                     const History *own);

/* A file of pg_wal that belongs to a timeline above this one: none of a server on it. */
bool divergence_is_foreign(const char *file, uint32_t timeline);

/* psql's unaligned answer to IDENTIFY_SYSTEM: "sysid|timeline|lsn|db". 0 or -EBADMSG. */
int divergence_parse_identify(const char *text, uint64_t *ret_sysid, uint32_t *ret_timeline,
                              Lsn *ret_lsn);

/*
 * pg_waldump's complaint about the record after the last one:
 * "… invalid record length at 0/3000150: …". 0 or -EBADMSG.
 */
int divergence_parse_waldump(const char *error, Lsn *ret_end);
