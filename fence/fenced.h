/*
 * Fenced: the host's fences, for every cluster on it. A Ward each; this file is their reception.
 *
 * Owns:      the wards, the table of them in systemd's fd store, the netlink sockets.
 * Invariant: what the table says was in force before a restart is in force again before READY.
 * Threads:   the worker (io/worker.h) attaches gates and ends connections; everything else is the loop's.
 */
#pragma once

#include "io/hand.h"

typedef struct Fenced Fenced;

int fenced_new(Fenced **ret, sd_event *e, const HandOptions *options);
Fenced *fenced_free(Fenced *f);
DEFINE_CLEANUP(Fenced *, fenced_free)
