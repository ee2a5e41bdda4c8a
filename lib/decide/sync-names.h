/*
 * sync-names: the value of synchronous_standby_names, read and written (PostgreSQL's documentation,
 * "Synchronous Replication").
 *
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/limits.h"

typedef struct SyncNames {
        bool any;       /* ANY: whichever of them; else by their order */
        bool everybody; /* "*" */
        unsigned need;  /* how many must confirm a commit; 0: nobody */
        size_t n;
        char names[STANDBYS_MAX][NAME_SIZE];
} SyncNames;

/* One name alone, unless ANY; several as "N (a,b)" or "ANY N (a,b)"; nobody as "". */
void sync_names_format(const SyncNames *names, char *buf, size_t size);

/* 0, or -EINVAL: it is no such value, or too long for us; then *ret is empty. */
int sync_names_parse(const char *text, SyncNames *ret);
