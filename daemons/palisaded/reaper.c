#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "palisaded/reaper.h"

static const int passed_on[] = { SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGINT, SIGABRT, SIGTERM };

/* True: the child was among those that ended, and how. */
static bool reap(pid_t child, int *ret_status)
{
        bool over = false;
        int status;
        pid_t pid;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                if (pid == child) {
                        *ret_status = status;
                        over = true;
                }
        return over;
}

/* Whose child it is by then, a shell tells by the same number. */
static _Noreturn void look_after(pid_t child, const sigset_t *signals)
{
        int status = 0, signal;

        do {
                if (sigwait(signals, &signal) == 0 && signal != SIGCHLD)
                        (void)kill(child, signal); /* ESRCH: it has just ended */
        } while (!reap(child, &status));
        exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int reaper_begin(void)
{
        sigset_t signals, before;

        if (getpid() != 1)
                return 0;
        sigemptyset(&signals);
        sigaddset(&signals, SIGCHLD);
        for (size_t i = 0; i < ELEMENTSOF(passed_on); i++)
                sigaddset(&signals, passed_on[i]);
        if (sigprocmask(SIG_BLOCK, &signals, &before) < 0)
                return -errno;
        pid_t child = fork();
        if (child < 0)
                return -errno;
        if (child > 0)
                look_after(child, &signals);
        return sigprocmask(SIG_SETMASK, &before, NULL) < 0 ? -errno : 0;
}
