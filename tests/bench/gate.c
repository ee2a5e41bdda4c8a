/*
 * How exactly the gate closes: a sender behind a gate of its own (fence/gate.c as it is) writes small
 * TCP segments over loopback, each with its time, while whoever made the gate is stopped.
 *
 *     tests/bench/gate [RUNS]          root; half of the runs by IPv4, half by IPv6
 *
 * Two figures a run, both against the deadline: when the last segment left, by the kernel's own stamp
 * on it, and the time in the first one that never arrived. It fails if a segment left later than 1 ms
 * after the deadline, if one arrived that was written after it, or if no reset came through.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <netinet/tcp.h>

#include "base/str.h"
#include "fence/gate.h"
#include "io/fdutil.h"
#include "tests/own-cgroups.h"

#define RUNS_MAX 1000
#define RETRIES 20
#define OPEN_FOR (100 * USEC_PER_MSEC) /* to be born, to connect, and then to send */
#define WATCHED_FOR (100 * USEC_PER_MSEC)
#define PACE_NSEC 10000
#define SEGMENTS_MAX 65536
#define PROMISE_NSEC (1000 * 1000)

/* Between the three processes. Times are CLOCK_BOOTTIME in nanoseconds. */
typedef struct Shared {
        int64_t deadline;
        bool enough; /* the sender shall reset its connection */
        int64_t written[SEGMENTS_MAX];
} Shared;

typedef struct Figures {
        int64_t last_left;     /* against the deadline */
        int64_t first_refused;
} Figures;

static Shared *shared;

static void die(const char *what)
{
        fprintf(stderr, "gate: %s: %s\n", what, strerror(errno));
        exit(2);
}

static int64_t nsec(const struct timespec *t)
{
        return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int64_t now(clockid_t clock)
{
        struct timespec t;

        clock_gettime(clock, &t);
        return nsec(&t);
}

/* What to take off CLOCK_REALTIME to have CLOCK_BOOTTIME: the closest of some readings. */
static int64_t realtime_ahead(void)
{
        int64_t best = INT64_MAX, ahead = 0;

        for (int i = 0; i < 100; i++) {
                int64_t before = now(CLOCK_BOOTTIME), real = now(CLOCK_REALTIME);
                int64_t after = now(CLOCK_BOOTTIME);
                if (after - before < best) {
                        best = after - before;
                        ahead = real - before - best / 2;
                }
        }
        return ahead;
}

/* ---- the agent: makes the gate, and is not there when it closes ---- */

static _Noreturn void agent(int cgroup)
{
        Gate *g;
        usec_t deadline = now_boottime() + OPEN_FOR;
        int r = gate_new(&g, cgroup, -1, deadline);

        if (r < 0) {
                errno = -r;
                die("cannot put a gate around a cgroup");
        }
        shared->deadline = (int64_t)deadline * 1000;
        raise(SIGSTOP);
        _exit(0);
}

/* ---- the sender: what PostgreSQL is to a client ---- */

static _Noreturn void sender(int cgroup, const struct sockaddr *to, socklen_t len)
{
        int procs = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC), one = 1;
        struct linger reset = { .l_onoff = 1 };

        if (procs < 0 || write(procs, "0", 1) != 1)
                die("cannot enter the cgroup");
        int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || connect(fd, to, len) < 0)
                die("cannot connect");
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* else it is only slower */
        for (uint64_t i = 0; i < SEGMENTS_MAX && !__atomic_load_n(&shared->enough, __ATOMIC_ACQUIRE);) {
                int64_t at = now(CLOCK_BOOTTIME);
                shared->written[i] = at;
                if (send(fd, &i, sizeof i, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof i)
                        i++;
                while (now(CLOCK_BOOTTIME) < at + PACE_NSEC)
                        ;
        }
        if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0)
                die("cannot ask for a reset");
        close(fd);
        pause();
        _exit(0);
}

/* ---- the client ---- */

static int listen_on(int family, struct sockaddr_storage *ret, socklen_t *ret_len)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

        *ret_len = sizeof *ret;
        if (fd < 0 ||
            bind(fd, family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
                 family == AF_INET ? sizeof v4 : sizeof v6) < 0 ||
            setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0 || listen(fd, 1) < 0 ||
            getsockname(fd, (struct sockaddr *)ret, ret_len) < 0)
                die("cannot listen on loopback");
        return fd;
}

/* Bytes read, 0 at the end, negative errno; *ret_at: when the last of them left. */
static ssize_t receive(int fd, int64_t ahead, int64_t *ret_at)
{
        char text[4096], control[128];
        struct iovec iov = { text, sizeof text };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                            .msg_controllen = sizeof control };
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

        if (n < 0)
                return -errno;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
                        *ret_at = nsec((const struct timespec *)CMSG_DATA(c)) - ahead;
        return n;
}

static bool waits(int fd, usec_t until)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        usec_t t = now_boottime();

        return t < until && poll(&p, 1, (int)((until - t) / USEC_PER_MSEC) + 1) > 0;
}

/* 0, or -EAGAIN: this machine was too busy for anything to be sent before the deadline. */
static int watch(int fd, Figures *ret)
{
        usec_t until = (usec_t)shared->deadline / 1000 + WATCHED_FOR;
        int64_t ahead = realtime_ahead(), at = 0;
        uint64_t bytes = 0;
        ssize_t n;

        while (waits(fd, until) && (n = receive(fd, ahead, &at)) > 0)
                bytes += (uint64_t)n;
        if (bytes == 0)
                return -EAGAIN;
        uint64_t whole = bytes / sizeof(uint64_t);
        ret->last_left = at - shared->deadline;
        ret->first_refused = shared->written[whole] - shared->deadline;
        if (shared->written[whole - 1] > shared->deadline) {
                fprintf(stderr, "gate: segment %lu was written %ld ns after the deadline and arrived\n",
                        (unsigned long)whole, (long)(shared->written[whole - 1] - shared->deadline));
                exit(1);
        }
        __atomic_store_n(&shared->enough, true, __ATOMIC_RELEASE);
        if (!waits(fd, now_boottime() + USEC_PER_SEC) || receive(fd, ahead, &at) != -ECONNRESET) {
                fprintf(stderr, "gate: no reset came through the closed gate\n");
                exit(1);
        }
        return 0;
}

static void end_child(pid_t pid)
{
        (void)kill(pid, SIGKILL); /* it may have ended */
        (void)waitpid(pid, NULL, 0);
}

static int run(int family, unsigned number, Figures *ret)
{
        char path[128];
        struct sockaddr_storage to;
        socklen_t len;
        int status;

        snprintf(path, sizeof path, OWN_CGROUPS "/palisade-gate-%d-%u", (int)getpid(), number);
        if (mkdir(path, 0755) < 0)
                die("cannot make a cgroup");
        int cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int listener = listen_on(family, &to, &len);
        memset(shared, 0, sizeof *shared);
        pid_t a = fork();
        if (a == 0)
                agent(cgroup);
        if (waitpid(a, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
                exit(2); /* it has said why */
        pid_t s = fork();
        if (s == 0)
                sender(cgroup, (struct sockaddr *)&to, len);

        int r = -EAGAIN, fd = -1;
        if (waits(listener, (usec_t)shared->deadline / 1000))
                fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
                r = watch(fd, ret);
        end_child(s);
        end_child(a);
        fd_close(fd);
        fd_close(listener);
        fd_close(cgroup);
        (void)rmdir(path); /* an empty cgroup left behind is harmless */
        return r;
}

/* ---- the figures ---- */

static int compare(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

static void print(const char *what, int64_t *values, unsigned n)
{
        qsort(values, n, sizeof *values, compare);
        printf("%-44s median %+8.1f  max %+8.1f us\n", what, (double)values[n / 2] / 1000,
               (double)values[n - 1] / 1000);
}

int main(int argc, char **argv)
{
        static int64_t left[RUNS_MAX], refused[RUNS_MAX];
        uint64_t runs = 50;
        unsigned number = 0;

        if (argc > 2 || (argc == 2 && (str_to_u64(argv[1], &runs) < 0 || runs == 0 || runs > RUNS_MAX))) {
                fprintf(stderr, "usage: gate [RUNS]\n");
                return 2;
        }
        if (own_cgroups_mount() < 0)
                die("cannot mount cgroup2 in a mount namespace of its own");
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
                die("mmap");
        for (unsigned i = 0; i < runs; i++) {
                Figures f = { 0 };
                int r = -EAGAIN;
                for (int k = 0; k < RETRIES && r == -EAGAIN; k++)
                        r = run(i % 2 ? AF_INET6 : AF_INET, number++, &f);
                if (r < 0) {
                        fprintf(stderr, "gate: this machine is too busy to measure on\n");
                        return 2;
                }
                left[i] = f.last_left;
                refused[i] = f.first_refused;
        }

        printf("gate, %u runs, its maker stopped; against the deadline:\n", (unsigned)runs);
        print("the last segment left", left, (unsigned)runs);
        print("the first that did not leave was written", refused, (unsigned)runs);
        bool holds = left[runs - 1] <= PROMISE_NSEC; /* sorted */
        printf("%d passed, %d failed, 0 skipped\n", holds, !holds);
        return holds ? 0 : 1;
}
