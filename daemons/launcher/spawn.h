/*
 * spawn: one child, born in its cgroup.
 *
 * The child is placed by clone3(CLONE_INTO_CGROUP), so that no socket of it is ever made anywhere
 * else: a socket belongs to the cgroup it was born in for good (DESIGN §3).
 */
#pragma once

#include <sys/types.h>

typedef struct SpawnRequest {
        char *const *argv;
        char *const *envp;
        const char *cwd; /* NULL or empty: / */
        int stdio[3];
        int cgroup_fd; /* -1: stay in ours */
} SpawnRequest;

/*
 * A session leader with default signals. 0 with the pid and a pidfd the caller owns, or negative
 * errno. A program that cannot be executed ends with code 127 and a line on its stderr.
 */
int spawn_child(const SpawnRequest *req, pid_t *ret_pid, int *ret_pidfd);
