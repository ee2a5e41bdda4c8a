#include <string.h>

#include "base/macros.h"
#include "fence/plan.h"

/* The kernel's own ceiling is 2^32 - 1, which means for ever; a permit is never so long. */
#define LIFETIME_MOST 86400

static usec_t lateness_of(bool v6)
{
        return v6 ? VIP_LATENESS_V6 : VIP_LATENESS_V4;
}

usec_t plan_vip_limit(const MsgPermit *permit, bool v6)
{
        usec_t limit = usec_sub(permit->lease_end, lateness_of(v6));

        return permit->standing || limit >= permit->deadline ? 0 : limit;
}

VipLifetime plan_vip_lifetime(const MsgPermit *permit, bool v6, usec_t now)
{
        usec_t lateness = lateness_of(v6);
        usec_t left = usec_sub(permit->lease_end, usec_add(now, lateness));
        VipLifetime l = { .again = USEC_INFINITY };

        if (permit->standing) {
                l.seconds = LIFETIME_MOST;
                l.again = now + LIFETIME_MOST / 2 * USEC_PER_SEC;
                l.limit = USEC_INFINITY;
                return l;
        }
        if (now >= permit->deadline)
                return l;
        l.seconds = (uint32_t)MIN(left / USEC_PER_SEC, (usec_t)LIFETIME_MOST);
        if (l.seconds == 0)
                return l;
        l.limit = now + l.seconds * USEC_PER_SEC + lateness;
        if (left % USEC_PER_SEC > 0)
                l.again = now + left % USEC_PER_SEC;
        else if (l.seconds > 1)
                l.again = now + USEC_PER_SEC;
        return l;
}

MsgPermit plan_vip_permit(const MsgPermit *old, const MsgVipPermit *next, Epoch *revoked)
{
        MsgPermit p = { .epoch = next->epoch, .deadline = next->deadline,
                        .lease_end = next->lease_end };

        if (next->deadline == 0) {
                *revoked = MAX(*revoked, next->epoch);
                return old->epoch <= *revoked ? (MsgPermit){ 0 } : *old;
        }
        return plan_accepts(old, &p, *revoked) ? p : *old;
}

bool plan_permits(const MsgPermit *permit, Epoch epoch, Epoch revoked, usec_t now)
{
        return epoch != 0 && permit->epoch >= epoch && epoch > revoked &&
               (permit->standing || now < permit->deadline);
}

usec_t plan_gate(const MsgPermit *permit, Epoch epoch, Epoch revoked, bool shut)
{
        if (shut)
                return 0;
        if (epoch == 0)
                return USEC_INFINITY;
        if (permit->epoch < epoch || epoch <= revoked)
                return 0;
        return permit->standing ? USEC_INFINITY : permit->deadline;
}

bool plan_shuts(const MsgWant *want, Epoch revoked)
{
        return want->leaf != 0 && want->epoch != 0 && want->epoch <= revoked;
}

bool plan_reopens(usec_t deadline, usec_t next, bool same_right, usec_t now)
{
        return !same_right && deadline <= now && next > now;
}

void plan_leaf(const MsgWant *held, Tri populated, MsgWant *next)
{
        if (next->leaf == 0 && held->epoch != 0 && populated == TRI_YES) {
                next->leaf = held->leaf;
                next->cgroup = held->cgroup;
                next->epoch = held->epoch;
                memcpy(next->leaf_path, held->leaf_path, sizeof next->leaf_path);
        }
        if (next->leaf == held->leaf && next->cgroup == 0)
                next->cgroup = held->cgroup;
}

bool plan_accepts(const MsgPermit *old, const MsgPermit *next, Epoch revoked)
{
        if (next->epoch <= revoked || next->epoch < old->epoch)
                return false;
        return next->epoch > old->epoch || next->deadline >= old->deadline;
}

usec_t plan_announcement(unsigned n)
{
        static const usec_t first[] = {
                0,
                50 * USEC_PER_MSEC,
                100 * USEC_PER_MSEC,
                200 * USEC_PER_MSEC,
                400 * USEC_PER_MSEC,
                1000 * USEC_PER_MSEC,
                2000 * USEC_PER_MSEC,
                5000 * USEC_PER_MSEC,
        };
        const unsigned known = ELEMENTSOF(first);

        if (n < known)
                return first[n];
        return first[known - 1] + (n - known + 1) * 15 * USEC_PER_SEC;
}
