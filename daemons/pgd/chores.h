/*
 * Chores: what a running server needs that no order names: replication slots, and the first checkpoint
 * after a promotion, until which nobody can rewind from us.
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

int chores_set_target(Chores *c, const char *database, unsigned statement_msec);

/* hot_standby_feedback is to be forced on. */
bool chores_need_feedback(const Pgd *p);

/* Copies of logical slots are in hand: a standby takes them while it is stopped. */
bool chores_copies_wait(const Chores *c);
void chores_before_start(Chores *c, bool standby);

/* What is not safe to be used afterwards is told. */
void chores_at_promote(Chores *c);
