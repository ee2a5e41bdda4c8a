/*
 * Doubt: may a write of /failsafe still take effect that names more members than we see there?
 *
 * Whoever finds itself in /failsafe may take over; so a leader that leads on without the DCS must have asked
 * everybody whom the key names, or may come to name. Each write compares the key's mod_revision: once that is
 * another one, no earlier write can take effect.
 *
 * Pure. Of one dcsd; under each epoch, and after a start, all is in doubt until a write is done, since what was read
 * before may be old, or a dcsd before us may have written.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model/cluster.h"
#include "wire/msg-base.h"

typedef struct Doubt {
        Epoch epoch; /* of the last write that was done */
        bool open, was_open;
        uint64_t compared; /* by the writes that may take effect */
} Doubt;

/* revision: the key's as we see it; 0: it is not there. */
bool doubt_is_open(const Doubt *d, Epoch epoch, uint64_t revision);

/* A write is sent that compares this revision. adds: it names somebody whom the key does not. One at a time. */
void doubt_sent(Doubt *d, Epoch epoch, uint64_t revision, bool adds);

void doubt_answered(Doubt *d, Epoch epoch, Outcome outcome);
