#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/cgroup-kill.h"
#include "io/cgroup.h"
#include "io/fdutil.h"

typedef struct Kill {
        Job job;
        int dir_fd, kill_fd; /* of its own */
        int r;
        uint64_t which;
        cgroup_killed_t killed;
        void *userdata;
} Kill;

static int kill_now(int dir_fd, int kill_fd)
{
        if (kill_fd >= 0 && write(kill_fd, "1", 1) == 1)
                return 0;
        int r = kill_fd >= 0 ? -errno : -EBADF;
        return dir_fd >= 0 ? cgroup_kill_each(dir_fd) : r;
}

static void work(Job *job)
{
        Kill *k = (Kill *)job;

        k->r = kill_now(k->dir_fd, k->kill_fd);
}

static void done(Job *job)
{
        Kill *k = (Kill *)job;

        k->killed(k->r, k->which, k->userdata);
        fd_close(k->dir_fd);
        fd_close(k->kill_fd);
        free(k);
}

static int copy_of(int fd)
{
        return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void cgroup_kill(Worker *w, int dir_fd, int kill_fd, uint64_t which, cgroup_killed_t killed, void *userdata)
{
        Kill *k = calloc(1, sizeof *k);

        if (k)
                *k = (Kill){ .job = { .work = work, .done = done }, .dir_fd = copy_of(dir_fd),
                             .kill_fd = copy_of(kill_fd), .which = which, .killed = killed, .userdata = userdata };
        if (!k || (dir_fd >= 0 && k->dir_fd < 0) || (kill_fd >= 0 && k->kill_fd < 0)) {
                if (k) {
                        fd_close(k->dir_fd);
                        fd_close(k->kill_fd);
                }
                free(k);
                killed(kill_now(dir_fd, kill_fd), which, userdata);
                return;
        }
        worker_do(w, &k->job);
}
