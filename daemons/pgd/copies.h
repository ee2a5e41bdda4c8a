/*
 * Copies: copies of the primary's logical slots, for a standby that has none, and whether they are safe
 * (logical.h).
 *
 * Owns:      the question to the primary in flight, the copies in hand that a stop is waiting for, and a
 *            connection for the restartpoint before that stop, so that it is a short one.
 * Invariant: what is laid down is whole, counts only while this node still follows whom it came from, and is
 *            put in place by a rename: a server finds all of it, or nothing. What cannot be written stops no
 *            server.
 * Threads:   none.
 */
#pragma once

#include "pgd/logical.h"
#include "pgd/pgd.h"

typedef struct Copies Copies;

int copies_new(Copies **ret, Pgd *p);
Copies *copies_free(Copies *c);
DEFINE_CLEANUP(Copies *, copies_free)

/* After each probe. */
void copies_run(Copies *c, const SlotsSeen *seen, const SlotsInput *in);

/* The server is gone. */
void copies_reset(Copies *c);

/* The configuration changed: what failed is told again. */
void copies_retry(Copies *c);

int copies_set_target(Copies *c, const char *database);

/* Some are in hand, which a standby takes only while it is stopped. */
bool copies_wait(const Copies *c);

/* Lays them down, if it is to start as a standby. */
void copies_lay_down(Copies *c, bool standby);

/* Tells which are not safe. */
void copies_at_promote(Copies *c);

/* ---- logical-files.c ---- */

/* There is a logical slot: the server starts only with wal_level = logical. */
bool logical_files_any(const char *data_dir);

/* WAL of that position is in pg_wal, on whichever timeline. */
bool logical_files_have_wal(const char *data_dir, Lsn lsn);

/*
 * Writes a copy beside the slots, as the server does when it makes one: complete in a folder NAME.tmp, which it
 * removes at its next start. So the server need not be stopped yet. mode: of its files.
 */
int logical_files_stage(const char *data_dir, const LogicalCopy *copy, mode_t mode);

/* That becomes the slot, of a stopped server, by a rename. */
int logical_files_lay_down(const char *data_dir, const char *name);
