/* clock: the one clock of this program, CLOCK_BOOTTIME; no date can be set on it. */
#pragma once

#include <time.h>

#include "base/usec.h"

static inline usec_t clock_now(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* this clock always exists */
        return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}
