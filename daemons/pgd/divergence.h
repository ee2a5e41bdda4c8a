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
        bool other_start; /* the records with which its timeline begins are not the leader's */
} LocalWal;

/*
 * history: of the leader's timeline; own: of ours (empty: not known). TRI_UNKNOWN: the checkpoint record's end is needed to tell
 * (stopped primary only): read it and ask again.
 */
Tri divergence_judge(const LocalWal *local, uint32_t leader_timeline, const History *history,
                     const History *own);

/* Of a file in pg_wal. */
typedef struct WalPiece {
        char file[25];
        uint32_t offset, size; /* bytes; size at most WAL_PIECE_MOST */
} WalPiece;

#define WAL_PIECE_MOST 512

/*
 * The records with which our timeline begins, as far as we have them and the leader, whose history is `theirs`, has
 * not left that timeline. Two servers that are promoted at the same
 * place without knowing of each other have the same history; but the first record tells when that was, to the
 * microsecond. False: it is timeline 1, its history is not known, or nothing of it is here.
 */
bool divergence_start(const LocalWal *local, const History *theirs, const History *own, uint32_t wal_file_size,
                      WalPiece *ret);

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
