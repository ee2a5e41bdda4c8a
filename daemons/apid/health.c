#include <string.h>

#include "apid/health.h"
#include "base/str.h"

/* What a path may ask for; filled once, then the table picks. */
typedef struct Standing {
        bool leader;
        bool primary;
        bool standby_leader;
        bool replica;
        bool running;
        bool sync;
        bool quorum;
} Standing;

typedef enum Claim {
        CLAIM_NONE = 0,
        CLAIM_STANDBY_LEADER,
        CLAIM_LEADER,
        CLAIM_PRIMARY,
        CLAIM_REPLICA,
        CLAIM_READ_ONLY,
        CLAIM_HEALTH,
        CLAIM_SYNC,
        CLAIM_QUORUM,
        CLAIM_ASYNC,
        CLAIM_READ_ONLY_SYNC,
        CLAIM_READ_ONLY_QUORUM,
} Claim;

typedef struct CheckRow {
        const char *word;
        bool exact; /* the path is this word, and the DCS must have been heard of */
        const char *but_not[2];
        Claim claim;
        bool tags;  /* tag_ filters apply */
} CheckRow;

static const CheckRow checks[] = {
        { "standby_leader", false, { 0 }, CLAIM_STANDBY_LEADER, false },
        { "standby-leader", false, { 0 }, CLAIM_STANDBY_LEADER, false },
        { "leader", false, { 0 }, CLAIM_LEADER, false },
        { "master", false, { 0 }, CLAIM_PRIMARY, false },
        { "primary", false, { 0 }, CLAIM_PRIMARY, false },
        { "read-write", false, { 0 }, CLAIM_PRIMARY, false },
        { "replica", false, { 0 }, CLAIM_REPLICA, true },
        { "read-only", false, { "sync", "quorum" }, CLAIM_READ_ONLY, true },
        { "health", false, { 0 }, CLAIM_HEALTH, true },
        { "/sync", true, { 0 }, CLAIM_SYNC, true },
        { "/synchronous", true, { 0 }, CLAIM_SYNC, true },
        { "/quorum", true, { 0 }, CLAIM_QUORUM, true },
        { "/async", true, { 0 }, CLAIM_ASYNC, true },
        { "/asynchronous", true, { 0 }, CLAIM_ASYNC, true },
        { "/read-only-quorum", true, { 0 }, CLAIM_READ_ONLY_QUORUM, true },
        { "/read-only-sync", true, { 0 }, CLAIM_READ_ONLY_SYNC, true },
        { "/read-only-synchronous", true, { 0 }, CLAIM_READ_ONLY_SYNC, true },
};

static const CheckRow *find_check(const char *path)
{
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                const CheckRow *c = &checks[i];
                if (c->exact ? !str_equal(path, c->word) : !strstr(path, c->word))
                        continue;
                if ((c->but_not[0] && strstr(path, c->but_not[0])) ||
                    (c->but_not[1] && strstr(path, c->but_not[1])))
                        continue;
                return c;
        }
        return NULL;
}

/* lag=: an amount with an optional unit; one that cannot be read sets no limit. */
static bool lags(const NodeFacts *f, const Query *q)
{
        const char *text = query_get(q, "lag");
        uint64_t lag;

        if (!text || str_to_bytes(text, &lag) < 0)
                return false;
        return f->leader_lsn > f->replayed && f->leader_lsn - f->replayed > lag;
}

static const char *replication_text(const View *v, const NodeFacts *f)
{
        if (!f->answers || f->role == ROLE_PRIMARY || v->pg->replication_state == REPLICATION_NONE)
                return NULL;
        return replication_state_to_string(v->pg->replication_state);
}

static bool replica_ok(const View *v, const NodeFacts *f, const Query *q)
{
        const char *wanted = query_get(q, "replication_state"), *is = replication_text(v, f);

        if (wanted && !(is && str_equal(is, wanted)))
                return false;
        return f->role == ROLE_REPLICA && f->run == RUN_RUNNING && !view_tag(v, "noloadbalance") &&
               !lags(f, q);
}

static Standing take_standing(const View *v, const NodeFacts *f, const Query *q)
{
        Standing s = { .running = f->run == RUN_RUNNING,
                       .replica = replica_ok(v, f, q),
                       .sync = f->sync_standby,
                       .quorum = f->quorum_standby };

        if (!f->leads)
                return s;
        s.leader = true;
        s.replica = false;
        if (f->standby_cluster)
                s.standby_leader = f->role == ROLE_REPLICA || f->role == ROLE_STANDBY_LEADER;
        else
                s.primary = true;
        return s;
}

static bool claim_holds(Claim claim, const Standing *s)
{
        bool leads = s->primary || s->standby_leader;

        switch (claim) {
        case CLAIM_STANDBY_LEADER: return s->standby_leader;
        case CLAIM_LEADER: return s->leader;
        case CLAIM_PRIMARY: return s->primary;
        case CLAIM_REPLICA: return s->replica;
        case CLAIM_READ_ONLY: return leads || s->replica;
        case CLAIM_HEALTH: return s->running;
        case CLAIM_SYNC: return s->sync && s->replica;
        case CLAIM_QUORUM: return s->quorum && s->replica;
        case CLAIM_ASYNC: return !s->sync && !s->quorum && s->replica;
        case CLAIM_READ_ONLY_SYNC: return leads || (s->sync && s->replica);
        case CLAIM_READ_ONLY_QUORUM: return leads || (s->quorum && s->replica);
        case CLAIM_NONE: break;
        }
        return false;
}

/* Every tag_<name>=<value> must be this node's, as JSON would write it. */
static bool tags_match(const View *v, const Query *q)
{
        for (size_t i = 0; i < q->n; i++) {
                const char *name = str_after_prefix(q->pairs[i].key, "tag_");
                if (!name)
                        continue;
                const Node *tag = view_tag(v, name);
                if (!tag || !tag->text || !str_equal(tag->text, q->pairs[i].value))
                        return false;
        }
        return true;
}

unsigned health_check(const View *v, const char *path, const Query *q)
{
        NodeFacts f = node_facts(v);
        Standing s = take_standing(v, &f, q);
        const CheckRow *c = find_check(str_equal(path, "/") ? "/primary" : path);

        if (!c || (c->exact && !f.cluster_valid) || !claim_holds(c->claim, &s))
                return 503;
        return !c->tags || tags_match(v, q) ? 200 : 503;
}

unsigned health_liveness(const View *v)
{
        Settings s = view_settings(v);
        bool primary = v->pg && v->pg->role == ROLE_PRIMARY && v->pg->run == RUN_RUNNING;
        usec_t patience = s.timing.ttl * (primary ? 1 : 2);

        if (!v->status)
                return 503;
        return s.pause || v->now < usec_add(v->status->beat, patience) ? 200 : 503;
}

unsigned health_readiness(const View *v, const Query *q)
{
        NodeFacts f = node_facts(v);
        const char *text = query_get(q, "lag"), *mode = query_get(q, "mode");
        uint64_t lag = view_settings(v).maximum_lag_on_failover;
        Lsn mine = mode && str_equal(mode, "write") ? f.received : f.replayed;

        if (f.leads)
                return 200;
        if (f.run != RUN_RUNNING || !f.answers ||
            v->pg->replication_state != REPLICATION_STREAMING)
                return 503;
        if (!f.cluster_valid && v->pg->leader_lsn == 0)
                return 503; /* nobody knows how far the leader is */
        if (text && str_to_bytes(text, &lag) < 0)
                lag = UINT64_MAX;
        return f.leader_lsn <= mine || f.leader_lsn - mine <= lag ? 200 : 503;
}
