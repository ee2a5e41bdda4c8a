#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/str.h"
#include "launcher/spawn.h"

static void reset_signals(void)
{
        sigset_t none;

        for (int sig = 1; sig < NSIG; sig++)
                (void)signal(sig, SIG_DFL); /* SIGKILL and SIGSTOP refuse, as they must */
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL); /* cannot fail */
}

/* Only what is safe between fork and exec. */
static _Noreturn void child(const SpawnRequest *req)
{
        reset_signals();
        if (req->procs_fd >= 0 && write(req->procs_fd, "0", 1) < 0) {
                dprintf(STDERR_FILENO, "cannot enter the cgroup: %s\n", strerror(errno));
                _exit(126);
        }
        (void)setsid(); /* a fresh process is no group leader yet: it cannot fail */
        for (int i = 0; i < 3; i++)
                if (dup2(req->stdio[i], i) < 0)
                        _exit(126);
        if (chdir(str_empty(req->cwd) ? "/" : req->cwd) < 0)
                dprintf(STDERR_FILENO, "cannot change to %s: %s\n", req->cwd, strerror(errno));
        else
                execve(req->argv[0], req->argv, req->envp);
        dprintf(STDERR_FILENO, "cannot execute %s: %s\n", req->argv[0], strerror(errno));
        _exit(127);
}

int spawn_child(const SpawnRequest *req, pid_t *ret_pid, int *ret_pidfd)
{
        int pidfd = -1;
        struct clone_args args = {
                .flags = CLONE_PIDFD,
                .pidfd = (uint64_t)(uintptr_t)&pidfd,
                .exit_signal = SIGCHLD,
        };

        long pid = syscall(SYS_clone3, &args, sizeof args);
        if (pid < 0)
                return -errno;
        if (pid == 0)
                child(req);
        *ret_pid = (pid_t)pid;
        *ret_pidfd = pidfd;
        return 0;
}
