#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apid/server.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"

#define IDLE_SEC 30
#define MEMORY_PER_CONNECTION ((size_t)8192) /* with it the ceiling of a request's headers */
#define LOOK_AGAIN (10 * USEC_PER_MSEC)
#define LOOK_PAUSE (20 * USEC_PER_MSEC)
#define SPARE 16 /* connections that may come in before the silent one has really gone */

typedef struct Connection Connection;
struct Connection {
        Server *server;
        int fd; /* libmicrohttpd's */
        bool refused;
        bool waiting;
        bool served; /* one request at least */
        Connection *older, *newer; /* while not waiting: by when they last did something */
};

struct Server {
        sd_event *event;
        struct MHD_Daemon *daemon;
        sd_event_source *source;
        Timer timeout;
        bool local, retired;
        uid_t refused;
        VerifyClient verify;
        unsigned connections_max, n_connections;
        bool one_closed; /* in the round under way */
        unsigned looks; /* in a row, by the timer, that ended in "look again at once" */
        Connection *oldest, *newest;
};

/* ---- who was silent longest ---- */

static void unlink_connection(Connection *c)
{
        Server *s = c->server;

        if (c->older)
                c->older->newer = c->newer;
        else if (s->oldest == c)
                s->oldest = c->newer;
        if (c->newer)
                c->newer->older = c->older;
        else if (s->newest == c)
                s->newest = c->older;
        c->older = c->newer = NULL;
}

static void append_connection(Connection *c)
{
        Server *s = c->server;

        c->older = s->newest;
        if (s->newest)
                s->newest->newer = c;
        else
                s->oldest = c;
        s->newest = c;
}

/* libmicrohttpd reads the end of file and closes it, as if the client had. */
static void hang_up(const Connection *c)
{
        (void)shutdown(c->fd, SHUT_RD); /* fails when the client was faster */
}

static void make_room(Server *s)
{
        Connection *c = s->oldest;

        if (s->n_connections + SPARE < s->connections_max || !c)
                return;
        unlink_connection(c);
        append_connection(c); /* the next one in need closes another */
        (void)shutdown(c->fd, SHUT_RDWR); /* as above; and nothing more is sent to one that stalls */
}

/* ---- connections ---- */

static Connection *connection_of(struct MHD_Connection *c)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info ? info->socket_context : NULL;
}

static bool is_refused(const Server *s, int fd)
{
        struct ucred cred;
        socklen_t size = sizeof cred;

        if (!s->local || s->refused == (uid_t)-1)
                return false;
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0 || cred.uid == s->refused;
}

static void begin_connection(Server *s, struct MHD_Connection *mc, void **ret)
{
        const union MHD_ConnectionInfo *info =
                MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);
        Connection *c = calloc(1, sizeof *c);

        if (!c || !info) {
                free(c);
                return; /* every request of it is refused, see connection_is_refused() */
        }
        make_room(s);
        *c = (Connection){ .server = s, .fd = info->connect_fd };
        c->refused = is_refused(s, c->fd);
        append_connection(c);
        s->n_connections++;
        tls_prepare(s->verify, mc);
        *ret = c;
}

static void on_connection(void *userdata, struct MHD_Connection *mc, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
        Server *s = userdata;
        Connection *c = *context;

        if (code == MHD_CONNECTION_NOTIFY_STARTED) {
                begin_connection(s, mc, context);
        } else if (c) {
                if (!c->waiting)
                        unlink_connection(c);
                s->n_connections--;
                s->one_closed = true;
                free(c);
                *context = NULL;
        }
}

Server *connection_server(struct MHD_Connection *mc)
{
        Connection *c = connection_of(mc);

        return c ? c->server : NULL;
}

bool connection_is_local(struct MHD_Connection *mc)
{
        Connection *c = connection_of(mc);

        return c && c->server->local;
}

bool connection_is_refused(struct MHD_Connection *mc)
{
        Connection *c = connection_of(mc);

        return !c || c->refused;
}

void connection_wait(struct MHD_Connection *mc)
{
        Connection *c = connection_of(mc);

        if (!c || c->waiting)
                return;
        unlink_connection(c);
        c->waiting = true;
}

void connection_done(struct MHD_Connection *mc)
{
        Connection *c = connection_of(mc);

        if (!c)
                return;
        if (!c->waiting)
                unlink_connection(c);
        c->waiting = false;
        c->served = true;
        append_connection(c);
        if (c->server->retired)
                hang_up(c);
}

/* ---- the loop ---- */

/*
 * How soon to look again though no socket has an event. "At once" is believed the first time: while
 * a client takes its time over a TLS handshake, libmicrohttpd says so without end.
 */
static usec_t next_look(Server *s, bool by_timer, MHD_UNSIGNED_LONG_LONG msec)
{
        s->looks = msec == 0 && by_timer ? s->looks + 1 : 0;
        return msec > 0 ? msec * USEC_PER_MSEC : MIN(s->looks * USEC_PER_MSEC, LOOK_PAUSE);
}

static void run(Server *s, bool by_timer)
{
        MHD_UNSIGNED_LONG_LONG msec;

        /*
         * Once it had no descriptor for a client, libmicrohttpd listens again in the round after one
         * has closed; without that round it would never be woken.
         */
        do {
                s->one_closed = false;
                (void)MHD_run(s->daemon); /* fails only for a daemon with threads of its own */
        } while (s->one_closed);
        if (MHD_get_timeout(s->daemon, &msec) != MHD_YES)
                return;
        /*
         * The timer is only ever moved closer here: each request sets its connection's timeout
         * anew, and a timer that fires a little early costs less than one set anew as often.
         */
        usec_t due = usec_add(now_boottime(), next_look(s, by_timer, msec));
        if (due < s->timeout.due)
                timer_set(&s->timeout, due);
}

static int on_io(sd_event_source *source _unused_, int fd _unused_, uint32_t events _unused_,
                 void *userdata)
{
        run(userdata, false);
        return 0;
}

static void on_timeout(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        run(userdata, true);
}

void server_kick(Server *s)
{
        timer_set(&s->timeout, now_boottime());
}

static void on_mhd_log(void *userdata, const char *format, va_list ap)
{
        Server *s = userdata;
        char text[256];

        vsnprintf(text, sizeof text, format, ap);
        text[strcspn(text, "\n")] = 0;
        log_debug("libmicrohttpd: %s", text); /* what clients do wrong, mostly */

        /*
         * A connection that ends for want of memory (a query of a hundred parameters) is told here
         * and then forgotten until its timeout: its socket has no event to come. Looking once more
         * closes it; not at once, since what is told here may be told at each look.
         */
        usec_t due = usec_add(now_boottime(), LOOK_AGAIN);
        if (s->daemon && due < s->timeout.due)
                timer_set(&s->timeout, due);
}

/* ---- life ---- */

static int start_daemon(Server *s, const ServerOptions *o)
{
        _cleanup_(closep) int socket = fcntl(o->socket, F_DUPFD_CLOEXEC, 0);
        struct MHD_OptionItem tls[8] = { 0 };
        unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
        size_t n = 0;

        if (socket < 0)
                return -errno;
        if (!o->local) /* inherited: a handshake in several packets waits for no acknowledgement */
                (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)); /* it
                                                                            is only slower without */
        if (o->tls) {
                const Tls *t = o->tls;
                flags |= MHD_USE_TLS;
                tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, t->certificate };
                tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, t->key };
                tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, t->priorities };
                if (t->key_password)
                        tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_KEY_PASSWORD, 0,
                                                            t->key_password };
                if (t->trust)
                        tls[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                                            t->trust };
        }
        tls[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
        s->daemon = MHD_start_daemon(
                flags, 0, NULL, NULL, o->handle, o->userdata, /* the logger comes first: it tells */
                MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, s, MHD_OPTION_LISTEN_SOCKET, socket,
                MHD_OPTION_CONNECTION_LIMIT, o->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
                (unsigned)IDLE_SEC, MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_PER_CONNECTION,
                MHD_OPTION_NOTIFY_COMPLETED, o->completed, o->userdata,
                MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_SIGPIPE_HANDLED_BY_APP,
                1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
        if (!s->daemon)
                return -EINVAL; /* a certificate or key that cannot be used, as a rule */
        (void)TAKE_FD(socket);
        return 0;
}

int server_new(Server **ret, sd_event *e, const ServerOptions *o)
{
        _cleanup_(server_freep) Server *s = calloc(1, sizeof *s);
        const union MHD_DaemonInfo *info;

        if (!s)
                return -ENOMEM;
        *s = (Server){ .event = sd_event_ref(e), .local = o->local, .refused = o->refused,
                       .verify = o->tls ? o->tls->verify : VERIFY_NONE,
                       .connections_max = o->connections_max };
        int r = timer_init(&s->timeout, e, "http timeout", NULL, on_timeout, s);
        if (r >= 0)
                r = start_daemon(s, o);
        if (r < 0)
                return r;
        info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
        if (!info)
                return -ENOTSUP;
        r = sd_event_add_io(e, &s->source, info->epoll_fd, EPOLLIN, on_io, s);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(s->source, "http"); /* only for debugging */
        *ret = TAKE_PTR(s);
        return 0;
}

Server *server_free(Server *s)
{
        if (s) {
                s->source = sd_event_source_disable_unref(s->source);
                if (s->daemon)
                        MHD_stop_daemon(s->daemon); /* closes what is open, by on_connection() */
                timer_done(&s->timeout);
                sd_event_unref(s->event);
                free(s);
        }
        return NULL;
}

void server_retire(Server *s)
{
        fd_close(MHD_quiesce_daemon(s->daemon));
        s->retired = true;
        /* Who has just come, and may be shaking hands still, gets the answer to one request. */
        for (Connection *c = s->oldest; c; c = c->newer)
                if (c->served)
                        hang_up(c);
}

unsigned server_connections(const Server *s)
{
        return s->n_connections;
}
