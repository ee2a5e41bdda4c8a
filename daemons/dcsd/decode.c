#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "config/json.h"
#include "config/schema.h"
#include "config/slots-node.h"
#include "dcsd/decode.h"

#define SYSID_DIGITS_MIN 10

static Node *parse(const Kv *kv)
{
        Node *n = NULL;

        if (!kv || json_parse(kv->value, kv->value_size, false, &n, NULL) < 0)
                return NULL;
        return n;
}

Node *decode_object(const Kv *kv)
{
        _cleanup_(node_freep) Node *n = parse(kv);

        return n && n->kind == NODE_MAP ? TAKE_PTR(n) : NULL;
}

/* Copies a text into a field; CUT_TEXT if it does not fit. */
static unsigned take_text(char *dst, size_t size, const char *src)
{
        return str_copy(dst, size, src) ? 0 : CUT_TEXT;
}
#define TAKE_TEXT(array, src) take_text((array), sizeof(array), (src))

static uint64_t take_u64(const Node *map, const char *key)
{
        const Node *n = node_get(map, key);
        uint64_t v;

        if (!n || !n->text || (n->kind != NODE_INT && n->kind != NODE_STRING) ||
            str_to_u64(n->text, &v) < 0)
                return 0;
        return v;
}

/* ---- members ---- */

/* The boolean if the tag is there, else what the priority says. */
static bool tag_negative(const Node *tags, const char *flag, const char *priority)
{
        if (node_get(tags, flag))
                return node_get_bool(tags, flag, false);
        return node_get_int(tags, priority, 1) <= 0;
}

static unsigned decode_tags(const Node *tags, Tags *ret)
{
        Tags t = TAGS_DEFAULT;

        t.nofailover = tag_negative(tags, "nofailover", "failover_priority");
        t.nosync = tag_negative(tags, "nosync", "sync_priority");
        t.noloadbalance = node_get_bool(tags, "noloadbalance", false);
        t.clonefrom = node_get_bool(tags, "clonefrom", false);
        t.nostream = node_get_bool(tags, "nostream", false);
        int64_t failover = node_get_int(tags, "failover_priority", 1);
        int64_t sync = node_get_int(tags, "sync_priority", 1);
        t.failover_priority = t.nofailover ? 0 : (int32_t)CLAMP(failover, INT32_MIN, INT32_MAX);
        t.sync_priority = t.nosync ? 0 : (int32_t)CLAMP(sync, INT32_MIN, INT32_MAX);
        unsigned cut = TAKE_TEXT(t.replicatefrom, node_get_text(tags, "replicatefrom"));
        *ret = t;
        return cut;
}

/* Before JSON, a member's key was "postgres://…?application_name=<api_url>". */
static unsigned decode_old_member(const char *value, Member *m)
{
        const char *query = strchr(value, '?');
        unsigned cut = 0;

        if (query) {
                const char *api = strstr(query, "application_name=");
                if (api)
                        cut |= TAKE_TEXT(m->api_url, api + strlen("application_name="));
                m->api_url[strcspn(m->api_url, "&")] = 0;
        }
        size_t n = query ? (size_t)(query - value) : strlen(value);
        if (!str_copy_n(m->conn_url, sizeof m->conn_url, value, n))
                cut |= CUT_TEXT;
        return cut;
}

static unsigned decode_new_member(const Node *n, Member *m)
{
        const char *state = node_get_text(n, "state"), *role = node_get_text(n, "role");
        const char *replication = node_get_text(n, "replication_state");
        unsigned cut = TAKE_TEXT(m->conn_url, node_get_text(n, "conn_url"));

        cut |= TAKE_TEXT(m->api_url, node_get_text(n, "api_url"));
        cut |= TAKE_TEXT(m->version, node_get_text(n, "version"));
        m->state = state ? run_state_from_string(state) : RUN_UNKNOWN;
        m->role = role ? role_parse(role) : ROLE_UNKNOWN;
        m->replication_state = replication ? replication_state_from_string(replication)
                                           : REPLICATION_NONE;
        m->xlog_location = take_u64(n, "xlog_location");
        m->receive_lsn = take_u64(n, "receive_lsn");
        m->replay_lsn = take_u64(n, "replay_lsn");
        m->timeline = (uint32_t)MIN(take_u64(n, "timeline"), (uint64_t)UINT32_MAX);
        m->checkpoint_pending = !node_get_bool(n, "checkpoint_after_promote", true);
        m->pending_restart = node_get_bool(n, "pending_restart", false);
        m->pause = node_get_bool(n, "pause", false);
        return cut | decode_tags(node_get(n, "tags"), &m->tags);
}

unsigned decode_member(const char *name, const Kv *kv, Member *ret)
{
        unsigned cut = 0;

        *ret = (Member){ .tags = TAGS_DEFAULT, .lease = kv->lease,
                         .mod_revision = kv->mod_revision };
        (void)STR_SET(ret->name, name); /* the caller has checked its length */
        if (str_after_prefix(kv->value, "postgres")) {
                cut = decode_old_member(kv->value, ret);
        } else {
                _cleanup_(node_freep) Node *n = decode_object(kv);
                cut = n ? decode_new_member(n, ret) : 0;
        }
        (void)member_split_url(ret->conn_url, ret->host, sizeof ret->host, &ret->port);
        return cut;
}

/* ---- the cluster's keys ---- */

void decode_initialize(const Kv *kv, InitializeKey *ret)
{
        *ret = (InitializeKey){ 0 };
        if (!kv)
                return;
        ret->mod_revision = kv->mod_revision;
        if (kv->value_size == 0)
                ret->state = INITIALIZE_RUNNING;
        else if (kv->value_size >= SYSID_DIGITS_MIN && str_to_u64(kv->value, &ret->sysid) >= 0)
                ret->state = INITIALIZE_DONE;
        else
                ret->state = INITIALIZE_INVALID;
}

unsigned decode_sync(const Kv *kv, SyncKey *ret)
{
        _cleanup_(node_freep) Node *n = decode_object(kv);

        *ret = (SyncKey){ .mod_revision = kv ? kv->mod_revision : 0 };
        ret->quorum = (uint32_t)MIN(take_u64(n, "quorum"), (uint64_t)UINT32_MAX);
        unsigned cut = TAKE_TEXT(ret->standbys, node_get_text(n, "sync_standby"));
        if (cut) { /* half a name could be another's */
                char *comma = strrchr(ret->standbys, ',');
                *(comma ? comma : ret->standbys) = 0;
        }
        return cut | TAKE_TEXT(ret->leader, node_get_text(n, "leader"));
}

/* "leader:member", as releases before JSON wrote it. */
static void decode_old_failover(const char *value, FailoverKey *ret)
{
        size_t n = strcspn(value, ":");

        ret->requested = *value != 0;
        if (!str_copy_n(ret->leader, sizeof ret->leader, value, n) ||
            !str_copy(ret->candidate, sizeof ret->candidate, value[n] ? value + n + 1 : ""))
                ret->requested = false; /* nobody here has so long a name */
}

void decode_failover(const Kv *kv, FailoverKey *ret)
{
        _cleanup_(node_freep) Node *n = parse(kv);
        const char *at;

        *ret = (FailoverKey){ .mod_revision = kv ? kv->mod_revision : 0 };
        if (kv && !n)
                decode_old_failover(kv->value, ret);
        if (!n || n->kind != NODE_MAP)
                return;
        at = node_get_text(n, "scheduled_at");
        ret->requested = n->children != NULL;
        /* At an instant nobody can read means never, not now. */
        if ((at && *at && usec_parse_iso(at, &ret->scheduled_wall_usec) != 0) ||
            TAKE_TEXT(ret->leader, node_get_text(n, "leader")) ||
            TAKE_TEXT(ret->candidate, node_get_text(n, "member")))
                *ret = (FailoverKey){ .mod_revision = ret->mod_revision };
}

static void decode_retain(const Node *list, StatusKey *ret)
{
        size_t used = 0;

        NODE_FOREACH(n, list) {
                size_t len = n->text ? strlen(n->text) : 0;
                if (len == 0 || len >= IDENT_SIZE || strchr(n->text, ',') ||
                    used + len + 2 > sizeof ret->retain)
                        continue;
                if (used > 0)
                        ret->retain[used++] = ',';
                memcpy(ret->retain + used, n->text, len + 1);
                used += len;
        }
}

unsigned decode_status(const Kv *status, const Kv *optime, StatusKey *ret)
{
        _cleanup_(node_freep) Node *n = parse(status);
        _cleanup_(node_freep) Node *inner = NULL;
        const Node *slots = node_get(n, "slots");

        *ret = (StatusKey){ .mod_revision = status ? status->mod_revision : 0 };
        if (!status && optime)
                (void)str_to_u64(optime->value, &ret->optime); /* no number: nothing known */
        if (n && n->kind == NODE_INT)
                (void)str_to_u64(n->text, &ret->optime);
        if (!n || n->kind != NODE_MAP)
                return 0;
        ret->optime = take_u64(n, "optime");
        if (slots && slots->kind == NODE_STRING &&
            json_parse(slots->text, strlen(slots->text), false, &inner, NULL) >= 0)
                slots = inner;
        decode_retain(node_get(n, "retain_slots"), ret);
        return slots_node_read(slots, ret) ? 0 : CUT_SLOTS;
}

uint32_t decode_history_timeline(const Kv *kv)
{
        _cleanup_(node_freep) Node *n = parse(kv);
        int64_t timeline;

        if (!n || n->kind != NODE_LIST)
                return 0;
        if (!n->last)
                return 1;
        const Node *first = n->last->kind == NODE_LIST ? n->last->children : NULL;
        timeline = first && first->kind == NODE_INT ? first->integer : 0;
        return timeline > 0 && timeline < UINT32_MAX ? (uint32_t)timeline + 1 : 0;
}

/* ---- the packet ---- */

typedef struct Packer {
        MsgCluster *m;
        size_t fixed;
        unsigned cut;
} Packer;

static int by_name(const void *a, const void *b)
{
        return strcmp(((const Member *)a)->name, ((const Member *)b)->name);
}

static unsigned decode_members(const Cache *c, Cluster *cluster)
{
        const char *key, *name;
        unsigned cut = 0;
        size_t at = 0;

        for (const Kv *kv; (kv = cache_next(c, &at, &key));) {
                name = str_after_prefix(key, "members/");
                if (!name || !*name)
                        continue;
                if (strlen(name) >= NAME_SIZE)
                        cut |= CUT_MEMBER_NAME;
                else if (cluster->n_members == CLUSTER_MEMBERS_MAX)
                        cut |= CUT_MEMBERS;
                else
                        cut |= decode_member(name, kv, &cluster->members[cluster->n_members++]);
        }
        qsort(cluster->members, cluster->n_members, sizeof(Member), by_name);
        return cut;
}

static void decode_vips(const Cache *c, Cluster *cluster)
{
        const char *key, *name;
        size_t at = 0;

        for (const Kv *kv; (kv = cache_next(c, &at, &key));) {
                name = str_after_prefix(key, "palisade/vip/");
                if (!name || !*name || strlen(name) >= VIP_NAME_SIZE ||
                    kv->value_size >= NAME_SIZE || cluster->n_vips == VIPS_MAX)
                        continue; /* none of ours is so long */
                VipKey *v = &cluster->vips[cluster->n_vips++];
                v->epoch = kv->create_revision;
                (void)STR_SET(v->name, name); /* checked just now */
                (void)STR_SET(v->holder, kv->value);
        }
}

/* Appends to a comma-separated list; what does not fit is not in it. */
static unsigned add_name(char *list, const char *name)
{
        size_t at = strlen(list), n = strlen(name);

        if (n == 0 || n >= NAME_SIZE || strchr(name, ',') || at + n + 2 > SYNC_LIST_SIZE)
                return CUT_TEXT;
        if (at > 0)
                list[at++] = ',';
        memcpy(list + at, name, n + 1);
        return 0;
}

static unsigned decode_failsafe(const Kv *kv, char *ret)
{
        _cleanup_(node_freep) Node *map = decode_object(kv);
        unsigned cut = 0;

        if (map)
                NODE_FOREACH(n, map)
                        cut |= add_name(ret, n->key);
        return cut;
}

/* Whatever such a key says, it is there: its member may act as primary without a deadline. */
static unsigned decode_standing(const Cache *c, char *ret)
{
        const char *key, *name;
        unsigned cut = 0;
        size_t at = 0;

        while (cache_next(c, &at, &key))
                if ((name = str_after_prefix(key, "palisade/standing/")))
                        cut |= add_name(ret, name);
        if (cut && !*ret)
                (void)add_name(ret, "?"); /* somebody stands, whatever it is called */
        return cut;
}

static void pack_blob(Packer *p, const Kv *kv, BlobRef *ret)
{
        size_t at = p->fixed + p->m->blobs_size;

        *ret = (BlobRef){ 0 };
        if (!kv || kv->value_size == 0)
                return;
        if (kv->value_size > WIRE_PACKET_MAX - at) {
                p->cut |= CUT_BLOBS;
                return;
        }
        memcpy((char *)p->m + at, kv->value, kv->value_size);
        *ret = (BlobRef){ p->m->blobs_size, (uint32_t)kv->value_size };
        p->m->blobs_size += (uint32_t)kv->value_size;
}

/* What everybody needs goes first: what does not fit is the members' raw text, the last ones'. */
static void pack_blobs(const Cache *c, Packer *p)
{
        Cluster *cluster = &p->m->cluster;
        _cleanup_(node_freep) Node *failsafe = decode_object(cache_get(c, "failsafe"));

        if (cluster->config.mod_revision != 0)
                pack_blob(p, cache_get(c, "config"), &cluster->config.raw);
        if (failsafe)
                pack_blob(p, cache_get(c, "failsafe"), &cluster->failsafe);
        if (cluster->history.timeline != 0)
                pack_blob(p, cache_get(c, "history"), &cluster->history.raw);
        for (uint32_t i = 0; i < cluster->n_members; i++) {
                char key[NAME_SIZE + 16];
                snprintf(key, sizeof key, "members/%s", cluster->members[i].name);
                pack_blob(p, cache_get(c, key), &cluster->members[i].raw);
        }
}

static void decode_config(const Kv *kv, const Settings *otherwise, Cluster *ret)
{
        _cleanup_(node_freep) Node *n = decode_object(kv);
        bool adjusted;

        ret->settings = *otherwise;
        if (!n)
                return;
        ret->config.mod_revision = kv->mod_revision;
        ret->settings = settings_read(n, &adjusted); /* the mind tells of adjustments */
}

static unsigned decode_leader(const Kv *kv, LeaderKey *ret)
{
        if (!kv)
                return 0;
        ret->epoch = kv->create_revision;
        ret->mod_revision = kv->mod_revision;
        ret->lease = kv->lease;
        return TAKE_TEXT(ret->name, kv->value);
}

unsigned decode_cluster(const Cache *c, const DecodeContext *context, void *packet)
{
        Packer p = { .m = packet };
        Cluster *cluster = &p.m->cluster;
        const Kv *history = cache_get(c, "history");

        memset(packet, 0, sizeof(MsgCluster));
        cluster->dcs_id = context->dcs_id;
        cluster->raft_term = context->raft_term;
        cluster->revision = cache_revision(c);
        cluster->seen = context->seen;
        cluster->seen_wall_usec = context->seen_wall_usec;
        decode_config(cache_get(c, "config"), &context->settings, cluster);
        p.cut |= decode_leader(cache_get(c, "leader"), &cluster->leader);
        decode_initialize(cache_get(c, "initialize"), &cluster->initialize);
        p.cut |= decode_sync(cache_get(c, "sync"), &cluster->sync);
        decode_failover(cache_get(c, "failover"), &cluster->failover);
        p.cut |= decode_status(cache_get(c, "status"), cache_get(c, "optime/leader"),
                               &cluster->status);
        cluster->history.mod_revision = history ? history->mod_revision : 0;
        cluster->history.timeline = decode_history_timeline(history);
        decode_vips(c, cluster);
        p.cut |= decode_failsafe(cache_get(c, "failsafe"), cluster->failsafe_names);
        p.cut |= decode_standing(c, cluster->standing);
        cluster->resuming = cache_get(c, "palisade/resume") != NULL;
        p.cut |= decode_members(c, cluster);

        p.fixed = wire_cluster_fixed_size(cluster);
        pack_blobs(c, &p);
        wire_header(&p.m->h, MSG_CLUSTER, p.fixed + p.m->blobs_size);
        return p.cut;
}
