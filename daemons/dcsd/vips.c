#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dcsd/vips.h"
#include "io/log.h"

typedef struct VipHold {
        Vips *owner;
        char name[VIP_NAME_SIZE];
        Paths paths; /* its own key stands for the leader's, and for everything a bid compares */
        Lease *lease;
        Orders *orders;
} VipHold;

struct Vips {
        sd_event *event;
        Etcd *etcd;
        Cache *cache;
        const Paths *paths;
        const char *name; /* ours */
        Stall *stall;
        const VipsCalls *calls;
        void *userdata;
        size_t n;
        VipHold *holds[VIPS_MAX];
};

/* ---- news ---- */

static void on_proved(const PolicyProof *proof, void *userdata)
{
        const VipHold *h = userdata;

        h->owner->calls->proved(h->name, proof, h->owner->userdata);
}

static void on_answered(uint64_t revision, void *userdata)
{
        const VipHold *h = userdata;

        h->owner->calls->answered(revision, h->owner->userdata);
}

static void on_lost(const char *reason _unused_, void *userdata)
{
        const VipHold *h = userdata;

        log_warning("the key palisade/vip/%s is gone, or not ours any more", h->name);
}

static void on_nothing(void *userdata _unused_)
{
}

static void on_result(uint64_t seq, Outcome outcome, Epoch epoch, const char *text, void *userdata)
{
        const VipHold *h = userdata;

        h->owner->calls->orders.result(seq, outcome, epoch, text, h->owner->userdata);
}

static void on_keys_changed(void *userdata)
{
        const VipHold *h = userdata;

        h->owner->calls->orders.keys_changed(h->owner->userdata);
}

static const LeaseCalls lease_calls = {
        .proved = on_proved,
        .answered = on_answered,
        .moved = on_nothing,
        .lost = on_lost,
        .state_changed = on_nothing,
};

static const OrdersCalls orders_calls = {
        .result = on_result,
        .proved = on_proved,
        .keys_changed = on_keys_changed,
};

/* ---- one of them ---- */

static VipHold *hold_free(VipHold *h)
{
        if (h) {
                h->orders = orders_free(h->orders);
                h->lease = lease_free(h->lease);
                free(h);
        }
        return NULL;
}
DEFINE_CLEANUP(VipHold *, hold_free)

static void set_paths(Paths *p, const Paths *of, const char *name)
{
        *p = *of;
        snprintf(p->leader, sizeof p->leader, "%.*spalisade/vip/%s", (int)(sizeof p->leader / 2),
                 of->prefix, name);
        (void)STR_SET(p->sync, p->leader); /* same sizes */
        (void)STR_SET(p->failover, p->leader);
        (void)STR_SET(p->config, p->leader);
        (void)STR_SET(p->member, p->leader);
}

static VipHold *find(Vips *v, const char *name)
{
        for (size_t i = 0; i < v->n; i++)
                if (str_equal(v->holds[i]->name, name))
                        return v->holds[i];
        if (v->n == VIPS_MAX)
                return NULL;
        _cleanup_(hold_freep) VipHold *h = calloc(1, sizeof *h);
        if (!h)
                return NULL;
        h->owner = v;
        (void)STR_SET(h->name, name); /* same size */
        set_paths(&h->paths, v->paths, name);
        int r = lease_new(&h->lease, v->event, v->etcd, v->cache, &h->paths, v->name, v->stall,
                          &lease_calls, h);
        if (r >= 0)
                r = orders_new(&h->orders, v->etcd, h->lease, v->cache, &h->paths, v->name,
                               &orders_calls, h);
        if (r < 0)
                return NULL;
        if (cache_revision(v->cache) != 0)
                lease_keys_changed(h->lease); /* it may be ours from before */
        v->holds[v->n++] = h;
        return TAKE_PTR(h);
}

/* ---- the mind's messages ---- */

static void refuse(const Vips *v, uint64_t seq)
{
        v->calls->orders.result(seq, OUTCOME_REFUSED, 0, "no room for another address", v->userdata);
}

void vips_hold(Vips *v, const MsgHold *hold)
{
        VipHold *h = find(v, hold->vip);

        if (h)
                lease_hold(h->lease, hold);
}

void vips_bid(Vips *v, const MsgBid *bid)
{
        VipHold *h = find(v, bid->vip);

        if (h)
                orders_bid(h->orders, bid);
        else
                refuse(v, bid->h.seq);
}

void vips_release(Vips *v, const MsgRelease *release)
{
        VipHold *h = find(v, release->vip);

        if (h)
                orders_release(h->orders, release, NULL);
        else
                refuse(v, release->h.seq);
}

void vips_keys_changed(Vips *v)
{
        for (size_t i = 0; i < v->n; i++)
                lease_keys_changed(v->holds[i]->lease);
}

void vips_forget(Vips *v)
{
        for (size_t i = 0; i < v->n; i++)
                orders_forget(v->holds[i]->orders);
}

int vips_new(Vips **ret, sd_event *event, Etcd *e, Cache *cache, const Paths *paths, const char *name,
             Stall *stall, const VipsCalls *calls, void *userdata)
{
        Vips *v = calloc(1, sizeof *v);

        if (!v)
                return -ENOMEM;
        *v = (Vips){ .event = event, .etcd = e, .cache = cache, .paths = paths, .name = name,
                     .stall = stall, .calls = calls, .userdata = userdata };
        *ret = v;
        return 0;
}

Vips *vips_free(Vips *v)
{
        if (v) {
                for (size_t i = 0; i < v->n; i++)
                        hold_free(v->holds[i]);
                free(v);
        }
        return NULL;
}
