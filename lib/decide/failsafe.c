#include "base/str.h"
#include "decide/failsafe.h"

FailsafeAnswer failsafe_answer(const Cluster *c, bool acts)
{
        if (!c || !c->settings.failsafe_mode)
                return FAILSAFE_IS_OFF;
        return acts ? FAILSAFE_LEADS_ITSELF : FAILSAFE_ACCEPTED;
}

Promise failsafe_promise(const Promise *now_kept, const char *leader, usec_t received, usec_t ttl)
{
        Promise p = { .until = usec_add(received, ttl) };

        if (p.until < now_kept->until)
                return *now_kept;
        (void)STR_SET(p.leader, leader); /* same size */
        return p;
}

const char *failsafe_bar(const Cluster *c, const char *name, const Promise *kept, bool known,
                         usec_t now)
{
        if (now < kept->until && !str_equal(kept->leader, name))
                return kept->leader[0] ? "promised to a leader that the DCS cannot see (failsafe mode)"
                                       : "promises of before the last start may still hold "
                                         "(failsafe mode)";
        if (!c->settings.failsafe_mode)
                return NULL;
        if (!known)
                return "it is not known yet what was promised (failsafe mode)";
        if (c->failsafe_names[0] && !str_list_contains(c->failsafe_names, name))
                return "not in /failsafe: a leader could lead on without asking this node";
        return NULL;
}

bool failsafe_is_due(usec_t proof_sent, usec_t interval, usec_t now)
{
        return now >= usec_add(proof_sent, 2 * interval);
}
