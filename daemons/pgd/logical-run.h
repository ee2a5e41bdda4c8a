/*
 * Logical: the logical slots of a running server: made on a primary, moved on a standby (logical.h).
 *
 * Owns:      a connection to the database of the slot at hand. Making one waits for every transaction that
 *            runs, moving one reads WAL: neither holds up anything but other logical slots, and either is
 *            ended by the server when this program goes away.
 * Threads:   none.
 */
#pragma once

#include "pgd/logical.h"
#include "pgd/pgd.h"

typedef struct Logical Logical;

int logical_new(Logical **ret, Pgd *p);
Logical *logical_free(Logical *l);
DEFINE_CLEANUP(Logical *, logical_free)

/* After each probe. */
void logical_run(Logical *l, const SlotsSeen *seen, const SlotsInput *in);

/* The server is gone, or about to be another role's. */
void logical_reset(Logical *l);

/* The configuration changed: what failed is tried again, and told again. */
void logical_retry(Logical *l);
