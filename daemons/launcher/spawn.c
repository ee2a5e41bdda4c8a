#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "launcher/spawn.h"

#define PROCS_FD 3 /* in the child */

/* The child's arguments, before those of what it becomes. */
enum { NAME, ENTER, PROCS, CWD, N_OWN };
static const char enter[] = "--enter", to_leaf[] = "leaf", to_none[] = "-";

bool spawn_is_child(int argc, char **argv)
{
        return argc > N_OWN && str_equal(argv[ENTER], enter);
}

void spawn_become(char **argv)
{
        char **program = argv + N_OWN;

        if (str_equal(argv[PROCS], to_leaf) && (write(PROCS_FD, "0", 1) < 0 || close(PROCS_FD) < 0)) {
                dprintf(STDERR_FILENO, "cannot enter the cgroup: %s\n", strerror(errno));
                _exit(126);
        }
        if (chdir(argv[CWD]) < 0) {
                dprintf(STDERR_FILENO, "cannot change to %s: %s\n", argv[CWD], strerror(errno));
                _exit(127);
        }
        execv(program[0], program);
        dprintf(STDERR_FILENO, "cannot execute %s: %s\n", program[0], strerror(errno));
        _exit(127);
}

static char **make_arguments(const SpawnRequest *req)
{
        size_t n = 0;

        while (req->argv[n])
                n++;
        char **args = calloc(N_OWN + n + 1, sizeof *args);
        if (!args)
                return NULL;
        args[NAME] = (char *)"palisade-launcher";
        args[ENTER] = (char *)enter;
        args[PROCS] = (char *)(req->procs_fd >= 0 ? to_leaf : to_none);
        args[CWD] = (char *)(str_empty(req->cwd) ? "/" : req->cwd);
        memcpy(args + N_OWN, req->argv, n * sizeof *args);
        return args;
}

/* Default signals, a session of its own, and the descriptors it is to have. errno, as posix_spawn() has it. */
static int spawn(const SpawnRequest *req, char **args, pid_t *ret_pid)
{
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t all, none;

        int r = posix_spawn_file_actions_init(&files);
        if (r != 0)
                return r;
        r = posix_spawnattr_init(&attr);
        if (r != 0) {
                (void)posix_spawn_file_actions_destroy(&files);
                return r;
        }
        sigfillset(&all);
        sigemptyset(&none);
        r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(&attr, &all);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&attr, &none);
        for (int i = 0; i < 3 && r == 0; i++)
                r = posix_spawn_file_actions_adddup2(&files, req->stdio[i], i);
        if (r == 0 && req->procs_fd >= 0)
                r = posix_spawn_file_actions_adddup2(&files, req->procs_fd, PROCS_FD);
        if (r == 0)
                r = posix_spawn(ret_pid, "/proc/self/exe", &files, &attr, args, req->envp);
        (void)posix_spawnattr_destroy(&attr);
        (void)posix_spawn_file_actions_destroy(&files);
        return r;
}

int spawn_child(const SpawnRequest *req, pid_t *ret_pid, int *ret_pidfd)
{
        char **args = make_arguments(req);
        pid_t pid;

        if (!args)
                return -ENOMEM;
        int r = spawn(req, args, &pid);
        free(args);
        if (r != 0)
                return -r;
        int pidfd = pidfd_open(pid, 0); /* of this child, dead or alive: nobody has waited for it */
        if (pidfd < 0) {
                r = -errno;
                (void)kill(pid, SIGKILL); /* it is ours, and nobody would know of it */
                (void)waitpid(pid, NULL, 0);
                return r;
        }
        *ret_pid = pid;
        *ret_pidfd = pidfd;
        return 0;
}
