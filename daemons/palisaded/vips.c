/*
 * Addresses for a replica: each under a key of its own, palisade/vip/<name>, which is held as the lock
 * is: HOLD tells dcsd how long it may renew, a confirmed LEASE becomes a permit, and fenced holds the
 * address for so long. lib/decide/vip.c says who shall have it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "decide/vip.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

#define ANSWER_WITHIN (2 * USEC_PER_SEC)
#define AGAIN (USEC_PER_SEC)
#define HAND_GRACE (3 * USEC_PER_SEC)

static PermitInput input(const Palisaded *p)
{
        PermitInput in = authority_input(p);

        in.watchdog = 0; /* a reset is no matter of addresses */
        return in;
}

static const VipKey *find_key(const Palisaded *p, const char *name)
{
        for (uint32_t i = 0; p->cluster && i < p->cluster->n_vips; i++)
                if (str_equal(p->cluster->vips[i].name, name))
                        return &p->cluster->vips[i];
        return NULL;
}

/* ---- the right ---- */

static void send_permit(VipRight *r)
{
        if (r->permit.epoch != 0)
                hands_send(r->mind->hands, HAND_FENCED, &r->permit.h);
}

static void begin(VipRight *r, Epoch epoch)
{
        r->state = VIP_HELD;
        r->epoch = epoch;
        r->permit = WIRE_INIT(MsgVipPermit, MSG_VIP_PERMIT);
        (void)STR_SET(r->permit.vip, r->name); /* same size */
}

static void end(VipRight *r)
{
        r->ended = r->epoch;
        r->epoch = 0;
        r->state = VIP_NOT_HELD;
        r->again = now_boottime() + AGAIN;
        r->poor_since = 0;
}

bool vips_lease(Palisaded *p, const MsgLease *m)
{
        PermitInput in = input(p);
        usec_t deadline = permit_deadline(&in, m->sent, m->ttl);

        if (!m->vip[0])
                return false;
        for (uint32_t i = 0; i < VIPS_MAX; i++) {
                VipRight *r = &p->vip_rights[i];
                if (r->state != VIP_HELD || m->epoch != r->epoch || !str_equal(r->name, m->vip) ||
                    deadline <= r->permit.deadline)
                        continue;
                r->permit.epoch = r->epoch;
                r->permit.deadline = deadline;
                r->permit.lease_end = m->sent + m->ttl;
                send_permit(r);
        }
        return true;
}

static void hold(VipRight *r, usec_t now, usec_t for_at_least)
{
        PermitInput in = input(r->mind);
        PermitTerms terms = permit_terms(&in);
        MsgHold m = WIRE_INIT(MsgHold, MSG_HOLD);

        m.epoch = r->epoch;
        m.interval = terms.interval;
        m.renew_until = now + MAX(terms.interval, for_at_least);
        m.ttl = in.timing.ttl;
        m.move = permit_deadline(&in, now, in.timing.ttl) >= r->permit.deadline;
        (void)STR_SET(m.vip, r->name); /* same size */
        hands_send(r->mind->hands, HAND_DCSD, &m.h);
}

/* ---- taking it ---- */

static void on_bid(const MsgResult *m, void *userdata)
{
        VipRight *r = userdata;

        if (r->state != VIP_BIDDING)
                return;
        r->state = VIP_NOT_HELD;
        r->again = now_boottime() + AGAIN;
        if (m->outcome == OUTCOME_DONE) {
                begin(r, m->epoch);
                log_notice("this node holds palisade/vip/%s, epoch %" PRIu64, r->name, r->epoch);
                hold(r, now_boottime(), 0);
        } else {
                log_debug("palisade/vip/%s was not won: %s", r->name, m->text);
        }
        palisaded_think(r->mind);
}

static void bid(VipRight *r, usec_t now)
{
        const Timing *t = &r->mind->cluster->settings.timing;
        MsgBid m = WIRE_INIT(MsgBid, MSG_BID);

        r->state = VIP_BIDDING;
        hold(r, now, t->retry_timeout);
        m.ttl = t->ttl;
        m.deadline = now + t->retry_timeout;
        (void)STR_SET(m.vip, r->name); /* same size */
        (void)hands_request(r->mind->hands, HAND_DCSD, &m.h, t->retry_timeout + USEC_PER_SEC, on_bid,
                            r);
}

/* ---- giving it up: first the address, then the key ---- */

static void on_released(const MsgResult *m, void *userdata)
{
        VipRight *r = userdata;

        if (r->state != VIP_RELEASING)
                return;
        if (m->outcome == OUTCOME_UNKNOWN) {
                r->state = VIP_DROPPED; /* again; its lease ends by itself, for nobody holds it */
        } else {
                log_notice("this node gave up palisade/vip/%s", r->name);
                end(r);
        }
        palisaded_think(r->mind);
}

static void release(VipRight *r, usec_t now)
{
        MsgRelease m = WIRE_INIT(MsgRelease, MSG_RELEASE);

        r->state = VIP_RELEASING;
        m.epoch = r->epoch;
        m.deadline = now + ANSWER_WITHIN;
        (void)STR_SET(m.vip, r->name); /* same size */
        (void)hands_request(r->mind->hands, HAND_DCSD, &m.h, ANSWER_WITHIN + USEC_PER_SEC,
                            on_released, r);
}

static void on_dropped(const MsgResult *m, void *userdata)
{
        VipRight *r = userdata;

        if (r->state != VIP_DROPPING)
                return;
        r->state = m->outcome == OUTCOME_DONE ? VIP_DROPPED : VIP_HELD;
        if (r->state == VIP_HELD)
                log_warning("fenced does not give up the address of palisade/vip/%s: %s", r->name,
                            m->text[0] ? m->text : "no answer");
        palisaded_think(r->mind);
}

static void drop(VipRight *r)
{
        MsgVipPermit m = WIRE_INIT(MsgVipPermit, MSG_VIP_PERMIT);

        r->state = VIP_DROPPING;
        m.epoch = r->epoch;
        (void)STR_SET(m.vip, r->name); /* same size */
        (void)hands_request(r->mind->hands, HAND_FENCED, &m.h, ANSWER_WITHIN, on_dropped, r);
}

/* ---- who shall have it ---- */

/* The key of our epoch is gone, or one of an earlier mind's is there. */
static void note_key(VipRight *r, const VipKey *key)
{
        const Palisaded *p = r->mind;

        bool held = r->state == VIP_HELD || r->state == VIP_DROPPING;

        if (held && p->cluster->revision >= r->epoch && !(key && key->epoch == r->epoch)) {
                MsgVipPermit none = WIRE_INIT(MsgVipPermit, MSG_VIP_PERMIT);
                log_warning("palisade/vip/%s is not ours any more", r->name);
                none.epoch = r->epoch;
                (void)STR_SET(none.vip, r->name); /* same size */
                hands_send(p->hands, HAND_FENCED, &none.h);
                end(r);
        }
        if (r->state == VIP_NOT_HELD && key && str_equal(key->holder, p->node.name) &&
            key->epoch > r->ended) {
                begin(r, key->epoch);
                log_info("this node holds palisade/vip/%s already, going on", r->name);
        }
}

static bool is_away(const Palisaded *p, HandId id, usec_t now)
{
        usec_t lost = hands_lost_since(p->hands, id);

        return lost != 0 && now >= lost + HAND_GRACE;
}

/* A new mind, which has not heard yet what is here: as the one before has decided. */
static bool is_unknown(const Palisaded *p, HandId id, usec_t now)
{
        return !p->known[id] && !is_away(p, id, now);
}

static VipFacts facts(VipRight *r, const VipKey *key, usec_t now)
{
        const Palisaded *p = r->mind;
        bool away = is_away(p, HAND_PGD, now) || is_away(p, HAND_FENCED, now);
        VipFacts f = {
                .now = now,
                .fitness = vip_fitness(away ? NULL : &p->pg.pg, p->cluster, p->node.name,
                                       &p->node.tags, p->leaving),
                .patience = p->cluster->settings.timing.ttl,
                .has_other = vip_has_other(p->cluster, p->node.name),
                .mine = r->epoch != 0,
                .taken = key != NULL,
        };

        if (f.fitness != VIP_POOR)
                r->poor_since = 0;
        else if (r->poor_since == 0)
                r->poor_since = now;
        if (key || r->epoch != 0)
                r->free_since = 0;
        else if (r->free_since == 0)
                r->free_since = now;
        f.poor_since = r->poor_since;
        f.free_since = r->free_since;
        for (uint32_t i = 0; i < VIPS_MAX; i++)
                f.others += &p->vip_rights[i] != r && p->vip_rights[i].epoch != 0;
        return f;
}

static void think_of(VipRight *r, usec_t now)
{
        const VipKey *key = find_key(r->mind, r->name);

        note_key(r, key);
        if (is_unknown(r->mind, HAND_PGD, now) || is_unknown(r->mind, HAND_FENCED, now))
                return;
        VipFacts f = facts(r, key, now);
        if (r->state == VIP_DROPPED) {
                release(r, now);
                return;
        }
        switch (vip_move(&f)) {
        case VIP_STAY: break;
        case VIP_BID:
                if (r->state == VIP_NOT_HELD && now >= r->again && r->mind->link.state == LINK_UP)
                        bid(r, now);
                break;
        case VIP_GIVE:
                if (r->state == VIP_HELD)
                        drop(r);
                break;
        }
}

/* Rights follow their names; one whose address is no longer configured ends with its lease. */
static void match_names(Palisaded *p)
{
        for (uint32_t i = 0; i < VIPS_MAX; i++) {
                const char *name = i < p->node.n_vips ? p->node.vips[i].name : "";
                if (!str_equal(p->vip_rights[i].name, name)) {
                        p->vip_rights[i] = (VipRight){ .mind = p };
                        (void)STR_SET(p->vip_rights[i].name, name); /* same size */
                }
        }
}

void vips_think(Palisaded *p, usec_t now)
{
        bool any = false;

        match_names(p);
        for (uint32_t i = 0; p->cluster && i < VIPS_MAX; i++)
                if (p->vip_rights[i].name[0]) {
                        think_of(&p->vip_rights[i], now);
                        any = true;
                }
        if (!any)
                timer_set(&p->vips_timer, USEC_INFINITY);
        else if (p->vips_timer.due == USEC_INFINITY)
                timer_set(&p->vips_timer, now);
}

void vips_on_timer(Palisaded *p, usec_t now)
{
        PermitInput in = input(p);

        for (uint32_t i = 0; i < VIPS_MAX; i++)
                if (p->vip_rights[i].state == VIP_HELD)
                        hold(&p->vip_rights[i], now, 0);
        timer_set(&p->vips_timer, now + permit_terms(&in).interval / 3);
        palisaded_think(p);
}

void vips_again(Palisaded *p, HandId id)
{
        if (id == HAND_FENCED)
                for (uint32_t i = 0; i < VIPS_MAX; i++)
                        if (p->vip_rights[i].state == VIP_HELD)
                                send_permit(&p->vip_rights[i]);
}
