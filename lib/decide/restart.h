/*
 * restart: may this restart of the local server be done, and how did it end?
 *
 * Pure. The texts are Patroni's (PATRONI-SPEC §2.15), since patronictl and scripts read them.
 */
#pragma once

#include <stdbool.h>

#include "model/pg.h"
#include "model/restart.h"

/* NULL: every condition holds; else what to tell. pending: a restart is. */
const char *restart_refusal(const RestartAsk *ask, const PgState *pg, bool pending);

typedef enum RestartEnd {
        RESTART_GOES_ON = 0,
        RESTART_DONE,
        RESTART_FAILED,
        RESTART_LATE, /* it has not ended within its time, and may still */
} RestartEnd;

/*
 * outgoing: the postmaster that was to go; 0: none ran. until: CLOCK_BOOTTIME, when somebody who
 * waits is told that it is late.
 */
RestartEnd restart_end(const PgState *pg, int32_t outgoing, usec_t now, usec_t until);

const char *restart_end_text(RestartEnd end);
