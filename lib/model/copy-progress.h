/*
 * CopyProgress: how far a long copy is. Pure; a plain value, all zero while nothing is copied.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/usec.h"

typedef struct CopyProgress {
        uint64_t done_bytes;
        uint64_t total_bytes; /* 0: not known */
        uint64_t rate;        /* bytes a second, since it began */
} CopyProgress;

CopyProgress copy_progress_after(uint64_t done_bytes, uint64_t total_bytes, usec_t elapsed);

/* In whole percent, 100 at the most: totals are estimates. 0 where the total is not known. */
unsigned copy_progress_percent(const CopyProgress *p);

#define COPY_PROGRESS_TEXT_MAX 96

/* "45 %, 120 of 264 MB, 57 MB/s". */
void copy_progress_format(const CopyProgress *p, char buf[static COPY_PROGRESS_TEXT_MAX]);
