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
#include "fence/pooler-gate.h"
#include "fence/poolers.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "io/log.h"

#define DEPTH_MAX 8 /* of slices in one another */

typedef struct Pooler {
        Unit unit;
        PoolerGate *gate; /* NULL: it does not run */
} Pooler;

/* A search of systemd's tree, which waits while others change it: the worker's. */
typedef struct Search {
        Job job;
        Poolers *poolers;
        int inotify_fd;
        size_t n;
        struct {
                Unit unit;
                int dir_fd; /* -1: it does not run; then its cgroup is 0 */
                uint64_t cgroup;
        } found[ALSO_MAX];
} Search;

struct Poolers {
        sd_event *event;
        Worker *worker;
        Search search;
        bool searches, again; /* again: since it began, something has changed */
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

bool poolers_set(Poolers *p, usec_t deadline, bool same_right)
{
        bool all = true;

        p->deadline = deadline;
        p->same_right = same_right;
        for (size_t i = 0; i < p->n; i++)
                all = (!p->units[i].gate || pooler_gate_set(p->units[i].gate, deadline, same_right)) && all;
        if (all)
                p->same_right = true; /* now it is */
        return all;
}

/* ---- finding them: in the worker's thread ---- */

static bool is_slice(const char *name)
{
        size_t n = strlen(name);

        return n > 6 && str_equal(name + n - 6, ".slice");
}

static void found(Search *s, int parent_fd, const char *name)
{
        for (size_t i = 0; i < s->n; i++) {
                if (s->found[i].dir_fd >= 0 || !str_equal(name, s->found[i].unit.name))
                        continue;
                int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd >= 0 && cgroup_id(fd, &s->found[i].cgroup) < 0)
                        fd = fd_close(fd);
                s->found[i].dir_fd = fd;
        }
}

/* Looks through the slices below path, and watches each. */
static void search_below(Search *s, const char *path, int depth)
{
        (void)inotify_add_watch(s->inotify_fd, path, IN_CREATE | IN_DELETE | IN_ONLYDIR); /* gone
                                                               again: its parent's watch tells */
        DIR *d = opendir(path);
        if (!d)
                return;
        for (struct dirent *e; (e = readdir(d));) {
                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                found(s, dirfd(d), e->d_name);
                char sub[PATH_MAX];
                if (is_slice(e->d_name) && depth < DEPTH_MAX &&
                    (size_t)snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) < sizeof sub)
                        search_below(s, sub, depth + 1);
        }
        closedir(d);
}

static void search(Job *job)
{
        char mount[512];

        if (cgroup_mount(mount, sizeof mount) >= 0)
                search_below((Search *)job, mount, 0);
}

/* ---- on the loop ---- */

/* Its cgroup as of the search; -1 and 0: it does not run. The descriptor is taken. */
static void runs_in(Poolers *p, Pooler *u, int dir_fd, uint64_t cgroup)
{
        if (cgroup == (u->gate ? pooler_gate_cgroup(u->gate) : 0)) {
                fd_close(dir_fd);
                return;
        }
        u->gate = pooler_gate_leave(u->gate, false);
        if (dir_fd >= 0 && pooler_gate_new(&u->gate, p->worker, dir_fd, cgroup, u->unit.name, p->cluster,
                                           p->deadline, p->same_right, p->changed, p->userdata) < 0)
                log_error("cluster %s: no memory for the gate around %s", p->cluster, u->unit.name);
        p->changed(p->userdata);
}

static Pooler *by_name(Poolers *p, const char *name)
{
        for (size_t i = 0; i < p->n; i++)
                if (str_equal(p->units[i].unit.name, name))
                        return &p->units[i];
        return NULL;
}

static void on_searched(Job *job);

/* One search at a time: what changes during one is looked for by the next. */
static void look(Poolers *p)
{
        p->again = p->searches;
        if (p->searches || p->n == 0)
                return;
        p->searches = true;
        p->search = (Search){ .job = { .work = search, .done = on_searched }, .poolers = p,
                              .inotify_fd = p->inotify_fd, .n = p->n };
        for (size_t i = 0; i < p->n; i++) {
                p->search.found[i].unit = p->units[i].unit;
                p->search.found[i].dir_fd = -1;
        }
        worker_do(p->worker, &p->search.job);
}

static void on_searched(Job *job)
{
        Search *s = (Search *)job;
        Poolers *p = s->poolers;

        p->searches = false;
        for (size_t i = 0; i < s->n; i++) {
                Pooler *u = by_name(p, s->found[i].unit.name);
                if (u)
                        runs_in(p, u, s->found[i].dir_fd, s->found[i].cgroup);
                else
                        fd_close(s->found[i].dir_fd);
        }
        if (p->again)
                look(p);
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
                        p->units[i].gate = pooler_gate_leave(p->units[i].gate, true);
        }
        p->n = kept;
        for (uint32_t k = 0; k < n; k++)
                if (!by_name(p, units[k].name) && p->n < ALSO_MAX)
                        p->units[p->n++] = (Pooler){ .unit = units[k] };
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
                if (p->units[i].gate && pooler_gate_state(p->units[i].gate) == GATE_ABSENT)
                        return pooler_gate_reason(p->units[i].gate);
        return NULL;
}

void poolers_state(const Poolers *p, MsgFenceState *ret)
{
        ret->n_also = (uint32_t)p->n;
        for (size_t i = 0; i < p->n; i++) {
                const Pooler *u = &p->units[i];
                UnitState *s = &ret->also[i];
                s->unit = u->unit;
                s->gate = u->gate ? pooler_gate_state(u->gate) : GATE_UNKNOWN;
                (void)STR_SET(s->reason, u->gate ? pooler_gate_reason(u->gate) : ""); /* same size */
        }
}

int poolers_new(Poolers **ret, sd_event *e, Worker *worker, const char *cluster, poolers_changed_t changed,
                void *userdata)
{
        Poolers *p = calloc(1, sizeof *p);

        if (!p)
                return -ENOMEM;
        *p = (Poolers){ .event = sd_event_ref(e), .worker = worker, .changed = changed, .userdata = userdata,
                        .inotify_fd = -1 };
        (void)STR_SET(p->cluster, cluster); /* same size */
        *ret = p;
        return 0;
}

Poolers *poolers_free(Poolers *p)
{
        if (p) {
                for (size_t i = 0; i < p->n; i++)
                        p->units[i].gate = pooler_gate_free(p->units[i].gate);
                for (size_t i = 0; p->searches && i < p->search.n; i++)
                        fd_close(p->search.found[i].dir_fd);
                p->source = sd_event_source_disable_unref(p->source);
                fd_close(p->inotify_fd);
                sd_event_unref(p->event);
                free(p);
        }
        return NULL;
}
