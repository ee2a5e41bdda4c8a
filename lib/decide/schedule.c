#include "base/macros.h"
#include "decide/schedule.h"

/* So long a step of the wall clock may go unnoticed. */
#define LOOK_AGAIN USEC_PER_SEC

Due schedule_due(usec_t at_wall, usec_t now_wall, const Settings *settings, usec_t *ret_wait)
{
        *ret_wait = settings->pause ? USEC_INFINITY : MIN(usec_sub(at_wall, now_wall), LOOK_AGAIN);
        if (at_wall != 0 && now_wall > usec_add(at_wall, settings->timing.loop_wait * 3 / 2))
                return settings->pause ? DUE_NOT_YET : DUE_PASSED;
        return at_wall == 0 || (now_wall >= at_wall && !settings->pause) ? DUE_NOW : DUE_NOT_YET;
}
