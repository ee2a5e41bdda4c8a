/*
 * Table: what of this program outlives it, a memfd in systemd's fd store, mapped here.
 *
 * The permits of every cluster, the device's record and the last pet. A restarted petter goes on
 * from it before it says READY. Without systemd it is plain memory.
 */
#pragma once

#include "watchdogd/device.h"
#include "watchdogd/policy.h"

typedef struct Table {
        PolicyTable policy;
        DeviceRecord device;
        char boot_cause[REASON_SIZE]; /* cause.h */
        usec_t reset_after; /* the longest that any armed cluster has configured; 0: none */
} Table;

/* Finds it among the descriptors systemd passed, or makes an empty one. NULL: no memory. */
Table *table_open(bool *ret_found);
