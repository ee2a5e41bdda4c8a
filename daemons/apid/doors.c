#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apid/doors.h"
#include "io/fdutil.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/store.h"

#define TCP_MAX 4     /* addresses a host name may stand for */
#define RETIRED_MAX 8
#define LOCAL_CONNECTIONS 256
#define OTHER_FDS 128
#define AGAIN_AFTER (1 * USEC_PER_SEC)
#define STORE_NAME "apid-tcp"

struct Doors {
        sd_event *event;
        const DoorsCalls *calls;
        void *userdata;
        const Setup *setup; /* in force; not ours */
        bool open, told;
        uid_t refused;
        unsigned connections_max;
        int local_socket;
        Server *local;
        struct addrinfo *addresses; /* what restapi.listen stands for */
        int sockets[TCP_MAX];
        int stored[TCP_MAX]; /* found in systemd's fd store */
        Server *tcp[TCP_MAX];
        Server *retired[RETIRED_MAX];
        Timer again; /* to listen, or to see whether the retired are done */
};

/* ---- sockets ---- */

static bool same_address(int fd, const struct addrinfo *wanted)
{
        struct sockaddr_storage is;
        socklen_t size = sizeof is;

        return getsockname(fd, (struct sockaddr *)&is, &size) >= 0 && size == wanted->ai_addrlen &&
               memcmp(&is, wanted->ai_addr, size) == 0;
}

static int listen_at(const struct addrinfo *a)
{
        _cleanup_(closep) int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int on = 1, off = 0;

        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
                return -errno;
        if (a->ai_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(
                                &((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr))
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* both families */
        /* The address may come later than we do; without the right to this the bind tells. */
        (void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* accepted ones inherit */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){ 3 }, sizeof(int));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){ 2 }, sizeof(int));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){ 3 }, sizeof(int));
        if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static bool is_any(const struct addrinfo *a)
{
        return a->ai_family == AF_INET6 &&
               IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)a->ai_addr)->sin6_addr);
}

/* Every address, on a machine without IPv6. */
static int listen_any_v4(uint16_t port)
{
        struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
        const struct addrinfo a = { .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&sin,
                                    .ai_addrlen = sizeof sin };

        return listen_at(&a);
}

/* One that an earlier instance left for us, or a new one. */
static int take_or_listen(Doors *d, const struct addrinfo *a)
{
        for (size_t i = 0; i < TCP_MAX; i++)
                if (d->stored[i] >= 0 && same_address(d->stored[i], a))
                        return TAKE_FD(d->stored[i]);
        int fd = listen_at(a);
        if (fd < 0 && fd != -EADDRINUSE && is_any(a))
                fd = listen_any_v4(d->setup->listen.port);
        return fd;
}

static int resolve(Doors *d)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                        .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        const HostPort *at = &d->setup->listen;
        bool any = !at->host[0] || strcmp(at->host, "*") == 0;
        char port[8];

        if (d->addresses)
                freeaddrinfo(TAKE_PTR(d->addresses));
        snprintf(port, sizeof port, "%u", at->port);
        int r = getaddrinfo(any ? "::" : at->host, port, &hints, &d->addresses);
        if (r != 0) {
                d->addresses = NULL;
                log_error("Cannot look up restapi.listen '%s': %s", at->host, gai_strerror(r));
                return -EADDRNOTAVAIL;
        }
        return 0;
}

/* What earlier instances stored and nobody needs any more would keep its port busy. */
static void drop_stored(Doors *d)
{
        store_remove_fd(STORE_NAME);
        for (size_t i = 0; i < TCP_MAX; i++) {
                d->stored[i] = fd_close(d->stored[i]);
                if (d->sockets[i] >= 0)
                        (void)store_put_fd(STORE_NAME, d->sockets[i]); /* see doors.h */
        }
}

/* 0, or the first failure, with what could be opened open. */
static int listen_tcp(Doors *d)
{
        size_t n = 0;
        int failed = 0;

        for (const struct addrinfo *a = d->addresses; a && n < TCP_MAX; a = a->ai_next) {
                int fd = take_or_listen(d, a);
                if (fd >= 0)
                        d->sockets[n++] = fd;
                else
                        failed = failed < 0 ? failed : fd;
        }
        drop_stored(d);
        return failed;
}

static void close_tcp(Doors *d)
{
        for (size_t i = 0; i < TCP_MAX; i++)
                d->sockets[i] = fd_close(d->sockets[i]);
}

/* ---- servers ---- */

static int serve(Doors *d, int socket, bool local, Server **ret)
{
        const ServerOptions o = {
                .socket = socket,
                .local = local,
                .refused = d->refused,
                .tls = local ? NULL : d->setup->tls,
                .connections_max = local ? LOCAL_CONNECTIONS : d->connections_max,
                .handle = d->calls->handle,
                .completed = d->calls->completed,
                .userdata = d->userdata,
        };

        return server_new(ret, d->event, &o);
}

/* What cannot be served now (no descriptor, no memory) is tried again. */
static void serve_here(Doors *d)
{
        int r = 0;

        if (d->open && !d->local) {
                r = serve(d, d->local_socket, true, &d->local);
                if (r < 0)
                        log_error_errno(r, "Cannot serve HTTP on the local socket, trying again: %m");
        }
        for (size_t i = 0; i < TCP_MAX && d->open; i++)
                if (d->sockets[i] >= 0 && !d->tcp[i]) {
                        int k = serve(d, d->sockets[i], false, &d->tcp[i]);
                        if (k < 0)
                                log_error_errno(k, "Cannot serve HTTP%s on port %u, trying again: %m",
                                                d->setup->tls ? "S" : "", d->setup->listen.port);
                        r = MIN(r, k);
                }
        if (r < 0)
                timer_set(&d->again, now_boottime() + AGAIN_AFTER);
}

static void retire(Doors *d, Server *s)
{
        if (!s)
                return;
        server_retire(s);
        for (size_t i = 0; i < RETIRED_MAX; i++)
                if (!d->retired[i]) {
                        d->retired[i] = s;
                        timer_set(&d->again, now_boottime() + AGAIN_AFTER);
                        return;
                }
        /* Reloaded again and again while a client stays: its request must end where it is. */
        server_free(s);
}

static void try_tcp(Doors *d)
{
        const HostPort *at = &d->setup->listen;
        int r = d->addresses ? listen_tcp(d) : 0;

        if (r < 0 && !d->told)
                (void)log_error_errno(r, "Cannot listen on %s port %u, trying again: %m",
                                      at->host[0] ? at->host : "*", at->port);
        else if (r >= 0 && d->told)
                log_info("listening on %s port %u", at->host[0] ? at->host : "*", at->port);
        d->told = r < 0;
        if (r < 0 && d->sockets[0] < 0)
                timer_set(&d->again, now_boottime() + AGAIN_AFTER);
        serve_here(d);
}

static void on_again(Timer *t, usec_t now, void *userdata)
{
        Doors *d = userdata;
        bool left = false;

        for (size_t i = 0; i < RETIRED_MAX; i++) {
                if (d->retired[i] && server_connections(d->retired[i]) == 0)
                        d->retired[i] = server_free(d->retired[i]);
                left = left || d->retired[i];
        }
        if (left)
                timer_set(t, now + AGAIN_AFTER);
        if (d->sockets[0] < 0)
                try_tcp(d);
        else
                serve_here(d);
}

/* ---- life ---- */

/*
 * Whoever can run programs as the owner of the data must not command this node (DESIGN §1). Where
 * everything runs as one user there is nobody to tell apart.
 */
static int find_refused(uid_t *ret)
{
        errno = 0;
        const struct passwd *pw = getpwnam("postgres");
        int error = errno;

        *ret = pw && pw->pw_uid != getuid() ? pw->pw_uid : (uid_t)-1;
        if (pw || error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
                return 0; /* getpwnam(3) on what "there is none" may look like */
        return log_error_errno(-error, "Cannot look up the user postgres: %m");
}

static unsigned connection_ceiling(void)
{
        struct rlimit limit = { 1024, 1024 };

        if (getrlimit(RLIMIT_NOFILE, &limit) >= 0 && limit.rlim_cur < limit.rlim_max) {
                limit.rlim_cur = limit.rlim_max;
                (void)setrlimit(RLIMIT_NOFILE, &limit); /* then it stays as it was */
                (void)getrlimit(RLIMIT_NOFILE, &limit);
        }
        rlim_t fds = MIN(limit.rlim_cur, (rlim_t)65536), others = LOCAL_CONNECTIONS + OTHER_FDS;
        return fds > 2 * others ? (unsigned)(fds - others) : (unsigned)fds / 2;
}

static int open_local(const HandOptions *o)
{
        char path[URL_SIZE * 2];
        int fd = listen_take("api", SIZE_MAX);

        if (fd != -ENOENT)
                return fd;
        snprintf(path, sizeof path, "%s/%s/api.sock", o->runtime, o->cluster);
        fd = listen_unix(path, SOCK_STREAM, 0660);
        if (fd < 0)
                return log_error_errno(fd, "Cannot listen on %s: %m", path);
        return fd;
}

int doors_new(Doors **ret, sd_event *e, const HandOptions *options, const Setup *setup,
              const DoorsCalls *calls, void *userdata)
{
        _cleanup_(doors_freep) Doors *d = calloc(1, sizeof *d);

        if (!d)
                return -ENOMEM;
        *d = (Doors){ .event = sd_event_ref(e), .calls = calls, .userdata = userdata,
                      .setup = setup, .local_socket = -1,
                      .connections_max = connection_ceiling() };
        for (size_t i = 0; i < TCP_MAX; i++) {
                d->sockets[i] = -1;
                d->stored[i] = store_take_fd(STORE_NAME);
        }
        int r = timer_init(&d->again, e, "listen again", NULL, on_again, d);
        if (r >= 0)
                r = find_refused(&d->refused);
        if (r >= 0)
                r = resolve(d);
        if (r < 0)
                return r;
        d->local_socket = open_local(options);
        if (d->local_socket < 0)
                return d->local_socket;
        try_tcp(d);
        *ret = TAKE_PTR(d);
        return 0;
}

Doors *doors_free(Doors *d)
{
        if (d) {
                server_free(d->local);
                for (size_t i = 0; i < TCP_MAX; i++) {
                        server_free(d->tcp[i]);
                        fd_close(d->sockets[i]);
                        fd_close(d->stored[i]);
                }
                if (d->addresses)
                        freeaddrinfo(d->addresses);
                for (size_t i = 0; i < RETIRED_MAX; i++)
                        server_free(d->retired[i]);
                fd_close(d->local_socket);
                timer_done(&d->again);
                sd_event_unref(d->event);
                free(d);
        }
        return NULL;
}

void doors_open(Doors *d, const Setup *setup)
{
        d->setup = setup;
        if (d->open)
                return;
        d->open = true;
        serve_here(d);
}

void doors_reload(Doors *d, const Setup *old, const Setup *new)
{
        bool moved = old->listen.port != new->listen.port ||
                     strcmp(old->listen.host, new->listen.host) != 0;

        d->setup = new;
        if (!moved && tls_equal(old->tls, new->tls))
                return;
        for (size_t i = 0; i < TCP_MAX; i++)
                retire(d, TAKE_PTR(d->tcp[i]));
        if (moved) {
                close_tcp(d);
                (void)resolve(d); /* told; nothing is listened at until the next reload */
        }
        if (d->sockets[0] < 0)
                try_tcp(d);
        else
                serve_here(d);
        log_info("%s", moved ? "listening elsewhere from now on"
                             : "the TLS certificate or its rules changed: in force from now on");
}

unsigned doors_connections(const Doors *d)
{
        unsigned n = d->local ? server_connections(d->local) : 0;

        for (size_t i = 0; i < TCP_MAX; i++)
                n += d->tcp[i] ? server_connections(d->tcp[i]) : 0;
        return n;
}
