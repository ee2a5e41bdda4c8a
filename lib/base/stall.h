/*
 * Stall: the worst lateness of a program's absolute timers in the last ten minutes.
 *
 * The permit's margin grows with it (DESIGN §2): a program that wakes late may act late. One-minute
 * slots, one more than the window has minutes, since the one that runs is not over yet.
 */
#pragma once

#include "base/usec.h"

#define STALL_SLOTS 11
#define STALL_SLOT_USEC (60 * USEC_PER_SEC)

typedef struct Stall {
        uint64_t slot_minute[STALL_SLOTS];
        usec_t slot_worst[STALL_SLOTS];
} Stall;

/* A timer due at `due` ran at `now`. */
void stall_note(Stall *s, usec_t due, usec_t now);

/* The worst lateness within the window that ends at `now`. */
usec_t stall_worst(const Stall *s, usec_t now);
