/*
 * probe: the heartbeat's SQL, and how its answer is read into PgState.
 *
 * Pure: text out, libpq results in. One round trip asks everything; the second and third result are
 * pg_stat_replication and pg_replication_slots, the fourth is pending.h's. *pg has no slots from it: which
 * of them are ours slots.h says.
 */
#pragma once

#include "model/pg.h"
#include "pgd/conn.h"
#include "pgd/slots.h"

/* For servers from version 12. with_pending: and what waits for a restart, which costs the server more
 * than the rest: not with each probe. */
const char *probe_sql(bool with_pending);

/* 0, or -EBADMSG: the answer is not of that shape; *pg is then left alone. *recovery_waits changes with an
 * answer that tells what waits for a restart. */
int probe_read(const ConnAnswer *answer, PgState *pg, Slots *ret_slots, bool *recovery_waits,
               char *ret_conninfo, size_t size);
