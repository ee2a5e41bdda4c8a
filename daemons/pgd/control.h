/*
 * Control: what pg_controldata prints, as far as anybody here acts on it.
 *
 * Pure. The text is that of LC_ALL=C, versions 12 to 18; lines that are not known are passed over.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lsn.h"
#include "model/names.h"

typedef struct Control {
        ControlState state;
        uint64_t sysid;
        Lsn checkpoint_lsn; /* latest checkpoint's location; after a clean stop the last record */
        uint32_t timeline;  /* of that checkpoint */
        Lsn min_recovery_lsn;
        uint32_t min_recovery_timeline;
        char redo_file[25]; /* the WAL file with that checkpoint's beginning */
        uint32_t wal_file_size;
        bool wal_log_hints;
        bool checksums;
        /* The primary's settings a standby must not fall below (PATRONI-SPEC §3.5). */
        uint32_t max_connections;
        uint32_t max_worker_processes;
        uint32_t max_wal_senders;
        uint32_t max_prepared_xacts;
        uint32_t max_locks_per_xact;
} Control;

/* 0, or -EBADMSG: no state or no system identifier in it. */
int control_parse(const char *text, Control *ret);

/* It ran as a primary when it last wrote pg_control. */
bool control_was_primary(const Control *c);
