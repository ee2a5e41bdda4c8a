#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/sim/child.h"

pid_t child_fork(void)
{
        pid_t parent = getpid(), pid = fork();

        /* The second question: it may have ended before the first was answered. */
        if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
                _exit(2);
        return pid;
}
