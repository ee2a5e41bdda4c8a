#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/str.h"
#include "fence/gate.h"
#include "fence/plan.h"
#include "fence/poolers.h"
#include "fence/sockets.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/turn.h"

#define DEPTH_MAX 8 /* of slices in one another */

typedef struct Pooler {
        Unit unit;
        int dir_fd; /* -1: it does not run */
        uint64_t cgroup;
        Gate *gate;
        char reason[REASON_SIZE];
        char told[REASON_SIZE]; /* the last reason in the journal */
} Pooler;

struct Poolers {
        sd_event *event;
        char cluster[NAME_SIZE];
        poolers_changed_t changed;
        void *userdata;
        int inotify_fd;
        sd_event_source *source;
        usec_t deadline;
        bool same_right;
        size_t n;
        Pooler units[ALSO_MAX];
};

static void set_reason(Poolers *p, Pooler *u, const char *text)
{
        (void)STR_SET(u->reason, text); /* our own short texts */
        if (*text && !str_equal(u->told, text)) {
                log_event(LOG_WARNING, EVENT_FENCE_MISSING,
                          FIELDS({ "PALISADE_CLUSTER", p->cluster, 0 },
                                 { "PALISADE_FENCE", "gate", 0 },
                                 { "PALISADE_UNIT", u->unit.name, 0 }),
                          "the gate around %s of cluster %s: %s", u->unit.name, p->cluster, text);
        }
        (void)STR_SET(u->told, text);
}

/* ---- what waits behind a gate ---- */

/* Every connection born in this cgroup or in one below it. 0 or negative errno. */
static int destroy_below(int dir_fd, int depth)
{
        uint64_t id;
        int r = cgroup_id(dir_fd, &id);

        if (r >= 0)
                r = sockets_destroy(id);
        if (r < 0)
                return r;
        int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close(fd);
                return errno == ENOENT || errno == ENODEV ? 0 : -errno;
        }
        r = 0;
        for (struct dirent *e; r >= 0 && depth < DEPTH_MAX && (e = readdir(d));) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                _cleanup_(closep) int sub = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (sub >= 0)
                        r = destroy_below(sub, depth + 1);
        }
        closedir(d);
        return r;
}

static bool set_one(Poolers *p, Pooler *u, usec_t deadline, bool same_right)
{
        char text[REASON_SIZE];

        if (!u->gate)
                return true;
        if (plan_reopens(gate_deadline(u->gate), deadline, same_right, now_boottime())) {
                int r = destroy_below(u->dir_fd, 0);
                if (r < 0) {
                        snprintf(text, sizeof text,
                                 "not open until the unit is restarted: its old connections cannot "
                                 "be ended (%s)",
                                 strerror(-r));
                        set_reason(p, u, text);
                        return false;
                }
        }
        bool shuts = deadline == 0 && gate_deadline(u->gate) != 0;
        u->reason[0] = 0;
        gate_set(u->gate, deadline);
        if (shuts) /* for good: clients learn it at once, by the reset that a gate lets through */
                (void)destroy_below(u->dir_fd, 0); /* again before it opens, and there it counts */
        return true;
}

bool poolers_set(Poolers *p, usec_t deadline, bool same_right)
{
        bool all = true;

        p->deadline = deadline;
        p->same_right = same_right;
        for (size_t i = 0; i < p->n; i++)
                all = set_one(p, &p->units[i], deadline, same_right) && all;
        if (all)
                p->same_right = true; /* now it is */
        return all;
}

/* ---- finding them ---- */

static void put_gate(Poolers *p, Pooler *u)
{
        /* A gate that a process before us left may hold back what an old right has sent. */
        turn_takes_cgroup_lock();
        int r = gate_new(&u->gate, u->dir_fd, -1, p->same_right ? p->deadline : 0);

        if (r < 0) {
                set_reason(p, u,
                           r == -EBUSY || r == -EPERM
                                   ? "another program filters its packets (IPAddressDeny=, IPAccounting= "
                                     "of the unit?), or this process may load none"
                                   : strerror(-r));
                return;
        }
        if (!gate_replaced(u->gate))
                gate_set(u->gate, p->deadline); /* nothing waits behind a new one */
        else
                (void)set_one(p, u, p->deadline, p->same_right);
        log_info("cluster %s: %s stands behind the gate", p->cluster, u->unit.name);
}

static void let_go(Pooler *u)
{
        u->gate = gate_free(u->gate);
        u->dir_fd = fd_close(u->dir_fd);
        u->cgroup = 0;
        u->reason[0] = u->told[0] = 0;
}

/* Its cgroup as of now; -1: it does not run. The descriptor is taken. */
static void found(Poolers *p, Pooler *u, int dir_fd)
{
        uint64_t id = 0;

        if (dir_fd >= 0 && cgroup_id(dir_fd, &id) < 0)
                dir_fd = fd_close(dir_fd);
        if (dir_fd >= 0 ? id == u->cgroup : u->dir_fd < 0) {
                fd_close(dir_fd);
                return;
        }
        let_go(u); /* what is left of the old one stays behind its gate, which nobody extends */
        if (dir_fd >= 0) {
                u->dir_fd = dir_fd;
                u->cgroup = id;
                put_gate(p, u);
        }
        p->changed(p->userdata);
}

static bool is_slice(const char *name)
{
        size_t n = strlen(name);

        return n > 6 && str_equal(name + n - 6, ".slice");
}

/* Looks through the slices below path, and watches each. found_fds[i]: of p->units[i]. */
static void search(Poolers *p, const char *path, int depth, int *found_fds)
{
        (void)inotify_add_watch(p->inotify_fd, path, IN_CREATE | IN_DELETE | IN_ONLYDIR); /* gone
                                                               again: its parent's watch tells */
        DIR *d = opendir(path);
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                for (size_t i = 0; i < p->n; i++)
                        if (found_fds[i] < 0 && str_equal(e->d_name, p->units[i].unit.name))
                                found_fds[i] = openat(dirfd(d), e->d_name,
                                                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                char sub[PATH_MAX];
                if (is_slice(e->d_name) && depth < DEPTH_MAX &&
                    (size_t)snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) < sizeof sub)
                        search(p, sub, depth + 1, found_fds);
        }
        closedir(d);
}

static void look(Poolers *p)
{
        char mount[512];
        int fds[ALSO_MAX];
        int r = cgroup_mount(mount, sizeof mount);

        for (size_t i = 0; i < p->n; i++)
                fds[i] = -1;
        if (r >= 0)
                search(p, mount, 0, fds);
        for (size_t i = 0; i < p->n; i++)
                found(p, &p->units[i], fds[i]);
}

static int on_slices(sd_event_source *s _unused_, int fd, uint32_t events _unused_, void *userdata)
{
        char text[4096];

        while (read(fd, text, sizeof text) > 0)
                ; /* what it says is looked up below */
        look(userdata);
        return 0;
}

static int watch(Poolers *p)
{
        if (p->source)
                return 0;
        p->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (p->inotify_fd < 0)
                return -errno;
        return sd_event_add_io(p->event, &p->source, p->inotify_fd, EPOLLIN, on_slices, p);
}

/* ---- the object ---- */

/* No longer wanted: the gate cannot be taken off without a moment in which it is in doubt; it opens. */
static void drop(Poolers *p, Pooler *u)
{
        (void)set_one(p, u, USEC_INFINITY, false); /* it says why it stays shut */
        let_go(u);
}

void poolers_want(Poolers *p, const Unit *units, uint32_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < p->n; i++) {
                bool wanted = false;
                for (uint32_t k = 0; k < n; k++)
                        wanted = wanted || str_equal(units[k].name, p->units[i].unit.name);
                if (wanted)
                        p->units[kept++] = p->units[i];
                else
                        drop(p, &p->units[i]);
        }
        p->n = kept;
        for (uint32_t k = 0; k < n; k++) {
                bool known = false;
                for (size_t i = 0; i < p->n; i++)
                        known = known || str_equal(units[k].name, p->units[i].unit.name);
                if (!known && p->n < ALSO_MAX)
                        p->units[p->n++] = (Pooler){ .unit = units[k], .dir_fd = -1 };
        }
        if (p->n == 0)
                return;
        int r = watch(p);
        if (r < 0)
                log_error_errno(r, "Cannot notice when units start (%s and others): %m",
                                p->units[0].unit.name);
        look(p);
}

const char *poolers_missing(const Poolers *p)
{
        for (size_t i = 0; i < p->n; i++)
                if (p->units[i].dir_fd >= 0 && !p->units[i].gate)
                        return p->units[i].reason;
        return NULL;
}

void poolers_state(const Poolers *p, MsgFenceState *ret)
{
        usec_t now = now_boottime();

        ret->n_also = (uint32_t)p->n;
        for (size_t i = 0; i < p->n; i++) {
                const Pooler *u = &p->units[i];
                UnitState *s = &ret->also[i];
                s->unit = u->unit;
                s->gate = u->dir_fd < 0 ? GATE_UNKNOWN
                          : !u->gate    ? GATE_ABSENT
                          : now < gate_deadline(u->gate) ? GATE_OPEN
                                                         : GATE_SHUT;
                (void)STR_SET(s->reason, u->reason); /* same size */
        }
}

int poolers_new(Poolers **ret, sd_event *e, const char *cluster, poolers_changed_t changed,
                void *userdata)
{
        Poolers *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        *p = (Poolers){ .event = sd_event_ref(e), .changed = changed, .userdata = userdata,
                        .inotify_fd = -1 };
        (void)STR_SET(p->cluster, cluster); /* same size */
        *ret = p;
        return 0;
}

Poolers *poolers_free(Poolers *p)
{
        if (p) {
                for (size_t i = 0; i < p->n; i++)
                        let_go(&p->units[i]);
                p->source = sd_event_source_disable_unref(p->source);
                fd_close(p->inotify_fd);
                sd_event_unref(p->event);
                free(p);
        }
        return NULL;
}
