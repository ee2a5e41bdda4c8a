#include <inttypes.h>
#include <stdio.h>

#include "apid/maker.h"
#include "apid/node-json.h"
#include "config/pending-node.h"
#include "config/restart-node.h"

static void make_xlog(Maker *m, Node *root, const View *v, const NodeFacts *f)
{
        Node *xlog = make_map(m, root, "xlog");

        if (f->role == ROLE_PRIMARY) {
                make_int(m, xlog, "location", (int64_t)v->pg->flush_lsn);
                return;
        }
        make_int(m, xlog, "received_location", (int64_t)f->received);
        make_int(m, xlog, "replayed_location", (int64_t)f->replayed);
        if (v->pg->replay_wall_usec)
                make_wall(m, xlog, "replayed_timestamp", v->pg->replay_wall_usec);
        else
                make_null(m, xlog, "replayed_timestamp");
        make_bool(m, xlog, "paused", v->pg->replay_paused);
}

static void make_replication(Maker *m, Node *root, const PgState *pg)
{
        Node *list = pg->n_standbys > 0 ? make_list(m, root, "replication") : NULL;

        for (uint32_t i = 0; i < pg->n_standbys; i++) {
                const Standby *s = &pg->standbys[i];
                Node *row = make_map(m, list, NULL);
                make_text(m, row, "usename", s->usename);
                make_text(m, row, "application_name", s->application_name);
                if (s->client_addr[0])
                        make_text(m, row, "client_addr", s->client_addr);
                else
                        make_null(m, row, "client_addr"); /* a Unix socket */
                make_text(m, row, "state", s->state);
                make_text(m, row, "sync_state", s->sync_state);
                make_int(m, row, "sync_priority", s->sync_priority);
        }
}

static void make_server(Maker *m, Node *root, const View *v, const NodeFacts *f)
{
        if (f->answers && v->pg->start_wall_usec)
                make_wall(m, root, "postmaster_start_time", v->pg->start_wall_usec);
        make_text(m, root, "role", role_to_string(f->role));
        if (!f->answers)
                return;
        make_int(m, root, "server_version", v->pg->server_version);
        make_xlog(m, root, v, f);
        if (f->sync_standby)
                make_bool(m, root, "sync_standby", true);
        if (f->quorum_standby)
                make_bool(m, root, "quorum_standby", true);
        if (v->pg->timeline)
                make_int(m, root, "timeline", v->pg->timeline);
        if (f->role != ROLE_PRIMARY && v->pg->replication_state != REPLICATION_NONE)
                make_text(m, root, "replication_state",
                          replication_state_to_string(v->pg->replication_state));
        make_replication(m, root, v->pg);
}

static void make_tags(Maker *m, Node *root, const Node *tags)
{
        Node *shown = NULL;

        NODE_FOREACH(tag, tags) {
                if (!tag_shows(tag))
                        continue;
                if (!shown)
                        shown = make_map(m, root, "tags");
                make_copy(m, shown, tag->key, tag);
        }
}

/* Of the copy that makes a replica; Patroni knows no such key. */
static void make_progress(Maker *m, Node *root, const CopyProgress *p)
{
        if (p->done_bytes == 0)
                return;
        Node *progress = make_map(m, root, "progress");
        make_int(m, progress, "done_bytes", (int64_t)p->done_bytes);
        if (p->total_bytes > 0) {
                make_int(m, progress, "total_bytes", (int64_t)p->total_bytes);
                make_int(m, progress, "percent", copy_progress_percent(p));
        }
        make_int(m, progress, "bytes_per_second", (int64_t)p->rate);
}

static void make_common(Maker *m, Node *root, const View *v, const NodeFacts *f)
{
        char sysid[24];

        if (f->pause)
                make_bool(m, root, "pause", true);
        if (f->unlocked)
                make_bool(m, root, "cluster_unlocked", true);
        if (f->failsafe)
                make_bool(m, root, "failsafe_mode_is_active", true);
        if (f->dcs_seen_sec)
                make_int(m, root, "dcs_last_seen", (int64_t)f->dcs_seen_sec);
        make_tags(m, root, v->tags);
        if (v->pg && v->pg->sysid && f->role != ROLE_UNINITIALIZED) {
                snprintf(sysid, sizeof sysid, "%" PRIu64, v->pg->sysid);
                make_text(m, root, "database_system_identifier", sysid);
        }
        if (v->pg && v->pg->pending.n > 0) {
                _cleanup_(node_freep) Node *reasons = pending_node(&v->pg->pending, false);
                make_bool(m, root, "pending_restart", true);
                make_copy(m, root, "pending_restart_reason", reasons);
        }
        if (v->pg)
                make_progress(m, root, &v->pg->progress);
        Node *patroni = make_map(m, root, "patroni");
        make_text(m, patroni, "version", PATRONI_VERSION);
        make_text(m, patroni, "scope", v->scope);
        make_text(m, patroni, "name", v->name);
        if (v->status && v->status->restart.ask.scheduled_wall_usec != 0) {
                _cleanup_(node_freep) Node *restart = restart_node(&v->status->restart, false);
                make_copy(m, root, "scheduled_restart", restart);
        }
        if (v->status && v->status->watchdog_failed)
                make_bool(m, root, "watchdog_failed", true);
}

char *node_json(const View *v)
{
        NodeFacts f = node_facts(v);
        Maker m = { 0 };
        _cleanup_(node_freep) Node *root = make_root(&m, NODE_MAP);

        make_text(&m, root, "state", f.state);
        make_server(&m, root, v, &f);
        make_common(&m, root, v, &f);
        return make_finish(&m, root, JSON_SPACED);
}

/* ---- our own ---- */

static double seconds(usec_t amount)
{
        return (double)amount / (double)USEC_PER_SEC;
}

static void make_authority(Maker *m, Node *root, const View *v, const NodeFacts *f)
{
        bool runs = right_runs(&v->right, v->now);

        make_bool(m, root, "leader", f->leads);
        make_int(m, root, "epoch", runs ? (int64_t)v->right.epoch : 0);
        if (runs && v->right.standing)
                make_null(m, root, "permit_seconds"); /* paused: no end */
        else
                make_float(m, root, "permit_seconds",
                           runs ? seconds(usec_sub(v->right.deadline, v->now)) : 0);
        if (v->cluster && f->cluster_valid)
                make_text(m, root, "lock", v->cluster->cluster.leader.name);
        else
                make_null(m, root, "lock"); /* the DCS does not say */
}

static void make_mind(Maker *m, Node *root, const View *v)
{
        make_bool(m, root, "mind", v->mind);
        if (!v->status)
                return;
        make_bool(m, root, "dcs", v->status->dcs_up);
        make_bool(m, root, "leaving", v->status->leaving);
        make_bool(m, root, "left", v->status->left);
        make_text(m, root, "rule", v->status->rule);
        make_text(m, root, "reason", v->status->reason);
        make_float(m, root, "rule_seconds", seconds(usec_sub(v->now, v->status->rule_since)));
}

static void make_postgres(Maker *m, Node *root, const View *v, const NodeFacts *f)
{
        Node *pg = make_map(m, root, "postgres");

        make_text(m, pg, "state", f->state);
        make_text(m, pg, "role", role_to_string(f->role));
        if (!v->pg)
                return;
        make_bool(m, pg, "may_run", pg_may_run(v->pg));
        make_text(m, pg, "operation", pg_operation_to_string(v->pg->operation));
        make_text(m, pg, "detail", v->pg->detail);
        make_text(m, pg, "following", v->pg->following);
        make_progress(m, pg, &v->pg->progress);
        make_text(m, pg, "replication_state",
                  replication_state_to_string(v->pg->replication_state));
}

/* As the DCS says, which knows it before this node has any data. */
static void make_sysid(Maker *m, Node *root, const View *v)
{
        const InitializeKey *key = v->cluster ? &v->cluster->cluster.initialize : NULL;
        char sysid[24];

        if (!key || key->state != INITIALIZE_DONE)
                return;
        snprintf(sysid, sizeof sysid, "%" PRIu64, key->sysid);
        make_text(m, root, "system_identifier", sysid);
}

char *status_json(const View *v)
{
        NodeFacts f = node_facts(v);
        Maker m = { 0 };
        _cleanup_(node_freep) Node *root = make_root(&m, NODE_MAP);

        make_text(&m, root, "name", v->name);
        make_text(&m, root, "scope", v->scope);
        make_text(&m, root, "version", PACKAGE_VERSION);
        make_sysid(&m, root, v);
        make_authority(&m, root, v, &f);
        make_mind(&m, root, v);
        make_postgres(&m, root, v, &f);
        return make_finish(&m, root, JSON_SPACED);
}
