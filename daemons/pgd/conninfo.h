/*
 * conninfo: libpq connection strings, and the pgpass file beside them.
 *
 * Pure. Keyword order and defaults follow PATRONI-SPEC §3.7, since a Patroni member's GUC and ours
 * shall read alike. Values are quoted as libpq reads them; passwords stand only in the pgpass text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/tree.h"

typedef struct ConnInfo {
        const char *dbname;           /* NULL: left out */
        const char *host;
        uint16_t port;
        const char *passfile;         /* NULL: left out */
        const char *application_name; /* NULL: left out */
        const char *krbsrvname;       /* NULL: left out */
        const Node *auth;             /* postgresql.authentication.<role>; may be NULL */
        uint32_t server_version;      /* which keywords that version's libpq knows */
        const char *session_attrs;    /* target_session_attrs; NULL: left out */
        const char *options;          /* NULL, or "-c statement_timeout=…" */
} ConnInfo;

/* False if it did not fit. */
bool conninfo_format(const ConnInfo *c, char *buf, size_t size);

/*
 * What the server has against what it shall have, by meaning: every keyword wanted is there with that
 * value, however it is quoted and in whatever order; others may be there as well. dbname counts from
 * version 17, where a standby's slots are synchronized through it. An unreadable text is not the same.
 */
bool conninfo_same(const char *live, const char *wanted, uint32_t server_version);

/* `host:port:*:user:password` lines; empty without a password. False if it did not fit. */
bool conninfo_pgpass(const ConnInfo *c, char *buf, size_t size);
