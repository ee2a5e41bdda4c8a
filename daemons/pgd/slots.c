/* What is to be done about physical slots, and which ones go (slots.h). */
#include "base/macros.h"
#include "base/str.h"
#include "pgd/slots.h"
#include "pgd/source.h"

/* From this version a standby decodes, too: a logical slot there may be somebody's. */
#define STANDBYS_DECODE 160000

const SlotRow *slots_find(const Slots *slots, const char *name)
{
        for (uint32_t i = 0; i < slots->n; i++)
                if (str_equal(slots->rows[i].name, name))
                        return &slots->rows[i];
        return NULL;
}

Lsn slots_known_lsn(const Cluster *c, const char *name)
{
        for (uint32_t i = 0; i < c->status.n_slots; i++)
                if (str_equal(c->status.slots[i].name, name))
                        return c->status.slots[i].lsn;
        return 0;
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

/* A physical slot is of no use as it is: made again, it is. NULL: it is of use. */
static const char *why_spoilt(const SlotsInput *in, const SlotRow *have, const Member *m)
{
        bool about_to_lead = str_equal(in->cluster->leader.name, in->own_name) && !in->leads;

        if (have->lost || have->restart == 0)
                return "it has lost its WAL";
        return have->has_xmin && !is_used_here(in, m) && cluster_is_locked(in->cluster) && !about_to_lead
                       ? "it holds back the vacuum for nobody"
                       : NULL;
}

static Lsn advance_to(const SlotsInput *in, const SlotRow *have, const Member *m)
{
        Lsn known = slots_known_lsn(in->cluster, have->name);
        Lsn elsewhere = streaming_elsewhere(in->cluster, m);

        if (in->leads) /* or its WAL would be kept for ever */
                return elsewhere > have->restart
                               ? MIN(elsewhere, MAX(in->pg->flush_lsn, in->pg->replay_lsn))
                               : 0;
        return known > have->restart && known <= in->pg->replay_lsn ? known : 0;
}

static bool is_kept(const SlotsSeen *seen, uint32_t i, const SlotsInput *in)
{
        return seen->rows[i].last != 0 &&
               usec_sub(in->now, seen->rows[i].last) <= in->cluster->settings.member_slots_ttl;
}

static bool wants_logical(const SlotsSeen *seen, uint32_t i)
{
        return seen->rows[i].permanent && seen->rows[i].logical;
}

static bool is_wanted(const SlotsSeen *seen, uint32_t i, const SlotsInput *in)
{
        return seen->rows[i].permanent || is_kept(seen, i, in);
}

/* A logical slot that is not what the configuration says, or cannot be read any more. */
static const char *why_unfit(const SlotsInput *in, const SlotRow *have)
{
        const Node *slot = node_get(slots_permanent(in->dynamic), have->name);
        const char *database = node_get_text(slot, "database"), *plugin = node_get_text(slot, "plugin");

        if (!have->logical)
                return "it is to be a logical one";
        if (!database || !plugin || !str_equal(have->database, database) ||
            !str_equal(have->plugin, plugin))
                return "it is to have another database or plugin";
        if (!have->lost && have->restart != 0)
                return NULL;
        return in->pg->in_recovery == TRI_NO
                       ? "it has lost its WAL: its reader gets nothing of what was changed until it is made anew"
                       : "it has lost its WAL";
}

static const char *why_drop(const SlotsSeen *seen, uint32_t i, const SlotsInput *in, const SlotRow *have)
{
        if (!is_wanted(seen, i, in))
                return slots_ignored(in->dynamic, have) ? NULL : "nobody wants it any more";
        if (wants_logical(seen, i))
                return why_unfit(in, have);
        return have->logical ? "it is to be a physical one"
                             : why_spoilt(in, have, member_of(in->cluster, have->name));
}

/* What one slot that is, or was, ours needs. */
static SlotPlan plan_one(const SlotsSeen *seen, uint32_t i, const SlotsInput *in)
{
        SlotPlan p = { 0 };
        const char *name = seen->rows[i].name;
        const SlotRow *have = slots_find(in->slots, name);

        (void)STR_SET(p.name, name); /* same size */
        if (!have) {
                p.action = is_wanted(seen, i, in) && !wants_logical(seen, i) ? SLOT_CREATE : SLOT_NOTHING;
                return p;
        }
        if (have->active || have->failover)
                return p; /* its owner moves it, or the server does */
        p.why = why_drop(seen, i, in, have);
        if (p.why) {
                p.action = in->paused ? SLOT_NOTHING : SLOT_DROP;
                p.loses = have->logical && (have->lost || have->restart == 0) &&
                          in->pg->in_recovery == TRI_NO;
                return p;
        }
        if (have->logical)
                return p;
        p.lsn = advance_to(in, have, member_of(in->cluster, name));
        p.action = p.lsn != 0 ? SLOT_ADVANCE : SLOT_NOTHING;
        return p;
}

static bool was_seen(const SlotsSeen *seen, const char *name)
{
        for (uint32_t i = 0; i < seen->n; i++)
                if (str_equal(seen->rows[i].name, name))
                        return true;
        return false;
}

/*
 * What a primary leaves on itself when it becomes a standby. A failover slot among it keeps the server
 * from making its own copy.
 */
static SlotPlan plan_left_over(const SlotsSeen *seen, uint32_t i, const SlotsInput *in)
{
        const SlotRow *have = &in->slots->rows[i];
        SlotPlan p = { 0 };

        if (!have->logical || have->active || in->pg->in_recovery != TRI_YES || in->paused ||
            !in->dynamic || in->cluster->config.mod_revision == 0 || !cluster_is_locked(in->cluster) ||
            str_equal(in->cluster->leader.name, in->own_name) || slots_ignored(in->dynamic, have))
                return p;
        if (have->failover ? have->synced
                           : was_seen(seen, have->name) || in->pg->server_version >= STANDBYS_DECODE)
                return p;
        (void)STR_SET(p.name, have->name); /* same size */
        p.action = SLOT_DROP;
        p.why = "it is left from when this node led";
        return p;
}

SlotPlan slots_plan(const SlotsSeen *seen, const SlotsInput *in, unsigned skip)
{
        for (uint32_t i = 0; i < seen->n + in->slots->n; i++) {
                SlotPlan p = i < seen->n ? plan_one(seen, i, in) : plan_left_over(seen, i - seen->n, in);
                if (p.action != SLOT_NOTHING && skip-- == 0)
                        return p;
        }
        return (SlotPlan){ 0 };
}

void slots_tell(const SlotsSeen *seen, const SlotsInput *in, PgState *ret)
{
        ret->n_slots = 0;
        for (uint32_t i = 0; i < in->slots->n; i++) {
                const SlotRow *have = &in->slots->rows[i];
                Lsn lsn = have->logical ? have->confirmed : have->restart;
                uint32_t at = 0;

                while (at < seen->n && !str_equal(seen->rows[at].name, have->name))
                        at++;
                if (at == seen->n || lsn == 0 || have->failover || have->lost ||
                    wants_logical(seen, at) != have->logical || !is_wanted(seen, at, in) ||
                    (in->cluster->settings.member_slots_ttl == 0 && !seen->rows[at].permanent))
                        continue;
                SlotLsn *s = &ret->slots[ret->n_slots++];
                *s = (SlotLsn){ .lsn = lsn };
                (void)STR_SET(s->name, have->name); /* same size */
        }
}
