/*
 * Leaving the synchronous set before this standby stops or restarts, so that no commit waits for it:
 * its key says nosync, and it goes on once /sync does not list it any more (PATRONI-SPEC §2.17), or
 * after two loop_waits: a stop that was asked for is not held up by a leader that cannot do without.
 */
#include "base/str.h"
#include "io/fdutil.h"
#include "palisaded/palisaded.h"

bool unsync_is_wanted(const Palisaded *p)
{
        const PgState *pg = &p->pg.pg;

        return (p->leaving || p->restart.since != 0) && p->cluster && pg_may_run(pg) &&
               pg->in_recovery == TRI_YES && p->cluster->settings.synchronous_mode != SYNC_MODE_OFF;
}

/*
 * Out of /sync is not yet out of the parameter, which the leader changes next; that is done once it
 * lists somebody else, or nobody is left to be listed.
 */
static bool is_out(Palisaded *p, usec_t now)
{
        const Cluster *c = p->cluster;

        if (cluster_is_in_sync(c, p->node.name) && !str_equal_nocase(c->sync.leader, p->node.name)) {
                p->unsync_out = 0;
                return false;
        }
        if (p->unsync_out == 0)
                p->unsync_out = now;
        return c->sync.standbys[0] || now >= p->unsync_out + c->settings.timing.loop_wait;
}

bool unsync_waits(Palisaded *p)
{
        const Cluster *c = p->cluster;
        usec_t now = now_boottime();

        /* Whose lock it is is nobody's standby, though /sync may name it still. */
        if (!unsync_is_wanted(p) || p->authority.epoch != 0) {
                p->unsync_until = p->unsync_out = 0;
                return false;
        }
        if (p->unsync_until == 0 && !cluster_is_in_sync(c, p->node.name))
                return false; /* it never was in it */
        if (p->unsync_until == 0)
                p->unsync_until = now + 2 * c->settings.timing.loop_wait;
        if (is_out(p, now) || !cluster_is_locked(c) || p->link.state != LINK_UP)
                return false;
        if (now < p->unsync_until)
                timer_set(&p->restart.timer,
                          MIN(p->unsync_until,
                              p->unsync_out ? p->unsync_out + c->settings.timing.loop_wait : USEC_INFINITY));
        return now < p->unsync_until;
}
