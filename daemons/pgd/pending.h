/*
 * pending: which parameters wait for a restart, asked of the running server (PATRONI-SPEC §3.8).
 *
 * The server alone knows which of its parameters need one, and what its files say now; nothing is
 * compared here.
 */
#pragma once

#include <stdbool.h>

#include "model/pending.h"
#include "pgd/conn.h"

/* One statement, to stand behind others. */
#define PENDING_SQL                                                                                \
        "SELECT s.name, s.setting, coalesce(f.setting, s.boot_val, ''), s.vartype, coalesce(s.unit, '')" \
        " FROM pg_settings s LEFT JOIN LATERAL (SELECT setting FROM pg_file_settings f"            \
        "  WHERE f.name = s.name ORDER BY seqno DESC LIMIT 1) f ON true"                           \
        " WHERE s.pending_restart ORDER BY s.name"

/*
 * Its answer, added to what is there. True: so does something that a standby recovers by, which is left out
 * of it, as in Patroni: a standby is started anew for it, and a primary has no use for it.
 */
bool pending_read(const PGresult *rows, Pending *p);

/* A standby recovers by it, and some version takes it at a start only. Pure. */
bool pending_is_recovery(const char *name);

/*
 * How the server shows a value: "16384" of unit 8kB is "128MB", "yes" of a bool is "on". vartype and
 * unit as pg_settings has them. What does not read as a whole number or a bool is copied. Pure.
 */
void pending_show(const char *value, const char *vartype, const char *unit, char *buf, size_t size);
