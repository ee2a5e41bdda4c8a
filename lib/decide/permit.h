/*
 * permit: the arithmetic of authority. Nothing else in the suite computes a deadline from a lease.
 *
 *     permit = sent + ttl - W - margin                                          (DESIGN §2)
 *
 * sent    when the renewal left, CLOCK_BOOTTIME, noted before it left
 * ttl     the least of asked, granted and answered
 * W       the longest time from the watchdog's last pet to its reset; 0 while nothing is armed
 * margin  for the clock's drift and for programs that wake late
 *
 * Pure: values in, values out.
 */
#pragma once

#include <stdbool.h>

#include "base/usec.h"
#include "model/timing.h"

#define PERMIT_SAFETY_MARGIN_UNSET INT64_MIN

typedef struct PermitInput {
        Timing timing;
        usec_t watchdog;       /* W */
        usec_t stall;          /* the worst lateness of any daemon's timers, last ten minutes */
        int64_t safety_margin; /* seconds as configured; -1: half of ttl; or ..._UNSET */
} PermitInput;

typedef struct PermitTerms {
        usec_t margin;
        usec_t window;      /* ttl - W - margin: how long a renewal is worth; 0 if nothing is left */
        usec_t interval;    /* between renewals */
        usec_t attempt;     /* one keepalive with its confirming read, connecting included */
        usec_t stop_budget; /* twice this before the permit a primary without DCS begins to stop */
        bool fits;          /* the inequality: window - interval >= retry_timeout */
} PermitTerms;

PermitTerms permit_terms(const PermitInput *in);

/* The deadline that a renewal sent at `sent` with this ttl gives. 0: it gives none. */
usec_t permit_deadline(const PermitInput *in, usec_t sent, usec_t ttl);

/* The W to ask of the watchdog, so that the inequality can still hold: 1 s at the least. */
usec_t permit_watchdog_within(const PermitInput *in);
