/*
 * Logical: the logical slots of a running server, worked on; logical.h says what is to be done.
 *
 * Owns:      a connection to the database of the slot at hand (making one waits for every transaction
 *            that runs, advancing one reads WAL: neither may hold up anything else), the question to
 *            the primary in flight, the copies in hand that a stop is waiting for.
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

/* The server is gone. */
void logical_reset(Logical *l);

/* Copies are in hand, which a standby takes only while it is stopped. */
bool logical_copies_wait(const Logical *l);

/* Lays them down; they count only while it still follows whom they came from. */
void logical_lay_down(Logical *l, bool standby);

/* It is about to lead: what is not safe is told. */
void logical_at_promote(Logical *l);

/* ---- logical-files.c ---- */

/* There is a logical slot: the server starts only with wal_level = logical. */
bool logical_files_any(const char *data_dir);

/* WAL of that position is in pg_wal, on whichever timeline. */
bool logical_files_have_wal(const char *data_dir, Lsn lsn);

/* Of a stopped server; mode: of its files. */
int logical_files_lay_down(const char *data_dir, const LogicalCopy *copy, mode_t mode);
