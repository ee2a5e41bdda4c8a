/* Why this node may not bid for the leader key, whatever the race says. */
#include <stdio.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/palisaded.h"

/* In pause nobody takes over but whom a person names. */
static bool is_paused(const Palisaded *p)
{
        const Cluster *c = p->cluster;

        return c && c->settings.pause &&
               !(c->failover.requested && str_equal(c->failover.candidate, p->node.name));
}

bool palisaded_lacks_watchdog(const Palisaded *p)
{
        return p->node.watchdog_mode == WATCHDOG_REQUIRED && p->watchdog.armed != TRI_YES &&
               (p->watchdog.reason[0] != 0 || now_boottime() < p->unfit_until);
}

/* Around postgres, or around a pooler's unit that runs. */
static bool lacks_gate(const Palisaded *p)
{
        bool lacks = p->fence.gate == GATE_ABSENT;

        for (uint32_t i = 0; i < p->fence.n_also; i++)
                lacks = lacks || p->fence.also[i].gate == GATE_ABSENT;
        return lacks && p->node.gate_mode == FENCE_REQUIRED;
}

const char *palisaded_bar(const Palisaded *p)
{
        static char text[REASON_SIZE];
        char name[NAME_SIZE];

        if (p->node.tags.nofailover)
                return "tagged nofailover";
        if (palisaded_lacks_watchdog(p))
                return "the watchdog is required and cannot be armed";
        if (lacks_gate(p))
                return "the gate is required and there is none";
        if (snapshot_was_refused(&p->pg.pg, p->cluster, now_boottime()))
                return "the pre_promote script failed less than a ttl ago";
        if (pause_who_stands(p, name, sizeof name)) {
                snprintf(text, sizeof text, "%s may still be a primary without a deadline, from a "
                         "pause: palisadectl resume --force says it is not", name);
                return text;
        }
        if (is_paused(p))
                return "the cluster is paused";
        return failsafe_barred(p, now_boottime());
}
