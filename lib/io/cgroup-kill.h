/*
 * cgroup-kill: SIGKILL to everything in a cgroup, by the worker: writing cgroup.kill waits while anybody on this
 * machine moves a process to another cgroup.
 */
#pragma once

#include <stdint.h>

#include "io/worker.h"

/* r: 0, -ENODEV (the cgroup is gone), or another negative errno. which: as it was given. On the loop. */
typedef void (*cgroup_killed_t)(int r, uint64_t which, void *userdata);

/*
 * kill_fd: of cgroup.kill, opened by whom the kernel lets; -1: each process in dir_fd is killed, as
 * cgroup_kill_each() does, and so it is where that write is refused. Both stay the caller's, who may close them at
 * once. Where there is no memory or descriptor left it is done here, before this comes back.
 */
void cgroup_kill(Worker *w, int dir_fd, int kill_fd, uint64_t which, cgroup_killed_t killed, void *userdata);
