#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fence/fenced.h"
#include "fence/ward.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "io/store.h"
#include "io/worker.h"

#define TABLE_VERSION 3
#define JOB_WITHIN (USEC_PER_SEC) /* as long as WatchdogSec= */
#define LINGER (10 * USEC_PER_SEC) /* palisade run: how long after the last permit */

typedef struct Table {
        WardRow rows[WARDS_MAX];
} Table;

/* A WANT that came, until it is in force. */
typedef struct Wish {
        Job job;
        struct Wish *next; /* the first of a ward is the one under way */
        Fenced *fenced;
        size_t index;
        uint64_t connection;
        MsgWant want;
        int dir_fd, kill_fd;
        int around_fd; /* the cgroup for which a gate is made */
        usec_t deadline;
        MadeGate made;
} Wish;

struct Fenced {
        sd_event *event;
        Hand *hand;
        Netlink *netlink; /* NULL: this process may not use it */
        Arp *arp;
        Store *store;
        Table *table;
        Ward *wards[WARDS_MAX];
        Wish *wishes[WARDS_MAX];
        uint64_t connections[WARDS_MAX]; /* of its mind, so far */
        Worker *worker;
        Stall stall;
        bool foreground;
        Timer linger;
};

static void on_netlink(void *userdata)
{
        Fenced *f = userdata;

        for (size_t i = 0; i < WARDS_MAX; i++)
                if (f->wards[i])
                        ward_look(f->wards[i]);
}

/* An address of ours that no ward knows was left by a version or cluster that is gone. */
static void drop_stray(int index, const Address *a, void *userdata)
{
        Fenced *f = userdata;

        for (size_t i = 0; i < WARDS_MAX; i++)
                for (uint32_t k = 0; f->wards[i] && k < f->table->rows[i].want.n_vips; k++) {
                        Address known;
                        if (address_parse(f->table->rows[i].want.vips[k].address, &known) >= 0 &&
                            address_equal(&known, a))
                                return;
                }
        log_warning("removing an address of ours that no cluster here wants any more");
        (void)netlink_drop(f->netlink, index, a, NULL, NULL); /* it ends with its lifetime */
}

static int open_ward(Fenced *f, const char *cluster, Ward **ret)
{
        size_t free_row = WARDS_MAX;

        for (size_t i = 0; i < WARDS_MAX; i++) {
                if (f->wards[i] && str_equal(ward_cluster(f->wards[i]), cluster)) {
                        *ret = f->wards[i];
                        return 0;
                }
                if (!f->wards[i] && free_row == WARDS_MAX)
                        free_row = i;
        }
        if (free_row == WARDS_MAX)
                return -ENOSPC;
        WardRow *row = &f->table->rows[free_row];
        *row = (WardRow){ 0 };
        (void)STR_SET(row->cluster, cluster); /* same size */
        int r = ward_new(&f->wards[free_row], f->event, f->netlink, f->arp, f->worker, &f->stall, row,
                         (unsigned)free_row);
        if (r < 0) {
                row->cluster[0] = 0;
                return r;
        }
        *ret = f->wards[free_row];
        return 0;
}

/* ---- messages ---- */

static Ward *ward_of(void *userdata)
{
        return ((Mind *)userdata)->data;
}

static void on_permit(Link *l _unused_, const MsgHeader *h, int *fds _unused_, size_t n _unused_,
                      void *userdata)
{
        ward_permit(ward_of(userdata), (const MsgPermit *)h);
}

static void on_revoke(Link *l, const MsgHeader *h, int *fds _unused_, size_t n _unused_,
                      void *userdata)
{
        ward_revoke(ward_of(userdata), ((const MsgRevoke *)h)->epoch);
        link_send_result(l, h->seq, OUTCOME_DONE, "%s", "no address is held and none will be");
}

/* ---- wishes ---- */

/* The connection that wished it; NULL: it is gone, and so is whoever waits for an answer. */
static Link *wisher(const Wish *q)
{
        Mind *m = hand_find(q->fenced->hand, ward_cluster(q->fenced->wards[q->index]));

        return m && m->data == q->fenced->wards[q->index] && q->connection == q->fenced->connections[q->index]
                       ? m->link
                       : NULL;
}

static void put_in_force(Wish *q, MadeGate *made)
{
        Ward *w = q->fenced->wards[q->index];

        if (ward_want(w, &q->want, TAKE_FD(q->dir_fd), TAKE_FD(q->kill_fd), made) < 0)
                link_send_result(wisher(q), q->want.h.seq, OUTCOME_REFUSED, "fence.gate is required: %s",
                                 ward_gate_reason(w));
        else
                link_send_result(wisher(q), q->want.h.seq, OUTCOME_DONE, "%s", "");
}

/* Takes it out of its list. */
static void drop_wish(Wish **at)
{
        Wish *q = *at;

        *at = q->next;
        fd_close(q->dir_fd);
        fd_close(q->kill_fd);
        free(q);
}

static void attach(Job *job)
{
        Wish *q = (Wish *)job;

        q->made.r = gate_new(&q->made.gate, q->around_fd, -1, q->deadline);
}

static void go_on(Fenced *f, size_t index);

static void on_attached(Job *job)
{
        Wish *q = (Wish *)job;
        Fenced *f = q->fenced;
        size_t index = q->index;

        put_in_force(q, &q->made);
        q->made.gate = gate_free(q->made.gate); /* NULL: the ward has it */
        drop_wish(&f->wishes[index]);
        go_on(f, index);
}

/*
 * One after the other. Attaching a gate waits while anybody on this machine moves a process to another cgroup,
 * for a grace period of RCU: the worker does it, and permits, revocations and timers go on meanwhile.
 */
static void go_on(Fenced *f, size_t index)
{
        while (f->wishes[index]) {
                Wish *q = f->wishes[index];
                q->around_fd = ward_needs_gate(f->wards[index], &q->want, q->dir_fd, &q->deadline);
                if (q->around_fd >= 0) {
                        q->job = (Job){ .work = attach, .done = on_attached };
                        worker_do(f->worker, &q->job);
                        return;
                }
                put_in_force(q, NULL);
                drop_wish(&f->wishes[index]);
        }
}

static size_t index_of(const Fenced *f, const Ward *w)
{
        size_t i = 0;

        while (f->wards[i] != w)
                i++;
        return i;
}

static void on_want(Link *l, const MsgHeader *h, int *fds, size_t n_fds, void *userdata)
{
        Fenced *f = hand_userdata(((Mind *)userdata)->hand);
        size_t index = index_of(f, ward_of(userdata));
        Wish *q = calloc(1, sizeof *q), **last = &f->wishes[index];

        if (!q) {
                link_send_result(l, h->seq, OUTCOME_REFUSED, "%s", strerror(ENOMEM));
                return;
        }
        *q = (Wish){ .fenced = f, .index = index, .connection = f->connections[index],
                     .want = *(const MsgWant *)h,
                     .dir_fd = n_fds >= 1 ? TAKE_FD(fds[0]) : -1,
                     .kill_fd = n_fds >= 2 ? TAKE_FD(fds[1]) : -1 };
        bool under_way = *last != NULL;
        while (*last)
                last = &(*last)->next;
        *last = q;
        if (!under_way)
                go_on(f, index);
}

/* What the mind before wished, and nothing of it has begun. */
static void forget_wishes(Fenced *f, size_t index)
{
        while (f->wishes[index] && f->wishes[index]->next)
                drop_wish(&f->wishes[index]->next);
}

static void on_vip_permit(Link *l, const MsgHeader *h, int *fds _unused_, size_t n _unused_,
                          void *userdata)
{
        bool ok = ward_vip_permit(ward_of(userdata), (const MsgVipPermit *)h);

        link_send_result(l, h->seq, ok ? OUTCOME_DONE : OUTCOME_REFUSED, "%s",
                         ok ? "" : "no room for another address");
}

static const LinkHandler handlers[] = {
        { MSG_PERMIT, on_permit },
        { MSG_REVOKE, on_revoke },
        { MSG_WANT, on_want },
        { MSG_VIP_PERMIT, on_vip_permit },
};

static int on_joined(Mind *m, void *userdata)
{
        Fenced *f = userdata;
        Ward *w;
        int r = open_ward(f, m->cluster, &w);

        if (r < 0) {
                log_error_errno(r, "Cannot serve cluster %s: %m", m->cluster);
                return r;
        }
        m->data = w;
        f->connections[index_of(f, w)]++;
        forget_wishes(f, index_of(f, w));
        ward_set_mind(w, m);
        timer_set(&f->linger, USEC_INFINITY);
        loop_status("serving %s%s", m->cluster, hand_find(f->hand, NULL) != m ? " and others" : "");
        return 0;
}

static void on_left(Mind *m, void *userdata)
{
        Fenced *f = userdata;

        if (m->data)
                ward_set_mind(m->data, NULL);
        if (f->foreground)
                timer_set(&f->linger, now_boottime() + LINGER);
}

static const HandCalls calls = { .joined = on_joined, .left = on_left };

/* palisade run: a mind that was killed may come back; its permits are enforced until then. */
static void on_linger(Timer *t, usec_t now, void *userdata)
{
        Fenced *f = userdata;

        for (size_t i = 0; i < WARDS_MAX; i++)
                if (f->wards[i] && ward_is_needed(f->wards[i])) {
                        timer_set(t, now + LINGER);
                        return;
                }
        (void)sd_event_exit(f->event, 0); /* fails only if it is exiting already */
}

static int restore(Fenced *f)
{
        bool found;
        int r = store_open(&f->store, "fenced", TABLE_VERSION, sizeof(Table), &found);

        if (r < 0)
                return r;
        f->table = store_data(f->store);
        for (size_t i = 0; i < WARDS_MAX; i++) {
                WardRow *row = &f->table->rows[i];
                if (!found || !row->cluster[0])
                        continue;
                r = ward_new(&f->wards[i], f->event, f->netlink, f->arp, f->worker, &f->stall, row,
                             (unsigned)i);
                if (r < 0)
                        return r;
        }
        if (f->netlink)
                netlink_each_own(f->netlink, drop_stray, f);
        return 0;
}

int fenced_new(Fenced **ret, sd_event *e, const HandOptions *options)
{
        _cleanup_(fenced_freep) Fenced *f = calloc(1, sizeof *f);

        if (!f)
                return -ENOMEM;
        f->event = sd_event_ref(e);
        f->foreground = options->foreground;
        int r = timer_init(&f->linger, e, "linger", NULL, on_linger, f);
        if (r < 0)
                return r;
        r = arp_new(&f->arp, e);
        if (r >= 0)
                r = worker_new(&f->worker, e, JOB_WITHIN);
        if (r < 0)
                return r;
        r = netlink_new(&f->netlink, e, on_netlink, f);
        if (r < 0)
                log_event(LOG_WARNING, EVENT_FENCE_MISSING, FIELDS({ "PALISADE_FENCE", "vip", 0 }),
                          "no netlink here (%s): virtual IPs cannot be held", strerror(-r));
        r = restore(f);
        if (r < 0)
                return r;

        int socket = hand_options_listen(options);
        if (socket < 0)
                return socket;
        r = hand_new(&f->hand, e, socket, NULL, options->mind_uid, handlers, ELEMENTSOF(handlers),
                     &calls, f);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(f);
        return 0;
}

Fenced *fenced_free(Fenced *f)
{
        if (f) {
                f->worker = worker_free(f->worker);
                f->hand = hand_free(f->hand);
                for (size_t i = 0; i < WARDS_MAX; i++) {
                        while (f->wishes[i])
                                drop_wish(&f->wishes[i]);
                        f->wards[i] = ward_free(f->wards[i]);
                }
                f->arp = arp_free(f->arp);
                f->netlink = netlink_free(f->netlink);
                f->store = store_free(f->store);
                timer_done(&f->linger);
                sd_event_unref(f->event);
                free(f);
        }
        return NULL;
}
