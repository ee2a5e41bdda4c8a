/*
 * The gate around a pooler: a real one, around a cgroup with a server of our own in it. What was said under an
 * old right is never heard under the next one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fence/gate.h"
#include "fence/pooler-gate.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "test-lib.h"
#include "tests/own-cgroups.h"

#define LATER (now_boottime() + 3600 * USEC_PER_SEC)
#define SILENCE_MSEC 300 /* as long as a retransmission takes */

static sd_event *event;
static Worker *worker;
static unsigned changes;
static pid_t server;
static int orders, port, cgroup;
static char path[64];

/* ---- the pooler ---- */

/* An order is a byte: 'a' to accept a client, anything else is said to the last one. */
static _Noreturn void serve(int listener, int from)
{
        int procs = openat(cgroup, "cgroup.procs", O_WRONLY), client = -1;
        char c;

        if (procs < 0 || write(procs, "0", 1) != 1)
                _exit(1);
        listener = socket(AF_INET, SOCK_STREAM, 0); /* born in here */
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t len = sizeof a;
        if (bind(listener, (struct sockaddr *)&a, len) < 0 || listen(listener, 8) < 0 ||
            getsockname(listener, (struct sockaddr *)&a, &len) < 0 || write(from, &a.sin_port, sizeof a.sin_port) < 0)
                _exit(1);
        while (read(from, &c, 1) == 1) {
                if (c == 'a') {
                        fd_close(client);
                        client = accept(listener, NULL, NULL);
                } else {
                        (void)send(client, &c, 1, MSG_NOSIGNAL); /* it may be cut off */
                }
                if (write(from, "", 1) < 0)
                        break;
        }
        _exit(0);
}

static void order(char c)
{
        assert_int_equal(write(orders, &c, 1), 1);
        assert_int_equal(read(orders, &c, 1), 1);
}

/* As soon as its gate is open: the loop turns meanwhile. */
static int connected(void)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = (in_port_t)port };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd p = { .fd = fd, .events = POLLOUT };

        assert_true(connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS);
        for (usec_t end = now_boottime() + 20 * USEC_PER_SEC; poll(&p, 1, 0) == 0;) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
        }
        assert_int_equal(p.revents, POLLOUT);
        order('a');
        return fd;
}

/* The byte that comes; 0: the end; -1: nothing comes; else negative errno. */
static int heard(int fd, int msec)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char c;

        if (poll(&p, 1, msec) == 0)
                return -1;
        ssize_t n = recv(fd, &c, 1, 0);
        return n == 1 ? c : n == 0 ? 0 : -errno;
}

static void assert_heard(int fd, char c)
{
        order(c);
        assert_int_equal(heard(fd, 10000), c);
}

static void assert_cut_off(int fd)
{
        assert_int_equal(heard(fd, 10000), -ECONNRESET);
        close(fd);
}

/* ---- the gate ---- */

static void on_changed(void *userdata)
{
        assert_ptr_equal(userdata, &changes);
        changes++;
}

static PoolerGate *made(usec_t deadline, bool same_right)
{
        PoolerGate *g;
        uint64_t id;

        assert_int_equal(cgroup_id(cgroup, &id), 0);
        assert_int_equal(pooler_gate_new(&g, worker, fcntl(cgroup, F_DUPFD_CLOEXEC, 3), id, "pgbouncer.service",
                                         "main", deadline, same_right, on_changed, &changes),
                         0);
        assert_int_equal(pooler_gate_cgroup(g), id);
        assert_int_equal(pooler_gate_state(g), GATE_UNKNOWN);
        return g;
}

static void turn_until(const PoolerGate *g, GateState state)
{
        for (usec_t end = now_boottime() + 20 * USEC_PER_SEC; pooler_gate_state(g) != state;) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(event, USEC_PER_SEC) >= 0);
        }
}

static void turn(usec_t how_long)
{
        for (usec_t end = now_boottime() + how_long; now_boottime() < end;)
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
}

/* A first gate holds nothing back; another process's is replaced without a word, if the right is the same. */
static void test_same_right(void **state _unused_)
{
        PoolerGate *g = made(LATER, false);

        turn_until(g, GATE_OPEN);
        assert_true(changes > 0);
        int client = connected();
        assert_heard(client, 'x');
        pooler_gate_free(g);

        g = made(LATER, true);
        turn_until(g, GATE_OPEN);
        assert_heard(client, 'y');
        assert_true(pooler_gate_set(g, now_boottime(), true)); /* it has just run out */
        order('z');
        assert_int_equal(heard(client, SILENCE_MSEC), -1);
        assert_int_equal(pooler_gate_state(g), GATE_SHUT);
        assert_true(pooler_gate_set(g, LATER, true));
        assert_int_equal(heard(client, 10000), 'z');
        close(client);
        pooler_gate_free(g);
}

static void test_next_right(void **state _unused_)
{
        PoolerGate *g = made(LATER, true);

        turn_until(g, GATE_OPEN);
        int client = connected();
        assert_true(pooler_gate_set(g, now_boottime(), true));
        order('o'); /* what the old right says too late */
        assert_false(pooler_gate_set(g, LATER, false));
        assert_int_equal(pooler_gate_state(g), GATE_SHUT);
        turn_until(g, GATE_OPEN);
        assert_cut_off(client);
        client = connected();
        assert_heard(client, 'n');
        assert_true(pooler_gate_set(g, LATER, false)); /* it is open: nothing is cut */
        assert_heard(client, 'm');

        /* The gate of a process before, with something behind it: shut until that is gone. */
        assert_true(pooler_gate_set(g, now_boottime(), true));
        order('o');
        pooler_gate_free(g);
        g = made(LATER, false);
        turn_until(g, GATE_OPEN);
        assert_cut_off(client);
        pooler_gate_free(g);
}

/* A right that is taken back while the worker is at it. */
static void test_revoked_meanwhile(void **state _unused_)
{
        PoolerGate *g = made(LATER, true);

        assert_true(pooler_gate_set(g, 0, true));
        turn_until(g, GATE_SHUT);
        turn(100 * USEC_PER_MSEC);
        assert_int_equal(pooler_gate_state(g), GATE_SHUT);

        assert_false(pooler_gate_set(g, LATER, false));
        assert_true(pooler_gate_set(g, 0, false)); /* before it was cleared */
        turn(200 * USEC_PER_MSEC);
        assert_int_equal(pooler_gate_state(g), GATE_SHUT);
        assert_false(pooler_gate_set(g, LATER, false)); /* the next right waits for a clearing of its own */
        turn_until(g, GATE_OPEN);
        pooler_gate_free(g);
}

/* Shut for good: clients hear of it at once. */
static void test_shut(void **state _unused_)
{
        PoolerGate *g = made(LATER, true);

        turn_until(g, GATE_OPEN);
        int client = connected();
        assert_true(pooler_gate_set(g, 0, true));
        turn(100 * USEC_PER_MSEC);
        assert_cut_off(client);
        pooler_gate_free(g);
}

/* Left: it opens for good, or stays as it is, and tells nobody any more. */
static void test_left(void **state _unused_)
{
        PoolerGate *g = made(LATER, true);

        turn_until(g, GATE_OPEN);
        int client = connected();
        assert_true(pooler_gate_set(g, now_boottime(), true));
        order('o');
        turn(50 * USEC_PER_MSEC);
        unsigned before = changes;
        assert_null(pooler_gate_leave(g, true));
        assert_cut_off(client);
        client = connected();
        assert_heard(client, 'p');

        assert_null(pooler_gate_leave(made(LATER, true), false)); /* while it is attached: nobody could shut it */
        for (usec_t end = now_boottime() + 20 * USEC_PER_SEC; now_boottime() < end && heard(client, 0) == -1;)
                assert_true(sd_event_run(event, 10 * USEC_PER_MSEC) >= 0);
        order('q');
        assert_int_equal(heard(client, SILENCE_MSEC), 0);
        assert_int_equal(changes, before);
        close(client);
        assert_null(pooler_gate_leave(NULL, true));
}

/* A cgroup that is gone. */
static void test_absent(void **state _unused_)
{
        char gone[80];

        snprintf(gone, sizeof gone, "%s/gone", path);
        assert_int_equal(mkdir(gone, 0755), 0);
        int fd = open(gone, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(rmdir(gone), 0);
        PoolerGate *g;
        assert_int_equal(pooler_gate_new(&g, worker, fd, 1, "a.service", "main", LATER, true, on_changed, &changes),
                         0);
        turn_until(g, GATE_ABSENT);
        assert_true(pooler_gate_reason(g)[0] != 0);
        assert_true(pooler_gate_set(g, LATER, false)); /* it keeps nobody waiting */
        pooler_gate_free(g);
}

static int set_up(void **state _unused_)
{
        int both[2];
        in_port_t told;

        if (own_cgroups_mount() < 0)
                return -1;
        snprintf(path, sizeof path, OWN_CGROUPS "/palisade-pooler-%d", (int)getpid());
        if (mkdir(path, 0755) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) < 0)
                return -1;
        cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        server = fork();
        if (server == 0) {
                close(both[0]);
                serve(-1, both[1]);
        }
        close(both[1]);
        orders = both[0];
        if (read(orders, &told, sizeof told) != sizeof told)
                return -1;
        port = told;
        return sd_event_new(&event) < 0 || worker_new(&worker, event, USEC_INFINITY) < 0 ? -1 : 0;
}

static int tear_down(void **state _unused_)
{
        worker = worker_free(worker);
        event = sd_event_unref(event);
        close(orders);
        if (server > 0)
                (void)waitpid(server, NULL, 0); /* it ends when nobody orders */
        close(cgroup);
        return rmdir(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_right),       cmocka_unit_test(test_next_right),
                cmocka_unit_test(test_revoked_meanwhile), cmocka_unit_test(test_shut),
                cmocka_unit_test(test_left),             cmocka_unit_test(test_absent),
        };

        if (geteuid() != 0) {
                puts("skipped test-pooler-gate: only root may put a gate around a cgroup");
                return 77;
        }
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
