/* What the configuration and the cluster ask for (slots.h). */
#include "base/macros.h"
#include "base/str.h"
#include "pgd/slots.h"
#include "pgd/source.h"

/* ---- one permanent slot ---- */

/* The precedence of the three names is Patroni's. */
const Node *slots_permanent(const Node *dynamic)
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

static bool names_both(const Node *slot)
{
        return !str_empty(node_get_text(slot, "database")) && !str_empty(node_get_text(slot, "plugin"));
}

bool slots_is_logical(const Node *slot)
{
        const char *type = node_get_text(slot, "type");

        return names_both(slot) && (!type || str_equal_nocase(type, "logical"));
}

static bool is_physical(const Node *slot)
{
        const char *type = node_get_text(slot, "type");

        return type ? str_equal_nocase(type, "physical") : !names_both(slot);
}

bool slots_has_logical(const Node *dynamic)
{
        NODE_FOREACH(slot, slots_permanent(dynamic))
                if (slots_is_logical(slot) && name_is_valid(slot->key))
                        return true;
        return false;
}

static bool is_members(const Cluster *c, const char *slot)
{
        char name[IDENT_SIZE];

        for (uint32_t i = 0; i < c->n_members; i++) {
                member_slot_name(c->members[i].name, name);
                if (!c->members[i].tags.nostream && str_equal(name, slot))
                        return true;
        }
        return false;
}

const char *slots_complaint(const Node *slot, const SlotsInput *in)
{
        if (!name_is_valid(slot->key))
                return "a slot's name is made of a-z, 0-9 and _, 63 of them at the most";
        if (slots_is_logical(slot))
                return is_members(in->cluster, slot->key) ? "a member's physical slot has that name" : NULL;
        if (is_physical(slot))
                return NULL;
        return names_both(slot) ? "its type is neither physical nor logical"
                                : "a logical slot needs database and plugin";
}

/* All that is given must match. */
static bool matches(const Node *row, const SlotRow *slot)
{
        const struct {
                const char *key, *is;
        } tests[] = {
                { "name", slot->name },
                { "type", slot->logical ? "logical" : "physical" },
                { "database", slot->database },
                { "plugin", slot->plugin },
        };

        for (size_t i = 0; i < ELEMENTSOF(tests); i++) {
                const char *wanted = node_get_text(row, tests[i].key);
                if (wanted && !str_equal(wanted, tests[i].is))
                        return false;
        }
        return row->kind == NODE_MAP && row->children;
}

bool slots_ignored(const Node *dynamic, const SlotRow *slot)
{
        NODE_FOREACH(row, node_get(dynamic, "ignore_slots"))
                if (matches(row, slot))
                        return true;
        return false;
}

/* ---- who keeps logical ones ---- */

/* A node between members is known by its key, we by our own configuration: the key may lag behind. */
static const Tags *tags_of(const SlotsInput *in, const char *name)
{
        const Member *m = str_equal(name, in->own_name) ? NULL : cluster_find_member(in->cluster, name);

        return m ? &m->tags : &in->tags;
}

/* The member at the leader's end of the chain that this one streams through; NULL: no chain gets there. */
static const char *first_of_chain(const SlotsInput *in, const char *name)
{
        const Cluster *c = in->cluster;

        for (uint32_t hops = 0; hops <= c->n_members; hops++) {
                const Tags *tags = tags_of(in, name);
                if (tags->nostream)
                        return NULL;
                const Member *up = source_to_follow(c, name, c->leader.name, tags->replicatefrom);
                if (!up)
                        return name;
                name = up->name;
        }
        return NULL;
}

void slots_name_on_primary(const SlotsInput *in, char ret[static IDENT_SIZE])
{
        const char *first = first_of_chain(in, in->own_name);

        ret[0] = 0;
        if (first)
                member_slot_name(first, ret);
}

static bool keeps_logical(const SlotsInput *in, const char *name)
{
        return !in->cluster->settings.standby_cluster && !tags_of(in, name)->nofailover &&
               first_of_chain(in, name);
}

static bool passes_through(const SlotsInput *in, const char *name)
{
        const Cluster *c = in->cluster;

        for (uint32_t hops = 0; hops <= c->n_members; hops++) {
                const Member *up =
                        source_to_follow(c, name, c->leader.name, tags_of(in, name)->replicatefrom);
                if (!up)
                        return false;
                if (str_equal(up->name, in->own_name))
                        return true;
                name = up->name;
        }
        return false;
}

static bool has_usable_logical(const SlotsInput *in)
{
        NODE_FOREACH(slot, slots_permanent(in->dynamic))
                if (slots_is_logical(slot) && !slots_complaint(slot, in))
                        return true;
        return false;
}

bool slots_need_feedback(const SlotsInput *in)
{
        const Cluster *c = in->cluster;

        if (!has_usable_logical(in))
                return false;
        if (keeps_logical(in, in->own_name))
                return true;
        for (uint32_t i = 0; i < c->n_members; i++)
                if (!str_equal(c->members[i].name, in->own_name) &&
                    !str_equal(c->members[i].name, c->leader.name) &&
                    passes_through(in, c->members[i].name) && keeps_logical(in, c->members[i].name))
                        return first_of_chain(in, in->own_name) != NULL;
        return false;
}

/* ---- what was wanted so far ---- */

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
                seen->rows[at].permanent = seen->rows[at].logical = false;
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

static bool is_for_this_cluster(const Node *slot, const Cluster *c)
{
        const char *type = node_get_text(slot, "cluster_type");

        return !type || str_equal_nocase(type, c->settings.standby_cluster ? "standby" : "primary");
}

static bool is_for_this_node(const Node *slot, const SlotsInput *in)
{
        return slots_is_logical(slot) ? keeps_logical(in, in->own_name)
                                      : is_for_this_cluster(slot, in->cluster);
}

static void note_permanent(SlotsSeen *seen, const SlotsInput *in, const char *own_slot)
{
        for (uint32_t i = 0; i < seen->n; i++)
                seen->rows[i].permanent = false;
        if (in->tags.nofailover)
                return;
        NODE_FOREACH(slot, slots_permanent(in->dynamic)) {
                if (str_equal(slot->key, own_slot) || slots_complaint(slot, in) ||
                    !is_for_this_node(slot, in))
                        continue;
                uint32_t at = place(seen, slot->key);
                if (at < SLOTS_SEEN_MAX) {
                        seen->rows[at].permanent = true;
                        seen->rows[at].logical = slots_is_logical(slot);
                }
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
