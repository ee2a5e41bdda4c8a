/*
 * Ward: one cluster's Postgres on this host, and everything fenced does about it: its virtual IPs,
 * its leaf cgroup, and in time its end.
 *
 * Owns:      the leaf's descriptors (kept in systemd's fd store), its addresses, its timers, a row
 *            of the table in the fd store.
 * Invariant: a leaf that acts as primary is killed when its permit ends, by this program's own
 *            timer. Nothing of a revoked epoch is ever allowed again.
 * Threads:   none.
 */
#pragma once

#include "fence/addresses.h"
#include "fence/gate.h"
#include "fence/netlink.h"
#include "fence/plan.h"
#include "io/hand.h"
#include "io/loop.h"
#include "io/worker.h"

#define WARDS_MAX 16

/* What a restart must not forget; a row of the table in the fd store. Plain data. */
typedef struct WardRow {
        char cluster[NAME_SIZE]; /* empty: free */
        uint64_t dcs_id;
        Epoch revoked;
        MsgPermit permit;
        MsgWant want;
        uint64_t shut_leaf; /* its gate is shut for ever */
        Epoch open_epoch;   /* the right under which poolers' gates were last open: this epoch, */
        uint64_t open_leaf; /* of the server in this leaf */
        VipRight vips[VIPS_MAX]; /* the rights to addresses for a replica */
} WardRow;

typedef struct Ward Ward;

int ward_new(Ward **ret, sd_event *e, Netlink *netlink, Arp *arp, Worker *worker, Stall *stall, WardRow *row,
             unsigned index);
Ward *ward_free(Ward *w); /* after the worker's end */
DEFINE_CLEANUP(Ward *, ward_free)

const char *ward_cluster(const Ward *w);

/* Its mind comes, or goes (NULL). Another etcd (dcs_id) lifts the floor under epochs, if the leaf is
 * empty. */
void ward_set_mind(Ward *w, Mind *mind);

void ward_permit(Ward *w, const MsgPermit *permit);
void ward_revoke(Ward *w, Epoch epoch);

/* False: there is no room for another address. */
bool ward_vip_permit(Ward *w, const MsgVipPermit *permit);

/* A gate that was tried to make before the wish that needs it comes into force. */
typedef struct MadeGate {
        int r;
        Gate *gate; /* taken where it is used */
} MadeGate;

/*
 * Does this wish need a new gate, and around what? The cgroup's descriptor, which is not the caller's, and
 * the deadline to make it with; -1: none is to be made.
 */
int ward_needs_gate(const Ward *w, const MsgWant *want, int dir_fd, usec_t *ret_deadline);

/*
 * fds: of a new leaf, taken; -1 where there are none. made: after ward_needs_gate() said so and nothing else was
 * wanted since; else NULL. -ENOTSUP: it shall act as primary, a gate is required, and there is none
 * (ward_gate_reason()).
 */
int ward_want(Ward *w, const MsgWant *want, int dir_fd, int kill_fd, MadeGate *made);

/* Why there is no gate; empty: there is one, or nothing to put it around. */
const char *ward_gate_reason(const Ward *w);

/* Links or addresses of this host changed. */
void ward_look(Ward *w);

/* A permit of it runs, or its leaf lives: `palisade run` must not end yet. */
bool ward_is_needed(const Ward *w);
