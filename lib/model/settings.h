/*
 * Settings: the part of the dynamic configuration (the DCS key `config`) that the suite acts on,
 * with Patroni's defaults for what is left out (PATRONI-SPEC §3.2). The `postgresql` section stays
 * text: only pgd reads it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/table.h"
#include "model/timing.h"

typedef enum SyncMode {
        SYNC_MODE_OFF = 0,
        SYNC_MODE_ON,
        SYNC_MODE_QUORUM,
        SYNC_MODE_MAX,
} SyncMode;
DECLARE_NAMES(sync_mode, SyncMode)

typedef struct Settings {
        Timing asked;  /* as written */
        Timing timing; /* as adjusted: what everybody acts on */
        uint64_t maximum_lag_on_failover;   /* bytes */
        int64_t maximum_lag_on_syncnode;    /* bytes; <= 0: off */
        usec_t primary_start_timeout;
        usec_t primary_stop_timeout;        /* 0: none */
        usec_t member_slots_ttl;
        uint32_t max_timelines_history;     /* 0: all */
        uint32_t synchronous_node_count;
        SyncMode synchronous_mode;
        bool synchronous_mode_strict;
        bool failsafe_mode;
        bool check_timeline;
        bool pause;
        bool standby_cluster; /* the section is there */
} Settings;

#define SETTINGS_DEFAULT                                                                           \
        ((Settings){                                                                               \
                .asked = TIMING_DEFAULT,                                                           \
                .timing = TIMING_DEFAULT,                                                          \
                .maximum_lag_on_failover = 1048576,                                                \
                .maximum_lag_on_syncnode = -1,                                                     \
                .primary_start_timeout = 300 * USEC_PER_SEC,                                       \
                .member_slots_ttl = 1800 * USEC_PER_SEC,                                           \
                .synchronous_node_count = 1,                                                       \
        })
