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
#include "watchdogd/cause.h"
#include "watchdogd/clock.h"
#include "watchdogd/events.h"
#include "watchdogd/log.h"
#include "watchdogd/petter.h"
#include "watchdogd/scan.h"
#include "watchdogd/watchdogd.h"
#include "wire/wire.h"

#define CLIENTS_MAX 32
/* While none is there, for one that comes back: a mind that requires it bids for nothing meanwhile. */
#define LOOK_AGAIN (5 * USEC_PER_SEC)
#define TELL_EVERY (1 * USEC_PER_SEC) /* the last pet, to those who have armed */

typedef struct Client {
        int fd; /* -1: free */
        bool greeted;
        char cluster[NAME_SIZE];
        uint32_t mode;
} Client;

struct Watchdogd {
        int socket;
        uid_t mind_uid;
        usec_t told; /* when STATE last went to all */
        bool lacking; /* the last STATE told of no usable device */
        Petter petter;
        Client clients[CLIENTS_MAX];
};

static const PolicyCluster nobody;

/* What is kept of this cluster; it outlives its connection. */
static const PolicyCluster *row_of(const Watchdogd *w, const Client *c)
{
        const PolicyCluster *row = policy_row(&w->petter.table->policy, c->cluster, false);

        return row ? row : &nobody;
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
                wd_log(WD_WARNING, NULL, "cannot answer the mind of %s: %s", c->cluster,
                       strerror(errno));
                client_close(c);
        }
}

static void send_state(Watchdogd *w, Client *c)
{
        MsgWatchdogState m = WIRE_INIT(MsgWatchdogState, MSG_WATCHDOG_STATE);
        const Petter *p = &w->petter;
        const PolicyTable *t = &p->table->policy;
        const PolicyCluster *row = row_of(w, c);

        m.armed = row->armed && t->fires != 0 ? TRI_YES : TRI_NO;
        m.mode = c->mode;
        m.granted = p->device.record.granted_sec * USEC_PER_SEC;
        m.fires = t->fires;
        m.last_pet = t->last_pet;
        m.epoch = row->epoch;
        m.deadline = row->deadline;
        m.revoked_epoch = row->revoked;
        m.stall = stall_worst(&p->stall, clock_now());
        (void)STR_SET(m.device, p->device.record.path); /* same sizes */
        (void)STR_SET(m.identity, p->device.record.identity);
        (void)STR_SET(m.boot_cause, cause_text());
        if (m.armed != TRI_YES)
                petter_prospect(p, m.reason, sizeof m.reason);
        else
                (void)STR_SET(m.reason, t->stopped ? "no longer petted" : p->remark); /* they fit */
        w->lacking = m.armed != TRI_YES && m.reason[0] != 0;
        client_send(c, &m.h);
}

/* To everybody, and not too often: W and the last pet are the host's. */
static void tell_all(Watchdogd *w, usec_t now)
{
        w->told = now;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (w->clients[i].fd >= 0 && w->clients[i].greeted)
                        send_state(w, &w->clients[i]);
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
        PolicyCluster *row = policy_row(&w->petter.table->policy, c->cluster, true);
        if (row)
                policy_dcs(row, m->dcs_id);
        send_state(w, c);
}

static void on_arm(Watchdogd *w, Client *c, const MsgHeader *h)
{
        const MsgArm *m = (const MsgArm *)h;
        char why[REASON_SIZE];

        c->mode = m->mode;
        int r = petter_arm(&w->petter, c->cluster, m, why, sizeof why);
        if (r < 0)
                wd_log(WD_WARNING, EVENT_WATCHDOG_WEAK, "cluster %s runs without a watchdog: %s",
                       c->cluster, why);
        tell_all(w, clock_now());
        if (c->fd >= 0)
                send_result(c, h->seq, r < 0 ? OUTCOME_REFUSED : OUTCOME_DONE, why);
}

static void on_permit(Watchdogd *w, Client *c, const MsgHeader *h)
{
        PolicyCluster *row = policy_row(&w->petter.table->policy, c->cluster, true);

        if (row)
                policy_permit(row, (const MsgPermit *)h);
}

static void on_revoke(Watchdogd *w, Client *c, const MsgHeader *h)
{
        PolicyCluster *row = policy_row(&w->petter.table->policy, c->cluster, true);

        if (row)
                policy_revoke(row, ((const MsgRevoke *)h)->epoch);
        send_state(w, c);
        if (c->fd >= 0)
                send_result(c, h->seq, OUTCOME_DONE, "");
}

static void on_disarm(Watchdogd *w, Client *c, const MsgHeader *h)
{
        bool done = petter_disarm(&w->petter, c->cluster, (const MsgDisarm *)h);

        send_state(w, c);
        if (c->fd >= 0)
                send_result(c, h->seq, done ? OUTCOME_DONE : OUTCOME_REFUSED,
                            done ? "" : "a newer epoch has it armed");
}

static void on_reset(Watchdogd *w, Client *c, const MsgHeader *h)
{
        petter_reset(&w->petter, ((const MsgReset *)h)->reason);
        send_result(c, h->seq, OUTCOME_REFUSED, "the host cannot be reset by us");
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
        wd_log(WD_WARNING, NULL, "a mind sent %s, which is not for us now",
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
                        wd_log(WD_WARNING, NULL, "%zd bytes that are no message of ours", n);
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
                wd_log(WD_WARNING, NULL, "uid %u, pid %d is not our mind: connection refused",
                       cred.uid, cred.pid);
                (void)close(fd); /* a socket: nothing is lost */
                return;
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                if (w->clients[i].fd < 0) {
                        w->clients[i].fd = fd;
                        return;
                }
        wd_log(WD_WARNING, NULL, "too many connections: one more is refused");
        (void)close(fd); /* a socket: nothing is lost */
}

unsigned watchdogd_minds(const Watchdogd *w)
{
        unsigned n = 0;

        for (size_t i = 0; i < CLIENTS_MAX; i++)
                n += w->clients[i].fd >= 0 && w->clients[i].greeted;
        return n;
}

bool watchdogd_is_armed(const Watchdogd *w)
{
        return policy_any_armed(&w->petter.table->policy);
}

/* Takes in what waits in the sockets. */
static void receive_all(void *userdata)
{
        Watchdogd *w = userdata;

        for (size_t i = 0; i < CLIENTS_MAX; i++) {
                struct pollfd p = { .fd = w->clients[i].fd, .events = POLLIN };
                while (p.fd >= 0 && w->clients[i].fd == p.fd && poll(&p, 1, 0) == 1)
                        receive(w, &w->clients[i]);
        }
}

static int wait_for_messages(Watchdogd *w, usec_t until)
{
        struct pollfd fds[CLIENTS_MAX + 1];
        usec_t now = clock_now(), wait = until == USEC_INFINITY ? until : usec_sub(until, now);

        fds[0] = (struct pollfd){ .fd = w->socket, .events = POLLIN };
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                fds[i + 1] = (struct pollfd){ .fd = w->clients[i].fd, .events = POLLIN };
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

int watchdogd_serve(Watchdogd *w, usec_t until)
{
        usec_t pet = w->petter.table->policy.last_pet;
        usec_t next = petter_run(&w->petter, receive_all, w), now = clock_now();

        if (w->petter.table->policy.last_pet != pet && now >= usec_add(w->told, TELL_EVERY))
                tell_all(w, now);
        if (w->lacking && now >= usec_add(w->told, LOOK_AGAIN))
                tell_all(w, now);
        if (w->lacking)
                next = MIN(next, usec_add(w->told, LOOK_AGAIN));
        return wait_for_messages(w, MIN(next, until));
}

/* Why the host went down: found out at the first start in this boot, kept in the table since. */
static void look_back(Watchdogd *w, const char *state_dir)
{
        Table *t = w->petter.table;
        Candidate list[CANDIDATES_MAX];

        cause_open(state_dir, w->petter.restarted ? t->boot_cause : NULL);
        if (w->petter.restarted)
                return;
        cause_work_out(list, scan_devices(list));
        (void)STR_SET(t->boot_cause, cause_text()); /* same size */
}

Watchdogd *watchdogd_new(int socket, uid_t mind_uid, const char *state_dir, bool power_cycle)
{
        Watchdogd *w = calloc(1, sizeof *w);

        if (!w)
                return NULL;
        w->socket = socket;
        w->mind_uid = mind_uid;
        w->petter.power_cycle = power_cycle;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
                w->clients[i].fd = -1;
        cause_open(state_dir, ""); /* the first pet may already have something to write there */
        if (petter_init(&w->petter) < 0)
                return watchdogd_free(w);
        look_back(w, state_dir);
        return w;
}

Watchdogd *watchdogd_free(Watchdogd *w)
{
        if (w) {
                for (size_t i = 0; i < CLIENTS_MAX; i++)
                        if (w->clients[i].fd >= 0)
                                client_close(&w->clients[i]);
                (void)close(w->socket); /* a socket: nothing is lost */
                device_drop(&w->petter.device); /* the fd store's duplicate stays */
                free(w);
        }
        return NULL;
}
