#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"
#include "decide/rank.h"
#include "decide/switchover.h"

static SwitchoverAnswer answer(unsigned http, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
static SwitchoverAnswer answer(unsigned http, const char *format, ...)
{
        SwitchoverAnswer a = { .http = http };
        va_list ap;

        va_start(ap, format);
        vsnprintf(a.text, sizeof a.text, format, ap);
        va_end(ap);
        return a;
}

static const SwitchoverAnswer fine = { 0 };

static SwitchoverAnswer check_words(const SwitchoverAsk *ask, bool is_switchover, const Cluster *c,
                                    usec_t now_wall)
{
        if (ask->failover && str_empty(ask->candidate))
                return answer(400, "Failover could be performed only to a specific candidate");
        if (!ask->failover && str_empty(ask->leader))
                return answer(400, "Switchover could be performed only from a specific leader");
        if (ask->scheduled != 0) {
                if (!is_switchover)
                        return answer(400, "Failover can't be scheduled");
                if (c->settings.pause)
                        return answer(400, "Can't schedule switchover in the paused state");
                if (ask->scheduled < now_wall)
                        return answer(422, "Cannot schedule switchover in the past");
        }
        if (is_switchover && c->settings.pause && str_empty(ask->candidate))
                return answer(400, "Switchover is possible only to a specific candidate in a paused "
                                   "state");
        if (is_switchover && !str_empty(ask->candidate) && str_equal(ask->leader, ask->candidate))
                return answer(400, "Switchover target and source are the same");
        return fine;
}

static bool sync_active(const Cluster *c)
{
        return c->settings.synchronous_mode != SYNC_MODE_OFF && c->sync.leader[0] != 0;
}

size_t switchover_candidates(const SwitchoverAsk *ask, const Cluster *c, const char *leader,
                             const Member *ret[CLUSTER_MEMBERS_MAX])
{
        bool switchover = !str_empty(ask->leader);
        size_t n = 0;

        for (uint32_t i = 0; i < c->n_members; i++) {
                const Member *m = &c->members[i];
                if (str_equal(m->name, leader) || m->tags.nofailover || m->api_url[0] == 0)
                        continue;
                if (!str_empty(ask->candidate) && !str_equal(m->name, ask->candidate))
                        continue;
                if (switchover && sync_active(c) && !cluster_is_in_sync(c, m->name))
                        continue;
                ret[n++] = m;
        }
        return n;
}

SwitchoverAnswer switchover_check(const SwitchoverAsk *ask, const Cluster *c, usec_t now_wall)
{
        bool is_switchover = !str_empty(ask->leader);
        const char *what = is_switchover ? "switchover" : "failover";
        const Member *candidates[CLUSTER_MEMBERS_MAX];
        SwitchoverAnswer a = check_words(ask, is_switchover, c, now_wall);

        if (a.http != 0 || ask->scheduled != 0)
                return a;
        if (is_switchover && !str_equal(ask->leader, c->leader.name))
                return answer(412, "leader name does not match");
        if (!str_empty(ask->candidate)) {
                if (is_switchover && sync_active(c) && !cluster_is_in_sync(c, ask->candidate))
                        return answer(412, "candidate name does not match with sync_standby");
                if (!cluster_find_member(c, ask->candidate))
                        return answer(412, "candidate does not exists");
        }
        if (switchover_candidates(ask, c, c->leader.name, candidates) > 0)
                return fine;
        if (is_switchover && sync_active(c))
                return answer(412, "%s is not possible: can not find sync_standby", what);
        if (c->n_members <= 1)
                return answer(412,
                              "%s is not possible: cluster does not have members except leader",
                              what);
        return answer(412, "%s is not possible: no good candidates have been found", what);
}

bool switchover_is_possible(const Peer *peers, size_t n_peers, const Cluster *c)
{
        for (size_t i = 0; i < n_peers; i++)
                if (!peers[i].primary && rank_peer_is_good(&peers[i], c))
                        return true;
        return false;
}

SwitchoverAnswer switchover_outcome(const SwitchoverAsk *ask, const Cluster *c, const char *old_leader)
{
        bool is_switchover = !str_empty(ask->leader);

        if (cluster_is_locked(c) && !str_equal(c->leader.name, old_leader)) {
                const char *done = is_switchover ? "switched" : "failed";
                if (str_empty(ask->candidate) || str_equal(ask->candidate, c->leader.name))
                        return answer(200, "Successfully %s over to \"%s\"", done, c->leader.name);
                return answer(200, "%s over to \"%s\" instead of \"%s\"",
                              is_switchover ? "Switched" : "Failed", c->leader.name,
                              ask->candidate);
        }
        if (cluster_is_locked(c) && !c->failover.requested) /* under a new lock, perhaps */
                return answer(503, "%s failed", is_switchover ? "Switchover" : "Failover");
        return fine;
}
