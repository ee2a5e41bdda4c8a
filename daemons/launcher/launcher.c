#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/loop.h"
#include "io/worker.h"
#include "launcher/launcher.h"
#include "launcher/spawn.h"

#define CHILDREN_MAX 64
#define STRINGS_MAX 1024 /* arguments and environment of one child */
#define LINGER (30 * USEC_PER_SEC) /* palisade run: how long to wait for another pgd */

typedef struct Child {
        Launcher *launcher;
        sd_event_source *source;
        pid_t pid;
        uint64_t seq;
        bool taken;
} Child;

struct Launcher {
        sd_event *event;
        Hand *hand;
        int base_fd; /* our unit's cgroup; -1: none */
        int null_fd;
        char base[URL_SIZE];
        bool foreground;
        uint64_t connections; /* of pgd, so far: what it asked before is not answered to the next */
        Timer linger;
        Worker *worker;
        size_t n_asked; /* children that the worker is to make */
        Child children[CHILDREN_MAX];
};

/*
 * One request. mkdir and rmdir of a cgroup, and a fork, wait while anybody on this machine moves a process to
 * another cgroup, for 10 to 50 ms: a grace period of RCU. So they are made by the worker.
 */
typedef struct Request {
        Job job;
        Launcher *launcher;
        uint64_t connection;
        MsgHeader *message; /* a copy */
        int in[3];          /* what came with it */
        size_t n_in;
        int r;
        MsgLeaf leaf;
        int leaf_fds[2];
        pid_t pid;
        int pidfd;
} Request;

bool launcher_has_cgroups(const Launcher *l)
{
        return l->base_fd >= 0;
}

/* ---- leaves ---- */

static void leaf_name(uint64_t leaf, char *buf, size_t size)
{
        if (leaf == LEAF_TOOLS)
                snprintf(buf, size, "tools");
        else
                snprintf(buf, size, "pg-%" PRIu64, leaf);
}

static int open_leaf(const Launcher *l, uint64_t leaf)
{
        char name[32];

        leaf_name(leaf, name, sizeof name);
        if (mkdirat(l->base_fd, name, 0755) < 0 && errno != EEXIST)
                return -errno;
        _cleanup_(closep) int fd = openat(l->base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        /* Whatever our umask: fenced, of another uid, reads cgroup.events in it. */
        if (fd < 0 || fchmod(fd, 0755) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Our own cgroup, if leaves can be made below it. */
static void find_base(Launcher *l)
{
        _cleanup_(closep) int tools = -1;
        int r = cgroup_of(0, l->base, sizeof l->base);

        if (r >= 0) {
                l->base_fd = open(l->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = l->base_fd < 0 ? -errno : 0;
        }
        if (r >= 0)
                r = tools = open_leaf(l, LEAF_TOOLS);
        if (r >= 0)
                return;
        log_event(LOG_WARNING, EVENT_FENCE_MISSING, FIELDS({ "PALISADE_FENCE", "cgroup", 0 }),
                  "no cgroup of our own here (%s): postgres can be ended by its process id only, and "
                  "no gate can be put around it",
                  strerror(-r));
        l->base_fd = fd_close(l->base_fd);
}

static int make_leaf(const Launcher *l, uint64_t leaf, MsgLeaf *ret, int fds[2])
{
        _cleanup_(closep) int dir = open_leaf(l, leaf);
        char name[32];
        int r = dir < 0 ? dir : cgroup_id(dir, &ret->cgroup);

        if (r < 0)
                return r;
        leaf_name(leaf, name, sizeof name);
        if ((size_t)snprintf(ret->path, sizeof ret->path, "%s/%s", l->base, name) >=
            sizeof ret->path)
                return -ENAMETOOLONG;
        /* The kernel checks the opener: through this descriptor another uid may kill (DESIGN §3). */
        fds[1] = openat(dir, "cgroup.kill", O_WRONLY | O_CLOEXEC);
        if (fds[1] < 0)
                return -errno;
        fds[0] = TAKE_FD(dir);
        return 0;
}

/* ---- requests ---- */

static Request *request_free(Request *q)
{
        if (q) {
                for (size_t i = 0; i < ELEMENTSOF(q->in); i++)
                        fd_close(q->in[i]);
                for (size_t i = 0; i < ELEMENTSOF(q->leaf_fds); i++)
                        fd_close(q->leaf_fds[i]);
                fd_close(q->pidfd);
                free(q->message);
                free(q);
        }
        return NULL;
}

/* The connection that asked; NULL: it is gone, and so is whoever waits for an answer. */
static Link *asker(const Request *q)
{
        Mind *pgd = hand_find(q->launcher->hand, NULL);

        return pgd && q->connection == q->launcher->connections ? pgd->link : NULL;
}

static bool give(Launcher *l, Link *link, const MsgHeader *h, int *fds, size_t n_fds, void (*work)(Job *),
                 void (*done)(Job *))
{
        Request *q = calloc(1, sizeof *q);
        MsgHeader *copy = malloc(h->size);

        if (!q || !copy) {
                free(copy);
                free(q);
                link_send_result(link, h->seq, OUTCOME_REFUSED, "%s", strerror(ENOMEM));
                return false;
        }
        memcpy(copy, h, h->size);
        *q = (Request){ .job = { .work = work, .done = done }, .launcher = l, .connection = l->connections,
                        .message = copy, .in = { -1, -1, -1 }, .n_in = n_fds, .leaf_fds = { -1, -1 },
                        .pidfd = -1 };
        for (size_t i = 0; i < n_fds && i < ELEMENTSOF(q->in); i++)
                q->in[i] = TAKE_FD(fds[i]);
        worker_do(l->worker, &q->job);
        return true;
}

static void make_leaf_work(Job *job)
{
        Request *q = (Request *)job;

        q->leaf = (MsgLeaf)WIRE_INIT(MsgLeaf, MSG_LEAF);
        q->leaf.h.seq = q->message->seq;
        q->leaf.leaf = ((const MsgMakeLeaf *)q->message)->leaf;
        if (q->launcher->base_fd >= 0)
                q->r = make_leaf(q->launcher, q->leaf.leaf, &q->leaf, q->leaf_fds);
}

static void make_leaf_done(Job *job)
{
        Request *q = (Request *)job;

        if (q->r < 0) {
                log_error_errno(q->r, "Cannot make the cgroup of postgres start %" PRIu64 ": %m", q->leaf.leaf);
                link_send_result(asker(q), q->message->seq, OUTCOME_REFUSED, "no cgroup: %s", strerror(-q->r));
        } else {
                (void)link_send_fds(asker(q), &q->leaf.h, q->leaf_fds,
                                    q->launcher->base_fd >= 0 ? 2 : 0); /* pgd has a deadline */
        }
        request_free(q);
}

static void drop_leaf_work(Job *job)
{
        Request *q = (Request *)job;
        char name[32];

        leaf_name(((const MsgDropLeaf *)q->message)->leaf, name, sizeof name);
        if (q->launcher->base_fd >= 0 && unlinkat(q->launcher->base_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
                q->r = -errno;
}

static void drop_leaf_done(Job *job)
{
        Request *q = (Request *)job;
        char name[32];

        leaf_name(((const MsgDropLeaf *)q->message)->leaf, name, sizeof name);
        if (q->r < 0)
                link_send_result(asker(q), q->message->seq, OUTCOME_REFUSED, "%s: %s", name, strerror(-q->r));
        else
                link_send_result(asker(q), q->message->seq, OUTCOME_DONE, "%s", "");
        request_free(q);
}

static void on_make_leaf(Link *link, const MsgHeader *h, int *fds _unused_, size_t n _unused_, void *userdata)
{
        (void)give(hand_userdata(((Mind *)userdata)->hand), link, h, NULL, 0, make_leaf_work,
                   make_leaf_done); /* answered */
}

static void on_drop_leaf(Link *link, const MsgHeader *h, int *fds _unused_, size_t n _unused_, void *userdata)
{
        (void)give(hand_userdata(((Mind *)userdata)->hand), link, h, NULL, 0, drop_leaf_work,
                   drop_leaf_done); /* answered */
}

/* ---- children ---- */

static void child_done(Child *c)
{
        c->source = sd_event_source_disable_unref(c->source);
        *c = (Child){ 0 };
}

static int on_exit_of_child(sd_event_source *s _unused_, const siginfo_t *si, void *userdata)
{
        Child *c = userdata;
        Mind *pgd = hand_find(c->launcher->hand, NULL);
        MsgExited m = WIRE_INIT(MsgExited, MSG_EXITED);

        m.h.seq = c->seq;
        m.pid = c->pid;
        m.status = si->si_code == CLD_EXITED ? si->si_status : -si->si_status;
        log_debug("pid %d ended with %d", m.pid, m.status);
        if (pgd)
                (void)link_send(pgd->link, &m.h); /* else the next pgd sees it by pidfd */
        child_done(c);
        return 0;
}

static int watch_child(Launcher *l, Child *c, pid_t pid, int pidfd, uint64_t seq)
{
        *c = (Child){ .launcher = l, .pid = pid, .seq = seq, .taken = true };
        int r = sd_event_add_child_pidfd(l->event, &c->source, pidfd, WEXITED, on_exit_of_child, c);
        if (r < 0)
                return r;
        return sd_event_source_set_child_pidfd_own(c->source, true);
}

static int spawn_request(const Launcher *l, const MsgSpawn *m, const int *stdio, pid_t *ret_pid,
                         int *ret_pidfd)
{
        char *strings[STRINGS_MAX + 2];
        _cleanup_(closep) int leaf = -1, procs = -1;
        size_t n = (size_t)m->argc + m->envc;
        const char *s = m->strings;

        if (m->argc == 0 || n > STRINGS_MAX)
                return -E2BIG;
        char **argv = strings, **envp = strings + m->argc + 1;
        for (size_t i = 0; i < n; i++, s += strlen(s) + 1)
                strings[i + (i >= m->argc)] = (char *)s;
        argv[m->argc] = NULL;
        envp[m->envc] = NULL;

        if (l->base_fd >= 0) {
                leaf = open_leaf(l, m->leaf);
                if (leaf < 0)
                        return leaf;
                procs = openat(leaf, "cgroup.procs", O_WRONLY | O_CLOEXEC);
                if (procs < 0)
                        return -errno;
        }
        SpawnRequest req = { argv, envp, m->cwd, { stdio[0], stdio[1], stdio[2] }, procs };
        return spawn_child(&req, ret_pid, ret_pidfd);
}

static void spawn_work(Job *job)
{
        Request *q = (Request *)job;
        const int own[] = { q->launcher->null_fd, STDOUT_FILENO, STDERR_FILENO };

        q->r = q->n_in == 3 || q->n_in == 0
                       ? spawn_request(q->launcher, (const MsgSpawn *)q->message, q->n_in == 3 ? q->in : own,
                                       &q->pid, &q->pidfd)
                       : -EINVAL;
}

static Child *free_child(Launcher *l)
{
        for (size_t i = 0; i < CHILDREN_MAX; i++)
                if (!l->children[i].taken)
                        return &l->children[i];
        return NULL;
}

static void spawn_done(Job *job)
{
        Request *q = (Request *)job;
        const MsgSpawn *m = (const MsgSpawn *)q->message;
        MsgSpawned answer = WIRE_INIT(MsgSpawned, MSG_SPAWNED);
        Child *c = free_child(q->launcher);

        q->launcher->n_asked--;
        if (q->r < 0) {
                log_error_errno(q->r, "Cannot start %s: %m", m->argc > 0 ? m->strings : "nothing");
                link_send_result(asker(q), m->h.seq, OUTCOME_REFUSED, "cannot start: %s", strerror(-q->r));
                request_free(q);
                return;
        }
        answer.h.seq = m->h.seq;
        answer.pid = q->pid;
        Link *to = asker(q);
        if (!to) /* nobody would ever end it: a new pgd may be at its files by now */
                (void)pidfd_send_signal(q->pidfd, SIGKILL, NULL, 0); /* ESRCH: it has just ended */
        (void)link_send_fds(to, &answer.h, &q->pidfd, 1); /* pgd has a deadline */
        log_debug("started %s as pid %d", m->strings, (int)q->pid);
        int r = watch_child(q->launcher, c, q->pid, q->pidfd, m->h.seq);
        if (r < 0) { /* it runs; pgd watches it too */
                child_done(c);
                log_warning_errno(r, "Cannot watch pid %d: %m", (int)q->pid);
        } else {
                q->pidfd = -1; /* the source owns it */
        }
        request_free(q);
}

static void on_spawn(Link *link, const MsgHeader *h, int *fds, size_t n_fds, void *userdata)
{
        Launcher *l = hand_userdata(((Mind *)userdata)->hand);
        size_t n = l->n_asked;

        for (size_t i = 0; i < CHILDREN_MAX; i++)
                n += l->children[i].taken;
        if (n >= CHILDREN_MAX) {
                link_send_result(link, h->seq, OUTCOME_REFUSED, "cannot start: %s", strerror(EAGAIN));
                return;
        }
        l->n_asked += give(l, link, h, fds, n_fds, spawn_work, spawn_done);
}

/* ---- pgd comes and goes ---- */

static int on_joined(Mind *m, void *userdata)
{
        Launcher *l = userdata;

        l->connections++;
        timer_set(&l->linger, USEC_INFINITY);
        link_send_result(m->link, 0, OUTCOME_DONE, "%s", l->base);
        return 0;
}

static void on_left(Mind *m _unused_, void *userdata)
{
        Launcher *l = userdata;

        if (l->foreground)
                timer_set(&l->linger, now_boottime() + LINGER);
}

static void on_linger(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        Launcher *l = userdata;

        (void)sd_event_exit(l->event, 0); /* fails only if it is exiting already */
}

static const LinkHandler handlers[] = {
        { MSG_MAKE_LEAF, on_make_leaf },
        { MSG_DROP_LEAF, on_drop_leaf },
        { MSG_SPAWN, on_spawn },
};

static const HandCalls calls = { .joined = on_joined, .left = on_left };

int launcher_new(Launcher **ret, sd_event *e, const HandOptions *options)
{
        _cleanup_(launcher_freep) Launcher *l = calloc(1, sizeof *l);
        sigset_t chld;
        int r;

        if (!l)
                return -ENOMEM;
        l->base_fd = -1;
        l->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (l->null_fd < 0)
                return -errno;
        l->event = sd_event_ref(e);
        l->foreground = options->foreground;
        sigemptyset(&chld);
        sigaddset(&chld, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &chld, NULL) < 0)
                return -errno;
        r = timer_init(&l->linger, e, "linger", NULL, on_linger, l);
        if (r < 0)
                return r;
        find_base(l);
        r = worker_new(&l->worker, e, USEC_INFINITY); /* what it has made must not be lost */
        if (r < 0)
                return r;

        int socket = hand_options_listen(options);
        if (socket < 0)
                return socket;
        r = hand_new(&l->hand, e, socket, options->cluster, options->mind_uid, handlers,
                     ELEMENTSOF(handlers), &calls, l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

Launcher *launcher_free(Launcher *l)
{
        if (l) {
                l->worker = worker_free(l->worker);
                l->hand = hand_free(l->hand);
                for (size_t i = 0; i < CHILDREN_MAX; i++)
                        child_done(&l->children[i]);
                timer_done(&l->linger);
                l->base_fd = fd_close(l->base_fd);
                l->null_fd = fd_close(l->null_fd);
                sd_event_unref(l->event);
                free(l);
        }
        return NULL;
}
