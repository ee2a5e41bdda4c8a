#include <stdint.h>

#include "base/macros.h"
#include "decide/permit.h"

#define MARGIN_LEAST (250 * USEC_PER_MSEC)
#define STOP_BUDGET_MOST (500 * USEC_PER_MSEC)
#define WATCHDOG_MOST (5 * USEC_PER_SEC)
#define INTERVAL_LEAST (100 * USEC_PER_MSEC)

static usec_t margin_for(const PermitInput *in, usec_t ttl)
{
        usec_t margin = MAX(MARGIN_LEAST, ttl / 50) + MIN(in->stall, ttl / 10);

        if (in->safety_margin == PERMIT_SAFETY_MARGIN_UNSET)
                return margin;
        if (in->safety_margin < 0) /* W + margin is at least half of ttl */
                return MAX(margin, usec_sub(ttl / 2, in->watchdog));
        return MAX(margin, (usec_t)in->safety_margin * USEC_PER_SEC);
}

PermitTerms permit_terms(const PermitInput *in)
{
        const Timing *t = &in->timing;
        PermitTerms terms = { .margin = margin_for(in, t->ttl) };

        terms.window = usec_sub(usec_sub(t->ttl, in->watchdog), terms.margin);
        terms.interval = MIN(t->loop_wait, terms.window / 3);
        /* Where W leaves no window, renewals go on: a smaller W may soon be agreed upon. */
        if (terms.interval < INTERVAL_LEAST)
                terms.interval = MIN(t->loop_wait, t->ttl / 3);
        terms.attempt = terms.interval / 2;
        terms.stop_budget = MIN(STOP_BUDGET_MOST, terms.window / 10);
        terms.fits = terms.window > 0 &&
                     usec_sub(terms.window, terms.interval) >= t->retry_timeout;
        return terms;
}

usec_t permit_deadline(const PermitInput *in, usec_t sent, usec_t ttl)
{
        usec_t least = MIN(ttl, in->timing.ttl);
        usec_t window = usec_sub(usec_sub(least, in->watchdog), margin_for(in, least));

        return window > 0 ? sent + window : 0;
}

usec_t permit_watchdog_within(const PermitInput *in)
{
        const Timing *t = &in->timing;
        PermitInput unarmed = *in;

        unarmed.watchdog = 0;
        if (unarmed.safety_margin < 0) /* W itself is to fill up that half of ttl */
                unarmed.safety_margin = PERMIT_SAFETY_MARGIN_UNSET;
        usec_t margin = margin_for(&unarmed, t->ttl);
        usec_t room = usec_sub(usec_sub(usec_sub(t->ttl, margin), t->loop_wait), t->retry_timeout);
        return CLAMP(room, USEC_PER_SEC, WATCHDOG_MOST);
}
