#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "apid/cluster-json.h"
#include "apid/metrics.h"
#include "apid/node-json.h"
#include "base/str.h"

typedef struct Out {
        FILE *f;
        const View *v;
        NodeFacts facts;
        unsigned connections;
} Out;

/* A label's value: backslash, quote and line end are escaped. */
static void put_label(FILE *f, const char *key, const char *value, bool first)
{
        fprintf(f, "%s%s=\"", first ? "" : ",", key);
        for (; *value; value++)
                if (*value == '\n')
                        fputs("\\n", f);
                else
                        fprintf(f, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
        fputc('"', f);
}

static void put_family(const Out *o, const char *name, const char *type, const char *help)
{
        fprintf(o->f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The labels of one sample up to the blank before its value. key NULL: only the two of all. */
static void put_sample(const Out *o, const char *name, const char *key, const char *value)
{
        fprintf(o->f, "%s{", name);
        put_label(o->f, "scope", o->v->scope, true);
        put_label(o->f, "name", o->v->name, false);
        if (key)
                put_label(o->f, key, value, false);
        fputs("} ", o->f);
}

/* Microseconds as seconds, as Python writes a float: "1795384755.49227", "12.0"; 0 is "0". */
static void put_seconds(const Out *o, usec_t amount)
{
        unsigned fraction = (unsigned)(amount % USEC_PER_SEC), digits = 6;

        if (amount == 0) {
                fputs("0\n", o->f);
                return;
        }
        for (; digits > 1 && fraction % 10 == 0; digits--)
                fraction /= 10;
        fprintf(o->f, "%" PRIu64 ".%0*u\n", amount / USEC_PER_SEC, (int)digits, fraction);
}

static void number(const Out *o, const char *name, const char *type, const char *help, int64_t value)
{
        put_family(o, name, type, help);
        put_sample(o, name, NULL, NULL);
        fprintf(o->f, "%" PRId64 "\n", value);
}

static void gauge(const Out *o, const char *name, const char *help, int64_t value)
{
        number(o, name, "gauge", help, value);
}

static void counter(const Out *o, const char *name, const char *help, Lsn value)
{
        number(o, name, "counter", help, (int64_t)value);
}

static void seconds(const Out *o, const char *name, const char *help, usec_t value)
{
        put_family(o, name, "gauge", help);
        put_sample(o, name, NULL, NULL);
        put_seconds(o, value);
}

/* ---- Patroni's ---- */

static void put_version(const Out *o)
{
        unsigned major = 0, minor = 0, patch = 0;

        (void)sscanf(PATRONI_VERSION, "%u.%u.%u", &major, &minor, &patch); /* our own constant */
        put_family(o, "patroni_version", "gauge", "Patroni semver without periods.");
        put_sample(o, "patroni_version", NULL, NULL);
        fprintf(o->f, "%02u%02u%02u\n", major, minor, patch);
}

static void put_roles(const Out *o)
{
        const NodeFacts *f = &o->facts;
        const PgState *pg = f->answers ? o->v->pg : NULL;

        gauge(o, "patroni_postgres_running", "Value is 1 if Postgres is running, 0 otherwise.",
              f->run == RUN_RUNNING);
        seconds(o, "patroni_postmaster_start_time", "Epoch seconds since Postgres started.",
                pg ? pg->start_wall_usec : 0);
        gauge(o, "patroni_primary", "Value is 1 if this node is the leader, 0 otherwise.",
              f->role == ROLE_PRIMARY);
        counter(o, "patroni_xlog_location",
                "Current location of the Postgres transaction log, 0 if this node is not the "
                "leader.",
                pg && f->role == ROLE_PRIMARY ? pg->flush_lsn : 0);
        gauge(o, "patroni_standby_leader",
              "Value is 1 if this node is the standby_leader, 0 otherwise.",
              f->role == ROLE_STANDBY_LEADER);
        gauge(o, "patroni_replica", "Value is 1 if this node is a replica, 0 otherwise.",
              f->role == ROLE_REPLICA);
        gauge(o, "patroni_sync_standby",
              "Value is 1 if this node is a sync standby, 0 otherwise.", f->sync_standby);
        gauge(o, "patroni_quorum_standby",
              "Value is 1 if this node is a quorum standby, 0 otherwise.", f->quorum_standby);
}

static void put_replay(const Out *o)
{
        const NodeFacts *f = &o->facts;
        const PgState *pg = f->answers && f->role != ROLE_PRIMARY ? o->v->pg : NULL;

        counter(o, "patroni_xlog_received_location",
                "Current location of the received Postgres transaction log, 0 if this node is not "
                "a replica.",
                f->received);
        counter(o, "patroni_xlog_replayed_location",
                "Current location of the replayed Postgres transaction log, 0 if this node is not "
                "a replica.",
                f->replayed);
        seconds(o, "patroni_xlog_replayed_timestamp",
                "Current timestamp of the replayed Postgres transaction log, 0 if null.",
                pg ? pg->replay_wall_usec : 0);
        gauge(o, "patroni_xlog_paused", "Value is 1 if the Postgres xlog is paused, 0 otherwise.",
              pg && pg->replay_paused);
        if (f->answers) {
                gauge(o, "patroni_postgres_streaming",
                      "Value is 1 if Postgres is streaming, 0 otherwise.",
                      pg && pg->replication_state == REPLICATION_STREAMING);
                gauge(o, "patroni_postgres_in_archive_recovery",
                      "Value is 1 if Postgres is replicating from archive, 0 otherwise.",
                      pg && pg->replication_state == REPLICATION_ARCHIVE);
        }
        gauge(o, "patroni_postgres_server_version", "Version of Postgres (if running), 0 otherwise.",
              f->answers ? o->v->pg->server_version : 0);
}

static void put_cluster(const Out *o)
{
        const NodeFacts *f = &o->facts;
        const MsgCluster *c = o->v->cluster;
        _cleanup_(node_freep) Node *failsafe = c ? blob_node(c, c->cluster.failsafe) : NULL;

        gauge(o, "patroni_cluster_unlocked",
              "Value is 1 if the cluster is unlocked, 0 if locked.", f->unlocked);
        gauge(o, "patroni_failsafe_mode_is_active",
              "Value is 1 if failsafe mode is active, 0 if inactive.", f->failsafe);
        gauge(o, "patroni_failsafe_mode_enabled",
              "Value is 1 if failsafe_mode is enabled, 0 otherwise.",
              view_settings(o->v).failsafe_mode);
        gauge(o, "patroni_failsafe_member",
              "Value is 1 if this node is a member of failsafe, 0 otherwise.",
              node_get(failsafe, o->v->name) != NULL);
        gauge(o, "patroni_postgres_timeline",
              "Postgres timeline of this node (if running), 0 otherwise.",
              f->answers ? o->v->pg->timeline : 0);
        gauge(o, "patroni_dcs_last_seen",
              "Epoch timestamp when DCS was last contacted successfully by Patroni.",
              (int64_t)f->dcs_seen_sec);
        gauge(o, "patroni_pending_restart",
              "Value is 1 if the node needs a restart, 0 otherwise.",
              o->v->pg && o->v->pg->pending.n > 0);
        gauge(o, "patroni_is_paused", "Value is 1 if auto failover is disabled, 0 otherwise.",
              f->pause);
}

static void put_state(const Out *o)
{
        bool never = node_get_bool(o->v->tags, "nofailover", false);

        fputs("# HELP patroni_postgres_state Numeric representation of Postgres state.\n"
              "# Values: 0=initdb, 1=initdb_failed, 2=custom_bootstrap, "
              "3=custom_bootstrap_failed, 4=creating_replica, 5=running, 6=starting, "
              "7=bootstrap_starting, 8=start_failed, 9=restarting, 10=restart_failed, "
              "11=stopping, 12=stopped, 13=stop_failed, 14=crashed\n"
              "# TYPE patroni_postgres_state gauge\n",
              o->f);
        put_sample(o, "patroni_postgres_state", NULL, NULL);
        fprintf(o->f, "%d\n", (int)o->facts.run - 1);
        gauge(o, "patroni_failover_priority", "Failover priority of this node.",
              node_get_int(o->v->tags, "failover_priority", never ? 0 : 1));
}

/* ---- our own ---- */

static void put_permit(const Out *o)
{
        const Right *r = &o->v->right;
        const MsgStatus *s = o->v->status;
        bool runs = right_runs(r, o->v->now);

        put_family(o, "palisade_info", "gauge", "Always 1; the label says which version answers.");
        put_sample(o, "palisade_info", "version", PACKAGE_VERSION);
        fputs("1\n", o->f);
        gauge(o, "palisade_leader",
              "Value is 1 if this node leads under a running permit and takes clients.",
              o->facts.leads);
        gauge(o, "palisade_epoch", "Epoch of the running permit, 0 if none runs.",
              runs ? (int64_t)r->epoch : 0);
        put_family(o, "palisade_permit_seconds", "gauge",
                   "Seconds until the right to act as primary ends by itself, 0 if none runs, "
                   "+Inf while paused.");
        put_sample(o, "palisade_permit_seconds", NULL, NULL);
        if (runs && r->standing)
                fputs("+Inf\n", o->f);
        else
                put_seconds(o, runs ? r->deadline - o->v->now : 0);
        seconds(o, "palisade_permit_margin_seconds",
                "How much sooner than the lease the permit ends.", s ? s->permit_margin : 0);
        seconds(o, "palisade_renewal_interval_seconds", "How often the lease is renewed.",
                s ? s->renewal_interval : 0);
}

static void put_mind(const Out *o)
{
        const MsgStatus *s = o->v->status;

        gauge(o, "palisade_mind_up", "Value is 1 if the deciding daemon is connected.", o->v->mind);
        gauge(o, "palisade_dcs_up", "Value is 1 if the DCS answers and its watch is current.",
              s && s->dcs_up);
        gauge(o, "palisade_api_connections", "Open connections to this API.", o->connections);
        if (!s)
                return;
        seconds(o, "palisade_decision_age_seconds",
                "Seconds since the deciding daemon last decided.", usec_sub(o->v->now, s->beat));
        put_family(o, "palisade_rule_seconds", "gauge",
                   "Seconds since the rule in the label governs this node.");
        put_sample(o, "palisade_rule_seconds", "rule", s->rule);
        put_seconds(o, usec_sub(o->v->now, s->rule_since));
        gauge(o, "palisade_left", "Value is 1 if this node has left and starts nothing.", s->left);
}

/* Of the units beside Postgres that run. */
static void put_poolers(const Out *o, const MsgFenceState *f)
{
        bool told = false;

        for (uint32_t i = 0; i < f->n_also; i++) {
                if (f->also[i].gate == GATE_UNKNOWN)
                        continue;
                if (!told)
                        put_family(o, "palisade_pooler_gate_open", "gauge",
                                   "Value is 1 if the gate around this unit lets packets out, 0 if it is "
                                   "shut, -1 if there is none.");
                told = true;
                put_sample(o, "palisade_pooler_gate_open", "unit", f->also[i].unit.name);
                fprintf(o->f, "%d\n",
                        f->also[i].gate == GATE_ABSENT ? -1 : f->also[i].gate == GATE_OPEN);
        }
}

static void put_fences(const Out *o)
{
        const MsgStatus *s = o->v->status;

        if (!s)
                return;
        if (s->fence.n_vips > 0)
                put_family(o, "palisade_vip_present", "gauge",
                           "Value is 1 if this node holds the virtual address.");
        for (uint32_t i = 0; i < s->fence.n_vips; i++) {
                const VipState *vip = &s->fence.vips[i];
                put_sample(o, "palisade_vip_present", "address", vip->vip.address);
                /* It has a lifetime of its own: what was told may be over. */
                fprintf(o->f, "%d\n", vip->present && o->v->now < vip->until);
        }
        gauge(o, "palisade_gate_present", "Value is 1 if a gate stands around Postgres's sockets.",
              s->fence.gate == GATE_OPEN || s->fence.gate == GATE_SHUT);
        gauge(o, "palisade_gate_open", "Value is 1 if that gate lets packets out.",
              s->fence.gate == GATE_OPEN);

        put_poolers(o, &s->fence);

        bool armed = s->watchdog.armed == TRI_YES;
        gauge(o, "palisade_watchdog_armed", "Value is 1 if a watchdog resets this node in need.",
              armed);
        seconds(o, "palisade_watchdog_seconds_left",
                "Seconds until that reset as of the last decision, 0 if not armed.",
                armed ? usec_sub(usec_add(s->watchdog.last_pet, s->watchdog.fires), s->beat) : 0);
}

/* Two samples of one name would spoil the whole page. */
static bool named_before(const PgState *pg, uint32_t which)
{
        for (uint32_t i = 0; i < which; i++)
                if (str_equal(pg->standbys[i].application_name,
                              pg->standbys[which].application_name))
                        return true;
        return false;
}

static void put_standbys(const Out *o)
{
        const PgState *pg = o->facts.answers && o->facts.role == ROLE_PRIMARY ? o->v->pg : NULL;

        if (!pg || pg->n_standbys == 0)
                return;
        put_family(o, "palisade_replication_lag_bytes", "gauge",
                   "Bytes of WAL this primary has flushed and the standby has not replayed.");
        for (uint32_t i = 0; i < pg->n_standbys; i++) {
                const Standby *s = &pg->standbys[i];
                if (named_before(pg, i))
                        continue;
                put_sample(o, "palisade_replication_lag_bytes", "application", s->application_name);
                fprintf(o->f, "%" PRIu64 "\n",
                        pg->flush_lsn > s->replay_lsn ? pg->flush_lsn - s->replay_lsn : 0);
        }
}

char *metrics_text(const View *v, unsigned connections)
{
        char *text = NULL;
        size_t size;
        Out o = { .f = open_memstream(&text, &size), .v = v, .facts = node_facts(v),
                  .connections = connections };

        if (!o.f)
                return NULL;
        put_version(&o);
        put_roles(&o);
        put_replay(&o);
        put_cluster(&o);
        put_state(&o);
        put_permit(&o);
        put_mind(&o);
        put_fences(&o);
        put_standbys(&o);
        if (fclose(o.f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
