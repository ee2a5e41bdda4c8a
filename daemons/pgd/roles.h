/*
 * roles: the SQL that makes the roles of a new cluster, or brings those of a restored one in line
 * (PATRONI-SPEC §2.4). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/tree.h"

/*
 * One statement a line, which a single-user backend and psql both read: the superuser (where it has
 * a password), the replication role, and the rewind role if it is another one. auth: the section
 * postgresql.authentication. False: a name or password holds a line break or our own dollar quote,
 * or it does not fit.
 */
bool roles_sql(const Node *auth, char *sql, size_t size);
