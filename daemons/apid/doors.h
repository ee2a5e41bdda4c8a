/*
 * Doors: where this API listens: the address of restapi.listen, and the Unix socket of the cluster.
 *
 * Owns:      the listening sockets and their servers. The TCP sockets are also in systemd's fd
 *            store: while the program restarts or is upgraded, clients wait instead of being
 *            refused.
 * Invariant: the Unix socket is served whatever becomes of the TCP one, which is tried again.
 * Threads:   none.
 */
#pragma once

#include "apid/server.h"
#include "apid/setup.h"
#include "io/hand.h"

typedef struct Doors Doors;

typedef struct DoorsCalls {
        MHD_AccessHandlerCallback handle;
        MHD_RequestCompletedCallback completed;
} DoorsCalls;

/* Makes or takes the sockets; nobody is served before doors_open(). */
int doors_new(Doors **ret, sd_event *e, const HandOptions *options, const Setup *setup,
              const DoorsCalls *calls, void *userdata);
Doors *doors_free(Doors *d);
DEFINE_CLEANUP(Doors *, doors_free)

void doors_open(Doors *d, const Setup *setup);

/* Another listen address, certificate or policy: what changed is made anew, the old ones retire. */
void doors_reload(Doors *d, const Setup *old, const Setup *new);

unsigned doors_connections(const Doors *d);
