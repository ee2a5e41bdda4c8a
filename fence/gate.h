/*
 * Gate: an egress filter on a cgroup: the leaf of one postmaster start, or a pooler's unit (DESIGN
 * §3). What leaves its sockets after the deadline is dropped by the kernel, whoever else hangs; a TCP RST without payload
 * always passes, so that a client whose server is gone learns of it.
 *
 * Owns:      the map with the deadline, mapped here. The program belongs to the cgroup: it stays
 *            when this process, its unit and the fd store are gone.
 * Invariant: attached without a link and never pinned, since both open the gate when their holder
 *            ends. One program a leaf: attaching again replaces it in one step.
 * Threads:   none.
 */
#pragma once

#include <stdint.h>

#include "base/macros.h"
#include "base/usec.h"

typedef struct Gate Gate;

/*
 * Puts a gate around the cgroup whose directory this is. map_fd: of a gate that a process before us
 * put there, taken: its deadline stays in force; -1: none is known, and what stands there is replaced
 * by a gate with this deadline. -EPERM: not allowed here; -EBUSY: somebody else's program is in the
 * way; or another negative errno.
 */
int gate_new(Gate **ret, int cgroup_dir_fd, int map_fd, usec_t deadline);

/*
 * The same in two steps: the first waits for nobody, and what is set meanwhile is in force from the second on, which
 * waits while anybody on this machine moves a process to another cgroup (and may be another thread's).
 */
int gate_make(Gate **ret, int map_fd, usec_t deadline);
int gate_attach(Gate *g, int cgroup_dir_fd);

/* Forgets the gate; what is attached stays as it is. */
Gate *gate_free(Gate *g);
DEFINE_CLEANUP(Gate *, gate_free)

/* Another program stood there before: a gate of ours, of which nothing is known. */
bool gate_replaced(const Gate *g);

/* For systemd's fd store. */
int gate_map_fd(const Gate *g);

/* Packets pass until then, CLOCK_BOOTTIME. 0: none does; USEC_INFINITY: all do. */
void gate_set(Gate *g, usec_t deadline);
usec_t gate_deadline(const Gate *g);
