/* Everything in a real cgroup is killed by the worker: through cgroup.kill, or one process after the other. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/cgroup-kill.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "test-lib.h"
#include "tests/own-cgroups.h"


static sd_event *event;
static Worker *worker;
static char path[64];

static void on_killed(int r, uint64_t which, void *userdata)
{
        assert_int_equal(which, 4711);
        *(int *)userdata = r;
}

static int killed(int dir_fd, int kill_fd)
{
        int r = 1;

        cgroup_kill(worker, dir_fd, kill_fd, 4711, on_killed, &r);
        for (usec_t end = now_boottime() + 20 * USEC_PER_SEC; r == 1;) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(event, USEC_PER_SEC) >= 0);
        }
        return r;
}

/* Two of them, the second a child of the first. */
static pid_t inhabit(int dir_fd)
{
        int ready[2];
        char c;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0) {
                int procs = openat(dir_fd, "cgroup.procs", O_WRONLY);
                if (procs < 0 || write(procs, "0", 1) != 1 || fork() < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                pause();
                _exit(0);
        }
        assert_int_equal(read(ready[0], &c, 1), 1);
        close(ready[0]);
        close(ready[1]);
        return pid;
}

static void assert_dead(int dir_fd, pid_t pid)
{
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        for (usec_t end = now_boottime() + 20 * USEC_PER_SEC; cgroup_populated(dir_fd) != 0;)
                assert_true(now_boottime() < end);
}

static void test_kill(void **state _unused_)
{
        int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
        _cleanup_(closep) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
        pid_t pid = inhabit(dir);

        assert_int_equal(killed(-1, fd), 0);
        assert_dead(dir, pid);
        pid = inhabit(dir);
        assert_int_equal(killed(dir, -1), 0);
        assert_dead(dir, pid);
        pid = inhabit(dir);
        assert_int_equal(killed(dir, full), 0); /* the write is refused */
        assert_dead(dir, pid);
        assert_int_equal(killed(-1, full), -ENOSPC);
        assert_int_equal(killed(-1, -1), -EBADF);

        /* No descriptor is left for copies: it is done at once. */
        struct rlimit before, none;
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        pid = inhabit(dir);
        none = before;
        none.rlim_cur = 3;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        int r = 1;
        cgroup_kill(worker, -1, fd, 4711, on_killed, &r);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(r, 0);
        assert_dead(dir, pid);

        assert_int_equal(rmdir(path), 0);
        assert_int_equal(killed(-1, fd), -ENODEV);
        close(dir);
        close(fd);
}

static int set_up(void **state _unused_)
{
        if (own_cgroups_mount() < 0)
                return -1;
        snprintf(path, sizeof path, OWN_CGROUPS "/palisade-kill-%d", (int)getpid());
        return mkdir(path, 0755) < 0 || sd_event_new(&event) < 0 || worker_new(&worker, event, USEC_INFINITY) < 0
                       ? -1
                       : 0;
}

static int tear_down(void **state _unused_)
{
        worker = worker_free(worker);
        event = sd_event_unref(event);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill) };

        if (geteuid() != 0) {
                puts("skipped test-cgroup-kill: only root may make a cgroup");
                return 77;
        }
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
