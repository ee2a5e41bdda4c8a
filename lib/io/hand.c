#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/hand.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/loop.h"

#define MINDS_MAX 32 /* clusters of one host, and connections that have not said HELLO yet */
#define HELLO_WITHIN (5 * USEC_PER_SEC)

struct Hand {
        int socket;
        sd_event *event;
        sd_event_source *source;
        const char *cluster;
        uid_t mind_uid;
        const LinkHandler *handlers; /* the program's, in force once HELLO was said */
        size_t n_handlers;
        const HandCalls *calls;
        void *userdata;
        struct Seat {
                Mind mind;
                bool taken, greeted;
                usec_t since;
        } seats[MINDS_MAX];
};

void *hand_userdata(const Hand *h)
{
        return h->userdata;
}

Mind *hand_find(const Hand *h, const char *cluster)
{
        for (size_t i = 0; i < MINDS_MAX; i++) {
                const struct Seat *s = &h->seats[i];
                if (s->taken && s->greeted &&
                    (!cluster || str_equal(s->mind.cluster, cluster)))
                        return (Mind *)&s->mind;
        }
        return NULL;
}

static void seat_leave(Hand *h, struct Seat *s)
{
        if (!s->taken)
                return;
        if (s->greeted && h->calls->left)
                h->calls->left(&s->mind, h->userdata);
        s->mind.link = link_free(s->mind.link);
        *s = (struct Seat){ 0 };
}

static void on_closed(Link *l _unused_, const char *reason, void *userdata)
{
        Mind *m = userdata;
        struct Seat *s = CONTAINER_OF(m, struct Seat, mind);

        if (s->greeted)
                log_info("the mind of %s is gone: %s", m->cluster, reason);
        seat_leave(m->hand, s);
}

static int greet(Hand *h, struct Seat *s, const MsgHello *hello)
{
        if (str_empty(hello->cluster) || (h->cluster && !str_equal(h->cluster, hello->cluster))) {
                log_warning("a mind asked for cluster '%s', which is not served here",
                            hello->cluster);
                return -EINVAL;
        }
        for (size_t i = 0; i < MINDS_MAX; i++) {
                struct Seat *other = &h->seats[i];
                if (other != s && other->greeted && str_equal(other->mind.cluster, hello->cluster))
                        seat_leave(h, other);
        }
        (void)STR_SET(s->mind.cluster, hello->cluster); /* same size */
        s->mind.dcs_id = hello->dcs_id;
        s->greeted = true;
        link_set_handlers(s->mind.link, h->handlers, h->n_handlers);
        return h->calls->joined(&s->mind, h->userdata);
}

static void on_hello(Link *l, const MsgHeader *m, int *fds _unused_, size_t n_fds _unused_,
                     void *userdata)
{
        Mind *mind = userdata;
        int r = greet(mind->hand, CONTAINER_OF(mind, struct Seat, mind), (const MsgHello *)m);

        if (r < 0) {
                link_send_result(l, m->seq, OUTCOME_REFUSED, "%s", strerror(-r));
                seat_leave(mind->hand, CONTAINER_OF(mind, struct Seat, mind));
        }
}

/* A seat for a new connection; one that never said HELLO must make room. */
static struct Seat *free_seat(Hand *h, usec_t now)
{
        for (size_t i = 0; i < MINDS_MAX; i++)
                if (!h->seats[i].taken)
                        return &h->seats[i];
        for (size_t i = 0; i < MINDS_MAX; i++)
                if (!h->seats[i].greeted && h->seats[i].since + HELLO_WITHIN < now) {
                        seat_leave(h, &h->seats[i]);
                        return &h->seats[i];
                }
        return NULL;
}

static const LinkHandler before_hello[] = { { MSG_HELLO, on_hello } };

static int on_connection(sd_event_source *source _unused_, int socket, uint32_t events _unused_,
                         void *userdata)
{
        Hand *h = userdata;
        _cleanup_(closep) int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred cred;
        socklen_t len = sizeof cred;
        usec_t now = now_boottime();

        if (fd < 0)
                return 0; /* it went away again, or no descriptor is free: the next one may work */
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != h->mind_uid) {
                log_warning("uid %u, pid %d is not our mind: connection refused", cred.uid,
                            cred.pid);
                return 0;
        }
        struct Seat *s = free_seat(h, now);
        if (!s) {
                log_warning("too many connections: one more is refused");
                return 0;
        }
        *s = (struct Seat){ .mind = { .hand = h }, .taken = true, .since = now };
        int r = link_new(&s->mind.link, h->event, TAKE_FD(fd), "the mind", before_hello,
                         ELEMENTSOF(before_hello), on_closed, &s->mind);
        if (r < 0) {
                log_error_errno(r, "Cannot take a connection: %m");
                *s = (struct Seat){ 0 };
        }
        return 0;
}

int hand_new(Hand **ret, sd_event *e, int socket, const char *cluster, uid_t mind_uid,
             const LinkHandler *handlers, size_t n_handlers, const HandCalls *calls,
             void *userdata)
{
        _cleanup_(closep) int owned = socket;
        _cleanup_(hand_freep) Hand *h = calloc(1, sizeof *h);

        if (!h)
                return -ENOMEM;
        *h = (Hand){ .socket = -1, .event = sd_event_ref(e), .cluster = cluster,
                     .mind_uid = mind_uid, .handlers = handlers, .n_handlers = n_handlers,
                     .calls = calls, .userdata = userdata };
        int r = sd_event_add_io(e, &h->source, owned, EPOLLIN, on_connection, h);
        if (r < 0)
                return r;
        h->socket = TAKE_FD(owned);
        *ret = TAKE_PTR(h);
        return 0;
}

Hand *hand_free(Hand *h)
{
        if (h) {
                for (size_t i = 0; i < MINDS_MAX; i++)
                        h->seats[i].mind.link = link_free(h->seats[i].mind.link);
                h->source = sd_event_source_disable_unref(h->source);
                h->socket = fd_close(h->socket);
                sd_event_unref(h->event);
                free(h);
        }
        return NULL;
}

/* ---- command line ---- */

static void usage(const HandOptions *o)
{
        printf("Usage: %s [OPTION]…\n\n%s\n\n", o->program, o->summary);
        if (o->per_cluster)
                printf("  --cluster NAME      the cluster this instance serves\n");
        if (o->wants_config)
                printf("  --config FILE       default /etc/palisade/<cluster>.yml\n");
        printf("  --mind-user USER    who may command this daemon; default palisade\n"
               "  --runtime DIR       where the sockets are; default /run/palisade\n"
               "  --foreground        started by `palisade run`: end when no permit is left\n"
               "  --help, --version\n\n"
               "See palisade(7).\n");
}

static int parse_user(const char *name, uid_t *ret)
{
        uint64_t uid;

        if (str_to_u64(name, &uid) >= 0 && uid < UINT32_MAX) {
                *ret = (uid_t)uid;
                return 0;
        }
        const struct passwd *pw = getpwnam(name);
        if (!pw) {
                fprintf(stderr, "There is no user '%s'\n", name);
                return -ENOENT;
        }
        *ret = pw->pw_uid;
        return 0;
}

int hand_options_parse(HandOptions *o, int argc, char **argv)
{
        enum { CLUSTER = 256, CONFIG, MIND_USER, RUNTIME, FOREGROUND, HELP, VERSION_ };
        static const struct option options[] = {
                { "cluster", required_argument, NULL, CLUSTER },
                { "config", required_argument, NULL, CONFIG },
                { "mind-user", required_argument, NULL, MIND_USER },
                { "runtime", required_argument, NULL, RUNTIME },
                { "foreground", no_argument, NULL, FOREGROUND },
                { "help", no_argument, NULL, HELP },
                { "version", no_argument, NULL, VERSION_ },
                { NULL, 0, NULL, 0 },
        };
        const char *user = "palisade";
        int c;

        STR_SET(o->runtime, "/run/palisade");
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                switch (c) {
                case CLUSTER: (void)STR_SET(o->cluster, optarg); break;
                case CONFIG: (void)STR_SET(o->config, optarg); break;
                case MIND_USER: user = optarg; break;
                case RUNTIME: (void)STR_SET(o->runtime, optarg); break;
                case FOREGROUND: o->foreground = true; break;
                case HELP: usage(o); return 1;
                case VERSION_: printf("%s " PACKAGE_VERSION "\n", o->program); return 1;
                default: return -EINVAL; /* getopt has said why */
                }
        if (optind < argc) {
                fprintf(stderr, "%s takes no argument '%s'\n", o->program, argv[optind]);
                return -EINVAL;
        }
        if (o->per_cluster && !o->cluster[0]) {
                fprintf(stderr, "%s needs --cluster\n", o->program);
                return -EINVAL;
        }
        if (o->wants_config && !o->config[0])
                snprintf(o->config, sizeof o->config, "/etc/palisade/%s.yml", o->cluster);
        return parse_user(user, &o->mind_uid);
}

int hand_options_listen(const HandOptions *o)
{
        char path[URL_SIZE * 2];
        int fd = listen_take(o->socket_name, SIZE_MAX);

        if (fd != -ENOENT)
                return fd;
        if (o->per_cluster)
                snprintf(path, sizeof path, "%s/%s/%s.sock", o->runtime, o->cluster, o->socket_name);
        else
                snprintf(path, sizeof path, "%s/%s.sock", o->runtime, o->socket_name);
        fd = listen_unix(path, SOCK_SEQPACKET, 0600);
        if (fd < 0)
                return log_error_errno(fd, "Cannot listen on %s: %m", path);
        return fd;
}
