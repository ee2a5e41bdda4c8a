#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "fence/gate.h"
#include "fence/plan.h"
#include "fence/pooler-gate.h"
#include "fence/sockets.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "io/log.h"

#define DEPTH_MAX 8 /* of cgroups in one another */

typedef enum Doing { NOTHING, ATTACHING, CLEARING } Doing;

struct PoolerGate {
        Job job;
        Worker *worker;
        Doing doing;
        int r;         /* of what was done last */
        bool to_open;  /* CLEARING: for the right under which it is to open; no other came since */
        bool left;     /* and what is under way is its last */
        int dir_fd;
        uint64_t cgroup;
        Gate *gate; /* NULL: there is none */
        usec_t deadline;
        bool same_right;
        char unit[UNIT_SIZE], cluster[NAME_SIZE];
        char reason[REASON_SIZE];
        char told[REASON_SIZE]; /* the last reason in the journal */
        pooler_gate_changed_t changed;
        void *userdata;
};

static void set_reason(PoolerGate *g, const char *text)
{
        (void)STR_SET(g->reason, text); /* our own short texts */
        if (!str_equal(g->told, text)) {
                log_event(LOG_WARNING, EVENT_FENCE_MISSING,
                          FIELDS({ "PALISADE_CLUSTER", g->cluster, 0 },
                                 { "PALISADE_FENCE", "gate", 0 },
                                 { "PALISADE_UNIT", g->unit, 0 }),
                          "the gate around %s of cluster %s: %s", g->unit, g->cluster, text);
        }
        (void)STR_SET(g->told, text);
}

static void set_absent(PoolerGate *g, int r)
{
        g->gate = gate_free(g->gate);
        set_reason(g, r == -EBUSY || r == -EPERM
                              ? "another program filters its packets (IPAddressDeny=, IPAccounting= "
                                "of the unit?), or this process may load none"
                              : strerror(-r));
}

/* ---- in the worker's thread ---- */

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
        return r < 0 ? r : 0;
}

static void work(Job *job)
{
        PoolerGate *g = (PoolerGate *)job;

        g->r = g->doing == ATTACHING ? gate_attach(g->gate, g->dir_fd) : destroy_below(g->dir_fd, 0);
}

/* ---- on the loop ---- */

static void on_done(Job *job);

static void begin(PoolerGate *g, Doing what, bool to_open)
{
        g->doing = what;
        g->to_open = to_open;
        g->job = (Job){ .work = work, .done = on_done };
        worker_do(g->worker, &g->job);
}

bool pooler_gate_set(PoolerGate *g, usec_t deadline, bool same_right)
{
        usec_t now = now_boottime();

        g->deadline = deadline;
        g->same_right = same_right;
        if (!g->gate)
                return true;
        if (deadline <= now)
                g->to_open = false; /* the next right is another one */
        if (plan_reopens(gate_deadline(g->gate), deadline, same_right, now)) {
                if (g->doing == NOTHING)
                        begin(g, CLEARING, true);
                return false;
        }
        bool shuts = deadline == 0 && gate_deadline(g->gate) != 0;
        g->reason[0] = 0;
        gate_set(g->gate, deadline);
        if (shuts && g->doing == NOTHING) /* for good: clients learn it at once, by the reset that a gate lets
                                             through; it is done again before it opens, and there it counts */
                begin(g, CLEARING, false);
        return true;
}

static void open_if_it_may(PoolerGate *g, Doing was)
{
        /* A gate that a process before us left may hold back what an old right has sent. */
        bool is_clear = was == ATTACHING ? !gate_replaced(g->gate) : g->to_open;

        if (was == ATTACHING)
                log_info("cluster %s: %s stands behind the gate", g->cluster, g->unit);
        if (is_clear)
                gate_set(g->gate, g->deadline);
        else
                (void)pooler_gate_set(g, g->deadline, g->same_right); /* on_done() comes again */
}

static void on_done(Job *job)
{
        PoolerGate *g = (PoolerGate *)job;
        Doing was = g->doing;
        char text[REASON_SIZE];

        g->doing = NOTHING;
        if (g->r >= 0 || (was == CLEARING && !g->to_open)) {
                open_if_it_may(g, was);
        } else if (was == ATTACHING) {
                set_absent(g, g->r);
        } else {
                snprintf(text, sizeof text,
                         "not open until the unit is restarted: its old connections cannot be ended (%s)",
                         strerror(-g->r));
                set_reason(g, text);
        }
        if (!g->left)
                g->changed(g->userdata);
        else if (g->doing == NOTHING)
                pooler_gate_free(g);
}

int pooler_gate_new(PoolerGate **ret, Worker *worker, int dir_fd, uint64_t cgroup, const char *unit,
                    const char *cluster, usec_t deadline, bool same_right, pooler_gate_changed_t changed,
                    void *userdata)
{
        PoolerGate *g = calloc(1, sizeof *g);

        if (!g) {
                fd_close(dir_fd);
                return -ENOMEM;
        }
        *g = (PoolerGate){ .worker = worker, .dir_fd = dir_fd, .cgroup = cgroup, .deadline = deadline,
                           .same_right = same_right, .changed = changed, .userdata = userdata };
        (void)STR_SET(g->unit, unit); /* same sizes */
        (void)STR_SET(g->cluster, cluster);
        int r = gate_make(&g->gate, -1, same_right ? deadline : 0);
        if (r >= 0)
                begin(g, ATTACHING, false);
        else
                set_absent(g, r);
        *ret = g;
        return 0;
}

PoolerGate *pooler_gate_free(PoolerGate *g)
{
        if (g) {
                g->gate = gate_free(g->gate);
                fd_close(g->dir_fd);
                free(g);
        }
        return NULL;
}

PoolerGate *pooler_gate_leave(PoolerGate *g, bool open)
{
        if (!g)
                return NULL;
        if (open)
                (void)pooler_gate_set(g, USEC_INFINITY, false);
        else
                g->deadline = 0; /* for what is under way: nobody takes it back any more */
        if (g->doing == NOTHING)
                return pooler_gate_free(g);
        g->to_open = g->to_open && open;
        g->left = true;
        return NULL;
}

uint64_t pooler_gate_cgroup(const PoolerGate *g)
{
        return g->cgroup;
}

GateState pooler_gate_state(const PoolerGate *g)
{
        if (!g->gate)
                return GATE_ABSENT;
        if (g->doing == ATTACHING)
                return GATE_UNKNOWN;
        return now_boottime() < gate_deadline(g->gate) ? GATE_OPEN : GATE_SHUT;
}

const char *pooler_gate_reason(const PoolerGate *g)
{
        return g->reason;
}
