/*
 * fenced is the real one (fenced.c, ward.c, plan.c). Here is what it acts upon: leaf cgroups, the gate
 * of each, sockets. Virtual IPs and poolers are not modelled: the clients of the model write to every
 * server that lets them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/str.h"
#include "fence/addresses.h"
#include "fence/fenced.h"
#include "fence/gate.h"
#include "fence/poolers.h"
#include "fence/sockets.h"
#include "io/cgroup-kill.h"
#include "io/cgroup.h"
#include "io/worker.h"
#include "tests/sim/fds.h"
#include "tests/sim/sim.h"

/* ---- cgroups ---- */

static Leaf *leaf_of(int fd)
{
        return &running->host->leaves[fd % 1000];
}

int cgroup_populated(int dir_fd)
{
        const Leaf *l = leaf_of(dir_fd);

        return l->number == 0 ? -ENODEV : l->populated;
}

void cgroup_kill(Worker *w _unused_, int dir_fd, int kill_fd _unused_, uint64_t which, cgroup_killed_t killed,
                 void *userdata)
{
        Host *h = running->host;

        if (h->pg.leaf == dir_fd - FD_LEAF)
                postgres_kill(h);
        killed(0, which, userdata);
}

int sim_openat(int dir_fd, const char *path, int flags, ...);
int sim_openat(int dir_fd, const char *path _unused_, int flags _unused_, ...)
{
        return dir_fd - FD_LEAF + FD_EVENTS;
}

ssize_t sim_pread(int fd, void *buf, size_t size, off_t offset);
ssize_t sim_pread(int fd _unused_, void *buf _unused_, size_t size _unused_, off_t offset _unused_)
{
        return 0;
}

int sd_event_add_io(sd_event *e, sd_event_source **ret, int fd, uint32_t events _unused_,
                    sd_event_io_handler_t handler, void *userdata)
{
        Program *p = (Program *)e;
        Leaf *l = &p->host->leaves[fd - FD_EVENTS];

        l->watch = handler;
        l->watch_userdata = userdata;
        l->watch_life = p->life;
        *ret = (sd_event_source *)l;
        return 0;
}

sd_event_source *sd_event_source_disable_unref(sd_event_source *s)
{
        if (s)
                ((Leaf *)s)->watch = NULL;
        return NULL;
}

static void on_watched(Event *e)
{
        Leaf *l = e->what;

        if (l->watch && l->watch_life == e->program->life)
                (void)l->watch(NULL, 0, EPOLLPRI, l->watch_userdata);
}

void leaf_changed(Host *h, int leaf)
{
        Program *p = &h->programs[PROGRAM_FENCED];

        if (p->up)
                sim_event(world->now + sim_below(MSEC), on_watched, p, NULL, &h->leaves[leaf], 0);
}

/* ---- gates: they belong to the cgroup, not to fenced ---- */

struct Gate {
        Leaf *leaf;
        int index;
};

int gate_new(Gate **ret, int cgroup_dir_fd, int map_fd, usec_t deadline)
{
        Leaf *l = leaf_of(cgroup_dir_fd);

        if (l->number == 0)
                return -ENOENT;
        *ret = calloc(1, sizeof **ret);
        **ret = (Gate){ l, cgroup_dir_fd - FD_LEAF };
        if (map_fd < 0 || map_fd - FD_MAP != (*ret)->index || !l->gated)
                l->gate = deadline;
        l->gated = true;
        return 0;
}

Gate *gate_free(Gate *g)
{
        free(g);
        return NULL;
}

int gate_map_fd(const Gate *g)
{
        return FD_MAP + g->index;
}

void gate_set(Gate *g, usec_t deadline)
{
        if (g->leaf->gate != deadline)
                TRACE(running->host, "gate", "%s %.3f s", deadline == 0 ? "shut, was" : "until now +",
                      deadline == USEC_INFINITY
                              ? 1e9
                              : ((double)deadline - (double)host_clock(running->host, world->now)) / 1e6);
        g->leaf->gate = deadline;
}

usec_t gate_deadline(const Gate *g)
{
        return g->leaf->gate;
}

int sockets_destroy(uint64_t cgroup _unused_)
{
        return 0;
}

int sockets_listening(uint64_t cgroup _unused_)
{
        return 1;
}

/* ---- poolers and addresses ---- */

int poolers_new(Poolers **ret, sd_event *e _unused_, Worker *worker _unused_, const char *cluster _unused_,
                poolers_changed_t changed _unused_, void *userdata _unused_)
{
        *ret = NULL;
        return 0;
}

Poolers *poolers_free(Poolers *p _unused_)
{
        return NULL;
}

void poolers_want(Poolers *p _unused_, const Unit *units _unused_, uint32_t n _unused_) {}

bool poolers_set(Poolers *p _unused_, usec_t deadline _unused_, bool same_right _unused_)
{
        return true;
}

const char *poolers_missing(const Poolers *p _unused_)
{
        return NULL;
}

void poolers_state(const Poolers *p _unused_, MsgFenceState *ret _unused_) {}

int addresses_new(Addresses **ret, sd_event *e _unused_, Netlink *netlink _unused_,
                  Arp *arp _unused_, Stall *stall _unused_, const char *cluster _unused_, VipRight *rights _unused_,
                  const VipCalls *calls _unused_, void *userdata _unused_)
{
        *ret = NULL;
        return 0;
}

Addresses *addresses_free(Addresses *a _unused_)
{
        return NULL;
}

void addresses_want(Addresses *a _unused_, const MsgWant *want _unused_) {}
void addresses_apply(Addresses *a _unused_, bool may _unused_, bool take _unused_,
                     const MsgPermit *permit _unused_, usec_t now _unused_) {}

bool addresses_permit(Addresses *a _unused_, const MsgVipPermit *permit _unused_,
                      usec_t now _unused_)
{
        return true;
}

usec_t addresses_next_end(const Addresses *a _unused_, usec_t now _unused_)
{
        return USEC_INFINITY;
}

void addresses_look(Addresses *a _unused_) {}
void addresses_state(const Addresses *a _unused_, MsgFenceState *ret _unused_) {}

/* Jobs take no time. */
int worker_new(Worker **ret, sd_event *e _unused_, usec_t within _unused_)
{
        *ret = NULL;
        return 0;
}

void worker_do(Worker *w _unused_, Job *job)
{
        job->work(job);
        job->done(job);
}

Worker *worker_free(Worker *w _unused_)
{
        return NULL;
}

int arp_new(Arp **ret, sd_event *e _unused_)
{
        *ret = NULL;
        return 0;
}

Arp *arp_free(Arp *a _unused_)
{
        return NULL;
}

int netlink_new(Netlink **ret _unused_, sd_event *e _unused_, netlink_changed_t changed _unused_,
                void *userdata _unused_)
{
        return -EPERM;
}

Netlink *netlink_free(Netlink *n _unused_)
{
        return NULL;
}

void netlink_each_own(const Netlink *n _unused_,
                      void (*each)(int index, const Address *a, void *userdata) _unused_,
                      void *userdata _unused_) {}

int netlink_drop(Netlink *n _unused_, int index _unused_, const Address *a _unused_,
                 netlink_done_t done _unused_, void *userdata _unused_)
{
        return 0;
}

int address_parse(const char *text _unused_, Address *ret _unused_)
{
        return -EINVAL;
}

bool address_equal(const Address *a _unused_, const Address *b _unused_)
{
        return false;
}

/* ---- life ---- */

int fenced_start(Program *p)
{
        static HandOptions options = { .runtime = "/run" };
        Fenced *f;
        int r = fenced_new(&f, (sd_event *)p, &options);

        p->state = r < 0 ? NULL : f;
        return r;
}

void fenced_end(Program *p)
{
        p->state = fenced_free(p->state);
}
