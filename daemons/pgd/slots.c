#include "base/macros.h"
#include "base/str.h"
#include "pgd/slots.h"
#include "pgd/source.h"

static void note(SlotsSeen *seen, const char *slot, usec_t now)
{
        uint32_t oldest = 0;

        for (uint32_t i = 0; i < seen->n; i++) {
                if (str_equal(seen->rows[i].name, slot)) {
                        seen->rows[i].last = now;
                        return;
                }
                if (seen->rows[i].last < seen->rows[oldest].last)
                        oldest = i;
        }
        uint32_t at = seen->n < SLOTS_SEEN_MAX ? seen->n++ : oldest;
        (void)STR_SET(seen->rows[at].name, slot); /* same size */
        seen->rows[at].last = now;
}

void slots_note(SlotsSeen *seen, const Cluster *c, const char *own_name, usec_t now)
{
        char slot[IDENT_SIZE];

        for (uint32_t i = 0; i < c->n_members; i++) {
                if (str_equal(c->members[i].name, own_name) || c->members[i].tags.nostream)
                        continue;
                member_slot_name(c->members[i].name, slot);
                note(seen, slot, now);
        }
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
        bool wanted = now - seen->rows[i].last <= c->settings.member_slots_ttl;

        (void)STR_SET(p.name, name); /* same size */
        if (wanted && !have) {
                p.action = SLOT_CREATE;
        } else if (!wanted && have) {
                p.action = SLOT_DROP;
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
