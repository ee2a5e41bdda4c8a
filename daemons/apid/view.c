#include "apid/view.h"

#include "base/str.h"

bool right_runs(const Right *r, usec_t now)
{
        return r->epoch > r->revoked && (r->standing != 0 || now < r->deadline);
}

bool right_grant(Right *r, const MsgPermit *m)
{
        if (m->epoch <= r->revoked || m->epoch < r->epoch)
                return false;
        if (m->epoch > r->epoch)
                *r = (Right){ .epoch = m->epoch, .revoked = r->revoked, .serving = r->serving };
        r->deadline = MAX(r->deadline, m->deadline);
        r->standing = m->standing;
        return true;
}

void right_revoke(Right *r, Epoch epoch)
{
        r->revoked = MAX(r->revoked, epoch);
        r->serving = r->serving && r->epoch > r->revoked;
}

Settings view_settings(const View *v)
{
        return v->cluster ? v->cluster->cluster.settings : SETTINGS_DEFAULT;
}

usec_t view_dcs_seen(const View *v)
{
        usec_t seen = v->cluster ? v->cluster->cluster.seen : 0;

        if (!v->status)
                return seen;
        /* A link that is up is news only when it goes down: it was, when the mind last looked. */
        if (v->status->dcs_up)
                seen = MAX(seen, v->status->beat);
        return MAX(seen, v->status->link.answered);
}

/* The wall clock of that instant, by the one pair of clocks that came with the snapshot. */
static uint64_t dcs_seen_sec(const View *v)
{
        if (!v->cluster || v->cluster->cluster.seen_wall_usec == 0)
                return 0;
        return (v->cluster->cluster.seen_wall_usec + view_dcs_seen(v) - v->cluster->cluster.seen) /
               USEC_PER_SEC;
}

bool tag_shows(const Node *tag)
{
        static const char *const standard[] = { "clonefrom", "nofailover", "noloadbalance",
                                                "nosync", "nostream" };
        bool on;

        if (tag->kind == NODE_NULL)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(standard); i++)
                if (str_equal(tag->key, standard[i]))
                        return tag->text && str_to_bool(tag->text, &on) >= 0 && on;
        return true;
}

const Node *view_tag(const View *v, const char *name)
{
        const Node *tag = node_get(v->tags, name);

        return tag && tag_shows(tag) ? tag : NULL;
}

static Role node_role(const View *v, bool leads, bool standby_cluster)
{
        if (!v->pg || v->pg->role == ROLE_UNKNOWN)
                return ROLE_UNINITIALIZED;
        if (v->pg->role == ROLE_PRIMARY && !right_runs(&v->right, v->now))
                return ROLE_DEMOTED; /* whoever asks must not take it for a primary that lives */
        if (v->pg->role == ROLE_REPLICA && leads && standby_cluster)
                return ROLE_STANDBY_LEADER;
        return v->pg->role;
}

/* Positions are told while the server answers; of a primary only under its permit. */
static bool server_answers(const View *v, Role role)
{
        if (!v->pg || !v->pg->accepts || role == ROLE_DEMOTED)
                return false;
        return v->pg->run == RUN_RUNNING || v->pg->run == RUN_STARTING ||
               v->pg->run == RUN_RESTARTING;
}

static void add_server(NodeFacts *f, const View *v)
{
        f->run = !v->pg                                     ? RUN_UNKNOWN
                 : v->status && v->status->reinitializing ? RUN_CREATING_REPLICA
                                                          : v->pg->run;
        f->answers = server_answers(v, f->role);
        f->state = run_state_to_string(f->run);
        if (f->run == RUN_RUNNING && !v->pg->accepts) {
                f->run = RUN_UNKNOWN;
                f->state = run_state_to_string(RUN_UNKNOWN);
        }
        if (!f->answers || f->role == ROLE_PRIMARY)
                return;
        f->received = v->pg->receive_lsn ? v->pg->receive_lsn : v->pg->replay_lsn;
        f->replayed = v->pg->replay_lsn;
}

static void add_cluster(NodeFacts *f, const View *v)
{
        const Cluster *c = v->cluster ? &v->cluster->cluster : NULL;
        usec_t seen = view_dcs_seen(v);

        f->dcs_seen_sec = dcs_seen_sec(v);
        f->leader_lsn = v->pg ? v->pg->leader_lsn : 0;
        f->unlocked = true;
        if (!c)
                return;
        f->cluster_valid = v->now < usec_add(seen, c->settings.timing.ttl);
        f->unlocked = !f->cluster_valid || !cluster_is_locked(c);
        f->leader_lsn = MAX(f->leader_lsn, c->status.optime);
        if (f->role == ROLE_REPLICA && c->settings.synchronous_mode != SYNC_MODE_OFF &&
            !str_equal_nocase(c->sync.leader, v->name) && cluster_is_in_sync(c, v->name)) {
                f->quorum_standby = c->settings.synchronous_mode == SYNC_MODE_QUORUM;
                f->sync_standby = !f->quorum_standby;
        }
}

NodeFacts node_facts(const View *v)
{
        Settings s = view_settings(v);
        NodeFacts f = {
                .leads = v->right.serving && right_runs(&v->right, v->now),
                .pause = s.pause,
                .failsafe = v->status && v->status->failsafe,
                .standby_cluster = s.standby_cluster,
        };

        f.role = node_role(v, f.leads, f.standby_cluster);
        add_server(&f, v);
        add_cluster(&f, v);
        return f;
}
