#include "base/macros.h"
#include "dcsd/health.h"

bool health_update(Health *h, usec_t bad_since, usec_t bad_until, usec_t grace, usec_t now, usec_t *ret_again)
{
        LinkState state = h->state;

        *ret_again = bad_since == 0 ? USEC_INFINITY : bad_until;
        if (bad_since == 0)
                state = LINK_UP;
        else if (usec_sub(now, bad_since) >= grace)
                state = LINK_DOWN;
        else if (state != LINK_DOWN)
                *ret_again = MIN(bad_until, usec_add(bad_since, grace));
        if (state == h->state)
                return false;
        h->state = state;
        h->since = now;
        return true;
}
