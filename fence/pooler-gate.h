/*
 * PoolerGate: the gate around a cgroup that, unlike Postgres's leaf, lives on from one right to the next.
 *
 * Owns:      the cgroup's descriptor and a Gate.
 * Invariant: before a gate that was shut opens under another right, every connection behind it is destroyed,
 *            or an acknowledgement of the old one would be delivered. Where that fails it stays shut until the
 *            unit is restarted.
 * Threads:   the worker attaches the gate and destroys connections, one of these at a time; what is set
 *            meanwhile is in force as soon as it may be.
 */
#pragma once

#include "io/worker.h"
#include "wire/msg.h"

typedef struct PoolerGate PoolerGate;

/* It was attached, or opened, or why it cannot be is known now. */
typedef void (*pooler_gate_changed_t)(void *userdata);

/* Around this directory of a cgroup, which is taken. unit, cluster: for the journal. */
int pooler_gate_new(PoolerGate **ret, Worker *worker, int dir_fd, uint64_t cgroup, const char *unit,
                    const char *cluster, usec_t deadline, bool same_right, pooler_gate_changed_t changed,
                    void *userdata);

/* After the worker's end. */
PoolerGate *pooler_gate_free(PoolerGate *g);
DEFINE_CLEANUP(PoolerGate *, pooler_gate_free)

/*
 * Nobody's any more: it ends when nothing of it is under way. What is attached stays. open: since the unit is to
 * stand behind no gate any more, which cannot be taken off without a moment in which it is in doubt; else
 * it is as good as gone, and what is left of it stays shut when its deadline comes.
 */
PoolerGate *pooler_gate_leave(PoolerGate *g, bool open);

/*
 * Packets pass until then. same_right: it is the right under which they passed last. False: not yet, since
 * what waits behind it has to be destroyed first, or cannot be.
 */
bool pooler_gate_set(PoolerGate *g, usec_t deadline, bool same_right);

uint64_t pooler_gate_cgroup(const PoolerGate *g);
GateState pooler_gate_state(const PoolerGate *g); /* GATE_UNKNOWN: it is being attached */
const char *pooler_gate_reason(const PoolerGate *g); /* why there is none, or why it stays shut; or empty */
