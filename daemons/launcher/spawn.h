/*
 * spawn: one child, born in its cgroup.
 *
 * The child enters its leaf between fork and exec, so that no socket of it is ever made anywhere
 * else: a socket belongs to the cgroup it was born in for good (DESIGN §3). Not by
 * CLONE_INTO_CGROUP: a kernel that counts kills (6.18) kills such a child at birth if its parent's
 * cgroup was ever killed and the new one was not.
 */
#pragma once

#include <sys/types.h>

typedef struct SpawnRequest {
        char *const *argv;
        char *const *envp;
        const char *cwd; /* NULL or empty: / */
        int stdio[3];
        int procs_fd; /* cgroup.procs of the leaf; -1: stay in ours */
} SpawnRequest;

/*
 * A session leader with default signals. 0 with the pid and a pidfd the caller owns, or negative
 * errno. A program that cannot be executed ends with code 127 and a line on its stderr.
 */
int spawn_child(const SpawnRequest *req, pid_t *ret_pid, int *ret_pidfd);
