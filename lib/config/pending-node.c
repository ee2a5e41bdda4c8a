#include "config/pending-node.h"

static int put_reason(Node *map, const char *name, const char *old_value, const char *new_value)
{
        _cleanup_(node_freep) Node *n = node_new(NODE_MAP);
        int r = n ? node_put(n, "old_value", node_new_string(old_value)) : -1;

        if (r >= 0)
                r = node_put(n, "new_value", node_new_string(new_value));
        return r < 0 ? r : node_put(map, name, TAKE_PTR(n));
}

Node *pending_node(const Pending *p, bool gate)
{
        Node *n = node_new(NODE_MAP);
        int r = n ? 0 : -1;

        for (uint32_t i = 0; r >= 0 && p && i < p->n; i++)
                r = put_reason(n, p->rows[i].name, p->rows[i].old_value, p->rows[i].new_value);
        if (r >= 0 && gate)
                r = put_reason(n, "fence.gate", "absent", "present");
        return r < 0 ? node_free(n) : n;
}
