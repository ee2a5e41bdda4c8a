/*
 * Launcher: pgd's midwife. It gives birth to the postmaster, to clones, rewinds and scripts, each
 * in a leaf cgroup of its own unit, and tells how they ended. It decides nothing, parses nothing
 * and never needs an upgrade: what it starts lives on when it, or pgd, is gone.
 *
 * Owns:      the unit's cgroup and the leaves below it; one row for each child that runs.
 * Invariant: a postmaster's leaf is pg-<n>, made for one start; everything else runs in `tools`.
 * Threads:   the worker (io/worker.h) makes cgroups and children; everything else is the loop's.
 */
#pragma once

#include "io/hand.h"

typedef struct Launcher Launcher;

int launcher_new(Launcher **ret, sd_event *e, const HandOptions *options);
Launcher *launcher_free(Launcher *l);
DEFINE_CLEANUP(Launcher *, launcher_free)

/* False where this machine gives us no cgroups: children then stay where the launcher is. */
bool launcher_has_cgroups(const Launcher *l);
