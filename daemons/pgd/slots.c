#include "base/macros.h"
#include "base/str.h"
#include "pgd/slots.h"
#include "pgd/source.h"

/* ---- what is wanted ---- */

/* Its place among the rows; made where it is new, over the one not seen for longest where there is no
 * room; SLOTS_SEEN_MAX: none may go. */
static uint32_t place(SlotsSeen *seen, const char *slot)
{
        uint32_t oldest = SLOTS_SEEN_MAX;

        for (uint32_t i = 0; i < seen->n; i++) {
                if (str_equal(seen->rows[i].name, slot))
                        return i;
                if (!seen->rows[i].permanent &&
                    (oldest == SLOTS_SEEN_MAX || seen->rows[i].last < seen->rows[oldest].last))
                        oldest = i;
        }
        uint32_t at = seen->n < SLOTS_SEEN_MAX ? seen->n++ : oldest;
        if (at < SLOTS_SEEN_MAX) {
                (void)STR_SET(seen->rows[at].name, slot); /* same size */
                seen->rows[at].last = 0;
                seen->rows[at].permanent = false;
        }
        return at;
}

static void note_members(SlotsSeen *seen, const SlotsInput *in)
{
        const Cluster *c = in->cluster;
        char slot[IDENT_SIZE];

        for (uint32_t i = 0; i < c->n_members; i++) {
                if (str_equal(c->members[i].name, in->own_name) || c->members[i].tags.nostream)
                        continue;
                member_slot_name(c->members[i].name, slot);
                uint32_t at = place(seen, slot);
                if (at < SLOTS_SEEN_MAX)
                        seen->rows[at].last = in->now;
        }
}

/* Another leader has seen these; for us their time begins when we read of them. */
static void note_retained(SlotsSeen *seen, const SlotsInput *in, const char *own_slot)
{
        const char *list = in->cluster->status.retain;
        char slot[IDENT_SIZE];

        while (str_list_next(&list, slot, sizeof slot)) {
                if (str_equal(slot, own_slot))
                        continue;
                uint32_t at = place(seen, slot);
                if (at < SLOTS_SEEN_MAX && seen->rows[at].last == 0)
                        seen->rows[at].last = in->now;
        }
}

/* The precedence of the three names is Patroni's. */
static const Node *permanent_slots(const Node *dynamic)
{
        static const char *const names[] = { "permanent_replication_slots", "permanent_slots", "slots" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                const Node *n = node_get(dynamic, names[i]);
                if (n && n->kind == NODE_MAP)
                        return n;
        }
        return NULL;
}

static bool name_is_valid(const char *name)
{
        size_t n = strlen(name);

        return n > 0 && n < IDENT_SIZE && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static bool is_physical(const Node *slot)
{
        const char *type = node_get_text(slot, "type");

        if (type)
                return str_equal_nocase(type, "physical");
        return !node_get(slot, "database") || !node_get(slot, "plugin");
}

static bool is_for_this_cluster(const Node *slot, const Cluster *c)
{
        const char *type = node_get_text(slot, "cluster_type");

        return !type || str_equal_nocase(type, c->settings.standby_cluster ? "standby" : "primary");
}

static void note_permanent(SlotsSeen *seen, const SlotsInput *in, const char *own_slot)
{
        for (uint32_t i = 0; i < seen->n; i++)
                seen->rows[i].permanent = false;
        if (in->nofailover)
                return;
        NODE_FOREACH(slot, permanent_slots(in->dynamic)) {
                if (!name_is_valid(slot->key) || str_equal(slot->key, own_slot) || !is_physical(slot) ||
                    !is_for_this_cluster(slot, in->cluster))
                        continue;
                uint32_t at = place(seen, slot->key);
                if (at < SLOTS_SEEN_MAX)
                        seen->rows[at].permanent = true;
        }
}

void slots_note(SlotsSeen *seen, const SlotsInput *in)
{
        char own_slot[IDENT_SIZE];

        member_slot_name(in->own_name, own_slot);
        note_permanent(seen, in, own_slot);
        note_members(seen, in);
        note_retained(seen, in, own_slot);
}

/* All that is given must match; a database or a plugin matches no physical slot. */
static bool matches(const Node *row, const char *name)
{
        const char *wanted = node_get_text(row, "name"), *type = node_get_text(row, "type");

        return row->kind == NODE_MAP && row->children && (!wanted || str_equal(wanted, name)) &&
               (!type || str_equal(type, "physical")) && !node_get(row, "database") &&
               !node_get(row, "plugin");
}

bool slots_ignored(const Node *dynamic, const char *name)
{
        NODE_FOREACH(row, node_get(dynamic, "ignore_slots"))
                if (matches(row, name))
                        return true;
        return false;
}

/* ---- what is to be done ---- */

static const SlotLsn *find(const SlotLsn *slots, uint32_t n, const char *name)
{
        for (uint32_t i = 0; i < n; i++)
                if (str_equal(slots[i].name, name))
                        return &slots[i];
        return NULL;
}

static const Member *member_of(const Cluster *c, const char *slot)
{
        char name[IDENT_SIZE];

        for (uint32_t i = 0; i < c->n_members; i++) {
                member_slot_name(c->members[i].name, name);
                if (str_equal(name, slot))
                        return &c->members[i];
        }
        return NULL;
}

/* The member it streams from instead of the leader; NULL: the leader. */
static const Member *upstream_of(const Cluster *c, const Member *m)
{
        return source_to_follow(c, m->name, c->leader.name, m->tags.replicatefrom);
}

/* Where the member of that slot stands, if it streams from a member that is not the leader; or 0. */
static Lsn streaming_elsewhere(const Cluster *c, const Member *m)
{
        return m && upstream_of(c, m) ? m->xlog_location : 0;
}

/* Somebody is to connect to it on this node. */
static bool is_used_here(const SlotsInput *in, const Member *m)
{
        const Member *up = m ? upstream_of(in->cluster, m) : NULL;

        return up ? str_equal(up->name, in->own_name) : in->leads;
}

/* Of no use as it is: made again, it is. */
static bool is_spoilt(const SlotsInput *in, const SlotLsn *have, const SlotState *state,
                      const Member *m)
{
        bool about_to_lead = str_equal(in->cluster->leader.name, in->own_name) && !in->leads;

        if (state->lost || have->lsn == 0)
                return true;
        return state->has_xmin && !is_used_here(in, m) && cluster_is_locked(in->cluster) &&
               !about_to_lead;
}

static Lsn advance_to(const SlotsInput *in, const SlotLsn *have, const Member *m)
{
        const SlotLsn *known = find(in->cluster->status.slots, in->cluster->status.n_slots, have->name);
        Lsn elsewhere = streaming_elsewhere(in->cluster, m);

        if (in->leads) /* or its WAL would be kept for ever */
                return elsewhere > have->lsn ? MIN(elsewhere, MAX(in->pg->flush_lsn, in->pg->replay_lsn)) : 0;
        return known && known->lsn > have->lsn && known->lsn <= in->pg->replay_lsn ? known->lsn : 0;
}

/* What one slot needs. */
static SlotPlan plan_one(const SlotsSeen *seen, uint32_t i, const SlotsInput *in)
{
        SlotPlan p = { 0 };
        const char *name = seen->rows[i].name;
        const SlotLsn *have = find(in->pg->slots, in->pg->n_slots, name);
        const SlotState *state = have ? &in->pg->slot_states[have - in->pg->slots] : NULL;
        const Member *m = member_of(in->cluster, name);
        bool kept = seen->rows[i].last != 0 &&
                    usec_sub(in->now, seen->rows[i].last) <= in->cluster->settings.member_slots_ttl;
        bool wanted = seen->rows[i].permanent || kept;

        (void)STR_SET(p.name, name); /* same size */
        if (!have) {
                p.action = wanted ? SLOT_CREATE : SLOT_NOTHING;
                return p;
        }
        if (state->active || slots_ignored(in->dynamic, name))
                return p; /* its owner moves it, or it is somebody else's */
        if (!wanted || is_spoilt(in, have, state, m)) {
                p.action = SLOT_DROP;
                return p;
        }
        p.lsn = advance_to(in, have, m);
        p.action = p.lsn != 0 ? SLOT_ADVANCE : SLOT_NOTHING;
        return p;
}

SlotPlan slots_plan(const SlotsSeen *seen, const SlotsInput *in, unsigned skip)
{
        for (uint32_t i = 0; i < seen->n; i++) {
                SlotPlan p = plan_one(seen, i, in);
                if (p.action != SLOT_NOTHING && skip-- == 0)
                        return p;
        }
        return (SlotPlan){ 0 };
}
