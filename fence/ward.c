#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/str.h"
#include "fence/gate.h"
#include "fence/poolers.h"
#include "fence/sockets.h"
#include "fence/ward.h"
#include "io/cgroup-kill.h"
#include "io/cgroup.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/store.h"

#define KILL_AGAIN (20 * USEC_PER_MSEC)

struct Ward {
        sd_event *event;
        Worker *worker;
        Stall *stall;
        WardRow *row;
        unsigned index;
        Mind *mind;

        int dir_fd, kill_fd, events_fd;
        sd_event_source *events_source;
        Tri populated;
        usec_t empty_since, killed;

        Gate *gate;
        char gate_reason[REASON_SIZE]; /* why there is none */
        Poolers *poolers;

        Addresses *addresses;

        Timer deadline; /* of the permit */
        Timer tell;
};

const char *ward_cluster(const Ward *w)
{
        return w->row->cluster;
}

static void changed(void *userdata)
{
        Ward *w = userdata;

        timer_set(&w->tell, now_boottime());
}

static bool permitted(const Ward *w, usec_t now)
{
        return plan_permits(&w->row->permit, w->row->want.epoch, w->row->revoked, now);
}

static void on_tell(Timer *t _unused_, usec_t now, void *userdata)
{
        Ward *w = userdata;
        MsgFenceState m = WIRE_INIT(MsgFenceState, MSG_FENCE_STATE);

        m.epoch = w->row->permit.epoch;
        m.deadline = w->row->permit.deadline;
        m.standing = w->row->permit.standing;
        m.revoked_epoch = w->row->revoked;
        m.leaf = w->row->want.leaf;
        m.cgroup = w->row->want.cgroup;
        m.populated = w->populated;
        if (w->gate)
                m.gate = now < gate_deadline(w->gate) ? GATE_OPEN : GATE_SHUT;
        else
                m.gate = w->gate_reason[0] ? GATE_ABSENT : GATE_UNKNOWN;
        (void)STR_SET(m.gate_reason, w->gate_reason); /* same size */
        m.empty_since = w->empty_since;
        m.killed = w->killed;
        m.stall = stall_worst(w->stall, now);
        addresses_state(w->addresses, &m);
        poolers_state(w->poolers, &m);
        if (w->mind)
                (void)link_send(w->mind->link, &m.h); /* a new mind gets it again */
}

static void store_name(const Ward *w, const char *what, char *buf, size_t size)
{
        snprintf(buf, size, "%s-%u", what, w->index);
}

/* ---- the gate ---- */

static void gate_absent(Ward *w, const char *reason)
{
        if (!str_equal(w->gate_reason, reason))
                log_event(LOG_WARNING, EVENT_FENCE_MISSING,
                          FIELDS({ "PALISADE_CLUSTER", w->row->cluster, 0 },
                                 { "PALISADE_FENCE", "gate", 0 }),
                          "no gate around postgres of cluster %s: %s; at the permit's end its "
                          "processes are killed all the same",
                          w->row->cluster, reason);
        (void)STR_SET(w->gate_reason, reason); /* our own short texts */
}

/*
 * A socket belongs for good to the cgroup it was born in: around a server that we found running, a
 * gate holds only if nobody else is in its cgroup (pgd has looked) and its listeners are its own.
 */
static const char *why_impossible(const MsgWant *want, int dir_fd)
{
        if (want->leaf & LEAF_ADOPTED) {
                if (want->cgroup == 0)
                        return "not until postgres is restarted: other programs run in its cgroup too";
                if (dir_fd >= 0 && sockets_listening(want->cgroup) <= 0)
                        return "not until postgres is restarted: its sockets were not born in the "
                               "cgroup it runs in";
        }
        return dir_fd < 0 && want->leaf != 0 ? "it was not started in a cgroup of ours" : NULL;
}

/* map_fd: of the gate that the fenced before us put there, taken; -1: none. made: NULL: it is made here. */
static void put_gate(Ward *w, int map_fd, MadeGate *made)
{
        char name[32];

        store_name(w, "gate", name, sizeof name);
        if (map_fd < 0)
                store_remove_fd(name);
        /* What is attached stays. Switched off, it must not end by itself, and what is shut stays shut. */
        if (w->gate && w->row->want.gate_mode == FENCE_OFF &&
            now_boottime() < gate_deadline(w->gate))
                gate_set(w->gate, USEC_INFINITY);
        w->gate = gate_free(w->gate);
        if (w->row->want.gate_mode == FENCE_OFF) {
                fd_close(map_fd);
                (void)STR_SET(w->gate_reason, "switched off by fence.gate"); /* it fits */
                return;
        }
        const char *why = made ? NULL : why_impossible(&w->row->want, w->dir_fd);
        if (why || w->dir_fd < 0) {
                fd_close(map_fd);
                if (why)
                        gate_absent(w, why);
                return;
        }
        int r = made ? made->r : gate_new(&w->gate, w->dir_fd, map_fd, 0);
        if (made)
                w->gate = TAKE_PTR(made->gate);
        if (r == -ENOENT) { /* the leaf was removed while this daemon was away: nobody is in it */
                (void)STR_SET(w->gate_reason, "its cgroup is gone"); /* it fits */
                return;
        }
        if (r < 0) {
                gate_absent(w, r == -EBUSY ? "another program filters its cgroup already"
                               : r == -EPERM ? "this process may not load one (CAP_BPF, CAP_NET_ADMIN)"
                                             : strerror(-r));
                return;
        }
        w->gate_reason[0] = 0;
        if (map_fd < 0 && store_put_fd(name, gate_map_fd(w->gate)) < 0)
                log_warning("systemd does not keep the gate's map: a restart of this daemon shuts it "
                            "for a moment");
}

static bool is_shut(const Ward *w)
{
        return w->row->want.leaf != 0 && w->row->want.leaf == w->row->shut_leaf;
}

typedef struct Cut {
        Job job;
        Ward *ward;
        uint64_t cgroup;
        int n;
} Cut;

static void cut(Job *job)
{
        Cut *c = (Cut *)job;

        c->n = sockets_destroy(c->cgroup);
}

static void on_cut(Job *job)
{
        Cut *c = (Cut *)job;
        const char *cluster = c->ward->row->cluster;

        if (c->n < 0)
                log_warning_errno(c->n, "Cannot end the connections of cluster %s, its clients wait for "
                                        "their own timeouts: %m",
                                  cluster);
        else if (c->n > 0)
                log_info("cluster %s: ended %d connections", cluster, c->n);
        free(c);
}

/* Its clients learn that they are cut off, instead of waiting behind a gate that never opens. */
static void cut_connections(Ward *w)
{
        Cut *c = w->row->want.cgroup ? calloc(1, sizeof *c) : NULL;

        if (!c)
                return; /* they wait for their own timeouts */
        *c = (Cut){ .job = { .work = cut, .done = on_cut }, .ward = w, .cgroup = w->row->want.cgroup };
        worker_do(w->worker, &c->job);
}

/* A right that was revoked, or a leaf that was killed, never comes back: nor does its gate open. */
static void shut_revoked(Ward *w)
{
        WardRow *row = w->row;

        if (plan_shuts(&row->want, row->revoked))
                row->shut_leaf = row->want.leaf;
}

static void apply_gate(Ward *w)
{
        WardRow *row = w->row;
        const MsgWant *want = &row->want;
        usec_t deadline = plan_gate(&row->permit, want->epoch, row->revoked, is_shut(w));
        if (w->gate)
                gate_set(w->gate, deadline);

        bool same_right = row->open_epoch == want->epoch && row->open_leaf == want->leaf;
        if (poolers_set(w->poolers, deadline, same_right) && now_boottime() < deadline) {
                row->open_epoch = want->epoch;
                row->open_leaf = want->leaf;
        }
}

/* ---- the leaf ---- */

static void look_at_leaf(Ward *w)
{
        Tri before = w->populated;
        int r = w->dir_fd < 0 ? -ENODEV : cgroup_populated(w->dir_fd);

        /* A cgroup that is gone holds nobody; one we cannot read tells nothing. */
        if (r == -ENODEV && w->row->want.cgroup != 0)
                r = 0;
        w->populated = r < 0 ? TRI_UNKNOWN : TRI(r > 0);
        if (w->populated == TRI_NO && before != TRI_NO)
                w->empty_since = now_boottime();
        if (w->populated == TRI_NO && before == TRI_YES && is_shut(w))
                cut_connections(w);
        if (w->populated != TRI_NO)
                w->empty_since = 0;
        if (w->populated != before)
                changed(w);
}

static int on_leaf_event(sd_event_source *s _unused_, int fd, uint32_t events _unused_,
                         void *userdata)
{
        char text[128];

        (void)pread(fd, text, sizeof text, 0); /* rearms the event; what it says is read below */
        look_at_leaf(userdata);
        return 0;
}

static void watch_leaf(Ward *w)
{
        w->events_source = sd_event_source_disable_unref(w->events_source);
        w->events_fd = fd_close(w->events_fd);
        w->populated = TRI_UNKNOWN;
        w->empty_since = w->killed = 0;
        if (w->dir_fd >= 0) {
                w->events_fd = openat(w->dir_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
                int r = w->events_fd < 0 ? -errno
                                         : sd_event_add_io(w->event, &w->events_source,
                                                           w->events_fd, EPOLLPRI, on_leaf_event, w);
                if (r < 0 && r != -ENOENT)
                        log_error_errno(r, "Cannot watch the cgroup of postgres: %m");
        }
        look_at_leaf(w);
        changed(w);
}

static void set_leaf(Ward *w, int dir_fd, int kill_fd, MadeGate *made)
{
        char name[32];

        fd_close(w->dir_fd);
        fd_close(w->kill_fd);
        w->dir_fd = dir_fd;
        w->kill_fd = kill_fd;
        store_name(w, "leaf", name, sizeof name);
        store_remove_fd(name);
        if (dir_fd >= 0 && store_put_fd(name, dir_fd) < 0)
                log_warning("systemd does not keep the leaf's descriptor: a restart of this daemon "
                            "would lose it");
        store_name(w, "kill", name, sizeof name);
        store_remove_fd(name);
        if (kill_fd >= 0)
                (void)store_put_fd(name, kill_fd); /* told above */
        put_gate(w, -1, made);
        watch_leaf(w);
}

static void on_killed(int r, uint64_t leaf _unused_, void *userdata _unused_)
{
        if (r < 0 && r != -ENODEV)
                log_error_errno(r, "Cannot kill the cgroup of postgres: %m");
}

static void kill_leaf(Ward *w, const char *why)
{
        if (w->killed == 0)
                log_event(LOG_ERR, EVENT_FENCE_KILLED,
                          FIELDS({ "PALISADE_CLUSTER", w->row->cluster, 0 },
                                 { "PALISADE_FENCE", "fenced", 0 },
                                 { "PALISADE_EPOCH", NULL, w->row->want.epoch }),
                          "%s: killing postgres of cluster %s", why, w->row->cluster);
        w->killed = now_boottime();
        w->row->shut_leaf = w->row->want.leaf;
        apply_gate(w);
        cgroup_kill(w->worker, w->dir_fd, w->kill_fd, w->row->want.leaf, on_killed, w);
        cut_connections(w);
        changed(w);
}

/* ---- authority ---- */

/* The next instant at which a right that runs ends. */
static usec_t next_end(const Ward *w, usec_t now)
{
        const MsgPermit *p = &w->row->permit;
        bool runs = w->row->want.epoch != 0 && !p->standing && p->deadline > now;

        return MIN(runs ? p->deadline : USEC_INFINITY, addresses_next_end(w->addresses, now));
}

/* Everything that follows from the permit, the wish and the time. */
static void apply(Ward *w)
{
        const MsgPermit *p = &w->row->permit;
        usec_t now = now_boottime();
        bool acts_as_primary = w->row->want.epoch != 0;

        apply_gate(w); /* first: what it lets out cannot be taken back */
        look_at_leaf(w);
        addresses_apply(w->addresses, permitted(w, now), w->row->want.take != 0, p, now);
        if (acts_as_primary && !permitted(w, now) && w->populated == TRI_YES) {
                /* Revoked: pgd kills it at once; here it may live as long as its permit does, since
                 * an orderly stop still ships WAL to the candidate (DESIGN §2). */
                if (now >= p->deadline || p->epoch != w->row->want.epoch) {
                        kill_leaf(w, "the permit has ended");
                        timer_set(&w->deadline, now + KILL_AGAIN);
                        return;
                }
        }
        timer_set(&w->deadline, next_end(w, now));
}

static void on_deadline(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        apply(userdata);
        changed(userdata); /* the gate has shut by itself */
}

void ward_permit(Ward *w, const MsgPermit *permit)
{
        if (!plan_accepts(&w->row->permit, permit, w->row->revoked)) {
                log_warning("cluster %s: a permit of epoch %" PRIu64 " that is old, revoked or moves "
                            "back is ignored",
                            w->row->cluster, permit->epoch);
                return;
        }
        w->row->permit = *permit;
        apply(w);
        changed(w); /* its addresses live longer now */
}

void ward_revoke(Ward *w, Epoch epoch)
{
        if (epoch > w->row->revoked) {
                w->row->revoked = epoch;
                shut_revoked(w);
        }
        apply(w);
        if (w->populated == TRI_NO && is_shut(w))
                cut_connections(w); /* what an orderly stop has left behind the gate */
        changed(w);
}

bool ward_vip_permit(Ward *w, const MsgVipPermit *permit)
{
        if (!addresses_permit(w->addresses, permit, now_boottime()))
                return false;
        apply(w);
        changed(w);
        return true;
}

static void set_poolers(Ward *w)
{
        const MsgWant *want = &w->row->want;

        poolers_want(w->poolers, want->also, want->gate_mode == FENCE_OFF ? 0 : want->n_also);
}

/* With what it leaves as it is. */
static MsgWant whole(const Ward *w, const MsgWant *wish)
{
        MsgWant next = *wish;

        plan_leaf(&w->row->want, w->populated, &next);
        return next;
}

static bool is_another_leaf(const Ward *w, const MsgWant *want)
{
        return want->leaf != w->row->want.leaf || want->cgroup != w->row->want.cgroup;
}

static bool is_switched(const Ward *w, const MsgWant *want)
{
        return (want->gate_mode == FENCE_OFF) != (w->row->want.gate_mode == FENCE_OFF);
}

int ward_needs_gate(const Ward *w, const MsgWant *wish, int dir_fd, usec_t *ret_deadline)
{
        const MsgWant next = whole(w, wish), *want = &next;
        bool replaced = is_another_leaf(w, want) || (dir_fd >= 0 && w->dir_fd < 0);
        int around = replaced ? dir_fd : is_switched(w, want) ? w->dir_fd : -1;
        if (around < 0 || want->gate_mode == FENCE_OFF || why_impossible(want, around))
                return -1;
        /* A standby's stays open, and that of a primary which goes on as it is has its deadline from the first packet
         * on. Another primary's opens when the wish is in force: a REVOKE may come before. */
        bool goes_on = !replaced && want->epoch == w->row->want.epoch;
        *ret_deadline = want->epoch == 0 || goes_on ? plan_gate(&w->row->permit, want->epoch, w->row->revoked,
                                                                want->leaf == w->row->shut_leaf)
                                                    : 0;
        return around;
}

int ward_want(Ward *w, const MsgWant *wish, int dir_fd, int kill_fd, MadeGate *made)
{
        const MsgWant next = whole(w, wish), *want = &next;
        bool new_leaf = is_another_leaf(w, want);
        bool switched = is_switched(w, want);

        /* Nothing of a primary is left when the next server takes its place, or poolers would let
         * out what it still says. pgd has seen to that; here it costs a look. */
        look_at_leaf(w);
        if (new_leaf && want->cgroup != 0 && w->row->want.epoch != 0 && w->populated == TRI_YES)
                kill_leaf(w, "another server takes its place");
        /* Nobody may have seen the old leaf end: this daemon hung, or was away. Its gate never opens
         * again, and a standby would wait for its sender behind it. */
        if (new_leaf && w->row->want.leaf != 0 && w->populated == TRI_NO)
                cut_connections(w);
        w->row->want = *want;
        addresses_want(w->addresses, want);
        if (new_leaf || (dir_fd >= 0 && w->dir_fd < 0)) {
                set_leaf(w, dir_fd, kill_fd, made);
        } else {
                fd_close(dir_fd);
                fd_close(kill_fd);
                if (switched)
                        put_gate(w, -1, made);
        }
        shut_revoked(w);
        apply(w);
        set_poolers(w);
        changed(w);
        return want->epoch != 0 && want->leaf != 0 && want->gate_mode == FENCE_REQUIRED &&
                               (!w->gate || poolers_missing(w->poolers))
                       ? -ENOTSUP
                       : 0;
}

const char *ward_gate_reason(const Ward *w)
{
        const char *of_pooler = poolers_missing(w->poolers);

        return w->gate_reason[0] || !of_pooler ? w->gate_reason : of_pooler;
}

void ward_look(Ward *w)
{
        addresses_look(w->addresses);
}

void ward_set_mind(Ward *w, Mind *mind)
{
        w->mind = mind;
        if (!mind)
                return;
        if (mind->dcs_id && w->row->dcs_id && mind->dcs_id != w->row->dcs_id &&
            w->populated == TRI_NO) {
                log_notice("cluster %s moved to another etcd: its epochs begin anew",
                           w->row->cluster);
                w->row->revoked = 0;
                w->row->permit = (MsgPermit){ 0 };
        }
        if (mind->dcs_id)
                w->row->dcs_id = mind->dcs_id;
        on_tell(NULL, now_boottime(), w);
}

bool ward_is_needed(const Ward *w)
{
        return permitted(w, now_boottime()) ||
               (w->row->want.epoch != 0 && w->populated == TRI_YES);
}

static const VipCalls vip_calls = { .changed = changed };

int ward_new(Ward **ret, sd_event *e, Netlink *netlink, Arp *arp, Worker *worker, Stall *stall, WardRow *row,
             unsigned index)
{
        _cleanup_(ward_freep) Ward *w = calloc(1, sizeof *w);
        char name[32];

        if (!w)
                return -ENOMEM;
        *w = (Ward){ .event = e, .worker = worker, .stall = stall, .row = row, .index = index, .events_fd = -1 };
        store_name(w, "leaf", name, sizeof name);
        w->dir_fd = store_take_fd(name);
        store_name(w, "kill", name, sizeof name);
        w->kill_fd = store_take_fd(name);
        int r = timer_init(&w->deadline, e, "permit", stall, on_deadline, w);
        if (r >= 0)
                r = timer_init(&w->tell, e, "tell", NULL, on_tell, w);
        if (r >= 0)
                r = addresses_new(&w->addresses, e, netlink, arp, stall, row->cluster, row->vips,
                                  &vip_calls, w);
        if (r >= 0)
                r = poolers_new(&w->poolers, e, worker, row->cluster, changed, w);
        if (r < 0)
                return r;
        addresses_want(w->addresses, &row->want);
        store_name(w, "gate", name, sizeof name);
        put_gate(w, store_take_fd(name), NULL);
        watch_leaf(w);
        apply(w);
        set_poolers(w);
        *ret = TAKE_PTR(w);
        return 0;
}

Ward *ward_free(Ward *w)
{
        if (w) {
                w->addresses = addresses_free(w->addresses);
                w->gate = gate_free(w->gate);
                w->poolers = poolers_free(w->poolers);
                w->events_source = sd_event_source_disable_unref(w->events_source);
                fd_close(w->events_fd);
                fd_close(w->dir_fd);
                fd_close(w->kill_fd);
                timer_done(&w->deadline);
                timer_done(&w->tell);
                free(w);
        }
        return NULL;
}
