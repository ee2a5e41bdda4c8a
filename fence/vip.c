#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fence/vip.h"
#include "io/fdutil.h"
#include "io/log.h"

#define RETRY_EVERY (250 * USEC_PER_MSEC)
#define QUARREL (USEC_PER_SEC) /* removed again so soon: ask first who else wants it */

struct VipHold {
        Netlink *netlink;
        Arp *arp;
        Vip vip;
        char cluster[NAME_SIZE];
        Address address;
        const VipCalls *calls;
        void *userdata;

        bool want_probe, want_hold;
        MsgPermit permit;

        ArpProbe *probe;
        unsigned probes_sent;
        usec_t probed; /* when the last one ended; 0: never */
        bool conflict;
        int probe_error; /* the last one told */

        bool held;   /* we added it, and nobody has told us that it is gone */
        bool seen;   /* and the kernel's events have shown it since */
        bool cut;    /* it is here, and its interface has no carrier */
        bool adding; /* a request is under way */
        int index;   /* of the link it is on */
        usec_t limit;
        usec_t taken;
        unsigned announced;
        char reason[REASON_SIZE];

        Timer renew, probe_timer, announce, retry;
};

static const char no_carrier[] = "its interface is down or has no carrier";

static void step(VipHold *v);

const char *vip_name(const VipHold *v)
{
        return v->vip.name;
}

bool vip_is(const VipHold *v, const Vip *vip)
{
        return str_equal(v->vip.name, vip->name) && str_equal(v->vip.address, vip->address) &&
               str_equal(v->vip.interface, vip->interface);
}

static void set_reason(VipHold *v, const char *text)
{
        if (str_equal(v->reason, text))
                return;
        (void)STR_SET(v->reason, text); /* our own short texts */
        if (*text)
                log_warning("virtual IP %s: %s", v->vip.address, text);
        v->calls->changed(v->userdata);
}

static const LinkInfo *choose_link(const VipHold *v)
{
        return v->vip.interface[0] ? netlink_link_by_name(v->netlink, v->vip.interface)
                                   : netlink_link_for(v->netlink, &v->address);
}

/* ---- is it free? ---- */

static void on_answered(const uint8_t mac[6], void *userdata)
{
        VipHold *v = userdata;
        char text[REASON_SIZE];

        v->conflict = true;
        snprintf(text, sizeof text,
                 "%02x:%02x:%02x:%02x:%02x:%02x answers for it on this network", mac[0], mac[1],
                 mac[2], mac[3], mac[4], mac[5]);
        set_reason(v, text);
}

static void end_probe(VipHold *v, usec_t now)
{
        v->probe = arp_probe_free(v->probe);
        timer_set(&v->probe_timer, USEC_INFINITY);
        v->probed = now;
        if (v->conflict)
                timer_set(&v->retry, now + RETRY_EVERY);
}

/* Once, not at each attempt. */
static void tell_probe_error(VipHold *v, int error)
{
        if (error != v->probe_error)
                log_warning_errno(error, "Cannot ask the network who has %s: %m", v->vip.address);
        v->probe_error = error;
}

static void on_probe_timer(Timer *t, usec_t now, void *userdata)
{
        VipHold *v = userdata;

        if (v->conflict || v->probes_sent == PROBE_COUNT) {
                end_probe(v, now);
                step(v);
                return;
        }
        int r = arp_probe_ask(v->probe);
        if (r < 0) {
                tell_probe_error(v, r);
                end_probe(v, now);
                step(v);
                return;
        }
        v->probes_sent++;
        timer_set(t, now + PROBE_EVERY);
}

static void begin_probe(VipHold *v, const LinkInfo *link)
{
        v->conflict = false;
        v->probes_sent = 0;
        int r = arp_probe_new(&v->probe, v->arp, link, &v->address, on_answered, v);
        if (r < 0) { /* without CAP_NET_RAW nobody can be asked: an unheard conflict is possible */
                tell_probe_error(v, r);
                v->probed = now_boottime();
                step(v);
                return;
        }
        timer_set(&v->probe_timer, now_boottime());
}

static bool probe_holds(const VipHold *v, usec_t now)
{
        return v->probed != 0 && !v->conflict && now - v->probed < PROBE_HOLDS;
}

/* ---- having it ---- */

static void on_announce(Timer *t, usec_t now _unused_, void *userdata)
{
        VipHold *v = userdata;
        const LinkInfo *link = netlink_link_by_index(v->netlink, v->index);

        if (!v->held || !link)
                return;
        int r = arp_announce(v->arp, link, &v->address);
        if (r < 0)
                log_warning_errno(r, "Cannot announce %s on %s: %m", v->vip.address, link->name);
        timer_set(t, v->taken + plan_announcement(++v->announced));
}

static void begin_announcing(VipHold *v)
{
        v->taken = now_boottime();
        v->announced = 0;
        timer_set(&v->announce, v->taken);
}

static void on_held(int r, void *userdata)
{
        VipHold *v = userdata;
        const LinkInfo *link = netlink_link_by_index(v->netlink, v->index);
        char text[REASON_SIZE];

        v->adding = false;
        if (r < 0) {
                snprintf(text, sizeof text, "cannot be added: %s", strerror(-r));
                set_reason(v, text);
                timer_set(&v->retry, now_boottime() + RETRY_EVERY);
                return;
        }
        if (v->held)
                return; /* a lifetime was set anew */
        v->held = true;
        v->seen = false;
        v->cut = false;
        set_reason(v, "");
        log_event(LOG_NOTICE, EVENT_VIP_TAKEN,
                  FIELDS({ "PALISADE_VIP", v->vip.address, 0 },
                         { "PALISADE_CLUSTER", v->cluster, 0 }),
                  "took the virtual IP %s on %s", v->vip.address, link ? link->name : "?");
        begin_announcing(v);
        v->calls->changed(v->userdata);
}

static void renew(VipHold *v, usec_t now)
{
        bool v6 = v->address.family == AF_INET6;
        VipLifetime life = plan_vip_lifetime(&v->permit, v6, now);

        timer_set(&v->renew, life.again);
        if (life.seconds == 0)
                return;
        int r = netlink_hold(v->netlink, v->index, &v->address, life.seconds, on_held, v);
        if (r < 0) {
                on_held(r, v);
                return;
        }
        v->adding = true;
        v->limit = life.limit;
}

static void on_renew(Timer *t _unused_, usec_t now, void *userdata)
{
        VipHold *v = userdata;

        if (v->want_hold && (v->held || v->adding))
                renew(v, now);
}

static void on_dropped(int r, void *userdata)
{
        VipHold *v = userdata;

        if (r < 0 && r != -EADDRNOTAVAIL)
                log_error_errno(r, "Cannot remove %s, it ends with its lifetime: %m",
                                v->vip.address);
        v->calls->changed(v->userdata);
}

static void drop(VipHold *v)
{
        bool ours;
        int index;

        timer_set(&v->renew, USEC_INFINITY);
        timer_set(&v->announce, USEC_INFINITY);
        v->probed = 0;
        if (!netlink_find(v->netlink, &v->address, &ours, &index) || !ours)
                index = v->held || v->adding ? v->index : 0;
        if (v->held)
                log_event(LOG_NOTICE, EVENT_VIP_DROPPED,
                          FIELDS({ "PALISADE_VIP", v->vip.address, 0 },
                                 { "PALISADE_CLUSTER", v->cluster, 0 }),
                          "gave up the virtual IP %s", v->vip.address);
        v->held = v->adding = v->cut = false;
        v->limit = 0;
        if (index > 0)
                (void)netlink_drop(v->netlink, index, &v->address, on_dropped, v); /* it ends
                                                                        with its lifetime anyway */
        v->calls->changed(v->userdata);
}

/* ---- what to do next ---- */

static void take(VipHold *v, usec_t now)
{
        const LinkInfo *link = choose_link(v);
        bool ours;
        int index;

        if (!link) {
                set_reason(v, v->vip.interface[0] ? "there is no such interface"
                                                  : "no interface has an address in its subnet");
                return;
        }
        if (!link->up) {
                set_reason(v, no_carrier);
                return;
        }
        if (netlink_find(v->netlink, &v->address, &ours, &index) && !ours) {
                set_reason(v, "it is an address of this host that we did not add: a virtual IP must "
                              "belong to no host");
                return;
        }
        if (v->probe)
                return;
        if (!probe_holds(v, now)) {
                begin_probe(v, link);
                return;
        }
        if (v->want_hold && !v->held && !v->adding) {
                v->index = link->index;
                renew(v, now);
        }
}

static void step(VipHold *v)
{
        usec_t now = now_boottime();

        if (v->want_hold && v->held)
                return;
        if (v->want_hold || v->want_probe)
                take(v, now);
}

static void on_retry(Timer *t _unused_, usec_t now _unused_, void *userdata)
{
        step(userdata);
}

void vip_want(VipHold *v, bool probe, bool hold, const MsgPermit *permit)
{
        bool newer = permit->epoch != v->permit.epoch || permit->lease_end != v->permit.lease_end ||
                     permit->standing != v->permit.standing;
        bool held = v->want_hold;

        v->permit = *permit;
        v->want_probe = probe;
        v->want_hold = hold;
        if (!hold && (held || v->held)) { /* held: by the fenced before us, too */
                set_reason(v, "");
                drop(v);
        } else if (hold && v->held && newer) {
                renew(v, now_boottime());
        }
        step(v);
}

/*
 * It is gone, and not by us. An instant ago it was answered for here, so it comes back at once, unless
 * it had run out or this is a quarrel: then the network is asked again.
 */
static void lost(VipHold *v, usec_t now)
{
        const LinkInfo *link = netlink_link_by_index(v->netlink, v->index);
        bool ran_out = !v->permit.standing && now >= v->limit;

        log_event(LOG_WARNING, EVENT_VIP_DROPPED,
                  FIELDS({ "PALISADE_VIP", v->vip.address, 0 },
                         { "PALISADE_CLUSTER", v->cluster, 0 }),
                  "the virtual IP %s %s", v->vip.address,
                  ran_out              ? "has run out"
                  : link && link->up ? "was removed by somebody else"
                                     : "went with its interface");
        v->held = v->cut = false;
        v->probed = ran_out || now < v->taken + QUARREL ? 0 : now;
        timer_set(&v->announce, USEC_INFINITY);
        v->calls->changed(v->userdata);
}

/* It is here; can it be reached? When its interface is back, neighbours are told at once. */
static void look_at_link(VipHold *v)
{
        const LinkInfo *link = netlink_link_by_index(v->netlink, v->index);
        bool cut = !link || !link->up;

        if (cut == v->cut)
                return;
        v->cut = cut;
        if (cut) {
                log_event(LOG_WARNING, EVENT_VIP_CUT,
                          FIELDS({ "PALISADE_VIP", v->vip.address, 0 },
                                 { "PALISADE_CLUSTER", v->cluster, 0 }),
                          "nobody can reach the virtual IP %s: %s", v->vip.address, no_carrier);
                (void)STR_SET(v->reason, no_carrier); /* it fits; told */
        } else {
                v->reason[0] = 0;
                begin_announcing(v);
        }
        v->calls->changed(v->userdata);
}

void vip_look(VipHold *v)
{
        bool ours;
        int index;

        if (netlink_find(v->netlink, &v->address, &ours, &index) && ours)
                v->seen = v->held;
        else if (v->held && v->seen)
                lost(v, now_boottime());
        if (v->held)
                look_at_link(v);
        step(v);
}

void vip_state(const VipHold *v, VipState *ret)
{
        *ret = (VipState){ .vip = v->vip, .present = v->held, .wanted = v->want_hold,
                           .until = v->held ? v->limit : 0 };
        if (v->held)
                ret->limit = plan_vip_limit(&v->permit, v->address.family == AF_INET6);
        (void)STR_SET(ret->reason, v->reason); /* same size */
}

int vip_new(VipHold **ret, sd_event *e, Netlink *netlink, Arp *arp, Stall *stall, const Vip *vip,
            const char *cluster, const VipCalls *calls, void *userdata)
{
        _cleanup_(vip_freep) VipHold *v = calloc(1, sizeof *v);
        int r;

        if (!v)
                return -ENOMEM;
        *v = (VipHold){ .netlink = netlink, .arp = arp, .vip = *vip, .calls = calls,
                        .userdata = userdata };
        (void)STR_SET(v->cluster, cluster); /* same size */
        r = address_parse(vip->address, &v->address);
        if (r >= 0)
                r = timer_init(&v->renew, e, "vip lifetime", stall, on_renew, v);
        if (r >= 0)
                r = timer_init(&v->probe_timer, e, "vip probe", NULL, on_probe_timer, v);
        if (r >= 0)
                r = timer_init(&v->announce, e, "vip announcement", NULL, on_announce, v);
        if (r >= 0)
                r = timer_init(&v->retry, e, "vip retry", NULL, on_retry, v);
        if (r < 0)
                return r;

        /* Left by the fenced before us: ours still, and its lifetime runs. */
        bool ours;
        int index;
        if (netlink_find(netlink, &v->address, &ours, &index) && ours) {
                v->held = v->seen = true;
                v->index = index;
                v->limit = USEC_INFINITY; /* not known until it is set anew; it may be seen to run out */
                begin_announcing(v);
        }
        *ret = TAKE_PTR(v);
        return 0;
}

VipHold *vip_free(VipHold *v)
{
        if (v) {
                netlink_forget(v->netlink, v);
                v->probe = arp_probe_free(v->probe);
                timer_done(&v->renew);
                timer_done(&v->probe_timer);
                timer_done(&v->announce);
                timer_done(&v->retry);
                free(v);
        }
        return NULL;
}
