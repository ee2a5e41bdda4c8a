#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "decide/rank.h"

#define CLOCKS_DIFFER (5 * USEC_PER_SEC)

static RankVerdict say(bool best, const char *format, ...) __attribute__((format(printf, 2, 3)));
static RankVerdict say(bool best, const char *format, ...)
{
        RankVerdict v = { .best = best };
        va_list ap;

        va_start(ap, format);
        vsnprintf(v.reason, sizeof v.reason, format, ap);
        va_end(ap);
        return v;
}

static bool sync_active(const Cluster *c)
{
        return c->settings.synchronous_mode != SYNC_MODE_OFF && c->sync.leader[0] != 0;
}

/* Whoever is listed has what was acknowledged only together with so many others. */
static bool counts_votes(const Cluster *c)
{
        return sync_active(c) && (c->sync.quorum > 0 || c->settings.synchronous_mode == SYNC_MODE_QUORUM);
}

/* In failsafe mode who is not in /failsafe does not bid, however far it is: nobody waits for it. */
static bool may_lead(const Peer *p, const Cluster *c)
{
        if (c->settings.failsafe_mode && c->failsafe_names[0] &&
            !str_list_contains(c->failsafe_names, p->name))
                return false;
        return p->answered && !p->nofailover && p->failover_priority > 0 && !p->watchdog_failed;
}

bool rank_peer_is_good(const Peer *p, const Cluster *c)
{
        if (!may_lead(p, c))
                return false;
        if (c->settings.check_timeline && p->timeline < c->history.timeline)
                return false;
        return p->lsn + c->settings.maximum_lag_on_failover >= c->status.optime;
}

bool rank_peer_has_all(const Peer *p, const Cluster *c, uint32_t timeline, Lsn lsn)
{
        return may_lead(p, c) && p->timeline == timeline && p->lsn >= lsn;
}

static const Peer *find_peer(const RankInput *in, const char *name)
{
        for (size_t i = 0; i < in->n_peers; i++)
                if (str_equal(in->peers[i].name, name))
                        return &in->peers[i];
        return NULL;
}

/* Who led last: its equal position does not stand in our way, it is gone. */
static bool is_former_leader(const RankInput *in, const Peer *p)
{
        if (sync_active(in->cluster))
                return str_equal_nocase(in->cluster->sync.leader, p->name);
        return str_equal(in->last_leader, p->name);
}

/* Somebody else can take over from this node, which was asked to hand over. */
static bool another_can(const RankInput *in)
{
        for (size_t i = 0; i < in->n_peers; i++) {
                const Peer *p = &in->peers[i];
                if (rank_peer_is_good(p, in->cluster) &&
                    (!sync_active(in->cluster) || cluster_is_in_sync(in->cluster, p->name)))
                        return true;
        }
        return false;
}

/* A position says nothing of the WAL on a newer timeline: a former leader may be far ahead with its own. */
static bool is_on_older_timeline(uint32_t timeline, uint32_t than)
{
        return timeline != 0 && timeline < than;
}

/* A listed member that is no further than we are: what it has confirmed, we have. */
static bool votes_for_us(const RankInput *in, const Peer *p, Lsn own)
{
        bool comparable = p->timeline != 0 && p->timeline <= in->pg->timeline;

        return p->answered && !p->primary && comparable && p->lsn > 0 && p->lsn <= own &&
               cluster_is_in_sync(in->cluster, p->name);
}

/* Who is not listed itself needs one vote more. */
static RankVerdict count_votes(const RankInput *in, Lsn own)
{
        const Cluster *c = in->cluster;
        unsigned votes = 0, needed = c->sync.quorum + !cluster_is_in_sync(c, in->name);

        if (str_equal_nocase(c->sync.leader, in->name))
                return say(true, "it led last, and nobody is ahead of %s", LSN_TEXT(own));
        for (size_t i = 0; i < in->n_peers; i++)
                votes += votes_for_us(in, &in->peers[i], own);
        return votes >= needed ? say(true, "%u of %u votes, nobody is ahead of %s", votes, needed,
                                     LSN_TEXT(own))
                               : say(false, "%u of %u votes: acknowledged transactions may be elsewhere",
                                     votes, needed);
}

/*
 * Somebody is asked to take over now. What is scheduled for later is the leader's to begin: if that one is lost
 * before, the best takes over. Wall clocks differ a little, and the leader's counts.
 */
static bool is_requested(const RankInput *in)
{
        const FailoverKey *f = &in->cluster->failover;

        return f->requested &&
               (f->scheduled_wall_usec == 0 || usec_add(in->now_wall, CLOCKS_DIFFER) >= f->scheduled_wall_usec);
}

/* The failover key: whom it names, goes. *ret_decided: it settled the matter. */
static RankVerdict judge_request(const RankInput *in, Lsn own, bool *ret_decided)
{
        const FailoverKey *f = &in->cluster->failover;
        const Peer *candidate = find_peer(in, f->candidate);
        /* A switchover loses nothing, though the leader may be gone before it came to it. */
        bool by_votes = f->leader[0] && counts_votes(in->cluster);
        bool listed_only = f->leader[0] && sync_active(in->cluster);
        bool may_not = listed_only && !cluster_is_in_sync(in->cluster, f->candidate);

        *ret_decided = true;
        if (listed_only && !cluster_is_in_sync(in->cluster, in->name))
                return say(false, "not listed in /sync: a switchover would lose transactions");
        if (f->candidate[0] && str_equal(f->candidate, in->name) && by_votes)
                return count_votes(in, own);
        if (f->candidate[0] && str_equal(f->candidate, in->name))
                return say(true, "named as the candidate of a %s",
                           f->leader[0] ? "switchover" : "failover");
        if (candidate && !may_not && may_lead(candidate, in->cluster) &&
            !(by_votes && candidate->lsn < own))
                return say(false, "%s is the named candidate and can be reached", f->candidate);
        if (str_equal(f->leader, in->name) && another_can(in))
                return say(false, "the switchover away from this node has another one take over");
        *ret_decided = false; /* nobody is named, or who was is gone: whoever is best */
        return say(false, "no named candidate can be reached");
}

static RankVerdict judge_self(const RankInput *in, Lsn own, bool *ret_decided)
{
        const Cluster *c = in->cluster;
        bool requested = is_requested(in);
        Lsn floor = usec_sub(c->status.optime, c->settings.maximum_lag_on_failover);

        *ret_decided = true;
        if (sync_active(c) && !counts_votes(c) && !cluster_is_in_sync(c, in->name))
                return say(false, "not listed in /sync: it may miss acknowledged transactions");
        if (!requested && own < floor)
                return say(false, "behind the leader's last known position by %llu bytes",
                           (unsigned long long)(c->status.optime - own));
        if (c->settings.check_timeline && in->pg->timeline < c->history.timeline)
                return say(false, "timeline %u is behind the cluster's, %u", in->pg->timeline,
                           c->history.timeline);
        *ret_decided = false;
        return say(true, "nobody is ahead");
}

static RankVerdict judge_peer(const RankInput *in, const Peer *p, Lsn own, bool *ret_decided)
{
        const FailoverKey *f = &in->cluster->failover;
        bool former = is_former_leader(in, p);

        *ret_decided = true;
        if (p->primary)
                return say(false, "%s is still alive as primary", p->name);
        /* Who hands over does not compete: it only takes over again if nobody else can. */
        if (!may_lead(p, in->cluster) || (is_requested(in) && str_equal(f->leader, p->name))) {
                *ret_decided = false;
                return say(true, "nobody is ahead");
        }
        /* Its lead over our timeline was given up by whoever was elected to that; without /sync it counts, as in Patroni. */
        bool given_up = sync_active(in->cluster) &&
                        (former || is_on_older_timeline(p->timeline, in->pg->timeline));
        if (p->lsn > own && !given_up)
                return say(false, "%s is ahead: %s against %s", p->name, LSN_TEXT(p->lsn),
                           LSN_TEXT(own));
        if (p->lsn == own && p->lsn > 0 && p->failover_priority > in->tags.failover_priority &&
            !former)
                return say(false, "%s is as far and has the higher failover_priority", p->name);
        *ret_decided = false;
        return say(true, "nobody is ahead");
}

RankVerdict rank_judge(const RankInput *in)
{
        Lsn own = pg_standby_lsn(in->pg);
        bool decided;
        RankVerdict v;

        if (is_requested(in)) {
                v = judge_request(in, own, &decided);
                if (decided)
                        return v;
        }
        v = judge_self(in, own, &decided);
        if (decided)
                return v;
        for (size_t i = 0; i < in->n_peers; i++) {
                const Peer *p = &in->peers[i];
                if (!p->answered ||
                    (sync_active(in->cluster) && !cluster_is_in_sync(in->cluster, p->name)))
                        continue;
                v = judge_peer(in, p, own, &decided);
                if (decided)
                        return v;
        }
        if (counts_votes(in->cluster))
                return count_votes(in, own);
        return say(true, "nobody is ahead of %s", LSN_TEXT(own));
}
