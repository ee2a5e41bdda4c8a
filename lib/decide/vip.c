#include "base/str.h"
#include "decide/vip.h"

#define SPREAD (USEC_PER_SEC) /* who holds an address already leaves the next to others for so long */

static bool lags(const Cluster *c, Lsn lsn)
{
        return c->status.optime > lsn &&
               c->status.optime - lsn > c->settings.maximum_lag_on_failover;
}

VipFitness vip_fitness(const PgState *pg, const Cluster *c, const char *name, const Tags *tags,
                       bool leaving)
{
        if (!pg || leaving || tags->noloadbalance || str_equal(c->leader.name, name))
                return VIP_UNFIT;
        if (pg->run != RUN_RUNNING || pg->role != ROLE_REPLICA || pg->promote_sent || !pg->accepts ||
            pg->in_recovery != TRI_YES)
                return VIP_UNFIT;
        return pg->receiver_alive && !lags(c, pg_standby_lsn(pg)) ? VIP_FIT : VIP_POOR;
}

bool vip_has_other(const Cluster *c, const char *name)
{
        for (uint32_t i = 0; i < c->n_members; i++) {
                const Member *m = &c->members[i];
                if (!str_equal(m->name, name) && !str_equal(m->name, c->leader.name) &&
                    m->state == RUN_RUNNING && m->role == ROLE_REPLICA && !m->tags.noloadbalance &&
                    m->replication_state == REPLICATION_STREAMING && !lags(c, m->xlog_location))
                        return true;
        }
        return false;
}

VipMove vip_move(const VipFacts *f)
{
        if (f->mine) {
                bool too_long = f->fitness == VIP_POOR && f->has_other &&
                                usec_sub(f->now, f->poor_since) >= f->patience;
                return f->fitness == VIP_UNFIT || too_long ? VIP_GIVE : VIP_STAY;
        }
        if (f->taken || f->fitness != VIP_FIT)
                return VIP_STAY;
        return usec_sub(f->now, f->free_since) >= f->others * SPREAD ? VIP_BID : VIP_STAY;
}
