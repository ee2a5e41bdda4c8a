/*
 * keeper: what systemd does for palisade-watchdogd, in a machine that has none.
 *
 *     keeper [--forget-table] [--once] -- PROGRAM ARGUMENT…
 *
 * Makes the socket, takes NOTIFY messages, keeps what FDSTORE hands it, hands it back when the
 * program was killed (RestartSec=100ms), and runs it as the unit does: user 990 with CAP_SYS_BOOT
 * alone, SCHED_RR. --forget-table: the fd store loses the table. --once: no restart.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET "/run/palisade/watchdogd.sock"
#define NOTIFY "/run/palisade-notify"
#define STORE_MAX 16
#define FIRST 3
#define USER 990

static struct { char name[64]; int fd; } store[STORE_MAX];
static int n_store;
static volatile sig_atomic_t child_ended;

static void die(const char *what)
{
        perror(what);
        exit(1);
}

static void on_child(int sig)
{
        (void)sig;
        child_ended = 1;
}

static int make_socket(const char *path, int type)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

        (void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
        (void)unlink(path);
        if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || chmod(path, 0777) < 0)
                die(path);
        if (type == SOCK_SEQPACKET && listen(fd, 16) < 0)
                die(path);
        return fd;
}

static void keep(const char *name, int fd)
{
        if (n_store == STORE_MAX)
                die("the store is full");
        (void)snprintf(store[n_store].name, sizeof store[0].name, "%s", name);
        store[n_store++].fd = fd;
}

static void forget(const char *name)
{
        for (int i = 0; i < n_store; i++)
                if (strcmp(store[i].name, name) == 0) {
                        (void)close(store[i].fd);
                        store[i--] = store[--n_store];
                }
}

static const char *value_of(const char *text, const char *key, char *buf, size_t size)
{
        const char *at = strstr(text, key);

        (void)snprintf(buf, size, "%.*s", at ? (int)strcspn(at + strlen(key), "\n") : 0,
                       at ? at + strlen(key) : "");
        return buf;
}

static void handle_notify(int notify)
{
        char text[1024] = "", name[64];
        union { char space[CMSG_SPACE(4 * sizeof(int))]; struct cmsghdr align; } control;
        struct iovec iov = { text, sizeof text - 1 };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
                            .msg_controllen = sizeof control.space };
        ssize_t n = recvmsg(notify, &m, MSG_CMSG_CLOEXEC);
        int fd = -1;

        if (n < 0)
                return;
        text[n] = 0;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c && c->cmsg_type == SCM_RIGHTS)
                memcpy(&fd, CMSG_DATA(c), sizeof fd);
        value_of(text, "FDNAME=", name, sizeof name);
        if (strstr(text, "FDSTOREREMOVE=1"))
                forget(name);
        else if (strstr(text, "FDSTORE=1") && fd >= 0)
                keep(name, fd);
        else if (fd >= 0)
                (void)close(fd); /* BARRIER=1: everything before it is handled */
        if (strstr(text, "READY=1"))
                printf("KEEPER ready\n");
        (void)fflush(stdout);
}

/* As User=, AmbientCapabilities= and CPUSchedulingPolicy= of the unit. */
static void become_petter(void)
{
        struct sched_param param = { .sched_priority = 50 };
        struct rlimit memory = { 16 << 20, 16 << 20 };
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct data[2] = { 0 };
        FILE *oom = fopen("/proc/self/oom_score_adj", "we");

        if (oom && (fputs("-1000", oom) < 0 || fclose(oom) != 0))
                die("oom_score_adj");
        data[0].effective = data[0].permitted = data[0].inheritable = 1U << CAP_SYS_BOOT;
        if (sched_setscheduler(0, SCHED_RR, &param) < 0 || setrlimit(RLIMIT_MEMLOCK, &memory) < 0 ||
            prctl(PR_SET_KEEPCAPS, 1) < 0 || setresgid(USER, USER, USER) < 0 ||
            setresuid(USER, USER, USER) < 0 || syscall(SYS_capset, &header, data) < 0 ||
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_BOOT, 0, 0) < 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                die("privileges");
}

static pid_t start(int sock, char **argv)
{
        pid_t pid = fork();
        char names[2048] = "watchdogd", pid_text[16], n_text[16];
        int fds[STORE_MAX + 1];

        if (pid != 0)
                return pid;
        fds[0] = sock;
        for (int i = 0; i < n_store; i++) {
                fds[i + 1] = store[i].fd;
                (void)strcat(strcat(names, ":"), store[i].name); /* 16 names of 64 bytes fit */
        }
        for (int i = 0; i <= n_store; i++) /* out of the way of where they go */
                fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST + STORE_MAX + 1);
        for (int i = 0; i <= n_store; i++)
                if (dup2(fds[i], FIRST + i) < 0)
                        die("dup2");
        (void)snprintf(pid_text, sizeof pid_text, "%d", getpid());
        (void)snprintf(n_text, sizeof n_text, "%d", n_store + 1);
        if (setenv("LISTEN_PID", pid_text, 1) < 0 || setenv("LISTEN_FDS", n_text, 1) < 0 ||
            setenv("LISTEN_FDNAMES", names, 1) < 0 || setenv("NOTIFY_SOCKET", NOTIFY, 1) < 0)
                die("setenv");
        become_petter();
        (void)execv(argv[0], argv);
        die(argv[0]);
        return -1;
}

int main(int argc, char **argv)
{
        struct sigaction child = { .sa_handler = on_child };
        bool forget_table = false, once = false;
        int i = 1;

        for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
                forget_table = forget_table || strcmp(argv[i], "--forget-table") == 0;
                once = once || strcmp(argv[i], "--once") == 0;
        }
        if (++i >= argc)
                die("keeper: no program");
        (void)sigaction(SIGCHLD, &child, NULL);
        int sock = make_socket(SOCKET, SOCK_SEQPACKET), notify = make_socket(NOTIFY, SOCK_DGRAM);
        pid_t pid = start(sock, argv + i);
        FILE *f = fopen("/run/watchdogd.pid", "we");
        for (;;) {
                if (f) {
                        rewind(f);
                        (void)fprintf(f, "%d\n", pid);
                        (void)fflush(f);
                }
                struct pollfd p = { .fd = notify, .events = POLLIN };
                if (poll(&p, 1, -1) > 0)
                        handle_notify(notify);
                if (!child_ended || waitpid(pid, NULL, WNOHANG) != pid)
                        continue;
                child_ended = 0;
                printf("KEEPER the program ended\n");
                (void)fflush(stdout);
                if (once)
                        return 0;
                if (forget_table)
                        forget("watchdogd-table");
                (void)usleep(100000);
                pid = start(sock, argv + i);
        }
}
