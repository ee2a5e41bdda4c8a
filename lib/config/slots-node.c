#include "base/str.h"
#include "config/slots-node.h"

bool slots_node_read(const Node *slots, StatusKey *ret)
{
        bool whole = true;

        ret->n_slots = 0;
        if (!slots || slots->kind != NODE_MAP)
                return true;
        NODE_FOREACH(n, slots) {
                SlotLsn *slot = &ret->slots[ret->n_slots];
                if (ret->n_slots == CLUSTER_SLOTS_MAX)
                        return false;
                if (STR_SET(slot->name, n->key) && n->text && str_to_u64(n->text, &slot->lsn) >= 0) {
                        ret->n_slots++;
                } else {
                        *slot = (SlotLsn){ 0 };
                        whole = false;
                }
        }
        return whole;
}
