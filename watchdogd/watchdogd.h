/*
 * Watchdogd: the keeper of the hardware watchdog, for every cluster on this host.
 *
 * Owns:      the listening socket, one row a connection, the petter. What a cluster has armed
 *            outlives its connection: the mind comes back, and its permit ends by itself.
 * Threads:   none. Links libc alone; its loop is ppoll(2).
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/usec.h"

typedef struct Watchdogd Watchdogd;

/*
 * Takes the listening socket, the table and the device from before a restart. mind_uid: who may
 * connect. state_dir: cause.h. power_cycle: what a BMC shall do instead of a reset, where it can.
 * NULL: out of memory.
 */
Watchdogd *watchdogd_new(int socket, uid_t mind_uid, const char *state_dir, bool power_cycle);
Watchdogd *watchdogd_free(Watchdogd *w);

/* Pets when it is time, then waits for messages until then or `until`. 0, or negative errno. */
int watchdogd_serve(Watchdogd *w, usec_t until);

/* How many minds are connected; whether any cluster has the device armed. */
unsigned watchdogd_minds(const Watchdogd *w);
bool watchdogd_is_armed(const Watchdogd *w);
