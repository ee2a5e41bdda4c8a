#include <string.h>

#include "config/restart-node.h"

/* Whole seconds without a fraction, as people write a time. */
static Node *schedule_node(usec_t wall_usec)
{
        char at[USEC_ISO_MAX];

        usec_format_iso(at, sizeof at, wall_usec, 'T');
        char *fraction = strstr(at, ".000000");
        if (fraction)
                memmove(fraction, fraction + 7, strlen(fraction + 7) + 1);
        return node_new_string(at);
}

Node *restart_node(const ScheduledRestart *r, bool with_server)
{
        const RestartAsk *ask = &r->ask;
        char started[USEC_ISO_MAX];
        Node *n = node_new(NODE_MAP);
        int e = n ? node_put(n, "schedule", schedule_node(ask->scheduled_wall_usec)) : -1;

        if (e >= 0 && ask->role != ROLE_UNKNOWN)
                e = node_put(n, "role", node_new_string(role_to_string((Role)ask->role)));
        if (e >= 0 && ask->below_version != 0)
                e = node_put(n, "postgres_version", node_new_string(ask->version_text));
        if (e >= 0 && ask->timeout_sec != 0)
                e = node_put(n, "timeout", node_new_int(ask->timeout_sec));
        if (e >= 0 && ask->if_pending)
                e = node_put(n, "restart_pending", node_new_bool(true));
        if (e >= 0 && with_server && r->start_wall_usec != 0)
                e = node_put(n, "postmaster_start_time",
                             node_new_string(usec_format_iso(started, sizeof started,
                                                             r->start_wall_usec, ' ')));
        return e < 0 ? node_free(n) : n;
}
