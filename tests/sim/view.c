/* The model's texts under the cluster's keys, and the Cluster that is made of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "tests/sim/dcsd.h"

static void put(char **at, uint64_t v)
{
        do {
                *(*at)++ = "0123456789abcdef"[v & 15];
                v >>= 4;
        } while (v > 0);
        *(*at)++ = ' ';
}

static uint64_t number(const char **at)
{
        uint64_t v = 0;
        unsigned shift = 0;

        for (; **at > ' '; (*at)++, shift += 4)
                v |= (uint64_t)(**at <= '9' ? **at - '0' : **at - 'a' + 10) << shift;
        *at += **at == ' ';
        return v;
}

static uint64_t decimal(const char *s)
{
        uint64_t v = 0;

        for (; *s >= '0' && *s <= '9'; s++)
                v = 10 * v + (uint64_t)(*s - '0');
        return v;
}

/* What changes of a member, in numbers, lowest digit first; its name, addresses and tags are its host's. */
void view_member(const Member *m, char value[static VALUE_SIZE])
{
        char *s = value;

        put(&s, m->state);
        put(&s, m->role);
        put(&s, m->replication_state);
        put(&s, m->timeline);
        put(&s, m->checkpoint_pending);
        put(&s, m->pending_restart);
        put(&s, m->pause);
        put(&s, m->xlog_location);
        put(&s, m->receive_lsn);
        put(&s, m->replay_lsn);
        *s = 0;
}

static void read_member(const char *name, const Key *k, Member *m)
{
        int i = host_index(name);
        const char *s = k->value;

        if (!str_equal(m->name, name)) {
                memset(m, 0, sizeof *m);
                (void)STR_SET(m->name, name);
                snprintf(m->conn_url, sizeof m->conn_url, "postgres://%s:5432/postgres", name);
                (void)STR_SET(m->host, name);
                snprintf(m->api_url, sizeof m->api_url, "http://%s:8008/patroni", name);
                m->port = 5432;
        } else if (m->mod_revision == k->mod) {
                return; /* it stands here since the last time */
        }
        m->state = (RunState)number(&s);
        m->role = (Role)number(&s);
        m->replication_state = (ReplicationState)number(&s);
        m->timeline = (uint32_t)number(&s);
        m->checkpoint_pending = number(&s);
        m->pending_restart = number(&s);
        m->pause = number(&s);
        m->xlog_location = number(&s);
        m->receive_lsn = number(&s);
        m->replay_lsn = number(&s);
        m->tags = i >= 0 ? world->hosts[i].tags : TAGS_DEFAULT;
        m->lease = k->lease;
        m->mod_revision = k->mod;
}

/* "a|b": *ret_rest is b. */
static void split(const char *value, char *ret, size_t size, const char **ret_rest)
{
        size_t n = strcspn(value, "|");

        (void)str_copy_n(ret, size, value, n);
        *ret_rest = value[n] ? value + n + 1 : "";
}

static void read_key(Cluster *c, KeyKind kind, const Key *k)
{
        const char *name = k->name + strlen(PREFIX), *s = k->value, *rest;

        if (kind < KEY_STANDING) {
                read_member(name + strlen("members/"), k, &c->members[c->n_members++]);
                return;
        }
        if (kind < KEY_LEADER) {
                if (c->standing[0])
                        strcat(c->standing, ",");
                strcat(c->standing, name + strlen("palisade/standing/"));
                return;
        }
        switch ((int)kind) {
        case KEY_LEADER:
                (void)STR_SET(c->leader.name, s);
                c->leader.epoch = k->create;
                c->leader.mod_revision = k->mod;
                c->leader.lease = k->lease;
                break;
        case KEY_INITIALIZE:
                c->initialize.state = *s ? INITIALIZE_DONE : INITIALIZE_RUNNING;
                c->initialize.sysid = decimal(s);
                c->initialize.mod_revision = k->mod;
                break;
        case KEY_CONFIG:
                c->config.mod_revision = k->mod;
                c->settings = world->settings[decimal(s + 1)];
                break;
        case KEY_STATUS:
                c->status.mod_revision = k->mod;
                c->status.optime = decimal(s);
                break;
        case KEY_HISTORY:
                c->history.mod_revision = k->mod;
                c->history.timeline = (uint32_t)decimal(s);
                break;
        case KEY_SYNC:
                c->sync.mod_revision = k->mod;
                split(s, c->sync.leader, sizeof c->sync.leader, &rest);
                c->sync.quorum = (uint32_t)decimal(rest);
                (void)STR_SET(c->sync.standbys, rest + strcspn(rest, "|") + 1);
                break;
        case KEY_FAILOVER:
                c->failover.mod_revision = k->mod;
                c->failover.requested = !str_equal(s, "{}");
                if (c->failover.requested) {
                        split(s, c->failover.leader, sizeof c->failover.leader, &rest);
                        split(rest, c->failover.candidate, sizeof c->failover.candidate, &rest);
                        c->failover.scheduled_wall_usec = strtoull(rest, NULL, 10);
                }
                break;
        case KEY_FAILSAFE: (void)STR_SET(c->failsafe_names, s); break;
        case KEY_RESUME: c->resuming = true; break;
        }
}

void view_cluster(Dcsd *d)
{
        MsgCluster *m = d->packet;
        Cluster *c = &m->cluster;

        memset(c, 0, offsetof(Cluster, members));
        c->dcs_id = 1;
        c->revision = d->revision;
        c->raft_term = d->term;
        c->seen = d->answered;
        c->settings = d->settings;
        for (int i = 0; i < KEY_MAX; i++)
                if (d->keys[i].there)
                        read_key(c, (KeyKind)i, &d->keys[i]);
        d->settings = c->settings;
        d->has_cluster = true;
        m->blobs_size = 0;
        wire_header(&m->h, MSG_CLUSTER, wire_cluster_fixed_size(c));
}

uint64_t view_revision(const Dcsd *d, const char *key)
{
        const Key *k = keys_find((Key *)d->keys, key);

        return k->there ? k->mod : 0;
}

/* What RECORD means; false: it makes no sense. *ret_revision: what is compared. */
bool view_record(const Dcsd *d, const MsgRecord *m, char *key, char *value, bool *ret_delete,
                 uint64_t *ret_revision, bool *ret_is_claim)
{
        const Cluster *c = &d->packet->cluster;
        const char *name = NULL;
        char path[PATH_SIZE];

        *ret_delete = *ret_is_claim = false;
        *ret_revision = m->revision;
        value[0] = 0;
        switch ((RecordKey)m->key) {
        case RECORD_INITIALIZE: {
                const InitializeKey *k = (const InitializeKey *)m->value;
                name = "initialize";
                *ret_is_claim = k->state == INITIALIZE_RUNNING;
                *ret_delete = k->state == INITIALIZE_ABSENT;
                snprintf(value, VALUE_SIZE, "%" PRIu64, k->sysid);
                break;
        }
        case RECORD_CONFIG:
                name = "config";
                if (m->h.size > sizeof *m)
                        (void)str_copy_n(value, VALUE_SIZE, (const char *)m->value,
                                         m->h.size - sizeof *m);
                else
                        (void)str_copy(value, VALUE_SIZE, "S0");
                break;
        case RECORD_STATUS:
                name = "status";
                snprintf(value, VALUE_SIZE, "%" PRIu64, ((const StatusKey *)m->value)->optime);
                break;
        case RECORD_HISTORY: {
                const History *k = (const History *)m->value;
                name = "history";
                snprintf(value, VALUE_SIZE, "%u",
                         k->n_lines ? k->lines[k->n_lines - 1].timeline + 1 : 1);
                break;
        }
        case RECORD_SYNC: {
                const SyncKey *k = (const SyncKey *)m->value;
                name = "sync";
                *ret_delete = !k->leader[0];
                snprintf(value, VALUE_SIZE, "%.16s|%u|%.128s", k->leader, k->quorum, k->standbys);
                break;
        }
        case RECORD_FAILOVER: {
                const FailoverKey *k = (const FailoverKey *)m->value;
                name = "failover";
                if (k->scheduled_wall_usec)
                        snprintf(value, VALUE_SIZE, "%.16s|%.16s|%" PRIu64, k->leader, k->candidate,
                                 k->scheduled_wall_usec);
                else if (k->requested)
                        snprintf(value, VALUE_SIZE, "%.16s|%.16s", k->leader, k->candidate);
                else
                        (void)str_copy(value, VALUE_SIZE, "{}");
                break;
        }
        case RECORD_FAILSAFE:
                name = "failsafe";
                *ret_revision = view_revision(d, PREFIX "failsafe");
                for (uint32_t i = 0; i < c->n_members; i++) {
                        if (i)
                                strcat(value, ",");
                        strcat(value, c->members[i].name);
                }
                if (!cluster_find_member(c, d->name)) {
                        strcat(value, c->n_members ? "," : "");
                        strcat(value, d->name);
                }
                break;
        case RECORD_STANDING: {
                const StandingKey *k = (const StandingKey *)m->value;
                snprintf(path, sizeof path, "palisade/standing/%.16s", k->name);
                name = path;
                *ret_delete = !k->standing;
                snprintf(value, VALUE_SIZE, "%" PRIu64, k->epoch);
                break;
        }
        case RECORD_RESUME: {
                const ResumeKey *k = (const ResumeKey *)m->value;
                name = "palisade/resume";
                *ret_delete = !k->wanted;
                snprintf(value, VALUE_SIZE, "%.16s", k->by);
                break;
        }
        case RECORD_NONE:
        case RECORD_MAX: return false;
        }
        snprintf(key, PATH_SIZE, PREFIX "%s", name);
        return true;
}
