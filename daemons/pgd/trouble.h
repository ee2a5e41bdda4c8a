/*
 * trouble: what goes wrong with each of a few slots: told once for each reason, and tried again later.
 *
 * Pure. One that fails holds up none of the others. All zeros: there is none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/usec.h"
#include "model/limits.h"

typedef struct Trouble {
        uint32_t n;
        struct {
                char name[IDENT_SIZE];
                char why[REASON_SIZE]; /* told last */
                unsigned failures;     /* in a row */
                usec_t retry_at;
        } rows[CLUSTER_SLOTS_MAX];
} Trouble;

/* It failed. True: this reason has not been told yet. */
bool trouble_note(Trouble *t, const char *name, const char *why, usec_t now);

/* It went well. */
void trouble_over(Trouble *t, const char *name);

/* It failed a short while ago: not yet again. The wait grows with each failure. */
bool trouble_waits(const Trouble *t, const char *name, usec_t now);
