/*
 * History: the timeline switches of a cluster, oldest first, as in the DCS key `history` and in
 * PostgreSQL's files pg_wal/%08X.history.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lsn.h"
#include "base/usec.h"
#include "model/limits.h"

typedef struct HistoryLine {
        uint32_t timeline;      /* the timeline that ended */
        Lsn switch_lsn;         /* where it ended */
        usec_t wall_usec;       /* when; 0: not known */
        char reason[128];
        char leader[NAME_SIZE]; /* who led next; empty: not known */
} HistoryLine;

typedef struct History {
        uint32_t n_lines;
        HistoryLine lines[HISTORY_LINES_MAX];
} History;

/*
 * Reads a .history file's text: "tli<TAB>lsn<TAB>reason" lines, comments and blank lines. Keeps the
 * newest HISTORY_LINES_MAX. 0, or -EINVAL for a line that is none of these, or whose timeline is not
 * above the one before (PostgreSQL refuses that too); *ret then holds what came before.
 */
int history_parse_file(const char *text, size_t size, History *ret);

/*
 * Where a server of `timeline` left the line that ends in the history's newest timeline + 1:
 * 0 and *ret, or -ENOENT if the history does not contain that timeline.
 */
int history_find_switch(const History *h, uint32_t timeline, Lsn *ret);

/*
 * Every switch in `own` is one in `theirs` too, at the same place. Two servers that are promoted
 * without knowing of each other call their timelines alike; the histories tell them apart.
 */
bool history_contains(const History *theirs, const History *own);
