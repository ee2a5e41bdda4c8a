/*
 * ttl, loop_wait and retry_timeout against the inequality of DESIGN §2: a permit must outlast a
 * renewal that is missed. What our API is asked to write and what breaks it is refused; what
 * somebody else has written is told, and the last good figures stay in force.
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "io/log.h"
#include "palisaded/palisaded.h"

bool timing_fits(const Palisaded *p, Timing t, char *ret_why, size_t size)
{
        PermitInput in = authority_input(p);

        in.timing = t;
        in.stall = 0; /* of the last minutes: it says nothing about the figures */
        if (p->node.watchdog_mode != WATCHDOG_REQUIRED)
                in.watchdog = 0; /* a W that does not fit is done without */
        PermitTerms terms = permit_terms(&in);
        if (terms.fits)
                return true;
        snprintf(ret_why, size,
                 "ttl %s less %s for the watchdog and %s margin is worth a permit of %s, which does not "
                 "outlast a missed renewal (every %s) and retry_timeout %s",
                 USEC_TEXT(t.ttl), USEC_TEXT(in.watchdog), USEC_TEXT(terms.margin),
                 USEC_TEXT(terms.window), USEC_TEXT(terms.interval), USEC_TEXT(t.retry_timeout));
        return false;
}

static void tell_adjusted(const Settings *s)
{
        if (memcmp(&s->asked, &s->timing, sizeof s->asked) != 0)
                log_warning("ttl/loop_wait/retry_timeout %s/%s/%s adjusted to %s/%s/%s",
                            USEC_TEXT(s->asked.ttl), USEC_TEXT(s->asked.loop_wait),
                            USEC_TEXT(s->asked.retry_timeout), USEC_TEXT(s->timing.ttl),
                            USEC_TEXT(s->timing.loop_wait), USEC_TEXT(s->timing.retry_timeout));
}

void timing_settle(const Palisaded *p, Settings *s, const Settings *before)
{
        bool is_new = !before || memcmp(&before->asked, &s->asked, sizeof s->asked) != 0;
        char why[REASON_SIZE];

        if (is_new)
                tell_adjusted(s);
        if (timing_fits(p, s->timing, why, sizeof why))
                return;
        if (is_new)
                log_event(LOG_ERR, EVENT_CONFIG_REFUSED, NO_FIELDS, "%s%s", why,
                          before ? "; the figures before stay in force"
                                 : ": this node cannot lead");
        if (before)
                s->timing = before->timing;
}
