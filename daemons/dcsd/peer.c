#include "base/str.h"
#include "config/json.h"
#include "dcsd/peer.h"

static Lsn position(const Node *wal, const char *key)
{
        const char *text = node_get_text(wal, key);
        uint64_t v;

        return text && str_to_u64(text, &v) >= 0 ? v : 0;
}

static void read_tags(const Node *tags, Peer *ret)
{
        int64_t priority = node_get_int(tags, "failover_priority", 1);

        ret->nofailover = node_get(tags, "nofailover") ? node_get_bool(tags, "nofailover", false)
                                                       : priority <= 0;
        ret->failover_priority = ret->nofailover ? 0
                                                 : (int32_t)CLAMP(priority, INT32_MIN, INT32_MAX);
}

static void read_node(const Node *n, const Node *wal, Peer *ret)
{
        const char *role = node_get_text(n, "role");
        Lsn location = position(wal, "location");

        ret->answered = true;
        ret->primary = location != 0 ||
                       (role && (str_equal(role, "primary") || str_equal(role, "master")));
        ret->lsn = location != 0 ? location
                                 : MAX(position(wal, "received_location"),
                                       position(wal, "replayed_location"));
        ret->timeline = (uint32_t)CLAMP(node_get_int(n, "timeline", 0), 0, INT32_MAX);
        ret->watchdog_failed = node_get_bool(n, "watchdog_failed", false);
        read_tags(node_get(n, "tags"), ret);
}

void peer_read(const char *body, size_t size, Peer *ret)
{
        _cleanup_(node_freep) Node *n = NULL;
        Peer p = { .failover_priority = 1 };

        (void)STR_SET(p.name, ret->name); /* same size */
        *ret = p;
        if (json_parse(body, size, true, &n, NULL) < 0)
                return;
        const Node *wal = node_get(n, "xlog");
        if (!wal)
                wal = node_get(n, "wal");
        if (wal && wal->kind == NODE_MAP)
                read_node(n, wal, ret);
}
