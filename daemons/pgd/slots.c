#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "pgd/slots.h"
#include "pgd/source.h"

/* Its row, made if there is none; that of the slot that was not seen for longest gives way. */
static uint32_t row_of(SlotsSeen *seen, const char *slot, bool *ret_is_new)
{
        uint32_t oldest = 0;

        *ret_is_new = false;
        for (uint32_t i = 0; i < seen->n; i++) {
                if (str_equal(seen->rows[i].name, slot))
                        return i;
                if (seen->rows[i].last < seen->rows[oldest].last)
                        oldest = i;
        }
        uint32_t at = seen->n < SLOTS_SEEN_MAX ? seen->n++ : oldest;
        *ret_is_new = true;
        seen->rows[at].kind = SLOT_OF_MEMBER;
        (void)STR_SET(seen->rows[at].name, slot); /* same size */
        return at;
}

static void note_members(SlotsSeen *seen, const Cluster *c, const char *own_name, usec_t now)
{
        const char *list = c->status.retain;
        char slot[IDENT_SIZE], own[IDENT_SIZE];
        bool is_new;

        for (uint32_t i = 0; i < c->n_members; i++) {
                if (str_equal(c->members[i].name, own_name) || c->members[i].tags.nostream)
                        continue;
                member_slot_name(c->members[i].name, slot);
                uint32_t at = row_of(seen, slot, &is_new);
                seen->rows[at].last = now;
        }
        /* Whom the leader before us has seen counts from when we first hear of it. */
        member_slot_name(own_name, own);
        while (str_list_next(&list, slot, sizeof slot)) {
                if (str_equal(slot, own))
                        continue;
                uint32_t at = row_of(seen, slot, &is_new);
                if (is_new)
                        seen->rows[at].last = now;
        }
}

/* A physical one that this cluster, being a standby cluster or not, is to have. */
static bool is_ours_to_keep(const Node *slot, bool standby_cluster)
{
        const char *type = node_get_text(slot, "type"), *of = node_get_text(slot, "cluster_type");
        bool physical = type ? str_equal_nocase(type, "physical")
                             : !node_get(slot, "database") && !node_get(slot, "plugin");

        return physical && (!of || str_equal_nocase(of, standby_cluster ? "standby" : "primary"));
}

static bool is_name(const char *s)
{
        return *s && strlen(s) < IDENT_SIZE &&
               strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

static const Node *permanent_of(const Node *dynamic)
{
        static const char *const keys[] = { "slots", "permanent_slots", "permanent_replication_slots" };
        const Node *n = NULL;

        for (size_t i = 0; i < ELEMENTSOF(keys) && !n; i++)
                n = node_get(dynamic, keys[i]);
        return n;
}

static void note_permanent(SlotsSeen *seen, const Cluster *c, const char *own_name, const Node *dynamic,
                           usec_t now)
{
        const Member *own_member = cluster_find_member(c, own_name);
        char own[IDENT_SIZE];
        bool is_new;

        for (uint32_t i = 0; i < seen->n; i++)
                if (seen->rows[i].kind == SLOT_PERMANENT)
                        seen->rows[i].kind = SLOT_GIVEN_UP; /* unless it is named below */
        if (own_member && own_member->tags.nofailover)
                return; /* it never leads: nobody will need them here */
        member_slot_name(own_name, own);
        NODE_FOREACH(slot, permanent_of(dynamic)) {
                if (!slot->key || !is_name(slot->key) || str_equal(slot->key, own) ||
                    !is_ours_to_keep(slot, c->settings.standby_cluster))
                        continue;
                uint32_t at = row_of(seen, slot->key, &is_new);
                seen->rows[at].kind = SLOT_PERMANENT;
                seen->rows[at].last = now;
        }
}

/* A matcher's every key must match; the others speak of logical slots. */
static bool is_ignored(const Node *dynamic, const char *name)
{
        NODE_FOREACH(matcher, node_get(dynamic, "ignore_slots")) {
                const char *its = node_get_text(matcher, "name"), *type = node_get_text(matcher, "type");
                if (matcher->children && (!its || str_equal(its, name)) &&
                    (!type || str_equal_nocase(type, "physical")) && !node_get(matcher, "database") &&
                    !node_get(matcher, "plugin"))
                        return true;
        }
        return false;
}

void slots_note(SlotsSeen *seen, const Cluster *c, const char *own_name, const Node *dynamic, usec_t now)
{
        note_members(seen, c, own_name, now);
        note_permanent(seen, c, own_name, dynamic, now);
        for (uint32_t i = 0; i < seen->n; i++)
                seen->rows[i].ignored = is_ignored(dynamic, seen->rows[i].name);
}

static const SlotLsn *find(const SlotLsn *slots, uint32_t n, const char *name)
{
        for (uint32_t i = 0; i < n; i++)
                if (str_equal(slots[i].name, name))
                        return &slots[i];
        return NULL;
}

/* Where the member of that slot stands, if it streams from a member that is not the leader; or 0. */
static Lsn streaming_elsewhere(const Cluster *c, const char *slot)
{
        char name[IDENT_SIZE];

        for (uint32_t i = 0; i < c->n_members; i++) {
                const Member *m = &c->members[i];
                member_slot_name(m->name, name);
                if (str_equal(name, slot))
                        return source_to_follow(c, m->name, c->leader.name, m->tags.replicatefrom)
                                       ? m->xlog_location
                                       : 0;
        }
        return 0;
}

/* What one slot needs. */
static SlotPlan plan_one(const SlotsSeen *seen, uint32_t i, const Cluster *c, const PgState *pg,
                         bool leads, usec_t now)
{
        SlotPlan p = { 0 };
        const char *name = seen->rows[i].name;
        const SlotLsn *have = find(pg->slots, pg->n_slots, name);
        const SlotLsn *known = find(c->status.slots, c->status.n_slots, name);
        bool wanted = seen->rows[i].kind == SLOT_PERMANENT ||
                      (seen->rows[i].kind == SLOT_OF_MEMBER &&
                       now - seen->rows[i].last <= c->settings.member_slots_ttl);

        (void)STR_SET(p.name, name); /* same size */
        if (wanted && !have) {
                p.action = SLOT_CREATE;
        } else if (!wanted && have) {
                p.action = seen->rows[i].ignored ? SLOT_NOTHING : SLOT_DROP;
        } else if (have && leads && streaming_elsewhere(c, name) > have->lsn) {
                p.action = SLOT_ADVANCE; /* or its WAL would be kept for ever */
                p.lsn = MIN(streaming_elsewhere(c, name), pg->flush_lsn);
        } else if (have && !leads && known && known->lsn > have->lsn &&
                   known->lsn <= pg->replay_lsn) {
                p.action = SLOT_ADVANCE;
                p.lsn = known->lsn;
        }
        return p;
}

SlotPlan slots_plan(const SlotsSeen *seen, const Cluster *c, const PgState *pg, bool leads,
                    usec_t now, unsigned skip)
{
        for (uint32_t i = 0; i < seen->n; i++) {
                SlotPlan p = plan_one(seen, i, c, pg, leads, now);
                if (p.action != SLOT_NOTHING && skip-- == 0)
                        return p;
        }
        return (SlotPlan){ 0 };
}
