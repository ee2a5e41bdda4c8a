#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "fence/addresses.h"
#include "io/log.h"

struct Addresses {
        sd_event *event;
        Netlink *netlink;
        Arp *arp;
        Stall *stall;
        const char *cluster;
        VipRight *rights;
        const VipCalls *calls;
        void *userdata;
        size_t n;
        VipHold *vips[VIPS_MAX];
};

static const MsgPermit *right_to(const Addresses *a, const char *name)
{
        static const MsgPermit none;

        for (size_t i = 0; i < VIPS_MAX; i++)
                if (str_equal(a->rights[i].name, name))
                        return &a->rights[i].permit;
        return &none;
}

void addresses_apply(Addresses *a, bool may, bool take, const MsgPermit *permit, usec_t now)
{
        for (size_t i = 0; i < a->n; i++) {
                const char *name = vip_name(a->vips[i]);
                const MsgPermit *own = *name ? right_to(a, name) : NULL;
                if (own)
                        vip_want(a->vips[i], now < own->deadline, now < own->deadline, own);
                else
                        vip_want(a->vips[i], may, may && take, permit);
        }
}

usec_t addresses_next_end(const Addresses *a, usec_t now)
{
        usec_t end = USEC_INFINITY;

        for (size_t i = 0; i < VIPS_MAX; i++)
                if (a->rights[i].permit.deadline > now)
                        end = MIN(end, a->rights[i].permit.deadline);
        return end;
}

/* Its place in the table, perhaps that of one which is over; VIPS_MAX: there is no room. */
static size_t place_for(const Addresses *a, const char *name, usec_t now)
{
        size_t at = VIPS_MAX;

        for (size_t i = 0; i < VIPS_MAX; i++) {
                if (str_equal(a->rights[i].name, name))
                        return i;
                if (a->rights[i].permit.deadline <= now)
                        at = i;
        }
        return at;
}

bool addresses_permit(Addresses *a, const MsgVipPermit *permit, usec_t now)
{
        size_t at = place_for(a, permit->vip, now);

        if (at == VIPS_MAX)
                return false;
        VipRight *right = &a->rights[at];
        if (!str_equal(right->name, permit->vip)) {
                *right = (VipRight){ 0 };
                (void)STR_SET(right->name, permit->vip); /* same size */
        }
        right->permit = plan_vip_permit(&right->permit, permit, &right->revoked);
        return true;
}

static void add(Addresses *a, VipHold *kept, const Vip *vip)
{
        int r = 0;

        if (!kept && a->netlink)
                r = vip_new(&kept, a->event, a->netlink, a->arp, a->stall, vip, a->cluster, a->calls,
                            a->userdata);
        if (r < 0)
                log_error_errno(r, "Cannot hold virtual IP %s: %m", vip->address);
        else if (kept)
                a->vips[a->n++] = kept;
}

void addresses_want(Addresses *a, const MsgWant *want)
{
        static const MsgPermit none;
        VipHold *kept[VIPS_MAX] = { NULL };

        for (uint32_t i = 0; i < want->n_vips; i++)
                for (size_t k = 0; k < a->n && !kept[i]; k++)
                        if (a->vips[k] && vip_is(a->vips[k], &want->vips[i]))
                                kept[i] = TAKE_PTR(a->vips[k]);
        for (size_t k = 0; k < a->n; k++)
                if (a->vips[k]) { /* no longer ours to hold: give it up, then forget it */
                        vip_want(a->vips[k], false, false, &none);
                        a->vips[k] = vip_free(a->vips[k]);
                }
        a->n = 0;
        for (uint32_t i = 0; i < want->n_vips; i++)
                add(a, kept[i], &want->vips[i]);
}

void addresses_look(Addresses *a)
{
        for (size_t i = 0; i < a->n; i++)
                vip_look(a->vips[i]);
}

void addresses_state(const Addresses *a, MsgFenceState *ret)
{
        ret->n_vips = (uint32_t)a->n;
        for (size_t i = 0; i < a->n; i++)
                vip_state(a->vips[i], &ret->vips[i]);
}

int addresses_new(Addresses **ret, sd_event *e, Netlink *netlink, Arp *arp, Stall *stall,
                  const char *cluster, VipRight *rights, const VipCalls *calls, void *userdata)
{
        Addresses *a = calloc(1, sizeof *a);

        if (!a)
                return -ENOMEM;
        *a = (Addresses){ .event = e, .netlink = netlink, .arp = arp, .stall = stall, .cluster = cluster,
                          .rights = rights, .calls = calls, .userdata = userdata };
        *ret = a;
        return 0;
}

Addresses *addresses_free(Addresses *a)
{
        if (a) {
                for (size_t i = 0; i < a->n; i++)
                        vip_free(a->vips[i]);
                free(a);
        }
        return NULL;
}
