/*
 * Poolers: units of other programs behind the gate of one cluster (`fence: gate: also:`). Each that
 * runs has a gate around its own cgroup, found by name in systemd's tree; one that starts later is
 * noticed.
 *
 * Owns:      a PoolerGate for each that runs, one inotify on the slices of this machine.
 * Threads:   the worker searches; one search at a time.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "io/worker.h"
#include "wire/msg.h"

typedef struct Poolers Poolers;

/* Something of it changed: to be told. */
typedef void (*poolers_changed_t)(void *userdata);

int poolers_new(Poolers **ret, sd_event *e, Worker *worker, const char *cluster, poolers_changed_t changed,
                void *userdata);
Poolers *poolers_free(Poolers *p); /* what is attached stays as it is; after the worker's end */
DEFINE_CLEANUP(Poolers *, poolers_free)

/* These units, and no others; one that is let go of opens for good. A new one has no gate before it is found. */
void poolers_want(Poolers *p, const Unit *units, uint32_t n);

/*
 * Packets pass until then. same_right: it is the right under which they were last open. False: one of
 * them stays shut, until what waits behind it is destroyed.
 */
bool poolers_set(Poolers *p, usec_t deadline, bool same_right);

/* The first reason why a unit that runs has no gate; NULL: none. */
const char *poolers_missing(const Poolers *p);

void poolers_state(const Poolers *p, MsgFenceState *ret);
