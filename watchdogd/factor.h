/*
 * Factor: how many times its timeout a device takes from the last pet to the reset.
 *
 * A driver's timeout is not always what it sounds like. tests/vm measures each row that a virtual
 * machine can show. Pure.
 */
#pragma once

#include "base/usec.h"

/* identity: as /sys/class/watchdog/watchdogN/identity or WDIOC_GETSUPPORT give it. */
unsigned factor_of(const char *identity);

/* The timeout to ask of the driver, in whole seconds, for a W of at most `within`; at least 1. */
unsigned factor_timeout(const char *identity, usec_t within);

/*
 * W: the longest time from a pet to the reset. reset_after, if configured (0: not), replaces the
 * table's factor; no device is believed to fire before its own timeout.
 */
usec_t factor_fires(const char *identity, unsigned granted_sec, usec_t reset_after);
