/*
 * programs: PostgreSQL's programs as they are installed: where they are, which version, which
 * parameters that version knows.
 */
#pragma once

#include "pgd/launch.h"

/* bin_dir/name; without a bin_dir the first such file on PATH, else the name as it is. */
void programs_find(const char *bin_dir, const char *name, char *buf, size_t size);

/* known: a map with every parameter's name as key; socket_dirs: the default of
 * unix_socket_directories. Both are the receiver's. r < 0: said why; ask again later. */
typedef void (*programs_known_t)(int r, uint32_t version, Node *known, char *socket_dirs,
                                 void *userdata);
void programs_learn(Launch *l, const char *postgres, programs_known_t done, void *userdata);

/* "postgres (PostgreSQL) 15.18 (Debian …)" is 150018. 0: not understood. */
uint32_t programs_parse_version(const char *text);
