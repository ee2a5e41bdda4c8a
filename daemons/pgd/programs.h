/*
 * programs: PostgreSQL's programs as they are installed: which version, which parameters that version
 * knows.
 */
#pragma once

#include "pgd/launch.h"

/* known: a map with every parameter's name as key; socket_dirs: the default of
 * unix_socket_directories. Both are the receiver's. r < 0: said why; ask again later. */
typedef void (*programs_known_t)(int r, uint32_t version, Node *known, char *socket_dirs,
                                 void *userdata);
void programs_learn(Launch *l, const char *postgres, programs_known_t done, void *userdata);
