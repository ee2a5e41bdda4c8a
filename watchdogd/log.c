#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "watchdogd/log.h"

#define JOURNAL "/run/systemd/journal/socket"

static int journal_socket(void)
{
        static int fd = -1;

        if (fd < 0)
                fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return fd;
}

static int send_to_journal(int priority, const char *event, const char *line)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = JOURNAL };
        char text[1024];

        int n = snprintf(text, sizeof text,
                         "PRIORITY=%d\nSYSLOG_IDENTIFIER=palisade-watchdogd\n%s%s%sMESSAGE=%s\n",
                         priority, event ? "MESSAGE_ID=" : "", event ? event : "",
                         event ? "\n" : "", line);
        return sendto(journal_socket(), text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1,
                      MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&sa, sizeof sa) < 0
                       ? -1
                       : 0;
}

void wd_log(int priority, const char *event, const char *format, ...)
{
        struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
        char line[640], text[700];
        va_list ap;

        va_start(ap, format);
        vsnprintf(line, sizeof line, format, ap);
        va_end(ap);
        if (getenv("JOURNAL_STREAM") && send_to_journal(priority, event, line) >= 0)
                return;
        int n = snprintf(text, sizeof text, "<%d>%s\n", priority, line);
        if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
                (void)!write(STDERR_FILENO, text, (size_t)n); /* or it is lost, see log.h */
}
