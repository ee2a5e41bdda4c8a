/*
 * Timing: ttl, loop_wait and retry_timeout of the dynamic configuration, and the rules between
 * them.
 *
 * The two adjustments are Patroni's (PATRONI-SPEC §3.1, 5), since the members of a mixed cluster
 * must come to the same figures; the minima are ours: 3/1/1 s instead of 20/1/3.
 */
#pragma once

#include <stdbool.h>

#include "base/usec.h"

#define TIMING_TTL_MIN (3 * USEC_PER_SEC)
#define TIMING_LOOP_WAIT_MIN (1 * USEC_PER_SEC)
#define TIMING_RETRY_TIMEOUT_MIN (1 * USEC_PER_SEC)

typedef struct Timing {
        usec_t ttl;
        usec_t loop_wait;
        usec_t retry_timeout;
} Timing;

/* What a key left out of a patroni.yml means: 30/10/10. */
#define TIMING_DEFAULT                                                                             \
        ((Timing){ 30 * USEC_PER_SEC, 10 * USEC_PER_SEC, 10 * USEC_PER_SEC })

/* The figures in force; true in *ret_changed if a rule or a minimum changed one. */
Timing timing_adjust(Timing asked, bool *ret_changed);
