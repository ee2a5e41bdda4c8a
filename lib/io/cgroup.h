/*
 * cgroup: where this process stands in the cgroup v2 tree.
 *
 * Paths are those of this mount namespace. An id is the number the kernel gives a cgroup
 * (INET_DIAG_CGROUP_ID, bpf_get_current_cgroup_id), which is also its directory's inode number; a
 * path may be reused, an id never is.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The mount point of the cgroup2 filesystem ("/sys/fs/cgroup"). 0, or -ENOENT: there is none. */
int cgroup_mount(char *buf, size_t size);

/* The directory of a process's cgroup (pid 0: ours). 0 or negative errno. */
int cgroup_of(pid_t pid, char *buf, size_t size);

/* The id behind a directory's descriptor. */
int cgroup_id(int dir_fd, uint64_t *ret);

/*
 * SIGKILL to each process in the cgroup itself, for where its cgroup.kill may not be written. One that
 * is born meanwhile is missed: again, until it is not populated. 0 or negative errno.
 */
int cgroup_kill_each(int dir_fd);

/*
 * Does it hold the process `root` and its descendants, and nobody else? A cgroup below it that is
 * populated, or a process that we may not look at, is somebody else. 1, 0 or negative errno.
 */
int cgroup_holds_only(int dir_fd, pid_t root);

/* `populated` of cgroup.events: 1, 0, or negative errno (-ENODEV: the cgroup is gone). */
int cgroup_populated(int dir_fd);
