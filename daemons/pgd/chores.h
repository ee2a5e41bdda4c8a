/*
 * Chores: what a running server needs that no order names: the members' replication slots, and the
 * first checkpoint after a promotion, until which nobody can rewind from us.
 *
 * Owns:    a connection, open only while there is something to do.
 * Threads: none.
 */
#pragma once

#include "pgd/pgd.h"

typedef struct Chores Chores;

int chores_new(Chores **ret, Pgd *p);
Chores *chores_free(Chores *c);
DEFINE_CLEANUP(Chores *, chores_free)

/* After each probe. */
void chores_run(Chores *c);

/* The server is gone. */
void chores_reset(Chores *c);

int chores_set_targets(Chores *c, const char *const *targets);
