#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/link.h"
#include "io/log.h"

#define QUEUE_BYTES_MAX (4U << 20)
#define PACKETS_PER_WAKEUP 32

typedef struct Queued Queued;
struct Queued {
        Queued *next;
        size_t size;
        int fds[WIRE_FDS_MAX];
        size_t n_fds;
        max_align_t packet[];
};

struct Link {
        unsigned refs;
        int fd;
        sd_event_source *source;
        char name[NAME_SIZE];
        const LinkHandler *handlers;
        size_t n_handlers;
        link_closed_t closed;
        void *userdata;
        uint64_t seq;
        Queued *queue, *queue_last;
        size_t queue_bytes;
        bool dead;
};

static Queued *queued_free(Queued *q)
{
        for (size_t i = 0; i < q->n_fds; i++)
                fd_close(q->fds[i]);
        free(q);
        return NULL;
}

static void link_shut(Link *l)
{
        l->source = sd_event_source_disable_unref(l->source);
        l->fd = fd_close(l->fd);
        for (Queued *q = l->queue, *next; q; q = next) {
                next = q->next;
                queued_free(q);
        }
        l->queue = l->queue_last = NULL;
        l->queue_bytes = 0;
}

static void link_unref(Link *l)
{
        if (--l->refs > 0)
                return;
        link_shut(l);
        free(l);
}

Link *link_free(Link *l)
{
        if (l) {
                l->closed = NULL;
                l->dead = true;
                link_shut(l);
                link_unref(l);
        }
        return NULL;
}

static void link_close(Link *l, const char *reason)
{
        link_closed_t closed = l->closed;

        if (l->dead)
                return;
        l->dead = true;
        l->closed = NULL;
        link_shut(l);
        if (closed)
                closed(l, reason, l->userdata);
}

const char *link_name(const Link *l)
{
        return l->name;
}

void link_set_handlers(Link *l, const LinkHandler *handlers, size_t n_handlers)
{
        l->handlers = handlers;
        l->n_handlers = n_handlers;
}

uint64_t link_next_seq(Link *l)
{
        return ++l->seq;
}

int link_peer(const Link *l, uid_t *ret_uid, pid_t *ret_pid)
{
        struct ucred cred;
        socklen_t len = sizeof cred;

        if (getsockopt(l->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                return -errno;
        *ret_uid = cred.uid;
        *ret_pid = cred.pid;
        return 0;
}

/* ---- sending ---- */

static int transmit(int fd, const void *packet, size_t size, const int *fds, size_t n_fds)
{
        union {
                char room[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
                struct cmsghdr align;
        } control = { 0 };
        struct iovec iov = { (void *)packet, size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (n_fds > 0) {
                msg.msg_control = control.room;
                msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
                struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
                memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
        }
        while (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

static int enqueue(Link *l, const void *packet, size_t size, const int *fds, size_t n_fds)
{
        if (l->queue_bytes + size > QUEUE_BYTES_MAX)
                return -ENOBUFS;
        Queued *q = calloc(1, sizeof *q + size);
        if (!q)
                return -ENOMEM;
        for (; q->n_fds < n_fds; q->n_fds++) {
                q->fds[q->n_fds] = fcntl(fds[q->n_fds], F_DUPFD_CLOEXEC, 3);
                if (q->fds[q->n_fds] < 0) {
                        int r = -errno;
                        queued_free(q);
                        return r;
                }
        }
        q->size = size;
        memcpy(q->packet, packet, size);
        if (l->queue_last)
                l->queue_last->next = q;
        else
                l->queue = q;
        l->queue_last = q;
        l->queue_bytes += size;
        return sd_event_source_set_io_events(l->source, EPOLLIN | EPOLLOUT);
}

int link_send_fds(Link *l, const MsgHeader *m, const int *fds, size_t n_fds)
{
        int r = -EAGAIN;

        if (!l || l->dead)
                return -ENOTCONN;
        if (!l->queue)
                r = transmit(l->fd, m, m->size, fds, n_fds);
        if (r == -EAGAIN)
                r = enqueue(l, m, m->size, fds, n_fds);
        if (r < 0) {
                log_warning_errno(r, "Cannot send %s to %s, closing the connection: %m",
                                  msg_type_to_string(m->type), l->name);
                /* Not from here: the caller stands in the middle of something. */
                (void)shutdown(l->fd, SHUT_RDWR);
        }
        return r;
}

static int flush_queue(Link *l)
{
        while (l->queue) {
                Queued *q = l->queue;
                int r = transmit(l->fd, q->packet, q->size, q->fds, q->n_fds);
                if (r == -EAGAIN)
                        return 0;
                if (r < 0)
                        return r;
                l->queue = q->next;
                if (!l->queue)
                        l->queue_last = NULL;
                l->queue_bytes -= q->size;
                queued_free(q);
        }
        return sd_event_source_set_io_events(l->source, EPOLLIN);
}

/* ---- receiving ---- */

static void take_fds(struct msghdr *msg, int *fds, size_t *n_fds)
{
        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
                        if (*n_fds < WIRE_FDS_MAX)
                                fds[(*n_fds)++] = fd;
                        else
                                fd_close(fd);
                }
        }
}

static void dispatch(Link *l, const MsgHeader *m, int *fds, size_t n_fds)
{
        for (size_t i = 0; i < l->n_handlers; i++)
                if (l->handlers[i].type == m->type) {
                        l->handlers[i].handle(l, m, fds, n_fds, l->userdata);
                        return;
                }
        log_warning("%s sent %s, which nobody here takes", l->name, msg_type_to_string(m->type));
        link_close(l, "protocol error");
}

/* One packet. 1: handled, 0: none there, negative: the link is over. */
static int receive_one(Link *l)
{
        static _Alignas(max_align_t) char packet[WIRE_PACKET_MAX];
        union {
                char room[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
                struct cmsghdr align;
        } control;
        struct iovec iov = { packet, sizeof packet };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room,
                              .msg_controllen = sizeof control.room };
        int fds[WIRE_FDS_MAX];
        size_t n_fds = 0;

        ssize_t n = recvmsg(l->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        take_fds(&msg, fds, &n_fds);
        if (n == 0)
                return -ECONNRESET;

        int r = msg.msg_flags & MSG_TRUNC ? -EBADMSG : wire_check(packet, (size_t)n);
        if (r < 0)
                log_warning_errno(r, "%s sent %zd bytes that are no message of ours: %m", l->name, n);
        else
                dispatch(l, (const MsgHeader *)packet, fds, n_fds);
        for (size_t i = 0; i < n_fds; i++)
                fd_close(fds[i]);
        return r < 0 ? r : 1;
}

static int on_io(sd_event_source *s _unused_, int fd _unused_, uint32_t events, void *userdata)
{
        Link *l = userdata;
        int r = 0;

        l->refs++; /* a handler may free us */
        if (events & EPOLLOUT)
                r = flush_queue(l);
        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                for (int i = 0; r >= 0 && i < PACKETS_PER_WAKEUP && !l->dead; i++) {
                        r = receive_one(l);
                        if (r == 0)
                                break;
                }
        }
        if (r < 0 && !l->dead)
                link_close(l, r == -ECONNRESET ? "it closed the connection" : strerror(-r));
        link_unref(l);
        return 0;
}

int link_new(Link **ret, sd_event *e, int fd, const char *name, const LinkHandler *handlers,
             size_t n_handlers, link_closed_t closed, void *userdata)
{
        _cleanup_(closep) int owned = fd;
        _cleanup_(link_freep) Link *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        *l = (Link){ .refs = 1, .fd = -1, .handlers = handlers, .n_handlers = n_handlers,
                     .closed = closed, .userdata = userdata };
        (void)STR_SET(l->name, name); /* a cut name is still a name */
        int r = sd_event_add_io(e, &l->source, owned, EPOLLIN, on_io, l);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(l->source, l->name); /* only for debugging */
        l->fd = TAKE_FD(owned);
        *ret = TAKE_PTR(l);
        return 0;
}
