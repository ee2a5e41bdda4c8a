#include "base/macros.h"
#include "base/str.h"
#include "watchdogd/policy.h"

#define PETS_PER_W 4

static const char *const policy_act_names[POLICY_ACT_MAX] = { "none", "wait", "pet", "stop",
                                                              "reset" };
DEFINE_NAMES(policy_act, PolicyAct, POLICY_ACT_MAX)

/* Armed, and whatever acted as primary under its permit should have stopped by now. */
static bool is_over(const PolicyCluster *c, usec_t now)
{
        if (!c->armed || c->epoch == 0)
                return false;
        if (c->deadline == 0 && !c->standing)
                return false; /* nothing was permitted yet: there is nothing to fence */
        if (c->epoch <= c->revoked)
                return true;
        return !c->standing && now >= c->deadline;
}

static const PolicyCluster *first_over(const PolicyTable *t, usec_t now)
{
        for (uint32_t i = 0; i < t->n; i++)
                if (is_over(&t->clusters[i], now))
                        return &t->clusters[i];
        return NULL;
}

/* The next instant at which a permit ends: a pending pet must be judged then. */
static usec_t next_end(const PolicyTable *t)
{
        usec_t end = USEC_INFINITY;

        for (uint32_t i = 0; i < t->n; i++) {
                const PolicyCluster *c = &t->clusters[i];
                if (c->armed && c->deadline != 0 && !c->standing)
                        end = MIN(end, c->deadline);
        }
        return end;
}

bool policy_any_armed(const PolicyTable *t)
{
        for (uint32_t i = 0; i < t->n; i++)
                if (t->clusters[i].armed)
                        return true;
        return false;
}

Policy policy_now(const PolicyTable *t, usec_t now)
{
        const PolicyCluster *who;

        if (t->fires == 0 || (!policy_any_armed(t) && !t->nowayout))
                return (Policy){ POLICY_NONE, USEC_INFINITY, NULL };
        who = first_over(t, now);
        if (who) {
                usec_t stopped = t->stopped != 0 ? t->stopped : now;
                usec_t late = usec_add(stopped, t->fires + POLICY_FIRE_GRACE);
                bool reset = t->pending || now >= late;
                return (Policy){ reset ? POLICY_RESET : POLICY_STOP, late, who };
        }
        usec_t due = usec_add(t->last_pet, t->fires / PETS_PER_W);
        if (now >= due)
                return (Policy){ POLICY_PET, due, NULL };
        return (Policy){ POLICY_WAIT, MIN(due, t->pending ? next_end(t) : due), NULL };
}

Policy policy_after_pet(const PolicyTable *t, usec_t ended)
{
        const PolicyCluster *who = first_over(t, ended);
        usec_t due = usec_add(ended, t->fires / PETS_PER_W);

        return (Policy){ who ? POLICY_RESET : POLICY_WAIT, due, who };
}

PolicyCluster *policy_row(PolicyTable *t, const char *name, bool make)
{
        PolicyCluster *unused = NULL;

        for (uint32_t i = 0; i < t->n; i++) {
                if (str_equal(t->clusters[i].name, name))
                        return &t->clusters[i];
                if (!t->clusters[i].armed && !unused)
                        unused = &t->clusters[i];
        }
        if (!make)
                return NULL;
        if (t->n < POLICY_CLUSTERS_MAX)
                unused = &t->clusters[t->n++];
        if (unused) {
                *unused = (PolicyCluster){ 0 };
                (void)STR_SET(unused->name, name); /* same size */
        }
        return unused;
}

void policy_dcs(PolicyCluster *c, uint64_t dcs_id)
{
        if (dcs_id == 0 || dcs_id == c->dcs_id || c->armed)
                return;
        if (c->dcs_id != 0)
                c->epoch = c->revoked = 0;
        c->dcs_id = dcs_id;
}

bool policy_may_arm(const PolicyCluster *c, Epoch epoch)
{
        return epoch > c->revoked && epoch >= c->epoch;
}

void policy_arm(PolicyCluster *c, Epoch epoch, uint32_t mode)
{
        c->armed = 1;
        c->mode = mode;
        if (epoch > c->epoch) {
                c->epoch = epoch;
                c->deadline = 0;
                c->standing = 0;
        }
}

void policy_permit(PolicyCluster *c, const MsgPermit *m)
{
        if (m->epoch <= c->revoked || m->epoch < c->epoch)
                return;
        if (m->epoch > c->epoch)
                c->deadline = 0;
        c->epoch = m->epoch;
        c->deadline = MAX(c->deadline, m->deadline);
        c->standing = m->standing;
}

void policy_revoke(PolicyCluster *c, Epoch epoch)
{
        c->revoked = MAX(c->revoked, epoch);
}

bool policy_disarm(PolicyCluster *c, Epoch epoch, bool goes_on)
{
        if (epoch < c->epoch)
                return false;
        c->armed = 0;
        if (goes_on)
                return true;
        c->revoked = MAX(c->revoked, epoch);
        c->epoch = epoch;
        c->deadline = 0;
        c->standing = 0;
        return true;
}
