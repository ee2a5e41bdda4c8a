/*
 * Peer: what another node's REST API said of itself when asked in a leader race
 * (PATRONI-SPEC §2.6, 12). A plain value.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/lsn.h"
#include "model/limits.h"

typedef struct Peer {
        char name[NAME_SIZE];
        bool heard;          /* with anything in HTTP: it runs */
        bool answered;       /* with a JSON object that has xlog or wal */
        bool primary;        /* runs out of recovery */
        bool nofailover;
        bool watchdog_failed;
        int32_t failover_priority;
        uint32_t timeline;
        Lsn lsn; /* standby: the larger of received and replayed */
} Peer;
