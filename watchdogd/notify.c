#include <fcntl.h>
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

int notify_listen_fd(const char *name)
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

void notify_send(const char *state)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        if (!path || (*path != '/' && *path != '@') ||
            !str_copy(sa.sun_path, sizeof sa.sun_path, path))
                return;
        socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
        if (*path == '@')
                sa.sun_path[0] = 0;
        else
                len++;
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return;
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa, len); /* nobody
                                                                             else to tell it to */
        (void)close(fd);
}

usec_t notify_watchdog_every(void)
{
        uint64_t usec = env_number("WATCHDOG_USEC"), pid = env_number("WATCHDOG_PID");

        if (usec == 0 || (pid != 0 && pid != (uint64_t)getpid()))
                return USEC_INFINITY;
        return usec * 2 / 3;
}
