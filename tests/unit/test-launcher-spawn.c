/* A child of the launcher: this program once more, which becomes what was asked for. */
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/fdutil.h"
#include "launcher/spawn.h"
#include "test-lib.h"

/* What it said to stdout and stderr, and its status as waitid() has it. */
static void run(const char *cwd, int procs_fd, const char *const *argv, char *ret_text, size_t size, int *ret_status)
{
        static const char *const env[] = { "X=from the environment", NULL };
        int out[2], pidfd = -1;
        pid_t pid = 0;
        siginfo_t how = { 0 };
        size_t n = 0;

        assert_int_equal(pipe2(out, O_CLOEXEC), 0);
        _cleanup_(closep) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        SpawnRequest req = { (char *const *)argv, (char *const *)env, cwd, { null, out[1], out[1] }, procs_fd };
        assert_int_equal(spawn_child(&req, &pid, &pidfd), 0);
        close(out[1]);
        for (ssize_t k; n + 1 < size && (k = read(out[0], ret_text + n, size - 1 - n)) > 0;)
                n += (size_t)k;
        ret_text[n] = 0;
        close(out[0]);
        assert_int_equal(waitid(P_PIDFD, (id_t)pidfd, &how, WEXITED), 0);
        assert_int_equal(how.si_pid, pid);
        assert_int_equal(how.si_code, CLD_EXITED);
        *ret_status = how.si_status;
        close(pidfd);
}

static void test_becomes(void **state _unused_)
{
        const char *const argv[] = { "/bin/sh", "-c",
                                     "echo \"$0, $1, $X, $(pwd)\"; read -r a b c d e session f </proc/$$/stat; "
                                     "test $session = $$ && echo leads; "
                                     "ls -x /proc/self/fd; grep SigBlk /proc/self/status; exit 3",
                                     "--enter", "a b", NULL };
        char text[512];
        int status;
        sigset_t usr1, before;

        sigemptyset(&usr1);
        sigaddset(&usr1, SIGUSR1);
        assert_int_equal(sigprocmask(SIG_BLOCK, &usr1, &before), 0);
        run("/usr", -1, argv, text, sizeof text, &status);
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
        /* The fourth descriptor is that of ls, of the directory. */
        assert_string_equal(text, "--enter, a b, from the environment, /usr\nleads\n0  1  2  3\n"
                                  "SigBlk:\t0000000000000000\n");
        assert_int_equal(status, 3);
}

/* Ignored signals would stay ignored over an exec. */
static void test_signals(void **state _unused_)
{
        const char *const argv[] = { "/bin/sh", "-c", "grep SigIgn /proc/self/status", NULL };
        char text[512];
        int status;

        assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
        run(NULL, -1, argv, text, sizeof text, &status);
        assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
        unsigned long long ignored, own = 3ULL << 31; /* 32 and 33 are the C library's: nobody else can change them */
        assert_int_equal(sscanf(text, "SigIgn: %llx", &ignored), 1);
        assert_int_equal(ignored & ~own, 0);
}

static void test_cannot(void **state _unused_)
{
        const char *const missing[] = { "/nonexistent/postgres", NULL }, *const there[] = { "/bin/true", NULL };
        char text[512];
        int status;

        run("", -1, missing, text, sizeof text, &status);
        assert_string_equal(text, "cannot execute /nonexistent/postgres: No such file or directory\n");
        assert_int_equal(status, 127);
        run("/nonexistent", -1, there, text, sizeof text, &status);
        assert_string_equal(text, "cannot change to /nonexistent: No such file or directory\n");
        assert_int_equal(status, 127);
        _cleanup_(closep) int no_cgroup = open("/dev/full", O_WRONLY | O_CLOEXEC);
        run("/", no_cgroup, there, text, sizeof text, &status);
        assert_string_equal(text, "cannot enter the cgroup: No space left on device\n");
        assert_int_equal(status, 126);
}

/* It writes itself into cgroup.procs before it is what it becomes, which has no such descriptor. */
static void test_leaf(void **state _unused_)
{
        const char *const argv[] = { "/bin/ls", "-x", "/proc/self/fd", NULL };
        char name[] = "/tmp/palisade-spawn-XXXXXX", text[64], wrote[8] = "";
        int status, fd = mkostemp(name, O_CLOEXEC);

        assert_true(fd >= 0);
        run(NULL, fd, argv, text, sizeof text, &status);
        assert_string_equal(text, "0  1  2  3\n");
        assert_int_equal(pread(fd, wrote, sizeof wrote, 0), 1);
        assert_string_equal(wrote, "0");
        close(fd);
        unlink(name);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_becomes),
                cmocka_unit_test(test_signals),
                cmocka_unit_test(test_cannot),
                cmocka_unit_test(test_leaf),
        };

        if (spawn_is_child(argc, argv))
                spawn_become(argv);
        if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) /* whatever whoever runs this has open */
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
