/*
 * child: a process for a part of the runs, that ends with the one that made it, however that ends.
 */
#pragma once

#include <sys/types.h>

/* As fork(2). */
pid_t child_fork(void);
