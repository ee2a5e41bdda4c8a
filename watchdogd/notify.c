#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "watchdogd/notify.h"

#define FIRST_PASSED_FD 3

static uint64_t env_number(const char *name)
{
        const char *text = getenv(name);
        uint64_t v = 0;

        if (text)
                (void)str_to_u64(text, &v); /* no number: as if it were not there */
        return v;
}

int notify_take_fd(const char *name)
{
        const char *names = getenv("LISTEN_FDNAMES");
        uint64_t n = env_number("LISTEN_FDS");

        if (env_number("LISTEN_PID") != (uint64_t)getpid() || !names)
                return -1;
        for (uint64_t i = 0; i < n && *names; i++) {
                size_t len = strcspn(names, ":");
                if (len == strlen(name) && memcmp(names, name, len) == 0) {
                        int fd = FIRST_PASSED_FD + (int)i;
                        return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
                }
                names += len + (names[len] == ':');
        }
        return -1;
}

/* systemd's address in *ret; 0: there is none. */
static socklen_t address(struct sockaddr_un *ret)
{
        const char *path = getenv("NOTIFY_SOCKET");

        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        if (!path || (*path != '/' && *path != '@') ||
            !str_copy(ret->sun_path, sizeof ret->sun_path, path))
                return 0;
        size_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
        if (*path == '@')
                ret->sun_path[0] = 0;
        else
                len++;
        return (socklen_t)len;
}

/* fd -1: text alone. A datagram that systemd has no room for is lost: it is never waited for. */
static void send_state(const char *state, int fd)
{
        static int to_systemd = -1;
        struct sockaddr_un sa;
        struct iovec text = { .iov_base = (void *)(uintptr_t)state, .iov_len = strlen(state) };
        union {
                char space[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control = { 0 };
        struct msghdr m = { .msg_name = &sa, .msg_iov = &text, .msg_iovlen = 1 };

        m.msg_namelen = address(&sa);
        if (m.msg_namelen == 0)
                return;
        if (fd >= 0) {
                m.msg_control = control.space;
                m.msg_controllen = sizeof control.space;
                struct cmsghdr *c = CMSG_FIRSTHDR(&m);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd, sizeof fd);
        }
        if (to_systemd < 0)
                to_systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        (void)sendmsg(to_systemd, &m, MSG_NOSIGNAL | MSG_DONTWAIT); /* nobody else to tell it to */
}

void notify_send(const char *state)
{
        send_state(state, -1);
}

void notify_put_fd(const char *name, int fd)
{
        char state[128];

        snprintf(state, sizeof state, "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
        send_state(state, fd);
}

void notify_remove_fd(const char *name)
{
        char state[128];

        snprintf(state, sizeof state, "FDSTOREREMOVE=1\nFDNAME=%s", name);
        send_state(state, -1);
}

/* systemd closes its end once everything before is handled (sd_notify_barrier(3)). */
void notify_barrier(usec_t timeout)
{
        struct sockaddr_un sa;
        int pipes[2];

        if (address(&sa) == 0 || pipe2(pipes, O_CLOEXEC) < 0)
                return;
        send_state("BARRIER=1", pipes[1]);
        (void)close(pipes[1]); /* nothing is in it */
        struct pollfd p = { .fd = pipes[0] };
        (void)poll(&p, 1, (int)(timeout / USEC_PER_MSEC)); /* either way, we go on */
        (void)close(pipes[0]); /* nothing is in it */
}

usec_t notify_watchdog_every(void)
{
        uint64_t usec = env_number("WATCHDOG_USEC"), pid = env_number("WATCHDOG_PID");

        if (usec == 0 || (pid != 0 && pid != (uint64_t)getpid()))
                return USEC_INFINITY;
        return usec * 2 / 3;
}
