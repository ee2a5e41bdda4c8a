/*
 * log: lines for the journal, that never block.
 *
 * One datagram of the journal's native protocol, so that events carry their MESSAGE_ID; where there
 * is no journal, standard error, if it takes the line at once. A line that cannot be written is
 * lost: a petter that waits for a log is no petter. Nothing is logged between a look at the permits
 * and the pet that follows it.
 */
#pragma once

#include "base/macros.h"

/* As <syslog.h>, which this program has no other use for. */
enum { WD_CRIT = 2, WD_ERR = 3, WD_WARNING = 4, WD_NOTICE = 5, WD_INFO = 6 };

/* event: a MESSAGE_ID of events.h, or NULL. */
void wd_log(int priority, const char *event, const char *format, ...) _printf_(3, 4);
