/* For tests that make cgroups of their own: root. */
#pragma once

#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>

#define OWN_CGROUPS "/sys/fs/cgroup"

/* Mounts the whole tree there, in a mount namespace of this process's own. 0, or -1 and errno. */
static inline int own_cgroups_mount(void)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -1;
        return mount("cgroup2", OWN_CGROUPS, "cgroup2", 0, NULL);
}
