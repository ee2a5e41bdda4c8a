#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apid/cluster-json.h"
#include "apid/maker.h"
#include "base/str.h"

Node *blob_node(const MsgCluster *m, BlobRef ref)
{
        const char *text = m ? wire_cluster_blob(m, ref) : NULL;
        Node *n = NULL;

        if (!text || json_parse(text, ref.size, false, &n, NULL) < 0)
                return NULL;
        return n;
}

char *blob_json(const MsgCluster *m, BlobRef ref)
{
        _cleanup_(node_freep) Node *n = blob_node(m, ref);

        return n ? json_format(n, JSON_SPACED) : NULL;
}

static const char *member_role(const Cluster *c, const Member *m)
{
        if (str_equal(m->name, c->leader.name))
                return c->settings.standby_cluster ? "standby_leader" : "leader";
        if (c->settings.synchronous_mode != SYNC_MODE_OFF &&
            !str_equal_nocase(c->sync.leader, m->name) && cluster_is_in_sync(c, m->name))
                return c->settings.synchronous_mode == SYNC_MODE_QUORUM ? "quorum_standby"
                                                                        : "sync_standby";
        return "replica";
}

/* Streaming says more than running; a leader that is in no standby cluster does not stream. */
static const char *member_state(const Member *m, const char *role)
{
        if (!str_equal(role, "leader") && m->replication_state != REPLICATION_NONE)
                return replication_state_to_string(m->replication_state);
        return run_state_to_string(m->state);
}

/* lag before lsn where it is known, and after it where it is not: Patroni's order. */
static void make_position(Maker *m, Node *row, const char *prefix, Lsn lsn, Lsn optime)
{
        char lag_key[32], lsn_key[32];

        snprintf(lag_key, sizeof lag_key, "%slag", prefix);
        snprintf(lsn_key, sizeof lsn_key, "%slsn", prefix);
        if (lsn == 0) {
                make_text(m, row, lsn_key, "unknown");
                make_text(m, row, lag_key, "unknown");
                return;
        }
        make_int(m, row, lag_key, optime > lsn ? (int64_t)(optime - lsn) : 0);
        make_text(m, row, lsn_key, LSN_TEXT(lsn));
}

/* Keys that pass from the member's own key as they are. */
static void make_passed(Maker *m, Node *row, const Node *raw)
{
        static const char *const passed[] = { "timeline", "pending_restart",
                                              "pending_restart_reason", "scheduled_restart", "progress",
                                              "tags" };

        for (size_t i = 0; i < ELEMENTSOF(passed); i++) {
                const Node *n = node_get(raw, passed[i]);
                if (n)
                        make_copy(m, row, passed[i], n);
        }
}

static void make_member(Maker *m, Node *list, const MsgCluster *message, const Member *member)
{
        const Cluster *c = &message->cluster;
        const char *role = member_role(c, member);
        _cleanup_(node_freep) Node *raw = blob_node(message, member->raw);
        Node *row = make_map(m, list, NULL);

        make_text(m, row, "name", member->name);
        make_text(m, row, "role", role);
        make_text(m, row, "state", member_state(member, role));
        make_text(m, row, "api_url", member->api_url);
        if (member->host[0]) {
                make_text(m, row, "host", member->host);
                make_int(m, row, "port", member->port);
        }
        make_passed(m, row, raw);
        if (str_equal(member->name, c->leader.name))
                return;
        make_position(m, row, "receive_", member->receive_lsn, c->status.optime);
        make_position(m, row, "replay_", member->replay_lsn, c->status.optime);
        make_position(m, row, "", member->xlog_location, c->status.optime);
}

static void make_members(Maker *m, Node *root, const MsgCluster *message)
{
        Node *list = make_list(m, root, "members");
        const Cluster *c = &message->cluster;
        const Member *last = NULL;

        /* Few enough to look for the next name each time. */
        for (uint32_t done = 0; done < c->n_members; done++) {
                const Member *next = NULL;
                for (uint32_t i = 0; i < c->n_members; i++) {
                        const Member *one = &c->members[i];
                        if (last && strcmp(one->name, last->name) <= 0)
                                continue;
                        if (!next || strcmp(one->name, next->name) < 0)
                                next = one;
                }
                if (!next)
                        break;
                make_member(m, list, message, next);
                last = next;
        }
}

static void make_scheduled(Maker *m, Node *root, const FailoverKey *f)
{
        char at[USEC_ISO_MAX];
        Node *scheduled;
        char *fraction;

        if (!f->requested || f->scheduled_wall_usec == 0)
                return;
        (void)usec_format_iso(at, sizeof at, f->scheduled_wall_usec, 'T');
        fraction = strstr(at, ".000000");
        if (fraction) /* as Python writes whole seconds */
                memmove(fraction, fraction + 7, strlen(fraction + 7) + 1);
        scheduled = make_map(m, root, "scheduled_switchover");
        make_text(m, scheduled, "at", at);
        if (f->leader[0])
                make_text(m, scheduled, "from", f->leader);
        if (f->candidate[0])
                make_text(m, scheduled, "to", f->candidate);
}

char *cluster_json(const MsgCluster *message, const char *scope)
{
        Maker m = { 0 };
        _cleanup_(node_freep) Node *root = make_root(&m, NODE_MAP);

        make_members(&m, root, message);
        if (message->cluster.settings.pause)
                make_bool(&m, root, "pause", true);
        make_scheduled(&m, root, &message->cluster.failover);
        make_text(&m, root, "scope", scope);
        return make_finish(&m, root, JSON_SPACED);
}
