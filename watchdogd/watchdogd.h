/*
 * Watchdogd: the keeper of the hardware watchdog, for every cluster on this host.
 *
 * This version keeps the table of its clients' permits and answers every message, but opens no
 * device: `automatic` runs unarmed, and a node whose mode is `required` does not lead.
 *
 * Owns:      the listening socket and one row a connection.
 * Threads:   none. Links libc alone; its loop is poll(2).
 */
#pragma once

#include <sys/types.h>

#include "base/usec.h"

typedef struct Watchdogd Watchdogd;

/* Takes the listening socket. mind_uid: who may connect. NULL: out of memory. */
Watchdogd *watchdogd_new(int socket, uid_t mind_uid);
Watchdogd *watchdogd_free(Watchdogd *w);

/* Waits for messages and handles them until `until`. 0, or negative errno. */
int watchdogd_serve(Watchdogd *w, usec_t until);

/* How many minds are connected. */
unsigned watchdogd_minds(const Watchdogd *w);
