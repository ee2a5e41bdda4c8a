/*
 * Pending: which parameters wait for a restart of the server, and what each would become
 * (PATRONI-SPEC §3.8). A plain value of fixed size: it travels in packets as it is.
 */
#pragma once

#include <stdint.h>

#include "model/limits.h"

#define PENDING_VALUE_SIZE 128

typedef struct PendingRow {
        char name[IDENT_SIZE];
        char old_value[PENDING_VALUE_SIZE]; /* as people read it: "128MB" */
        char new_value[PENDING_VALUE_SIZE];
} PendingRow;

typedef struct Pending {
        uint32_t n;
        uint32_t pad;
        PendingRow rows[PENDING_MAX];
} Pending;

/* Adds one, or leaves it where there is no room; longer values are cut. A name that is there stays
 * as it is. */
void pending_add(Pending *p, const char *name, const char *old_value, const char *new_value);
