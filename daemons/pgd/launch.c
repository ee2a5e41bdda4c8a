#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/listen.h"
#include "io/log.h"
#include "io/loop.h"
#include "pgd/launch-internal.h"

#define REQUESTS_MAX 32
#define ANSWER_WITHIN (5 * USEC_PER_SEC)
#define RECONNECT_EVERY (100 * USEC_PER_MSEC)

/* A request the launcher has not answered yet. */
typedef struct Request {
        uint64_t seq; /* 0: free */
        usec_t deadline;
        launch_leaf_t leaf;
        launch_born_t born;
        launch_dropped_t dropped;
        void *userdata;
} Request;

struct Launch {
        sd_event *event;
        char path[URL_SIZE];
        char cluster[NAME_SIZE];
        Link *link;
        Timer reconnect;
        Timer overdue;
        uint64_t seq;
        Request requests[REQUESTS_MAX];
        struct {
                uint64_t seq; /* 0: free */
                launch_exit_t exited;
                void *userdata;
        } waits[REQUESTS_MAX];
        bool complained;
};

bool launch_is_up(const Launch *l)
{
        return l->link != NULL;
}

sd_event *launch_event(const Launch *l)
{
        return l->event;
}

/* ---- requests ---- */

static void arm_overdue(Launch *l)
{
        usec_t first = USEC_INFINITY;

        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (l->requests[i].seq && l->requests[i].deadline < first)
                        first = l->requests[i].deadline;
        timer_set(&l->overdue, first);
}

static Request *find_request(Launch *l, uint64_t seq)
{
        for (size_t i = 0; seq && i < REQUESTS_MAX; i++)
                if (l->requests[i].seq == seq)
                        return &l->requests[i];
        return NULL;
}

static void end_request(Request *q, int error)
{
        Request copy = *q;
        int none[2] = { -1, -1 };

        *q = (Request){ 0 };
        if (copy.leaf)
                copy.leaf(error, NULL, none, copy.userdata);
        else if (copy.born)
                copy.born(error, -1, none, copy.userdata);
        else if (copy.dropped)
                copy.dropped(error, copy.userdata);
}

static int add_request(Launch *l, Request q, MsgHeader *m)
{
        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (l->requests[i].seq == 0) {
                        q.seq = m->seq = ++l->seq;
                        q.deadline = now_boottime() + ANSWER_WITHIN;
                        l->requests[i] = q;
                        arm_overdue(l);
                        return 0;
                }
        return -EBUSY;
}

/* Sends a request that add_request() has noted; nobody is told of one that did not leave. */
static int send_request(Launch *l, const MsgHeader *m, const int *fds, size_t n_fds)
{
        int r = link_send_fds(l->link, m, fds, n_fds);

        if (r < 0)
                *find_request(l, m->seq) = (Request){ 0 };
        return r;
}

static void on_overdue(Timer *t _unused_, usec_t now, void *userdata)
{
        Launch *l = userdata;

        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (l->requests[i].seq && l->requests[i].deadline <= now)
                        end_request(&l->requests[i], -ETIMEDOUT);
        arm_overdue(l);
}

int launch_make_leaf(Launch *l, uint64_t leaf, launch_leaf_t done, void *userdata)
{
        MsgMakeLeaf m = WIRE_INIT(MsgMakeLeaf, MSG_MAKE_LEAF);

        m.leaf = leaf;
        if (!l->link)
                return -ENOTCONN;
        int r = add_request(l, (Request){ .leaf = done, .userdata = userdata }, &m.h);
        return r < 0 ? r : send_request(l, &m.h, NULL, 0);
}

int launch_drop_leaf(Launch *l, uint64_t leaf, launch_dropped_t done, void *userdata)
{
        MsgDropLeaf m = WIRE_INIT(MsgDropLeaf, MSG_DROP_LEAF);

        m.leaf = leaf;
        if (!l->link)
                return -ENOTCONN;
        int r = add_request(l, (Request){ .dropped = done, .userdata = userdata }, &m.h);
        return r < 0 ? r : send_request(l, &m.h, NULL, 0);
}

/* What of our environment a child gets: nothing of systemd's, nothing of ours. */
static bool keeps_variable(const char *entry)
{
        static const char *const dropped[] = {
                "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_",   "PALISADE_", "JOURNAL_STREAM=",
                "INVOCATION_ID=", "FDSTORE=",  "MAINPID=",  "PGHOST=",   "PGPORT=",
                "RUNTIME_DIRECTORY=", "PATRONI_", "KUBERNETES_", "SYSTEMD_", "PGPASSFILE=", "PGOPTIONS=",
        };

        for (size_t i = 0; i < ELEMENTSOF(dropped); i++)
                if (str_after_prefix(entry, dropped[i]))
                        return false;
        return true;
}

static bool put_string(MsgSpawn *m, const char *s)
{
        size_t n = strlen(s) + 1;

        if (m->h.size + n > WIRE_PACKET_MAX)
                return false;
        memcpy((char *)m + m->h.size, s, n);
        m->h.size += (uint32_t)n;
        return true;
}

static int fill_spawn(MsgSpawn *m, uint64_t leaf, const Node *argv, const char *const *env,
                      const char *cwd)
{
        bool ok = true;

        *m = WIRE_INIT(MsgSpawn, MSG_SPAWN);
        m->leaf = leaf;
        (void)STR_SET(m->cwd, cwd ? cwd : "/");
        NODE_FOREACH(a, argv) {
                ok = ok && a->text && put_string(m, a->text);
                m->argc++;
        }
        for (char **e = environ; *e; e++)
                if (keeps_variable(*e)) {
                        ok = ok && put_string(m, *e);
                        m->envc++;
                }
        for (; env && *env; env++) {
                ok = ok && put_string(m, *env);
                m->envc++;
        }
        return ok ? 0 : -E2BIG;
}

int launch_spawn_fds(Launch *l, uint64_t leaf, const Node *argv, const char *const *env,
                     const char *cwd, const int *fds, size_t n_fds, launch_born_t born,
                     void *userdata, uint64_t *ret_seq)
{
        static _Alignas(MsgSpawn) char packet[WIRE_PACKET_MAX];
        MsgSpawn *m = (MsgSpawn *)packet;

        if (!l->link)
                return -ENOTCONN;
        int r = fill_spawn(m, leaf, argv, env, cwd);
        if (r >= 0)
                r = add_request(l, (Request){ .born = born, .userdata = userdata }, &m->h);
        if (r >= 0)
                r = send_request(l, &m->h, fds, n_fds);
        if (r >= 0 && ret_seq)
                *ret_seq = m->h.seq;
        return r;
}

int launch_spawn(Launch *l, uint64_t leaf, const Node *argv, launch_born_t born, void *userdata)
{
        return launch_spawn_fds(l, leaf, argv, NULL, NULL, NULL, 0, born, userdata, NULL);
}

int launch_await_exit(Launch *l, uint64_t seq, launch_exit_t exited, void *userdata)
{
        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (l->waits[i].seq == 0) {
                        l->waits[i].seq = seq;
                        l->waits[i].exited = exited;
                        l->waits[i].userdata = userdata;
                        return 0;
                }
        return -EBUSY;
}

void launch_forget(Launch *l, void *userdata)
{
        for (size_t i = 0; i < REQUESTS_MAX; i++) {
                if (l->waits[i].seq && l->waits[i].userdata == userdata)
                        l->waits[i].seq = 0;
                if (l->requests[i].seq && l->requests[i].userdata == userdata)
                        l->requests[i] = (Request){ 0 };
        }
}

/* ---- answers ---- */

static void on_result(Link *link _unused_, const MsgHeader *h, int *fds _unused_,
                      size_t n _unused_, void *userdata)
{
        const MsgResult *m = (const MsgResult *)h;
        Launch *l = userdata;
        Request *q = find_request(l, h->seq);

        if (q && q->dropped) {
                end_request(q, m->outcome == OUTCOME_DONE ? 0 : -EBUSY);
        } else if (q && m->outcome != OUTCOME_DONE) {
                log_warning("the launcher: %s", m->text);
                end_request(q, -EIO);
        }
}

static void on_leaf(Link *link _unused_, const MsgHeader *h, int *fds, size_t n_fds, void *userdata)
{
        Request *q = find_request(userdata, h->seq);
        int none[2] = { -1, -1 };

        if (!q || !q->leaf)
                return;
        Request copy = *q;
        *q = (Request){ 0 };
        copy.leaf(0, (const MsgLeaf *)h, n_fds == 2 ? fds : none, copy.userdata);
}

static void on_spawned(Link *link _unused_, const MsgHeader *h, int *fds, size_t n_fds,
                       void *userdata)
{
        const MsgSpawned *m = (const MsgSpawned *)h;
        Request *q = find_request(userdata, h->seq);

        if (n_fds == 1 && !q) /* given up before it was born: nobody would ever end it */
                (void)pidfd_send_signal(fds[0], SIGKILL, NULL, 0); /* ESRCH: it has just ended */
        if (!q || !q->born || n_fds != 1)
                return;
        Request copy = *q;
        *q = (Request){ 0 };
        copy.born(0, m->pid, fds, copy.userdata);
}

static void on_exited(Link *link _unused_, const MsgHeader *h, int *fds _unused_, size_t n _unused_,
                      void *userdata)
{
        Launch *l = userdata;

        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (l->waits[i].seq == h->seq) {
                        l->waits[i].seq = 0;
                        l->waits[i].exited(((const MsgExited *)h)->status, l->waits[i].userdata);
                        return;
                }
}

static const LinkHandler handlers[] = {
        { MSG_RESULT, on_result },
        { MSG_LEAF, on_leaf },
        { MSG_SPAWNED, on_spawned },
        { MSG_EXITED, on_exited },
};

/* ---- the connection ---- */

static void on_closed(Link *link _unused_, const char *reason, void *userdata)
{
        Launch *l = userdata;

        log_warning("lost the launcher: %s; connecting again", reason);
        l->link = link_free(l->link);
        for (size_t i = 0; i < REQUESTS_MAX; i++)
                if (l->requests[i].seq)
                        end_request(&l->requests[i], -ECONNRESET);
        timer_set(&l->reconnect, now_boottime() + RECONNECT_EVERY);
}

static int connect_now(Launch *l)
{
        MsgHello hello = WIRE_INIT(MsgHello, MSG_HELLO);
        int fd = connect_unix(l->path, SOCK_SEQPACKET);

        if (fd < 0)
                return fd;
        int r = link_new(&l->link, l->event, fd, "the launcher", handlers, ELEMENTSOF(handlers),
                         on_closed, l);
        if (r < 0)
                return r;
        (void)STR_SET(hello.cluster, l->cluster); /* same size */
        return link_send(l->link, &hello.h);
}

static void on_reconnect(Timer *t, usec_t now, void *userdata)
{
        Launch *l = userdata;
        int r = connect_now(l);

        if (r >= 0) {
                l->complained = false;
                return;
        }
        if (!l->complained)
                log_warning_errno(r, "Cannot reach the launcher at %s, trying on: %m", l->path);
        l->complained = true;
        timer_set(t, now + RECONNECT_EVERY);
}

int launch_new(Launch **ret, sd_event *e, const char *socket_path, const char *cluster)
{
        _cleanup_(launch_freep) Launch *l = calloc(1, sizeof *l);

        if (!l)
                return -ENOMEM;
        l->event = sd_event_ref(e);
        if (!STR_SET(l->path, socket_path) || !STR_SET(l->cluster, cluster))
                return -ENAMETOOLONG;
        int r = timer_init(&l->reconnect, e, "launcher", NULL, on_reconnect, l);
        if (r >= 0)
                r = timer_init(&l->overdue, e, "launcher overdue", NULL, on_overdue, l);
        if (r < 0)
                return r;
        on_reconnect(&l->reconnect, now_boottime(), l);
        *ret = TAKE_PTR(l);
        return 0;
}

Launch *launch_free(Launch *l)
{
        if (l) {
                l->link = link_free(l->link);
                timer_done(&l->reconnect);
                timer_done(&l->overdue);
                sd_event_unref(l->event);
                free(l);
        }
        return NULL;
}

void launch_describe(const Node *argv, char *buf, size_t size)
{
        size_t used = 0;

        buf[0] = 0;
        NODE_FOREACH(a, argv) {
                int n = snprintf(buf + used, size - used, "%s%s", used > 0 ? " " : "", a->text);
                used = MIN(used + (size_t)n, size - 1);
        }
}
