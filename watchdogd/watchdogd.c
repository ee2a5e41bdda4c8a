#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/watchdogd.h"
#include "wire/wire.h"

#define CLIENTS_MAX 32

static const char no_device[] = "this version pets no watchdog device yet";

typedef struct Client {
        int fd; /* -1: free */
        bool greeted;
        char cluster[NAME_SIZE];
        uint32_t mode;
        MsgPermit permit;
        Epoch revoked;
} Client;

struct Watchdogd {
        int socket;
        uid_t mind_uid;
        Client clients[CLIENTS_MAX];
};

static usec_t now_boottime(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_BOOTTIME, &ts); /* this clock always exists */
        return (usec_t)ts.tv_sec * USEC_PER_SEC + (usec_t)ts.tv_nsec / 1000;
}

static void client_close(Client *c)
{
        (void)close(c->fd); /* a socket: nothing is lost */
        *c = (Client){ .fd = -1 };
}

static void client_send(Client *c, const MsgHeader *m)
{
        ssize_t n;

        do
                n = send(c->fd, m, m->size, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n < 0) { /* a mind that does not read is as good as gone: it connects again */
                fprintf(stderr, "<4>cannot answer the mind of %s: %s\n", c->cluster,
                        strerror(errno));
                client_close(c);
        }
}

static void send_state(Client *c)
{
        MsgWatchdogState m = WIRE_INIT(MsgWatchdogState, MSG_WATCHDOG_STATE);

        m.armed = TRI_NO;
        m.mode = c->mode;
        m.epoch = c->permit.epoch;
        m.deadline = c->permit.deadline;
        m.revoked_epoch = c->revoked;
        (void)STR_SET(m.reason, no_device); /* it fits */
        client_send(c, &m.h);
}

static void send_result(Client *c, uint64_t seq, Outcome outcome, const char *text)
{
        MsgResult m = WIRE_INIT(MsgResult, MSG_RESULT);

        m.h.seq = seq;
        m.outcome = outcome;
        (void)STR_SET(m.text, text); /* our own short texts */
        client_send(c, &m.h);
}

/* ---- messages ---- */

static void on_hello(Watchdogd *w, Client *c, const MsgHeader *h)
{
        const MsgHello *m = (const MsgHello *)h;

        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                Client *other = &w->clients[i];
                if (other != c && other->fd >= 0 && other->greeted &&
                    str_equal(other->cluster, m->cluster))
                        client_close(other);
        }
        (void)STR_SET(c->cluster, m->cluster); /* same size */
        c->greeted = true;
        send_state(c);
}

static void on_arm(Watchdogd *w _unused_, Client *c, const MsgHeader *h)
{
        c->mode = ((const MsgArm *)h)->mode;
        send_state(c);
        if (c->fd >= 0)
                send_result(c, h->seq, OUTCOME_REFUSED, no_device);
}

static void on_permit(Watchdogd *w _unused_, Client *c, const MsgHeader *h)
{
        const MsgPermit *m = (const MsgPermit *)h;

        if (m->epoch > c->revoked)
                c->permit = *m;
}

static void on_revoke(Watchdogd *w _unused_, Client *c, const MsgHeader *h)
{
        const MsgRevoke *m = (const MsgRevoke *)h;

        if (m->epoch > c->revoked)
                c->revoked = m->epoch;
        send_result(c, h->seq, OUTCOME_DONE, "no device is armed");
}

static void on_disarm(Watchdogd *w _unused_, Client *c, const MsgHeader *h)
{
        send_result(c, h->seq, OUTCOME_DONE, "no device is armed");
}

static void on_reset(Watchdogd *w _unused_, Client *c, const MsgHeader *h)
{
        send_result(c, h->seq, OUTCOME_REFUSED, no_device);
}

static const struct {
        MsgType type;
        void (*handle)(Watchdogd *w, Client *c, const MsgHeader *h);
} handlers[] = {
        { MSG_HELLO, on_hello },   { MSG_ARM, on_arm },       { MSG_PERMIT, on_permit },
        { MSG_REVOKE, on_revoke }, { MSG_DISARM, on_disarm }, { MSG_RESET, on_reset },
};

static void dispatch(Watchdogd *w, Client *c, const MsgHeader *h)
{
        for (size_t i = 0; i < ELEMENTSOF(handlers); i++)
                if (handlers[i].type == h->type && (c->greeted || h->type == MSG_HELLO)) {
                        handlers[i].handle(w, c, h);
                        return;
                }
        fprintf(stderr, "<4>a mind sent %s, which is not for us now\n",
                msg_type_to_string(h->type));
        client_close(c);
}

static void receive(Watchdogd *w, Client *c)
{
        static _Alignas(max_align_t) char packet[16384]; /* nothing we take is larger */
        ssize_t n = recv(c->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0 || (size_t)n > sizeof packet || wire_check(packet, (size_t)n) < 0) {
                if (n > 0)
                        fprintf(stderr, "<4>%zd bytes that are no message of ours\n", n);
                client_close(c);
                return;
        }
        dispatch(w, c, (const MsgHeader *)packet);
}

static void accept_client(Watchdogd *w)
{
        struct ucred cred;
        socklen_t len = sizeof cred;
        int fd = accept4(w->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != w->mind_uid) {
                fprintf(stderr, "<4>uid %u, pid %d is not our mind: connection refused\n", cred.uid,
                        cred.pid);
                (void)close(fd); /* a socket: nothing is lost */
                return;
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (w->clients[i].fd < 0) {
                        w->clients[i].fd = fd;
                        return;
                }
        fprintf(stderr, "<4>too many connections: one more is refused\n");
        (void)close(fd); /* a socket: nothing is lost */
}

unsigned watchdogd_minds(const Watchdogd *w)
{
        unsigned n = 0;

        for (size_t i = 0; i < CLIENTS_MAX; i++)
                n += w->clients[i].fd >= 0 && w->clients[i].greeted;
        return n;
}

int watchdogd_serve(Watchdogd *w, usec_t until)
{
        struct pollfd fds[CLIENTS_MAX + 1];
        usec_t now = now_boottime();

        if (now >= until)
                return 0;
        fds[0] = (struct pollfd){ .fd = w->socket, .events = POLLIN };
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                fds[i + 1] = (struct pollfd){ .fd = w->clients[i].fd, .events = POLLIN };
        usec_t wait = until == USEC_INFINITY ? USEC_INFINITY : until - now;
        struct timespec ts = { .tv_sec = (time_t)(wait / USEC_PER_SEC),
                               .tv_nsec = (long)(wait % USEC_PER_SEC) * 1000 };
        int r = ppoll(fds, ELEMENTSOF(fds), wait == USEC_INFINITY ? NULL : &ts, NULL);
        if (r < 0)
                return errno == EINTR ? 0 : -errno;
        if (fds[0].revents)
                accept_client(w);
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (fds[i + 1].revents && w->clients[i].fd == fds[i + 1].fd)
                        receive(w, &w->clients[i]);
        return 0;
}

Watchdogd *watchdogd_new(int socket, uid_t mind_uid)
{
        Watchdogd *w = calloc(1, sizeof *w);

        if (!w)
                return NULL;
        w->socket = socket;
        w->mind_uid = mind_uid;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                w->clients[i].fd = -1;
        return w;
}

Watchdogd *watchdogd_free(Watchdogd *w)
{
        if (w) {
                for (size_t i = 0; i < CLIENTS_MAX; i++)
                        if (w->clients[i].fd >= 0)
                                client_close(&w->clients[i]);
                (void)close(w->socket); /* a socket: nothing is lost */
                free(w);
        }
        return NULL;
}
