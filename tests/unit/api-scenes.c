#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api-scenes.h"
#include "base/str.h"
#include "config/json.h"
#include "config/schema.h"
#include "io/fdutil.h"

#define EPOCH 4711
#define PERMIT (15 * USEC_PER_SEC)

static _Noreturn void die(const char *what)
{
        fprintf(stderr, "api-scenes: %s\n", what);
        exit(99);
}

const char *scene_folder(const char *name)
{
        static char path[1024];
        const char *srcdir = getenv("srcdir");

        snprintf(path, sizeof path, "%s/tests/unit/api-scenes/%s", srcdir ? srcdir : ".", name);
        return path;
}

char *scene_text(const char *folder, const char *file)
{
        char path[1024], *text;
        size_t size;

        snprintf(path, sizeof path, "%s/%s", folder, file);
        if (read_file_at(AT_FDCWD, path, 1 << 20, &text, &size) < 0)
                return NULL;
        if (size > 0 && text[size - 1] == '\n')
                text[size - 1] = 0;
        return text;
}

static Node *parse(const char *text)
{
        Node *n;

        if (json_parse(text, strlen(text), false, &n, NULL) < 0)
                die(text);
        return n;
}

static Lsn get_lsn(const Node *n, const char *key)
{
        return (Lsn)node_get_int(n, key, 0);
}

static const char *get_text(const Node *n, const char *key)
{
        const char *text = node_get_text(n, key);

        return text ? text : "";
}

/* ---- keys ---- */

typedef struct Blobs {
        char *data;
        size_t size;
} Blobs;

static BlobRef add_blob(Blobs *b, const char *text)
{
        BlobRef ref = { (uint32_t)b->size, (uint32_t)strlen(text) };

        b->data = realloc(b->data, b->size + ref.size);
        if (!b->data)
                die("out of memory");
        memcpy(b->data + b->size, text, ref.size);
        b->size += ref.size;
        return ref;
}

static void read_member(Cluster *c, const char *name, const char *value, Blobs *b)
{
        Member *m = &c->members[c->n_members++];
        Node *n = parse(value);

        (void)STR_SET(m->name, name);
        (void)STR_SET(m->conn_url, get_text(n, "conn_url"));
        (void)STR_SET(m->api_url, get_text(n, "api_url"));
        (void)STR_SET(m->version, get_text(n, "version"));
        if (!member_split_url(m->conn_url, m->host, sizeof m->host, &m->port))
                die("conn_url");
        m->state = run_state_from_string(get_text(n, "state"));
        m->role = role_parse(get_text(n, "role"));
        m->replication_state = replication_state_from_string(get_text(n, "replication_state"));
        m->xlog_location = get_lsn(n, "xlog_location");
        m->receive_lsn = get_lsn(n, "receive_lsn");
        m->replay_lsn = get_lsn(n, "replay_lsn");
        m->timeline = (uint32_t)node_get_int(n, "timeline", 0);
        m->tags = TAGS_DEFAULT;
        m->raw = add_blob(b, value);
        node_free(n);
}

static void read_failover(Cluster *c, const char *value)
{
        Node *n = parse(value);
        const char *at = node_get_text(n, "scheduled_at");

        c->failover.requested = n->children != NULL;
        (void)STR_SET(c->failover.leader, get_text(n, "leader"));
        (void)STR_SET(c->failover.candidate, get_text(n, "member"));
        if (at && usec_parse_iso(at, &c->failover.scheduled_wall_usec) != 0)
                die("scheduled_at");
        node_free(n);
}

static void read_sync(Cluster *c, const char *value)
{
        Node *n = parse(value);

        c->sync.mod_revision = 5;
        (void)STR_SET(c->sync.leader, get_text(n, "leader"));
        (void)STR_SET(c->sync.standbys, get_text(n, "sync_standby"));
        c->sync.quorum = (uint32_t)node_get_int(n, "quorum", 0);
        node_free(n);
}

static void read_config(Cluster *c, const char *value, Blobs *b)
{
        Node *n = parse(value);
        bool adjusted;

        c->config = (ConfigKey){ .mod_revision = 7, .raw = add_blob(b, value) };
        c->settings = settings_read(n, &adjusted);
        /* These clusters are Patroni's: their ttl counts as it stands. */
        c->settings.timing = c->settings.asked;
        node_free(n);
}

static void read_key(Cluster *c, const char *key, const char *value, Blobs *b)
{
        const char *member = str_after_prefix(key, "members/");

        if (member) {
                read_member(c, member, value, b);
        } else if (str_equal(key, "leader")) {
                (void)STR_SET(c->leader.name, value);
                c->leader.epoch = EPOCH;
        } else if (str_equal(key, "initialize")) {
                c->initialize.state = INITIALIZE_DONE;
                (void)str_to_u64(value, &c->initialize.sysid);
        } else if (str_equal(key, "status")) {
                Node *n = parse(value);
                c->status.optime = get_lsn(n, "optime");
                node_free(n);
        } else if (str_equal(key, "config")) {
                read_config(c, value, b);
        } else if (str_equal(key, "history")) {
                c->history = (HistoryKey){ .mod_revision = 9, .raw = add_blob(b, value) };
        } else if (str_equal(key, "failsafe")) {
                c->failsafe = add_blob(b, value);
        } else if (str_equal(key, "failover")) {
                read_failover(c, value);
        } else if (str_equal(key, "sync")) {
                read_sync(c, value);
        }
}

static MsgCluster *read_cluster(const char *folder)
{
        static MsgCluster m; /* large */
        char *text = scene_text(folder, "keys"), *at = text;
        Blobs b = { 0 };

        if (!text)
                die(folder);
        m = (MsgCluster){ .cluster = { .settings = SETTINGS_DEFAULT } };
        while (at && *at) {
                const char *key = strsep(&at, "\n"), *value = strsep(&at, "\n");
                read_key(&m.cluster, key, value, &b);
        }
        free(text);

        size_t fixed = wire_cluster_fixed_size(&m.cluster), size = fixed + b.size;
        MsgCluster *packet = malloc(size);
        if (!packet)
                die("out of memory");
        m.blobs_size = (uint32_t)b.size;
        wire_header(&m.h, MSG_CLUSTER, size);
        memcpy(packet, &m, fixed);
        memcpy((char *)packet + fixed, b.data, b.size);
        free(b.data);
        return packet;
}

/* ---- what the node said of itself ---- */

static usec_t get_wall(const Node *n, const char *key)
{
        const char *text = node_get_text(n, key);
        usec_t wall = 0;

        if (text && usec_parse_iso(text, &wall) != 0)
                die(text);
        return wall;
}

static void read_standbys(PgState *pg, const Node *list)
{
        NODE_FOREACH(n, list) {
                Standby *s = &pg->standbys[pg->n_standbys++];
                (void)STR_SET(s->usename, get_text(n, "usename"));
                (void)STR_SET(s->application_name, get_text(n, "application_name"));
                (void)STR_SET(s->client_addr, get_text(n, "client_addr"));
                (void)STR_SET(s->state, get_text(n, "state"));
                (void)STR_SET(s->sync_state, get_text(n, "sync_state"));
                s->sync_priority = (int32_t)node_get_int(n, "sync_priority", 0);
                s->replay_lsn = pg->flush_lsn;
        }
}

static void read_pg(PgState *pg, const Node *n, bool leads)
{
        const Node *xlog = node_get(n, "xlog");
        const char *role = get_text(n, "role");

        pg->run = run_state_from_string(get_text(n, "state"));
        pg->role = role_from_string(role);
        if (leads && pg->role == ROLE_STANDBY_LEADER)
                pg->role = ROLE_REPLICA; /* as its postmaster was started; the rest is ours to say */
        pg->accepts = xlog != NULL;
        pg->start_wall_usec = get_wall(n, "postmaster_start_time");
        pg->server_version = (uint32_t)node_get_int(n, "server_version", 0);
        pg->timeline = (uint32_t)node_get_int(n, "timeline", 0);
        pg->flush_lsn = get_lsn(xlog, "location");
        pg->receive_lsn = get_lsn(xlog, "received_location");
        pg->replay_lsn = get_lsn(xlog, "replayed_location");
        pg->replay_paused = node_get_bool(xlog, "paused", false);
        pg->replay_wall_usec = get_wall(xlog, "replayed_timestamp");
        pg->replication_state = replication_state_from_string(get_text(n, "replication_state"));
        if (pg->replication_state == REPLICATION_STREAMING)
                pg->leader_lsn = pg->receive_lsn;
        NODE_FOREACH(reason, node_get(n, "pending_restart_reason"))
                pending_add(&pg->pending, reason->key, node_get_text(reason, "old_value"),
                            node_get_text(reason, "new_value"));
        (void)str_to_u64(get_text(n, "database_system_identifier"), &pg->sysid);
        read_standbys(pg, node_get(n, "replication"));
}

void scene_load(Scene *ret, const char *folder, const char *role, bool leads, usec_t now,
                usec_t seen)
{
        char file[32], *text;
        Node *n;

        snprintf(file, sizeof file, "%s.json", role);
        text = scene_text(folder, file);
        if (!text)
                die(folder);
        n = parse(text);
        leads = leads && str_equal(role, "leader");
        ret->status = WIRE_INIT(MsgStatus, MSG_STATUS);
        ret->pg = WIRE_INIT(MsgPgState, MSG_PG_STATE);
        ret->permit = WIRE_INIT(MsgPermit, MSG_PERMIT);
        ret->cluster = read_cluster(folder);
        read_pg(&ret->pg.pg, n, leads);

        (void)STR_SET(ret->status.name, get_text(n, "patroni.name"));
        (void)STR_SET(ret->status.scope, get_text(n, "patroni.scope"));
        (void)STR_SET(ret->status.rule, "a-rule");
        (void)STR_SET(ret->status.reason, "it was so when it was recorded");
        ret->status.leader = leads;
        ret->status.beat = now;
        ret->status.link.answered = seen;
        ret->cluster->cluster.seen = seen;
        ret->cluster->cluster.seen_wall_usec = get_lsn(n, "dcs_last_seen") * USEC_PER_SEC;
        if (leads) {
                ret->permit.epoch = ret->status.epoch = EPOCH;
                ret->permit.deadline = ret->status.permit_deadline = now + PERMIT;
        }
        node_free(n);
        free(text);
}

void scene_done(Scene *s)
{
        free(s->cluster);
        s->cluster = NULL;
}
