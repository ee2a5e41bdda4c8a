/* What the real pgd starts and watches: the launcher, and the postmaster as a process. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "io/fdutil.h"
#include "pgd/pgd.h"
#include "pgd/programs.h"
#include "tests/sim/fds.h"
#include "tests/sim/sim.h"

/* ---- the launcher ---- */

struct Launch {
        Program *program;
};

int launch_new(Launch **ret, sd_event *e, const char *path _unused_, const char *cluster _unused_)
{
        *ret = calloc(1, sizeof **ret);
        (*ret)->program = (Program *)e;
        return 0;
}

Launch *launch_free(Launch *l)
{
        free(l);
        return NULL;
}

static int find_leaf(const Host *h, uint64_t number)
{
        for (int i = 0; i < LEAVES; i++)
                if (h->leaves[i].number == number)
                        return i;
        return -1;
}

typedef struct LeafAsk {
        launch_leaf_t done;
        void *userdata;
        uint64_t number;
} LeafAsk;

static LeafAsk leaf_asks[NODES_MAX];

static void on_leaf_made(Event *e)
{
        Host *h = e->host;
        LeafAsk a = leaf_asks[h->index];
        int fds[2] = { -1, -1 }, i = find_leaf(h, a.number);
        MsgLeaf m = WIRE_INIT(MsgLeaf, MSG_LEAF);

        if (a.number != e->value)
                return;
        if (i < 0) {
                i = h->next_leaf;
                for (int k = 0; k < LEAVES && h->leaves[i].populated; k++)
                        i = (i + 1) % LEAVES;
                h->next_leaf = (i + 1) % LEAVES;
                h->leaves[i] = (Leaf){ .number = a.number, .cgroup = ++h->leaf_number };
        }
        m.leaf = a.number;
        m.cgroup = h->leaves[i].cgroup;
        fds[0] = FD_LEAF + i;
        a.done(0, &m, fds, a.userdata);
}

int launch_make_leaf(Launch *l, uint64_t leaf, launch_leaf_t done, void *userdata)
{
        leaf_asks[l->program->host->index] = (LeafAsk){ done, userdata, leaf };
        sim_event(world->now + sim_between(MSEC, 8 * MSEC), on_leaf_made, l->program, NULL, NULL,
                  leaf);
        return 0;
}

typedef struct Drop {
        launch_dropped_t done;
        void *userdata;
} Drop;

static Drop drops[NODES_MAX];

static void on_dropped(Event *e)
{
        drops[e->host->index].done((int)(int64_t)e->value, drops[e->host->index].userdata);
}

int launch_drop_leaf(Launch *l, uint64_t leaf, launch_dropped_t done, void *userdata)
{
        Host *h = l->program->host;
        int i = find_leaf(h, leaf);
        bool busy = i >= 0 && h->leaves[i].populated;

        if (i >= 0 && !busy)
                h->leaves[i].number = 0;
        drops[h->index] = (Drop){ done, userdata };
        sim_event(world->now + 300, on_dropped, l->program, NULL, NULL, (uint64_t)(int64_t)(busy ? -EBUSY : 0));
        return 0;
}

typedef struct Birth {
        launch_born_t born;
        void *userdata;
} Birth;

static Birth births[NODES_MAX];

static void on_told_born(Event *e)
{
        Birth *b = &births[e->host->index];
        int pidfd = FD_DEVICE + 1;

        b->born(0, (pid_t)e->value, &pidfd, b->userdata);
}

static void on_told_nothing(Event *e)
{
        Birth *b = &births[e->host->index];
        int none = -1;

        b->born(-ECONNRESET, -1, &none, b->userdata);
}

/* The child of a launcher that is gone. */
static void on_late_birth(Event *e)
{
        int i = find_leaf(e->host, e->value);

        if (e->host->powered && i >= 0)
                postgres_spawn(e->host, i, e->host->pg.signal_file);
}

/* The launcher does it, whether pgd still lives or not. */
static void on_spawn(Event *e)
{
        Host *h = e->host;
        Program *p = &h->programs[PROGRAM_PGD];
        int i = find_leaf(h, e->value);
        bool asked = p->up && p->life == (unsigned)(uintptr_t)e->what;

        if (!h->powered || i < 0)
                return;
        if (h->launcher_dies) {
                TRACE(h, "launcher", "dies, its child lives");
                h->launcher_dies = false;
                world->last_fault = MAX(world->last_fault, world->now);
                if (asked)
                        sim_event(world->now + 200, on_told_nothing, p, NULL, NULL, 0);
                sim_event(world->now + sim_below(50 * MSEC), on_late_birth, NULL, h, NULL, e->value);
                return;
        }
        if (asked)
                sim_event(world->now + 200, on_told_born, p, NULL, NULL, pid_of_server(h->pg.born + 1));
        postgres_spawn(h, i, h->pg.signal_file);
}

int launch_spawn(Launch *l, uint64_t leaf, const Node *argv _unused_, launch_born_t born,
                 void *userdata)
{
        Host *h = l->program->host;

        births[h->index] = (Birth){ born, userdata };
        sim_event(world->now + sim_between(2 * MSEC, 20 * MSEC), on_spawn, NULL, h,
                  (void *)(uintptr_t)l->program->life, leaf);
        return 0;
}

static void on_learned(Event *e)
{
        Pgd *p = e->program->state;
        programs_known_t done = (programs_known_t)(uintptr_t)e->value;

        done(0, 150018, node_new(NODE_MAP), NULL, p);
}

void programs_learn(Launch *l, const char *postgres _unused_, programs_known_t done,
                    void *userdata _unused_)
{
        sim_event(world->now + sim_between(5 * MSEC, 50 * MSEC), on_learned, l->program, NULL, NULL,
                  (uint64_t)(uintptr_t)done);
}

/* ---- the postmaster as a process ---- */

struct Server {
        Program *program;
        const ServerCalls *calls;
        void *userdata;
        pid_t pid;
        bool killed;
        uint64_t leaf, cgroup;
        int dir_fd;
        Timer look;
};

bool server_runs(const Server *s)
{
        return s->pid > 0;
}

pid_t server_pid(const Server *s)
{
        return s->pid;
}

uint64_t server_leaf(const Server *s)
{
        return s->leaf;
}

uint64_t server_cgroup(const Server *s)
{
        return s->cgroup;
}

size_t server_leaf_fds(const Server *s, int ret[2])
{
        ret[0] = s->dir_fd;
        ret[1] = -1;
        return s->dir_fd < 0 ? 0 : 1;
}

void server_set_leaf(Server *s, uint64_t leaf, uint64_t cgroup, int dir_fd, int kill_fd _unused_)
{
        timer_set(&s->look, USEC_INFINITY);
        s->leaf = leaf;
        s->cgroup = cgroup;
        s->dir_fd = dir_fd;
}

bool server_leaf_busy(Server *s)
{
        return s->dir_fd >= 0 && s->program->host->leaves[s->dir_fd - FD_LEAF].populated;
}

bool server_was_killed(const Server *s)
{
        return s->killed;
}

void server_kill(Server *s)
{
        s->killed |= s->pid > 0;
        postgres_kill(s->program->host);
}

int server_signal(Server *s, int sig)
{
        if (s->pid <= 0 || s->program->host->pg.phase == SERVER_DOWN)
                return -ESRCH;
        postgres_signal(s->program->host, sig);
        return 0;
}

static void on_look(Timer *t, usec_t now, void *userdata)
{
        Server *s = userdata;

        if (!server_leaf_busy(s)) {
                s->calls->empty(s->userdata);
                return;
        }
        server_kill(s);
        timer_set(t, now + 10 * MSEC);
}

void server_clear(Server *s)
{
        timer_set(&s->look, now_boottime());
}

static bool runs_as(const Host *h, pid_t pid)
{
        return h->pg.phase != SERVER_DOWN && (pid_t)h->pg.pid == pid;
}

static void on_server_gone(Event *e)
{
        Pgd *p = e->program->state;
        Server *s = p->server;

        if (s->pid <= 0 || s->pid != (pid_t)e->value || runs_as(e->host, s->pid))
                return;
        s->pid = 0;
        s->calls->gone(s->userdata);
        if (s->pid == 0)
                server_clear(s);
}

void server_gone_soon(Host *h, uint64_t pid)
{
        Program *p = &h->programs[PROGRAM_PGD];

        if (p->up)
                sim_event(world->now + sim_between(100, MSEC), on_server_gone, p, NULL, NULL, pid);
}

int server_watch(Server *s, pid_t pid, int pidfd _unused_)
{
        s->pid = pid;
        s->killed = false;
        if (!runs_as(s->program->host, pid))
                server_gone_soon(s->program->host, (uint64_t)pid);
        return 0;
}

uint64_t server_leaf_of(pid_t pid _unused_)
{
        const Host *h = running->host;

        return h->pg.leaf >= 0 ? h->leaves[h->pg.leaf].number : 0;
}

void server_adopt_cgroup(Server *s)
{
        server_set_leaf(s, 0, 0, -1, -1);
}

int server_adopt(Server *s, const char *data_dir _unused_)
{
        const Host *h = s->program->host;

        if (h->pg.phase == SERVER_DOWN)
                return 0;
        s->pid = (pid_t)h->pg.pid;
        return 1;
}

int server_new(Server **ret, sd_event *e, const ServerCalls *calls, void *userdata)
{
        Server *s = calloc(1, sizeof *s);

        *s = (Server){ .program = (Program *)e, .calls = calls, .userdata = userdata, .dir_fd = -1 };
        *ret = s;
        return timer_init(&s->look, e, "empty leaf", NULL, on_look, s);
}

Server *server_free(Server *s)
{
        free(s);
        return NULL;
}
