#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "config/pending-node.h"
#include "config/restart-node.h"
#include "dcsd/encode.h"

/* A map under construction: the first failure sticks. */
typedef struct Maker {
        Node *map;
        bool failed;
} Maker;

static Maker maker_new(NodeKind kind)
{
        Maker m = { .map = node_new(kind) };

        m.failed = !m.map;
        return m;
}

static void put(Maker *m, const char *key, Node *value)
{
        if (m->failed)
                node_free(value);
        else if (node_put(m->map, key, value) < 0)
                m->failed = true;
}

static void put_text(Maker *m, const char *key, const char *text)
{
        if (!str_empty(text))
                put(m, key, node_new_string(text));
}

static Node *lsn_node(Lsn lsn)
{
        return node_new_int((int64_t)MIN(lsn, (Lsn)INT64_MAX));
}

static void put_lsn(Maker *m, const char *key, Lsn lsn)
{
        if (lsn != 0)
                put(m, key, lsn_node(lsn));
}

static Node *maker_end(Maker *m)
{
        if (m->failed)
                m->map = node_free(m->map);
        return m->map;
}

/* ---- members ---- */

static bool is_published(const Node *tags, const Node *tag)
{
        static const char *const plain[] = { "clonefrom", "noloadbalance", "nostream" };
        const char *priority = NULL;
        bool v;

        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (str_equal(tag->key, plain[i]))
                        return node_get_bool(tags, tag->key, false);
        if (str_equal(tag->key, "nofailover"))
                priority = "failover_priority";
        else if (str_equal(tag->key, "nosync"))
                priority = "sync_priority";
        else
                return tag->kind != NODE_NULL;
        v = node_get_bool(tags, tag->key, false);
        return v || node_get(tags, priority);
}

/* What the mind says beyond the configuration; never less than it. */
static void put_added_tags(Maker *m, const Tags *t)
{
        if (t->nofailover && !node_get_bool(m->map, "nofailover", false) &&
            node_get_int(m->map, "failover_priority", 1) > 0)
                put(m, "nofailover", node_new_bool(true));
        if (t->nosync && !node_get_bool(m->map, "nosync", false) &&
            node_get_int(m->map, "sync_priority", 1) > 0) {
                put(m, "nosync", node_new_bool(true));
                put(m, "sync_priority", node_new_int(0));
        }
}

static Node *encode_tags(const Member *member, const Node *tags)
{
        Maker m = maker_new(NODE_MAP);

        NODE_FOREACH(tag, tags)
                if (is_published(tags, tag))
                        put(&m, tag->key, node_copy(tag));
        if (!m.failed)
                put_added_tags(&m, &member->tags);
        return maker_end(&m);
}

static Node *progress_node(const CopyProgress *p)
{
        Maker m = maker_new(NODE_MAP);

        put(&m, "done_bytes", node_new_int((int64_t)p->done_bytes));
        if (p->total_bytes > 0) {
                put(&m, "total_bytes", node_new_int((int64_t)p->total_bytes));
                put(&m, "percent", node_new_int(copy_progress_percent(p)));
        }
        put(&m, "bytes_per_second", node_new_int((int64_t)p->rate));
        return maker_end(&m);
}

Node *encode_member(const Member *member, const ScheduledRestart *restart, const Pending *pending,
                    const Node *tags, const char *proxy_url)
{
        Maker m = maker_new(NODE_MAP);
        _cleanup_(node_freep) Node *published = encode_tags(member, tags);

        put_text(&m, "conn_url", member->conn_url);
        put_text(&m, "api_url", member->api_url);
        put_text(&m, "state", run_state_to_string(member->state));
        put_text(&m, "role", role_to_string(member->role));
        put_text(&m, "version", member->version);
        put_text(&m, "proxy_url", proxy_url);
        if (member->checkpoint_pending)
                put(&m, "checkpoint_after_promote", node_new_bool(false));
        if (!published || published->children)
                put(&m, "tags", TAKE_PTR(published));
        if (member->pending_restart)
                put(&m, "pending_restart", node_new_bool(true));
        if (member->gate_pending || (pending && pending->n > 0))
                put(&m, "pending_restart_reason", pending_node(pending, member->gate_pending));
        put_lsn(&m, "xlog_location", member->xlog_location);
        put_lsn(&m, "replay_lsn", member->replay_lsn);
        put_lsn(&m, "receive_lsn", member->receive_lsn);
        if (member->replication_state != REPLICATION_NONE)
                put_text(&m, "replication_state",
                         replication_state_to_string(member->replication_state));
        if (member->timeline != 0)
                put(&m, "timeline", node_new_int(member->timeline));
        if (restart && restart->ask.scheduled_wall_usec != 0)
                put(&m, "scheduled_restart", restart_node(restart, true));
        if (member->progress.done_bytes > 0)
                put(&m, "progress", progress_node(&member->progress));
        if (member->pause)
                put(&m, "pause", node_new_bool(true));
        return maker_end(&m);
}

/* ---- status ---- */

static Node *encode_slots(const StatusKey *s)
{
        Maker m = maker_new(NODE_MAP);

        for (uint32_t i = 0; i < s->n_slots; i++)
                put(&m, s->slots[i].name, lsn_node(s->slots[i].lsn));
        return maker_end(&m);
}

Node *encode_status(const StatusKey *s, Node *retain)
{
        _cleanup_(node_freep) Node *owned = retain;
        Maker m = maker_new(NODE_MAP);

        put(&m, "optime", lsn_node(s->optime));
        if (s->n_slots > 0)
                put(&m, "slots", encode_slots(s));
        if (owned && owned->children)
                put(&m, "retain_slots", TAKE_PTR(owned));
        return maker_end(&m);
}

Node *encode_optime(Lsn optime, const Node *before)
{
        static const char *const kept[] = { "slots", "retain_slots" };
        Maker m = maker_new(NODE_MAP);

        put(&m, "optime", lsn_node(optime));
        for (size_t i = 0; i < ELEMENTSOF(kept); i++) {
                const Node *n = node_get(before, kept[i]);
                if (n)
                        put(&m, kept[i], node_copy(n));
        }
        return maker_end(&m);
}

/* ---- history ---- */

static const Node *list_at(const Node *list, size_t i)
{
        NODE_FOREACH(n, list)
                if (i-- == 0)
                        return n;
        return NULL;
}

/* The line of the key that tells of the same switch, or NULL. */
static const Node *same_switch(const HistoryLine *line, const Node *before)
{
        char timeline[16], lsn[24];

        snprintf(timeline, sizeof timeline, "%" PRIu32, line->timeline);
        snprintf(lsn, sizeof lsn, "%" PRIu64, line->switch_lsn);
        if (!before || before->kind != NODE_LIST)
                return NULL;
        NODE_FOREACH(n, before) {
                const Node *t = n->kind == NODE_LIST ? list_at(n, 0) : NULL, *l = list_at(n, 1);
                if (t && l && t->text && l->text && str_equal(t->text, timeline) &&
                    str_equal(l->text, lsn))
                        return n;
        }
        return NULL;
}

static Node *encode_history_line(const HistoryLine *line, const Node *before)
{
        const Node *known = same_switch(line, before);
        Maker m = maker_new(NODE_LIST);
        char iso[USEC_ISO_MAX];

        put(&m, NULL, node_new_int(line->timeline));
        put(&m, NULL, lsn_node(line->switch_lsn));
        put(&m, NULL, node_new_string(line->reason));
        if (line->wall_usec != 0) {
                usec_format_iso(iso, sizeof iso, line->wall_usec, 'T');
                put(&m, NULL, node_new_string(iso));
                if (line->leader[0])
                        put(&m, NULL, node_new_string(line->leader));
        } else if (known && list_at(known, 3)) {
                put(&m, NULL, node_copy(list_at(known, 3)));
                if (list_at(known, 4))
                        put(&m, NULL, node_copy(list_at(known, 4)));
        }
        return maker_end(&m);
}

Node *encode_history(const History *h, const Node *before, uint32_t most)
{
        Maker m = maker_new(NODE_LIST);
        uint32_t first = most != 0 && h->n_lines > most ? h->n_lines - most : 0;

        for (uint32_t i = first; i < h->n_lines; i++)
                put(&m, NULL, encode_history_line(&h->lines[i], before));
        return maker_end(&m);
}

/* ---- sync, failover, config ---- */

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "b, a" becomes "a,b". buf holds the pieces, out the result; both SYNC_LIST_SIZE. */
static void sort_names(const char *list, char *buf, char *out)
{
        char *names[CLUSTER_MEMBERS_MAX * 2], *rest;
        size_t n = 0;

        (void)str_copy(buf, SYNC_LIST_SIZE, list); /* same size */
        for (char *s = strtok_r(buf, ", ", &rest); s && n < ELEMENTSOF(names);
             s = strtok_r(NULL, ", ", &rest))
                names[n++] = s;
        qsort(names, n, sizeof names[0], by_text);
        out[0] = 0;
        for (size_t i = 0; i < n; i++) {
                strcat(out, i > 0 ? "," : "");
                strcat(out, names[i]); /* no longer than the list it came from */
        }
}

Node *encode_sync(const SyncKey *s)
{
        char buf[SYNC_LIST_SIZE], sorted[SYNC_LIST_SIZE];
        Maker m = maker_new(NODE_MAP);

        sort_names(s->standbys, buf, sorted);
        put(&m, "leader", s->leader[0] ? node_new_string(s->leader) : node_new(NODE_NULL));
        put(&m, "quorum", node_new_int(s->quorum));
        put(&m, "sync_standby", sorted[0] ? node_new_string(sorted) : node_new(NODE_NULL));
        return maker_end(&m);
}

/* Whole seconds are written without a fraction, as whoever scheduled it has typed them. */
static void format_scheduled(char *buf, size_t size, usec_t wall_usec)
{
        usec_format_iso(buf, size, wall_usec, 'T');
        char *dot = strchr(buf, '.'), *zone = dot ? dot + strcspn(dot, "+-Z") : NULL;
        if (dot && wall_usec % USEC_PER_SEC == 0)
                memmove(dot, zone, strlen(zone) + 1);
}

Node *encode_failover(const FailoverKey *f)
{
        Maker m = maker_new(NODE_MAP);
        char at[USEC_ISO_MAX];

        if (!f->requested)
                return maker_end(&m);
        put_text(&m, "leader", f->leader);
        put_text(&m, "member", f->candidate);
        if (f->scheduled_wall_usec != 0) {
                format_scheduled(at, sizeof at, f->scheduled_wall_usec);
                put_text(&m, "scheduled_at", at);
        }
        return maker_end(&m);
}

Node *encode_standing(const StandingKey *s)
{
        Maker m = maker_new(NODE_MAP);

        put(&m, "epoch", node_new_int((int64_t)s->epoch));
        return maker_end(&m);
}

Node *encode_resume(const ResumeKey *r)
{
        Maker m = maker_new(NODE_MAP);

        put_text(&m, "by", r->by);
        return maker_end(&m);
}

Node *encode_failsafe(const Cluster *c, const Member *self)
{
        Maker m = maker_new(NODE_MAP);

        for (uint32_t i = 0; i < c->n_members; i++)
                put_text(&m, c->members[i].name, c->members[i].api_url);
        put_text(&m, self->name, self->api_url);
        return maker_end(&m);
}

Node *encode_failsafe_call(const Member *self, const StatusKey *status, usec_t ttl)
{
        Maker m = maker_new(NODE_MAP);

        put_text(&m, "name", self->name);
        put_text(&m, "conn_url", self->conn_url);
        put_text(&m, "api_url", self->api_url);
        put(&m, "slots", encode_slots(status));
        put(&m, "ttl", node_new_int((int64_t)((ttl + USEC_PER_SEC - 1) / USEC_PER_SEC)));
        return maker_end(&m);
}

Node *encode_first_config(const Node *bootstrap_dcs)
{
        static const struct {
                const char *key;
                int64_t value;
        } defaults[] = {
                { "ttl", 10 },
                { "loop_wait", 2 },
                { "retry_timeout", 3 },
                { "maximum_lag_on_failover", 1048576 },
        };
        Maker m = maker_new(NODE_MAP);

        for (size_t i = 0; i < ELEMENTSOF(defaults); i++)
                if (!node_get(bootstrap_dcs, defaults[i].key))
                        put(&m, defaults[i].key, node_new_int(defaults[i].value));
        NODE_FOREACH(n, bootstrap_dcs)
                put(&m, n->key, node_copy(n));
        return maker_end(&m);
}
