/*
 * Restart: what a restart of one member's PostgreSQL is asked with (PATRONI-SPEC §2.15, §4.5).
 *
 * A plain value of fixed size: it travels in packets as it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "model/names.h"

typedef struct RestartAsk {
        usec_t scheduled_wall_usec; /* 0: at once */
        uint32_t role;              /* Role it must have; ROLE_UNKNOWN: any */
        uint32_t below_version;     /* the server must be older: 150020 for 15.20; 0: any */
        uint32_t timeout_sec;       /* for the start; 0: primary_start_timeout */
        uint32_t if_pending;        /* only where a restart is pending */
        char version_text[16];      /* below_version as it was written */
} RestartAsk;

/* One that a member has noted, as its key tells of it. */
typedef struct ScheduledRestart {
        RestartAsk ask;
        usec_t start_wall_usec; /* of the server it is meant for: another one is let be */
} ScheduledRestart;

/*
 * Reads "9.5.2" or "15.3" as the number a server of that version calls itself. 0, -EINVAL: it
 * is no version, or -ERANGE: not one of the form X.Y or X.Y.Z.
 */
int restart_parse_version(const char *text, uint32_t *ret);
