#include "base/macros.h"
#include "model/timing.h"

Timing timing_adjust(Timing asked, bool *ret_changed)
{
        Timing t = {
                .ttl = MAX(asked.ttl, TIMING_TTL_MIN),
                .loop_wait = MAX(asked.loop_wait, TIMING_LOOP_WAIT_MIN),
                .retry_timeout = MAX(asked.retry_timeout, TIMING_RETRY_TIMEOUT_MIN),
        };

        if (USEC_PER_SEC + 2 * t.retry_timeout > t.ttl) {
                t.loop_wait = USEC_PER_SEC;
                t.retry_timeout = (t.ttl / USEC_PER_SEC - 1) / 2 * USEC_PER_SEC;
        } else if (t.loop_wait + 2 * t.retry_timeout > t.ttl) {
                t.loop_wait = t.ttl - 2 * t.retry_timeout;
        }

        *ret_changed = t.ttl != asked.ttl || t.loop_wait != asked.loop_wait ||
                       t.retry_timeout != asked.retry_timeout;
        return t;
}
