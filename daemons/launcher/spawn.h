/*
 * spawn: one child, born in its cgroup.
 *
 * It is this program once more, which enters the leaf and then executes what was asked for: no socket of that is
 * ever made anywhere else, and a socket belongs to the cgroup it was born in for good (DESIGN §3). Not by
 * CLONE_INTO_CGROUP: a kernel that counts kills (6.18) kills such a child at birth if its parent's
 * cgroup was ever killed and the new one was not. Not between fork and exec: a fork copies this process's memory
 * and keeps its other thread waiting meanwhile; nor between vfork and exec, where a program on a disk that hangs
 * would keep the caller.
 */
#pragma once

#include <stdbool.h>
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
 * errno. A program that cannot be executed ends with code 127 and a line on its stderr. Nobody else may
 * wait for children of this process.
 */
int spawn_child(const SpawnRequest *req, pid_t *ret_pid, int *ret_pidfd);

/* For main(): are these the arguments of such a child? */
bool spawn_is_child(int argc, char **argv);
_Noreturn void spawn_become(char **argv);
