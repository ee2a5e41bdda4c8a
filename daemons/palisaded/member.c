/* This node's member key, made of its configuration and what its hands say. */
#include "base/str.h"
#include "palisaded/palisaded.h"

#define PATRONI_VERSION "4.1.4" /* whose behaviour members of a mixed cluster may expect of us */

void node_member(const Palisaded *p, Member *ret)
{
        const PgState *pg = &p->pg.pg;

        *ret = (Member){ .state = pg->run, .role = pg->role, .tags = p->node.tags };
        if (unsync_is_wanted(p)) {
                ret->tags.nosync = true;
                ret->tags.sync_priority = 0;
        }
        if (p->restart.since != 0 && ret->state != RUN_RUNNING)
                ret->state = RUN_RESTARTING;
        if (p->reinit.since != 0)
                ret->state = RUN_CREATING_REPLICA;
        ret->progress = pg->progress;
        (void)STR_SET(ret->name, p->node.name); /* same sizes */
        (void)STR_SET(ret->conn_url, p->node.conn_url);
        (void)STR_SET(ret->api_url, p->node.api_url);
        (void)STR_SET(ret->version, PATRONI_VERSION);
        if (pg->role == ROLE_DEMOTED || pg->role == ROLE_UNKNOWN)
                ret->role = ROLE_REPLICA;
        if (ret->role == ROLE_REPLICA && authority_is_standby(p))
                ret->role = ROLE_STANDBY_LEADER;
        ret->gate_pending = p->fence.gate == GATE_ABSENT && p->node.gate_mode != FENCE_OFF &&
                            p->fence.leaf == pg->leaf && pg->leaf & LEAF_ADOPTED;
        ret->pending_restart = pg->pending.n > 0 || ret->gate_pending;
        ret->pause = p->cluster && p->cluster->settings.pause;
        ret->timeline = pg->timeline;
        if (pg->run != RUN_RUNNING || !pg->accepts)
                return;
        ret->checkpoint_pending = pg->checkpoint_pending;
        ret->replication_state = pg->replication_state;
        if (pg->in_recovery == TRI_NO) {
                ret->xlog_location = pg->flush_lsn;
        } else {
                ret->xlog_location = pg_standby_lsn(pg);
                ret->receive_lsn = pg->receive_lsn;
                ret->replay_lsn = pg->replay_lsn;
        }
}
