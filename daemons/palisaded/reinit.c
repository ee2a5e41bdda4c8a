/*
 * Making this replica anew: what lies in its data directory goes, and is cloned from the leader.
 *
 * The order to pgd carries a number, and pgd does it once for each. It ends when that server answers
 * as a standby; a mind that restarts meanwhile finds pgd at it, and only lets it go on.
 */
#include <stdio.h>

#include "base/str.h"
#include "io/fdutil.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

/* Texts as Patroni's, where it has one (PATRONI-SPEC §2.15). NULL: nothing is in the way. */
static const char *refusal(const Palisaded *p, bool force, char *buf, size_t size)
{
        if (!p->cluster || !p->known[HAND_PGD])
                return "nothing is known yet of the cluster, or of postgres here";
        if (p->link.state != LINK_UP)
                return "the DCS is not accessible";
        if (!cluster_is_locked(p->cluster))
                return "Cluster has no leader, can not reinitialize";
        if (str_equal(p->cluster->leader.name, p->node.name) || p->authority.epoch != 0)
                return "I am the leader, can not reinitialize";
        if (p->leaving)
                return "this node has left the cluster, or is leaving it";
        if (pg_may_run(&p->pg.pg) && p->pg.pg.in_recovery != TRI_YES && p->pg.pg.role == ROLE_PRIMARY)
                return "a primary runs here, can not reinitialize";
        const char *busy = force ? NULL : restart_busy_with(p);
        if (busy)
                snprintf(buf, size, "%s already in progress", busy);
        return busy ? buf : NULL;
}

void reinit_request(Palisaded *p, const MsgRequest *m)
{
        char buf[REASON_SIZE];
        const char *why = refusal(p, m->force != 0, buf, sizeof buf);

        if (why) {
                api_respond(p->api, m->h.seq, 503, why);
                return;
        }
        p->reinit = (Reinit){ .since = now_boottime(), .from_leader = m->from_leader != 0 };
        log_event(LOG_NOTICE, EVENT_REINITIALIZE,
                  FIELDS({ "PALISADE_LEADER", p->cluster->leader.name, 0 }),
                  "reinitializing, as asked: the data directory goes, and is cloned anew");
        api_respond(p->api, m->h.seq, 200, "reinitialize started");
        palisaded_think(p);
}

void reinit_look(Palisaded *p)
{
        Reinit *r = &p->reinit;
        const PgState *pg = &p->pg.pg;

        if (r->since == 0 || !p->cluster)
                return;
        bool done = pg->anew == r->since && pg->accepts && pg->in_recovery == TRI_YES &&
                    pg->operation == PGOP_NONE;
        if (done)
                log_event(LOG_NOTICE, EVENT_REINITIALIZE, NO_FIELDS, "reinitialized in %s",
                          USEC_TEXT(now_boottime() - r->since));
        /* A clone that has begun goes on all the same: nothing else is left to start. */
        bool over = p->leaving || p->authority.epoch != 0 ||
                    (pg->anew != r->since && !cluster_is_locked(p->cluster));
        if (!done && over)
                log_event(LOG_WARNING, EVENT_REINITIALIZE, NO_FIELDS,
                          "reinitialize is called off: %s",
                          p->leaving                ? "this node leaves"
                          : p->authority.epoch != 0 ? "this node leads"
                                                    : "the cluster has no leader any more");
        if (done || over) {
                *r = (Reinit){ 0 };
                api_status(p->api, false);
        }
}
